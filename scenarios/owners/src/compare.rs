//! What the graph says against the truth.

use standstill::graph::{Cycle, WaitGraph};
use standstill::verdict::Confidence;

use crate::truth::Lock;

/// What an answer to "who has what this thread waits for" is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Every owner that is called proven has it.
    ProvenRight,
    /// One that is called proven does not.
    ProvenWrong,
    /// Every owner that is inferred has it.
    InferredRight,
    /// One that is inferred does not.
    InferredWrong,
    /// A list of suspects, with all who have it.
    SuspectsRight,
    /// A list of suspects that lacks somebody who has it.
    SuspectsWrong,
    /// Nobody has it any more, and nobody is named.
    RightlyNobody,
    /// Nobody is named, although somebody has it.
    Unknown,
    /// The thread is not seen to wait at all.
    Unseen,
}

/// All answers, in the order of a table's columns.
pub const ANSWERS: [Answer; 9] = [
    Answer::ProvenRight,
    Answer::ProvenWrong,
    Answer::InferredRight,
    Answer::InferredWrong,
    Answer::SuspectsRight,
    Answer::SuspectsWrong,
    Answer::RightlyNobody,
    Answer::Unknown,
    Answer::Unseen,
];

/// One edge of the graph, or one that it lacks.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Who waits.
    pub waiter: i32,
    /// What its answer is worth.
    pub answer: Answer,
    /// Whether the lock is said to lie elsewhere than it does.
    pub misplaced: bool,
}

/// What the truth says of a thread: what it wants, and whether it always waits for it.
fn wanted(truth: &[Lock], tid: i32) -> Option<&Lock> {
    truth.iter().find(|lock| lock.waiters.contains(&tid) || lock.sometimes.contains(&tid))
}

/// Judges every edge that is true, and every one that is claimed with a proven owner.
pub fn edges(graph: &WaitGraph, truth: &[Lock]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for lock in truth {
        for waiter in &lock.waiters {
            let thing = graph.wanted_by(*waiter);
            let misplaced = thing.is_some_and(|t| lock.address != 0 && t.address != lock.address);
            edges.push(Edge { waiter: *waiter, answer: answer(graph, lock, *waiter), misplaced });
        }
    }
    // What somebody waits for who is not known to wait: nothing may be proven of it but what is so.
    for node in &graph.threads {
        let truly = wanted(truth, node.tid);
        if truly.is_some_and(|lock| lock.waiters.contains(&node.tid)) {
            continue;
        }
        let holders = graph.wanted_by(node.tid).map_or(&[][..], |thing| &thing.holders);
        let wrong = |tid: &i32| !truly.is_some_and(|lock| lock.owners.contains(tid));
        if holders.iter().any(|h| h.confidence == Confidence::Proven && wrong(&h.tid)) {
            let answer = Answer::ProvenWrong;
            edges.push(Edge { waiter: node.tid, answer, misplaced: false });
        }
    }
    edges
}

fn answer(graph: &WaitGraph, lock: &Lock, waiter: i32) -> Answer {
    let Some(thing) = graph.wanted_by(waiter) else { return Answer::Unseen };
    let has = |tid: &i32| lock.owners.contains(tid);
    let named = |confidence| -> Vec<i32> {
        let with = thing.holders.iter().filter(|holder| holder.confidence == confidence);
        with.map(|holder| holder.tid).collect()
    };
    let (proven, inferred) = (named(Confidence::Proven), named(Confidence::Inferred));
    if !proven.iter().all(has) {
        Answer::ProvenWrong
    } else if !inferred.iter().all(has) {
        Answer::InferredWrong
    } else if !proven.is_empty() {
        Answer::ProvenRight
    } else if !inferred.is_empty() {
        Answer::InferredRight
    } else if thing.holders.is_empty() {
        if lock.owners.is_empty() { Answer::RightlyNobody } else { Answer::Unknown }
    } else {
        let suspects = named(Confidence::Suspected);
        let all = !lock.owners.is_empty() && lock.owners.iter().all(|tid| suspects.contains(tid));
        if all { Answer::SuspectsRight } else { Answer::SuspectsWrong }
    }
}

/// Whether each of a cycle's threads always waits for something that the next one has.
pub fn is_true(cycle: &Cycle, truth: &[Lock]) -> bool {
    let next = cycle.tids.iter().cycle().skip(1);
    cycle.tids.iter().zip(next).all(|(tid, next)| {
        wanted(truth, *tid)
            .is_some_and(|lock| lock.waiters.contains(tid) && lock.owners.contains(next))
    })
}

/// Whether a closed chain exists: somebody waits, by whatever way, for itself.
pub fn has_a_cycle(truth: &[Lock]) -> bool {
    let waiters = || truth.iter().flat_map(|lock| &lock.waiters);
    waiters().any(|start| {
        let mut reached = vec![*start];
        let mut at = 0;
        while let Some(&tid) = reached.get(at) {
            let lock = wanted(truth, tid).filter(|lock| lock.waiters.contains(&tid));
            for owner in lock.into_iter().flat_map(|lock| &lock.owners) {
                if owner == start {
                    return true;
                }
                if !reached.contains(owner) {
                    reached.push(*owner);
                }
            }
            at += 1;
        }
        false
    })
}
