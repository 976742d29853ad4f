//! Closed chains of waiting.
//!
//! An edge leads from a thread that waits without a time limit for something to whoever has it. A
//! cycle is as sure as its weakest edge; one that rests on a guess, where any of several threads may
//! have a lock, is suspected and convicts nobody.

use std::collections::BTreeSet;

use super::{Cycle, Node, WaitGraph};
use crate::verdict::{Confidence, Kind};

/// An edge: to whom, how sure.
type Edge = (i32, Confidence);

/// All cycles, at most one for each thread: the surest, then the shortest.
pub(super) fn find(graph: &WaitGraph) -> Vec<Cycle> {
    let mut cycles = Vec::new();
    let mut taken = BTreeSet::new();
    for least in [Confidence::Proven, Confidence::Inferred, Confidence::Suspected] {
        let mut found: Vec<Cycle> =
            graph.threads.iter().filter_map(|node| shortest(graph, node, least)).collect();
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

/// Whom a thread waits for.
fn edges(graph: &WaitGraph, node: &Node, least: Confidence) -> impl Iterator<Item = Edge> {
    let want = node.wants.filter(|want| !want.timed);
    let thing = want.and_then(|want| graph.things.get(want.thing));
    let holders = thing.into_iter().flat_map(|thing| &thing.holders);
    holders.map(|h| (h.tid, h.confidence)).filter(move |(_, sure)| *sure >= least)
}

/// The shortest way from a thread back to itself, by breadth.
fn shortest(graph: &WaitGraph, start: &Node, least: Confidence) -> Option<Cycle> {
    // Each entry: the thread, and the entry from which it was reached.
    let mut reached: Vec<(i32, usize)> = vec![(start.tid, 0)];
    let mut known = BTreeSet::from([start.tid]);
    let mut at = 0;
    while let Some(&(tid, _)) = reached.get(at) {
        let node = graph.node(tid);
        for (next, _) in node.into_iter().flat_map(|node| edges(graph, node, least)) {
            if next == start.tid {
                return Some(cycle(graph, way(&reached, at)));
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

fn cycle(graph: &WaitGraph, mut tids: Vec<i32>) -> Cycle {
    let first = tids.iter().enumerate().min_by_key(|(_, tid)| **tid).map_or(0, |(nth, _)| nth);
    tids.rotate_left(first);
    let next = tids.iter().cycle().skip(1);
    let sure = tids.iter().zip(next).filter_map(|(tid, next)| {
        let thing = graph.wanted_by(*tid)?;
        thing.holders.iter().find(|holder| holder.tid == *next).map(|holder| holder.confidence)
    });
    let confidence = sure.min().unwrap_or(Confidence::Suspected);
    let wants = tids.iter().filter_map(|tid| graph.node(*tid)?.wants);
    let things = wants.map(|want| want.thing).collect();
    let kind = if tids.len() == 1 { Kind::SelfDeadlock } else { Kind::Deadlock };
    Cycle { kind, confidence, tids, things }
}
