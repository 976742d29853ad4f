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
    judge(&graph, &still, opening)
}

/// The finding about the cycles of `graph` whose threads are all among `still`.
pub(super) fn judge(graph: &WaitGraph, still: &BTreeSet<i32>, opening: String) -> Option<Finding> {
    let cycles: Vec<&Cycle> = lasting(graph, still).filter(|cycle| convicts(cycle)).collect();
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

/// Whether a lasting cycle is enough for a finding. Of a thread that waits for itself the only witness
/// is its own stack, where the lock's address is bound to lie because it waits: one that is inferred
/// from that counts only where every thread stands, which is another detector's to say.
fn convicts(cycle: &Cycle) -> bool {
    match cycle.tids.len() {
        1 => cycle.sure() == Confidence::Proven,
        _ => cycle.sure() > Confidence::Suspected,
    }
}

/// The cycles whose threads, with all that may have to do with them, are among `still`.
pub(super) fn lasting<'a>(
    graph: &'a WaitGraph,
    still: &BTreeSet<i32>,
) -> impl Iterator<Item = &'a Cycle> {
    let lasts = |cycle: &&Cycle| {
        let mut all = cycle.tids.iter().chain(&cycle.with);
        all.all(|tid| still.contains(tid))
    };
    graph.cycles.iter().filter(lasts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Kind;

    fn cycle(tids: &[i32], confidence: Confidence) -> Cycle {
        Cycle {
            kind: Kind::Deadlock,
            confidence,
            tids: tids.to_vec(),
            closed: true,
            firm: true,
            with: vec![],
            things: vec![0; tids.len()],
        }
    }

    #[test]
    fn a_thread_that_waits_for_itself_is_convicted_on_proof_alone() {
        assert!(convicts(&cycle(&[1], Confidence::Proven)));
        assert!(!convicts(&cycle(&[1], Confidence::Inferred)));
        assert!(convicts(&cycle(&[1, 2], Confidence::Inferred)));
    }
}
