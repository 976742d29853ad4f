//! The wait-for graph in sentences, as evidence.

use super::waits::WaitsFor;
use crate::graph::{Cycle, Holder, Node, Thing, WaitGraph};
use crate::verdict::Confidence;

/// How many threads, different in what they do, are told one by one.
const TOLD: usize = 24;

/// A cycle in one line.
pub(super) fn tell(graph: &WaitGraph, cycle: &Cycle) -> String {
    let mut line = format!("{}: ", cycle.sure());
    for (nth, (tid, thing)) in cycle.tids.iter().zip(&cycle.things).enumerate() {
        let (Some(node), Some(thing)) = (graph.node(*tid), graph.things.get(*thing)) else {
            continue;
        };
        let next = cycle.tids[(nth + 1) % cycle.tids.len()];
        let holder = thing.holders.iter().find(|holder| holder.tid == next);
        let taken = holder
            .and_then(|h| h.site.as_deref())
            .map(|site| format!(", taken in or below {site}"));
        let guess = holder.is_none_or(|holder| holder.confidence == Confidence::Suspected);
        let has = match next == *tid {
            true if guess => "which it may have itself".to_owned(),
            true => "which it has itself".to_owned(),
            false if guess => {
                format!("which {} may have", who(graph, next))
            }
            false => format!("which {} has", who(graph, next)),
        };
        line += &format!(
            "{}{} waits{} for {}, {has}{}",
            if nth == 0 { "" } else { "; " },
            name(node),
            place_of(node),
            describe(thing),
            taken.unwrap_or_default(),
        );
    }
    if !cycle.with.is_empty() {
        let others: Vec<String> = cycle.with.iter().map(|tid| who(graph, *tid)).collect();
        line += &format!(
            "; some of this may be had by {} instead, who cannot go on either",
            others.join(", ")
        );
    }
    line
}

/// One line for each thread, equal ones together.
pub(super) fn threads(graph: &WaitGraph) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&Node>)> = Vec::new();
    for node in &graph.threads {
        let line = thread(graph, node);
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, nodes)) => nodes.push(node),
            None => lines.push((line, vec![node])),
        }
    }
    let left = lines.len().saturating_sub(TOLD);
    let told = lines.into_iter().take(TOLD).map(|(line, nodes)| match nodes[..] {
        [node] => format!("{} {line}", name(node)),
        _ => format!("{} and {} more threads: each {line}", name(nodes[0]), nodes.len() - 1),
    });
    told.chain((left > 0).then(|| format!("{left} other threads are not told here"))).collect()
}

fn thread(graph: &WaitGraph, node: &Node) -> String {
    let timed = node.wants.is_some_and(|want| want.timed);
    let limit = if timed { " with a time limit" } else { "" };
    let mut line = format!("{}{limit}{}", node.doing, place_of(node));
    let Some(thing) = graph.wanted_by(node.tid) else { return line };
    if node.what == WaitsFor::Join && !thing.holders.is_empty() {
        return format!("waits for the {}{}", thing.what, place_of(node));
    }
    line += &format!(": {}", describe(thing));
    if let Some(state) = &thing.state {
        line += &format!(", {state}");
    }
    line += &match &thing.holders[..] {
        [] if let Some(outside) = &thing.outside => format!(", held by {outside}"),
        [] if thing.owned && thing.notes.is_empty() => ", its owner is not known".to_owned(),
        [] => String::new(),
        [one] => format!(", {}", had_by(graph, one)),
        many => {
            let names: Vec<String> = many.iter().map(|h| who(graph, h.tid)).collect();
            match many[0].confidence {
                Confidence::Suspected => format!(", one of {} may have it", names.join(", ")),
                sure => format!(", {} have it ({sure})", names.join(", ")),
            }
        }
    };
    for note in &thing.notes {
        line += &format!("; {note}");
    }
    line
}

fn had_by(graph: &WaitGraph, holder: &Holder) -> String {
    let site = holder.site.as_deref().map(|site| format!(", taken in or below {site}"));
    format!(
        "{} {} it ({}: {}){}",
        who(graph, holder.tid),
        if holder.confidence == Confidence::Suspected { "may have" } else { "has" },
        holder.confidence,
        holder.why,
        site.unwrap_or_default()
    )
}

fn who(graph: &WaitGraph, tid: i32) -> String {
    graph.node(tid).map_or_else(|| format!("thread {tid}"), name)
}

/// `worker (4711)`.
pub(super) fn name(node: &Node) -> String {
    let name = if node.name.is_empty() { "thread" } else { &node.name };
    format!("{name} ({})", node.tid)
}

fn describe(thing: &Thing) -> String {
    let place = thing.place.as_deref().map(|place| format!(" ({place})")).unwrap_or_default();
    format!("{} at {:#x}{place}", thing.what, thing.address)
}

fn place_of(node: &Node) -> String {
    let at = node.at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default();
    node.function.as_deref().map(|function| format!(" in {function}{at}")).unwrap_or(at)
}

/// What a thread's part in the matter is, without anything that changes from run to run.
pub(super) fn place(node: &Node) -> String {
    format!("{:?} {}", node.what, node.function.as_deref().unwrap_or_default())
}
