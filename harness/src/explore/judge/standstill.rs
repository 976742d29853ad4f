//! Nobody can run: who waits for whom, and what is that called?

use std::collections::BTreeSet;

use standstill_scheduler::abi::{Blocked, Op};

use super::Judgement;
use crate::detect::{fingerprint, scene};
use crate::explore::ended::{Ended, waits_for};
use crate::verdict::{Confidence, Finding, Kind};

/// What a wait without a known owner is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Lock,
    Event,
    Barrier,
    Join,
}

pub(super) fn judge(ended: &Ended) -> Judgement {
    let blocked = &ended.blocked;
    if blocked.is_empty() {
        return Judgement::Inconclusive("it stood still, and no thread was described".to_owned());
    }
    let (kind, confidence, summary) = match &ring(blocked)[..] {
        [] if ended.numbers.strays > 0 => {
            return Judgement::Inconclusive(
                "its controlled threads stood still, and others ran without control".to_owned(),
            );
        }
        [] => without_ring(ended),
        [one] => {
            let what = what(ended, one);
            let summary = format!("{} waits for {what} that it has itself", name(one.thread));
            (Kind::SelfDeadlock, Confidence::Proven, summary)
        }
        ring => {
            let summary = format!("{} threads wait for one another in a ring", ring.len());
            (Kind::Deadlock, Confidence::Proven, summary)
        }
    };
    let mut evidence =
        vec!["no thread could run, and none waited for time or the outside".to_owned()];
    evidence.extend(blocked.iter().map(|thread| line(ended, thread)));
    if ended.numbers.blocked_more > 0 {
        evidence.push(format!("{} more threads are not listed", ended.numbers.blocked_more));
    }
    let culprits = ring(blocked);
    let told: Vec<&Blocked> =
        if culprits.is_empty() { blocked.iter().collect() } else { culprits.clone() };
    let places = told.iter().map(|t| stable(ended, t)).collect();
    let fingerprint = fingerprint(kind, places);
    Judgement::Found(Finding { kind, confidence, summary, evidence, fingerprint })
}

/// What the outside monitor's look at a trial without a step amounts to. All threads but one are
/// parked by the runtime, so that they stand still is no proof of anything; a ring of owners that the
/// locks name is.
pub(super) fn from_outside(ended: &Ended) -> Judgement {
    let unclear = || Judgement::Inconclusive(format!("it {}", ended.how));
    let Some(seen) = &ended.scene else { return unclear() };
    let graph = scene::graph(seen);
    if !graph.cycles.iter().any(|cycle| cycle.sure() == Confidence::Proven) {
        return unclear();
    }
    match scene::judge(seen).first() {
        Some(finding) if matches!(finding.kind, Kind::Deadlock | Kind::SelfDeadlock) => {
            let mut finding = finding.clone();
            finding.confidence = finding.confidence.min(Confidence::Inferred);
            let how = "the outside monitor found it: to the model one thread was still running";
            finding.evidence.insert(0, how.to_owned());
            Judgement::Found(finding)
        }
        _ => unclear(),
    }
}

/// Whether a ring of owners that the model knows holds the trial up: a proof that needs no other.
pub(super) fn is_ring(ended: &Ended) -> bool {
    !ring(&ended.blocked).is_empty()
}

/// The thread that this one waits for, where that is known.
fn next<'a>(blocked: &'a [Blocked], thread: &Blocked) -> Option<&'a Blocked> {
    let number = match (Op::of(thread.op), thread.owner) {
        (Op::None, _) => return None,
        (Op::Join, 0) => u32::try_from(thread.object).ok()?,
        (_, 0) => return None,
        (_, owner) => owner - 1,
    };
    blocked.iter().find(|other| other.thread == number)
}

/// A ring of threads each of which waits for the next, beginning with its lowest number; empty if
/// there is none. Each thread waits for one, so rings do not share threads; the first counts.
pub(in crate::explore) fn ring(blocked: &[Blocked]) -> Vec<&Blocked> {
    for first in blocked {
        let (mut at, mut passed) = (first, vec![first]);
        while let Some(to) = next(blocked, at) {
            if to.thread == first.thread {
                return passed;
            }
            if passed.iter().any(|seen| seen.thread == to.thread) {
                break;
            }
            passed.push(to);
            at = to;
        }
    }
    vec![]
}

/// Nobody's owner is known to close a ring: what do those wait for who wait for no thread?
fn without_ring(ended: &Ended) -> (Kind, Confidence, String) {
    let blocked = &ended.blocked;
    let roots: Vec<(&Blocked, Wait)> = blocked
        .iter()
        .filter(|thread| next(blocked, thread).is_none())
        .map(|thread| (thread, class(ended, thread)))
        .filter(|(_, wait)| *wait != Wait::Join)
        .collect();
    let waits: Vec<Wait> = roots.iter().map(|(_, wait)| *wait).collect();
    let locks: BTreeSet<u64> =
        roots.iter().filter(|(_, wait)| *wait == Wait::Lock).map(|(t, _)| t.object).collect();
    // A thread that waits for an event while others wait for a lock that it has.
    let has_lock = |root: &Blocked| {
        blocked.iter().any(|t| t.owner == root.thread + 1 && Op::of(t.op) != Op::Join)
    };
    let blocks_others = roots.iter().any(|(root, _)| has_lock(root));
    if waits.contains(&Wait::Barrier) && locks.is_empty() {
        let summary = "threads wait at a barrier to which nobody else will come".to_owned();
        return (Kind::Deadlock, Confidence::Proven, summary);
    }
    match (locks.len(), waits.contains(&Wait::Event)) {
        (0, true) if blocks_others => {
            let summary = "a thread waits for an event and has a lock that others wait for";
            (Kind::Deadlock, Confidence::Proven, summary.to_owned())
        }
        (0, true) => {
            let summary = "threads wait for an event, and nobody is left to bring it about";
            (Kind::LostWakeup, Confidence::Inferred, summary.to_owned())
        }
        (1, false) if roots.len() == 1 => {
            let thread = name(roots[0].0.thread);
            let summary = format!(
                "{thread} waits for a lock that nobody else is left to give: it has it, or \
                         it was never given back"
            );
            (Kind::SelfDeadlock, Confidence::Inferred, summary)
        }
        _ => {
            let summary = format!("{} threads wait and none can ever run again", blocked.len());
            (Kind::Deadlock, Confidence::Proven, summary)
        }
    }
}

/// What a thread waits for. A futex is what the function around it uses it for; without names it
/// counts as an event.
fn class(ended: &Ended, thread: &Blocked) -> Wait {
    match Op::of(thread.op) {
        Op::Join => Wait::Join,
        Op::BarrierWait => Wait::Barrier,
        Op::CondWait | Op::SemWait | Op::Once => Wait::Event,
        Op::FutexWait => of_futex(&ended.functions_of(thread)).unwrap_or(Wait::Event),
        _ => Wait::Lock,
    }
}

/// What a futex is for, from the functions around it, the innermost first: the first that says.
fn of_futex(functions: &[&str]) -> Option<Wait> {
    functions.iter().find_map(|function| {
        let name = function.to_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        // All locks of parking_lot end in its parking; those around it say which.
        if has(&["parking_lot_core", "thread_parker"]) {
            return None;
        }
        // A condition variable's functions may well name the type of its mutex.
        let is_atomic = name.contains("atomic") && name.contains("wait");
        if is_atomic || has(&["condvar", "thread::park", "parker", "channel", "semaphore"]) {
            Some(Wait::Event)
        } else if has(&[
            "lock_contended",
            "_slow",
            "mutex",
            "rwlock",
            "_contended",
            "guard_acquire",
        ]) {
            Some(Wait::Lock)
        } else {
            None
        }
    })
}

/// Forgets owners of words that are no locks by the name of the function that waits for them: a word
/// that somebody set to 1 may be a flag.
pub(in crate::explore) fn forget_owners_of_events(ended: &mut Ended) {
    let is_event = |thread: &Blocked| {
        thread.op == Op::FutexWait as u32
            && of_futex(&ended.functions_of(thread)) == Some(Wait::Event)
    };
    let events: Vec<bool> = ended.blocked.iter().map(is_event).collect();
    for (thread, _) in ended.blocked.iter_mut().zip(events).filter(|(_, is_event)| *is_event) {
        (thread.owner, thread.owner_pc) = (0, 0);
    }
}

/// A thread as reports call it.
pub(in crate::explore) fn name(thread: u32) -> String {
    match thread {
        0 => "the main thread".to_owned(),
        n => format!("thread {n}"),
    }
}

/// One thread of a standstill, in a line.
pub(in crate::explore) fn line(ended: &Ended, thread: &Blocked) -> String {
    let op = Op::of(thread.op);
    let what = what(ended, thread);
    if op == Op::None {
        let place = ended.place_of(thread).map(|place| format!(", in {place}"));
        return format!("{} could run{}", name(thread.thread), place.unwrap_or_default());
    }
    let mut line = match op {
        Op::Join => {
            let joined = u32::try_from(thread.object).unwrap_or(u32::MAX);
            format!("{} waits for the end of {}", name(thread.thread), name(joined))
        }
        _ => format!("{} waits for {what}", name(thread.thread)),
    };
    if op != Op::Join && thread.object != 0 {
        line += &format!(" ({:#x})", thread.object);
    }
    if let Some(place) = ended.place_of(thread) {
        line += &format!(" in {place}");
    }
    if op != Op::Join && thread.owner > 0 {
        line += &format!("; {} has it", name(thread.owner - 1));
        if let Some(place) = ended.places.get(&thread.owner_pc) {
            line += &format!(", taken in {place}");
        }
    }
    line
}

/// What a thread waits for: of a futex, what it is used for.
pub(crate) fn what(ended: &Ended, thread: &Blocked) -> &'static str {
    match (Op::of(thread.op), class(ended, thread)) {
        (Op::FutexWait, Wait::Lock) => "a lock",
        (Op::FutexWait, _) if thread.owner > 0 => "a lock",
        (Op::FutexWait, _) => "an event",
        (op, _) => waits_for(op),
    }
}

/// What a thread waits for, where, and where that was taken: the same in every run.
fn stable(ended: &Ended, thread: &Blocked) -> String {
    let at = |pc: u64| ended.places.get(&pc).map(|place| place.stable()).unwrap_or_default();
    format!("{:?} {} {}", Op::of(thread.op), at(thread.pc), at(thread.owner_pc))
}
