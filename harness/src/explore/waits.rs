//! The wait-for graph of a trial that stood still, as the model knows it.
//!
//! Under control all threads but one are parked by the runtime, so a look from outside shows nothing of
//! what they wait for. The model does: it made every wait, and saw every lock taken. Owners that it
//! names are proven; what has none is an event, or was taken where the model does not see it.

use standstill_scheduler::abi::{Blocked, Op};

use super::ended::Ended;
use super::judge::standstill::what;
use crate::detect::waits::WaitsFor;
use crate::graph::{Holder, Node, Thing, WaitGraph, Want, cycles};
use crate::verdict::Confidence;

/// The graph of its blocked threads, numbered in the order of their creation; none of a trial that ended
/// otherwise.
pub fn graph(ended: &Ended) -> Option<WaitGraph> {
    if ended.blocked.is_empty() {
        return None;
    }
    let mut graph = WaitGraph::default();
    for thread in &ended.blocked {
        let wants = thing_of(&mut graph, ended, thread).map(|thing| Want { thing, timed: false });
        let (function, at) = parted(ended.place_of(thread).unwrap_or_default());
        graph.threads.push(Node {
            tid: thread.thread as i32,
            name: if thread.thread == 0 { "main".to_owned() } else { String::new() },
            doing: match Op::of(thread.op) {
                Op::None => "could run".to_owned(),
                _ => format!("waits for {}", what(ended, thread)),
            },
            what: kind_of(thread),
            idle: false,
            wants,
            function,
            at,
        });
    }
    graph.threads.sort_by_key(|node| node.tid);
    graph.cycles = cycles::find(&graph);
    Some(graph)
}

/// The thing that a thread waits for, entered if it is new.
fn thing_of(graph: &mut WaitGraph, ended: &Ended, thread: &Blocked) -> Option<usize> {
    let op = Op::of(thread.op);
    let joined = (op == Op::Join).then_some(thread.object as u32);
    let holder = match (joined, thread.owner) {
        (Some(child), _) => Some((child, "it must end first".to_owned(), None)),
        (None, 0) => None,
        (None, owner) => {
            let site = ended.places.get(&thread.owner_pc).map(ToString::to_string);
            let why = "the model saw it take it".to_owned();
            Some((owner - 1, why, site.filter(|_| thread.owner_pc != 0)))
        }
    };
    if matches!(op, Op::None) {
        return None;
    }
    let (name, address) = match joined {
        Some(child) => (format!("end of thread {child}"), u64::from(child)),
        None => {
            let what = what(ended, thread);
            let bare = what.strip_prefix("a ").or_else(|| what.strip_prefix("an ")).unwrap_or(what);
            (bare.to_owned(), thread.object)
        }
    };
    let is_it = |thing: &Thing| thing.address == address && thing.what == name;
    let nth = graph.things.iter().position(is_it).unwrap_or_else(|| {
        let owned = joined.is_none() && kind_of(thread).is_lock();
        graph.things.push(Thing { what: name, address, owned, ..Thing::default() });
        graph.things.len() - 1
    });
    let listed = |tid| ended.blocked.iter().any(|thread| thread.thread == tid);
    let thing = &mut graph.things[nth];
    if let Some((tid, why, site)) = holder.filter(|(tid, ..)| listed(*tid))
        && thing.holders.iter().all(|holder| holder.tid != tid as i32)
    {
        let confidence = Confidence::Proven;
        thing.holders.push(Holder {
            tid: tid as i32,
            confidence,
            weak: false,
            mentions: 1,
            why,
            site,
        });
    }
    Some(nth)
}

fn kind_of(thread: &Blocked) -> WaitsFor {
    match Op::of(thread.op) {
        Op::MutexLock | Op::CondRelock | Op::SpinLock => WaitsFor::Mutex,
        Op::ReadLock => WaitsFor::Read,
        Op::WriteLock => WaitsFor::Write,
        Op::Once => WaitsFor::Once,
        Op::CondWait => WaitsFor::Condvar,
        Op::BarrierWait => WaitsFor::Barrier,
        Op::SemWait => WaitsFor::Semaphore,
        Op::Join => WaitsFor::Join,
        // A futex with an owner is somebody's lock.
        Op::FutexWait if thread.owner != 0 => WaitsFor::Mutex,
        _ => WaitsFor::Unknown,
    }
}

/// `bank::transfer at src/bank.rs:17` in its two parts.
fn parted(place: String) -> (Option<String>, Option<String>) {
    match place.rsplit_once(" at ") {
        Some((function, at)) => (Some(function.to_owned()), Some(at.to_owned())),
        None if place.is_empty() => (None, None),
        None => (Some(place), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::ended::{How, Numbers, Stand};

    fn blocked(thread: u32, op: Op, object: u64, owner: u32) -> Blocked {
        Blocked { thread, op: op as u32, object, owner, ..Blocked::default() }
    }

    fn stood(blocked: Vec<Blocked>) -> Ended {
        let ended = Ended::fabricated(How::Stood(Stand::Deadlock), Numbers::default());
        Ended { blocked, ..ended }
    }

    #[test]
    fn a_ring_of_locks_is_a_proven_cycle_and_the_joining_thread_is_outside_of_it() {
        let graph = graph(&stood(vec![
            blocked(0, Op::Join, 1, 0),
            blocked(1, Op::MutexLock, 0xa0, 3),
            blocked(2, Op::MutexLock, 0xb0, 2),
        ]))
        .unwrap();
        assert_eq!(graph.cycles.len(), 1);
        assert_eq!(
            (&graph.cycles[0].tids[..], graph.cycles[0].sure()),
            (&[1, 2][..], Confidence::Proven)
        );
        assert_eq!(graph.wanted_by(0).unwrap().what, "end of thread 1");
    }

    #[test]
    fn an_event_has_no_owner_and_closes_nothing() {
        let waits = vec![blocked(0, Op::Join, 1, 0), blocked(1, Op::CondWait, 0xc0, 0)];
        let graph = graph(&stood(waits)).unwrap();
        assert!(graph.cycles.is_empty());
        assert!(graph.wanted_by(1).unwrap().holders.is_empty());
    }

    #[test]
    fn a_trial_that_ended_otherwise_has_no_graph() {
        assert_eq!(graph(&Ended::fabricated(How::Exited(0), Numbers::default())), None);
    }
}
