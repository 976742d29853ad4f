//! Partial deadlock: a closed chain of waiting among some threads, while others may live on.
//!
//! A cycle in one snapshot proves nothing when owners are inferred, and in a program that runs on it
//! may be gone a moment later. One whose threads all stayed where they were, without running, between
//! two looks is a deadlock as sure as its weakest edge: nobody in it can let go of what the others
//! wait for.

use std::collections::BTreeSet;

use super::{chains, fingerprint};
use crate::graph::{Cycle, WaitGraph};
use crate::observation::{Observation, Standstill};
use crate::verdict::{Confidence, Finding};

pub(super) fn detect(observation: &Observation) -> Option<Finding> {
    let Some(Standstill::Deadline { window, .. }) = &observation.standstill else { return None };
    let graph = WaitGraph::of(observation.stacks.as_ref()?);
    let still = window.still.iter().copied().collect();
    let opening = format!(
        "in the {} ms before the deadline of {} ms the threads of the cycle did not run",
        window.ms, observation.timeout_ms
    );
    judge(&graph, &still, opening, true)
}

/// The finding about the cycles of `graph` whose threads are all among `still`. `is_late` says that a
/// deadline has passed: before that, a knot of guesses convicts nobody whose stack shows a lock but
/// once, for that may well be a mere reference.
pub(super) fn judge(
    graph: &WaitGraph,
    still: &BTreeSet<i32>,
    opening: String,
    is_late: bool,
) -> Option<Finding> {
    let lasting = |cycle: &&Cycle| {
        let mut all = cycle.tids.iter().chain(&cycle.with);
        let is_firm = cycle.confidence > Confidence::Suspected || is_late || is_firm(graph, cycle);
        cycle.sure() > Confidence::Suspected && is_firm && all.all(|tid| still.contains(tid))
    };
    let cycles: Vec<&Cycle> = graph.cycles.iter().filter(lasting).collect();
    let surest = cycles.iter().max_by_key(|cycle| cycle.sure())?;
    let others = graph.threads.iter().filter(|node| !still.contains(&node.tid)).count();
    let all = graph.threads.len();
    let mut evidence = vec![format!("{opening}; {others} of {all} threads did, or could wake up")];
    evidence.extend(cycles.iter().map(|cycle| chains::tell(graph, cycle)));
    evidence.extend(chains::threads(graph));
    let members = cycles.iter().flat_map(|cycle| &cycle.tids);
    let places = members.filter_map(|tid| graph.node(*tid)).map(chains::place).collect();
    let who = match surest.tids.len() {
        1 => "a thread waits for a lock that it has itself".to_owned(),
        n => format!("{n} threads wait for one another"),
    };
    let beside = if others > 0 { ", while others of the process live on" } else { "" };
    Some(Finding {
        kind: surest.kind,
        confidence: surest.sure(),
        summary: format!("{who}{beside}"),
        evidence,
        fingerprint: fingerprint(surest.kind, places),
    })
}

/// Whether each thing that the threads of a knot wait for has one holder that stands out: who shows
/// more than one trace of it, and is the only one without another reason to know it.
fn is_firm(graph: &WaitGraph, cycle: &Cycle) -> bool {
    cycle.tids.iter().chain(&cycle.with).filter_map(|tid| graph.wanted_by(*tid)).all(|thing| {
        let mut strong = thing.holders.iter().filter(|holder| !holder.weak);
        let stands_out = strong.next().is_some_and(|holder| holder.mentions > 1);
        let sure = thing.holders.iter().any(|h| h.confidence > Confidence::Suspected);
        thing.every || sure || (stands_out && strong.next().is_none())
    })
}
