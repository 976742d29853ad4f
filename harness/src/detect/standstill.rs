//! Deadlock, self-deadlock, lost wake-up: every thread blocked, none left to wake another.
//!
//! That the process stands still for ever is proven by the watchdog's double collect. Which kind it
//! is follows from the wait-for graph. *Deadlock* claims no more than the proof and is as proven as
//! it; the two narrower kinds are as sure as what in the graph they rest on, which is inferred unless
//! a lock itself names its owner.

use super::chains;
use super::fingerprint;
use super::waits::{self, WaitsFor};
use crate::capture::Snapshot;
use crate::graph::{Cycle, Node, Thing, WaitGraph};
use crate::observation::{Observation, Standstill, ThreadSeen};
use crate::verdict::{Confidence, Finding, Kind};

pub(super) fn detect(observation: &Observation) -> Option<Finding> {
    let Some(Standstill::Complete { after_us, threads }) = &observation.standstill else {
        return None;
    };
    let nothing = Snapshot::default();
    let stacks = observation.stacks.as_ref().unwrap_or(&nothing);
    let when = format!("{} ms after the trial began", after_us / 1000);
    // The thread that made the actors and joins them has no part in what they do.
    Some(judge(threads, stacks, &when, true))
}

/// The finding about threads that were proven to be blocked for ever. `main_only_joins` says that a
/// main thread which joins cannot be part of the matter.
pub(super) fn judge(
    threads: &[ThreadSeen],
    stacks: &Snapshot,
    when: &str,
    main_only_joins: bool,
) -> Finding {
    let graph = WaitGraph::seen(stacks, threads);
    let active = active(&graph, main_only_joins);
    let (kind, confidence, why) = classify(&graph, &active, main_only_joins);
    let who = match threads.len() {
        1 => "the only thread was blocked".to_owned(),
        n => format!("all {n} threads were blocked at one moment"),
    };
    let mut evidence = vec![format!(
        "proven: {who}, {when}, in waits that only a running thread of the process can end, and there \
         was none (two collects, equal waits and schedule counts)",
    )];
    evidence.extend(why);
    evidence.extend(graph.cycles.iter().map(|cycle| chains::tell(&graph, cycle)));
    evidence.extend(chains::threads(&graph));
    let summary = match kind {
        Kind::SelfDeadlock => "a thread waits for a lock that no other thread can release",
        Kind::LostWakeup => "every thread waits to be woken and nobody is left to do it",
        _ if graph.cycles.iter().any(|cycle| cycle.sure() > Confidence::Suspected) => {
            "threads wait for one another and none can ever run again"
        }
        _ => "no thread can ever run again",
    };
    let fingerprint = fingerprint(kind, active.iter().map(|node| chains::place(node)).collect());
    Finding { kind, confidence, summary: summary.to_owned(), evidence, fingerprint }
}

/// The threads that the matter is about: not those that only wait for the end of another, nor those
/// of pools that wait for work, as long as there are others.
fn active(graph: &WaitGraph, main_only_joins: bool) -> Vec<&Node> {
    let joins = |node: &&Node| node.what == WaitsFor::Join;
    let target = |node: &&Node| graph.wanted_by(node.tid).is_some_and(|t| !t.holders.is_empty());
    let follows = |(nth, node): &(usize, &Node)| {
        joins(node) && (target(node) || (main_only_joins && *nth == 0))
    };
    let all = graph.threads.iter().enumerate().filter(|each| !follows(each));
    let active: Vec<&Node> = all.map(|(_, node)| node).collect();
    let busy: Vec<&Node> = active.iter().copied().filter(|node| !node.idle).collect();
    if busy.is_empty() { active } else { busy }
}

/// The kind, how sure it is, and the reason for one that says more than "deadlock".
fn classify(
    graph: &WaitGraph,
    active: &[&Node],
    main_only_joins: bool,
) -> (Kind, Confidence, Option<String>) {
    let deadlock = (Kind::Deadlock, Confidence::Proven, None);
    // One of several that may have what it waits for need not be the one.
    let guess = |cycle: &Cycle| {
        let holders = |thing: &usize| graph.things.get(*thing).map_or(0, |t| t.holders.len());
        cycle.confidence == Confidence::Suspected
            && cycle.things.iter().map(holders).sum::<usize>() > 1
    };
    let tells = |cycle: &&Cycle| {
        let is_self = cycle.kind == Kind::SelfDeadlock;
        cycle.sure() > Confidence::Suspected && !(is_self && guess(cycle))
    };
    let sure = graph.cycles.iter().find(tells);
    if let Some(cycle) = sure {
        let confidence = match cycle.kind {
            Kind::SelfDeadlock => cycle.sure(),
            _ => Confidence::Proven,
        };
        return (cycle.kind, confidence, None);
    }
    let Some(first) = active.first() else { return deadlock };
    let wanted: Vec<Option<&Thing>> = active.iter().map(|n| graph.wanted_by(n.tid)).collect();
    let exclusive = |node: &Node| {
        matches!(node.what, WaitsFor::Mutex | WaitsFor::Once)
            || (active.len() == 1 && node.what.is_lock())
    };
    let same = |thing: &Option<&Thing>| thing.is_some() && *thing == wanted[0];
    let is_active = |tid: i32| active.iter().any(|node| node.tid == tid);
    // Somebody who only joins may have the lock all the same, in a guard that no stack shows.
    let no_other = || graph.threads.iter().all(|node| node.idle || is_active(node.tid));
    let among =
        |thing: &Thing| !thing.orphan && thing.holders.iter().all(|holder| is_active(holder.tid));
    if active.iter().all(|node| exclusive(node) && node.what == first.what)
        && wanted.iter().all(same)
        && wanted[0].is_some_and(among)
        && (main_only_joins || no_other())
    {
        let owner = match active.len() {
            1 => "the only thread that waits for it".to_owned(),
            n => format!("one of the {n} threads that wait for it"),
        };
        let why = format!("inferred: one lock is waited for; its owner is {owner}, or is gone");
        return (Kind::SelfDeadlock, Confidence::Inferred, Some(why));
    }
    let event = |node: &&Node| node.what.is_event() && !waits::is_of_runtime(node);
    if active.iter().all(event) {
        let why =
            "inferred: who does not only join waits for an event, none for an owner".to_owned();
        return (Kind::LostWakeup, Confidence::Inferred, Some(why));
    }
    deadlock
}
