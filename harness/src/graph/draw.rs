//! The graph for a terminal: cycles as rings to follow with a finger, then who waits for what, then
//! the others.
//!
//! A whole line is proven, a broken one (`┆`, `╌`) is not.

use std::collections::HashSet;

use super::words::{Hold, View, columns, cut, doing, is_sure, label, notes, reason};
use super::{Cycle, Thing, WaitGraph};
use crate::verdict::Confidence;

/// Columns of a line.
const WIDTH: usize = 100;
/// Least room for the text of a line, however deep it stands.
const LEAST: usize = 40;
/// How many holders of one thing are listed.
const HOLDERS: usize = 8;

/// The graph as plain text, each line with a line break at its end.
pub fn draw(graph: &WaitGraph) -> String {
    if graph.threads.is_empty() {
        return "no threads were seen\n".to_owned();
    }
    let view = View::new(graph);
    let mut page = Page::default();
    for (nth, cycle) in graph.cycles.iter().enumerate().filter(|(_, c)| !c.tids.is_empty()) {
        page.paragraph(&view.heading(nth, cycle));
        ring(&view, cycle, &mut page);
    }
    if graph.cycles.iter().all(|cycle| cycle.tids.is_empty()) {
        page.paragraph("no ring of threads that wait for one another was found");
    }
    let outside = (0..view.groups.len()).filter(|nth| view.groups[*nth].cycle.is_none());
    let (waiting, others): (Vec<_>, Vec<_>) = outside.partition(|nth| view.wanted(*nth).is_some());
    if !waiting.is_empty() {
        page.paragraph(if graph.cycles.is_empty() { "waiting" } else { "waiting, in no ring" });
        let drawn = graph.cycles.iter().filter(|cycle| !cycle.tids.is_empty());
        let mut told = drawn.flat_map(|cycle| cycle.things.iter().copied()).collect();
        for nth in waiting {
            line(&view, nth, &mut told, &mut page);
        }
    }
    if !others.is_empty() {
        page.paragraph("the other threads");
        for nth in others {
            one(&view, nth, &mut page);
        }
    }
    page.out
}

/// A cycle: each thread above what it waits for, and below the last the way back to the first.
fn ring(view: &View<'_>, cycle: &Cycle, page: &mut Page) {
    for (nth, &tid) in cycle.tids.iter().enumerate() {
        let (into, last) = (if nth == 0 { "┌─▶ " } else { "│   " }, nth + 1 == cycle.tids.len());
        let node = view.graph.node(tid);
        let what = node.map_or_else(|| "unknown".to_owned(), doing);
        page.put(into, "│     ", &format!("{}: {what}", view.thread(tid)));
        let index = cycle.things.get(nth).copied().unwrap_or(usize::MAX);
        page.put("│     │ ", "│     │   ", &view.thing(index));
        let Some(thing) = view.graph.things.get(index) else {
            page.put(if last { "└─────┘ " } else { "│     ▼ " }, "", "held by the next");
            continue;
        };
        for note in notes(thing) {
            page.put("│     │ ", "│     │   ", &format!("({note})"));
        }
        // Here the ring goes on; whoever else has the thing does not close it.
        let next = cycle.tids.get(nth + 1).or(cycle.tids.first()).copied().unwrap_or(tid);
        let (on, off): (Vec<_>, Vec<_>) =
            view.holds(thing).into_iter().partition(|hold| hold.holder.tid == next);
        let others: Vec<String> = off.iter().take(HOLDERS).map(|hold| view.who(hold)).collect();
        if !others.is_empty() {
            let more = if off.len() > HOLDERS { ", ..." } else { "" };
            let others = others.join(", ");
            let also = match thing.every {
                true => format!("(and on {others}{more})"),
                false => format!("(or it is had by {others}{more})"),
            };
            page.put("│     │ ", "│     │   ", &also);
        }
        let how = on.first().map_or_else(String::new, |h| reason(h.holder));
        let guess = on.first().is_some_and(|h| h.holder.confidence == Confidence::Suspected);
        let perhaps = if guess { "perhaps " } else { "" };
        let edge = format!("{perhaps}{} {}{how}", view.relation(index), view.thread(next));
        let sure = on.first().is_none_or(|hold| is_sure(hold.holder.confidence));
        match (last, sure) {
            (false, true) => page.put("│     ▼ ", "│         ", &edge),
            (false, false) => page.put("│     ┆ ", "│     ▼   ", &edge),
            (true, true) => page.put("└─────┘ ", "          ", &edge),
            (true, false) => page.put("└╌╌╌╌╌┘ ", "          ", &edge),
        }
    }
}

/// A group that waits outside of every cycle, what for, and who has that.
fn line(view: &View<'_>, nth: usize, told: &mut HashSet<usize>, page: &mut Page) {
    let Some((index, thing)) = view.wanted(nth) else { return };
    one(view, nth, page);
    let holds = view.holds(thing);
    if !told.insert(index) {
        let by = match &holds[..] {
            [hold] => format!(", {} {}", view.relation(index), view.who(hold)),
            _ => String::new(),
        };
        return page.put("  └─▶ ", "        ", &format!("{}, told above{by}", label(index)));
    }
    page.put("  │ ", "  │   ", &view.thing(index));
    for note in notes(thing) {
        page.put("  │ ", "  │   ", &format!("({note})"));
    }
    match &holds[..] {
        [] => page.put("  └── ", "      ", &View::nobody(thing)),
        [hold] => {
            let relation = if view.is_join(index) { "that is" } else { view.relation(index) };
            let edge = format!("{relation} {}", holder(view, hold));
            let arrow =
                if is_sure(hold.holder.confidence) { "  └─▶ " } else { "  └╌▶ " };
            page.put(arrow, "        ", &edge);
        }
        several => {
            page.put("  │ ", "  │   ", &several_have_it(thing));
            for (nth, hold) in several.iter().take(HOLDERS).enumerate() {
                let last = nth + 1 == several.len();
                let arrow = match (last, is_sure(hold.holder.confidence)) {
                    (false, true) => "  ├─▶ ",
                    (false, false) => "  ├╌▶ ",
                    (true, true) => "  └─▶ ",
                    (true, false) => "  └╌▶ ",
                };
                page.put(arrow, if last { "        " } else { "  │     " }, &holder(view, hold));
            }
            if let more @ 1.. = several.len().saturating_sub(HOLDERS) {
                page.put("  └── ", "      ", &format!("and {more} more"));
            }
        }
    }
}

/// How far a list of holders can be trusted as a whole.
fn several_have_it(thing: &Thing) -> String {
    let count = thing.holders.len();
    if thing.every {
        return format!("on each of {count} threads:");
    }
    match (thing.owned, thing.holders.iter().all(|holder| is_sure(holder.confidence))) {
        (true, true) => format!("held by {count} threads:"),
        (true, false) => format!("one of {count} threads may have it:"),
        (false, _) => format!("awaited from any of {count} threads:"),
    }
}

/// A holder, why it is one, and what keeps it from letting go.
fn holder(view: &View<'_>, hold: &Hold<'_>) -> String {
    let it = if hold.count == 1 { "it" } else { "each" };
    let fate = hold.group.and_then(|nth| {
        if let Some(above) = view.cycle_above(nth) {
            return Some(format!("; {it} is {above}"));
        }
        if let Some((index, _)) = view.wanted(nth) {
            return Some(format!("; {it} waits for {}", label(index)));
        }
        let doing = cut(&view.groups[nth].first.doing, LEAST);
        match &*doing {
            "" => None,
            place if place.starts_with("in ") => Some(format!("; {it} is {place}")),
            other => Some(format!("; {it} {other}")),
        }
    });
    format!("{}{}{}", view.who(hold), reason(hold.holder), fate.unwrap_or_default())
}

/// One group in one line.
fn one(view: &View<'_>, nth: usize, page: &mut Page) {
    let group = &view.groups[nth];
    let line = [view.title(nth), doing(group.first)].join(": ");
    page.put("", "    ", line.trim_end_matches([':', ' ']));
}

/// Lines that keep within [`WIDTH`].
#[derive(Default)]
struct Page {
    out: String,
}

impl Page {
    /// A heading, with an empty line before and behind it.
    fn paragraph(&mut self, text: &str) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
        self.out.push_str(text);
        self.out.push_str("\n\n");
    }

    /// A text behind `first`, and what does not fit behind `rest` on lines of its own.
    fn put(&mut self, first: &str, rest: &str, text: &str) {
        let (mut margin, mut line, mut used) = (first, String::new(), 0);
        for word in text.split(' ') {
            let room = WIDTH.saturating_sub(2 + columns(margin)).max(LEAST);
            if used > 0 && used + 1 + columns(word) > room {
                self.flush(margin, &line);
                (margin, used) = (rest, 0);
                line.clear();
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += columns(word);
        }
        self.flush(margin, &line);
    }

    fn flush(&mut self, margin: &str, line: &str) {
        self.out.push_str(format!("  {margin}{line}").trim_end());
        self.out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_reader_can_follow_every_kind_of_graph() {
        for (name, graph) in fixture::all() {
            if !matches!(name, "many" | "ring_40" | "empty") {
                insta::assert_snapshot!(format!("draw_{name}"), draw(&graph));
            }
        }
    }

    #[test]
    fn lines_are_short_and_steer_no_terminal() {
        for (name, graph) in fixture::all() {
            for line in draw(&graph).lines() {
                assert!(columns(line) <= WIDTH, "{name}: {line}");
                assert!(!line.contains(char::is_control), "{name}: {line}");
            }
        }
    }

    #[test]
    fn every_thread_of_a_ring_is_told_in_its_order() {
        let text = draw(&fixture::ring(40));
        let at: Vec<_> = (0..40).map(|i| text.find(&format!("phil-{i} ({}): ", 100 + i))).collect();
        assert!(at.is_sorted() && at.iter().all(Option::is_some));
    }

    #[test]
    fn no_threads_are_one_clear_line() {
        assert_eq!(draw(&WaitGraph::default()), "no threads were seen\n");
    }
}
