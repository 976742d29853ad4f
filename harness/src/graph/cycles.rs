//! Closed chains of waiting.
//!
//! An edge leads from a thread that waits without a time limit for something to whoever has it. Where
//! that is known, a deadlock is a cycle. Where several threads may have it, it is a *knot*: a set of
//! threads each of which waits for something that only a member can give. Whichever of the members
//! has it, none can go on; one candidate outside, and nothing is said.

use std::collections::BTreeSet;

use super::{Cycle, Holder, Node, Thing, WaitGraph};
use crate::verdict::{Confidence, Kind};

/// All cycles, at most one for each thread: the surest, then the shortest.
pub(crate) fn find(graph: &WaitGraph) -> Vec<Cycle> {
    let mut cycles = Vec::new();
    let mut taken = BTreeSet::new();
    let knot = knot(graph);
    let passes = [
        (Confidence::Proven, false),
        (Confidence::Inferred, false),
        (Confidence::Suspected, false),
        (Confidence::Suspected, true),
    ];
    for (least, weak) in passes {
        let shortest = |node| shortest(graph, node, least, weak, &knot);
        let mut found: Vec<Cycle> = graph.threads.iter().filter_map(shortest).collect();
        found.sort_by_key(|cycle| (cycle.tids.len(), cycle.tids[0]));
        for cycle in found {
            if cycle.tids.iter().all(|tid| !taken.contains(tid)) {
                taken.extend(cycle.tids.iter().copied());
                cycles.push(cycle);
            }
        }
    }
    cycles
}

/// What a thread waits for without a time limit.
fn wanted<'a>(graph: &'a WaitGraph, node: &Node) -> Option<&'a Thing> {
    graph.things.get(node.wants.filter(|want| !want.timed)?.thing)
}

/// The greatest set of threads that can only be helped by one another.
fn knot(graph: &WaitGraph) -> BTreeSet<i32> {
    let mut knot: BTreeSet<i32> = graph.threads.iter().map(|node| node.tid).collect();
    loop {
        let stays = |tid: &i32| {
            let thing = graph.node(*tid).and_then(|node| wanted(graph, node));
            let Some(thing) = thing.filter(|thing| thing.closed) else { return false };
            let mut holders = thing.holders.iter().map(|holder| holder.tid);
            match thing.every {
                true => holders.any(|tid| knot.contains(&tid)),
                false => holders.all(|tid| knot.contains(&tid)),
            }
        };
        let left: BTreeSet<i32> = knot.iter().copied().filter(stays).collect();
        if left.len() == knot.len() {
            return left;
        }
        knot = left;
    }
}

/// Whom a thread waits for.
fn edges(
    graph: &WaitGraph,
    node: &Node,
    least: Confidence,
    weak: bool,
) -> impl Iterator<Item = i32> {
    let holders = wanted(graph, node).into_iter().flat_map(|thing| &thing.holders);
    let fits = move |holder: &&Holder| holder.confidence >= least && (weak || !holder.weak);
    holders.filter(fits).map(|holder| holder.tid)
}

/// The shortest way from a thread back to itself, by breadth.
fn shortest(
    graph: &WaitGraph,
    start: &Node,
    least: Confidence,
    weak: bool,
    knot: &BTreeSet<i32>,
) -> Option<Cycle> {
    // Each entry: the thread, and the entry from which it was reached.
    let mut reached: Vec<(i32, usize)> = vec![(start.tid, 0)];
    let mut known = BTreeSet::from([start.tid]);
    let mut at = 0;
    while let Some(&(tid, _)) = reached.get(at) {
        let node = graph.node(tid);
        for next in node.into_iter().flat_map(|node| edges(graph, node, least, weak)) {
            if next == start.tid {
                return Some(cycle(graph, way(&reached, at), knot));
            }
            if known.insert(next) {
                reached.push((next, at));
            }
        }
        at += 1;
    }
    None
}

fn way(reached: &[(i32, usize)], mut at: usize) -> Vec<i32> {
    let mut tids = vec![reached[at].0];
    while at != 0 {
        at = reached[at].1;
        tids.push(reached[at].0);
    }
    tids.reverse();
    tids
}

fn cycle(graph: &WaitGraph, mut tids: Vec<i32>, knot: &BTreeSet<i32>) -> Cycle {
    let first = tids.iter().enumerate().min_by_key(|(_, tid)| **tid).map_or(0, |(nth, _)| nth);
    tids.rotate_left(first);
    let next = tids.iter().cycle().skip(1);
    let sure = tids.iter().zip(next).filter_map(|(tid, next)| {
        let thing = graph.wanted_by(*tid)?;
        thing.holders.iter().find(|holder| holder.tid == *next).map(|holder| holder.confidence)
    });
    let sure = sure.min().unwrap_or(Confidence::Suspected);
    let wants = tids.iter().filter_map(|tid| graph.node(*tid)?.wants);
    let things = wants.map(|want| want.thing).collect();
    // A lock's address lies on the stack of whoever waits for it: that the thread has the lock, too, is
    // no more than a suspicion.
    let sure = match tids.len() {
        1 if sure < Confidence::Proven => Confidence::Suspected,
        _ => sure,
    };
    let kind = if tids.len() == 1 { Kind::SelfDeadlock } else { Kind::Deadlock };
    let closed = tids.iter().all(|tid| knot.contains(tid));
    let with = match closed && sure == Confidence::Suspected {
        true => others(graph, &tids),
        false => vec![],
    };
    let mut cycle = Cycle { kind, confidence: sure, tids, closed, firm: false, with, things };
    cycle.firm = all_stand(graph) || is_firm(graph, &cycle);
    cycle
}

/// Whether every thread waits, without a time limit, for another one of the process.
fn all_stand(graph: &WaitGraph) -> bool {
    graph.threads.iter().all(|node| node.wants.is_some_and(|want| !want.timed))
}

/// Whether all members wait for locks, and each of those has one holder that stands out: who shows
/// more than one trace of it, and is the only one without another reason to know it.
fn is_firm(graph: &WaitGraph, cycle: &Cycle) -> bool {
    let locks = |tid: &i32| graph.node(*tid).is_some_and(|node| node.what.is_lock());
    let stands_out = |thing: &Thing| {
        let mut strong = thing.holders.iter().filter(|holder| !holder.weak);
        let sure = thing.holders.iter().any(|h| h.confidence > Confidence::Suspected);
        let most = strong.next().is_some_and(|holder| holder.mentions > 1);
        sure || (most && strong.next().is_none())
    };
    let things = cycle.tids.iter().chain(&cycle.with).filter_map(|tid| graph.wanted_by(*tid));
    cycle.tids.iter().all(locks) && things.filter(|thing| !thing.every).all(stands_out)
}

/// Whoever else may have what these wait for, and so on.
fn others(graph: &WaitGraph, tids: &[i32]) -> Vec<i32> {
    let mut all = tids.to_vec();
    let mut at = 0;
    while let Some(tid) = all.get(at).copied() {
        let node = graph.node(tid).into_iter();
        let edges = node.flat_map(|node| edges(graph, node, Confidence::Suspected, true));
        for next in edges {
            if !all.contains(&next) {
                all.push(next);
            }
        }
        at += 1;
    }
    all.split_off(tids.len())
}
