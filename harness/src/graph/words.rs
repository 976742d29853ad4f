//! What the pictures call threads, things and the edges between them, and how much of a name they
//! show.

use std::collections::{BTreeSet, HashMap};

use super::fold::Group;
use super::{Cycle, Holder, Node, Thing, WaitGraph};
use crate::detect::waits::WaitsFor;
use crate::text::printable;
use crate::verdict::Confidence;

/// Columns that a thread name may take; the kernel's own limit is 15 bytes.
const NAME: usize = 32;
/// Columns that a function, a path or any other part of a sentence may take.
const PART: usize = 72;
/// Columns that a clause may take: why somebody has a thing, what is odd about it.
const CLAUSE: usize = 160;

/// A graph as the pictures see it: folded, and with its indices at hand.
pub(super) struct View<'a> {
    pub(super) graph: &'a WaitGraph,
    pub(super) groups: Vec<Group<'a>>,
    group_of: HashMap<i32, usize>,
    joins: BTreeSet<usize>,
}

/// Threads of one group that have a thing for the same reason.
pub(super) struct Hold<'a> {
    /// The first of them.
    pub(super) holder: &'a Holder,
    /// Their group; none where no such thread is known.
    pub(super) group: Option<usize>,
    /// How many they are.
    pub(super) count: usize,
}

impl<'a> View<'a> {
    pub(super) fn new(graph: &'a WaitGraph) -> View<'a> {
        let groups = graph.groups();
        let mut group_of = HashMap::new();
        for (nth, group) in groups.iter().enumerate() {
            for node in &group.threads {
                group_of.entry(node.tid).or_insert(nth);
            }
        }
        let joins = graph.threads.iter().filter(|node| node.what == WaitsFor::Join);
        let joins = joins.filter_map(|node| Some(node.wants?.thing)).collect();
        View { graph, groups, group_of, joins }
    }

    /// The group of a thread.
    pub(super) fn group_of(&self, tid: i32) -> Option<usize> {
        self.group_of.get(&tid).copied()
    }

    /// The thing that a group waits for, if the graph knows it.
    pub(super) fn wanted(&self, group: usize) -> Option<(usize, &'a Thing)> {
        let nth = self.groups.get(group)?.first.wants?.thing;
        Some((nth, self.graph.things.get(nth)?))
    }

    /// A thread by its id: `worker-1 (4711)`.
    pub(super) fn thread(&self, tid: i32) -> String {
        let node = self
            .group_of(tid)
            .and_then(|g| self.groups.get(g)?.threads.iter().find(|node| node.tid == tid));
        node.map_or_else(|| format!("thread {tid}"), |node| thread(node))
    }

    /// A group: `worker-1 (4711)`, `worker-* x 61`.
    pub(super) fn title(&self, group: usize) -> String {
        match self.groups.get(group) {
            Some(group) if group.threads.len() > 1 => {
                let name = cut(&group.name(), NAME);
                let name = if name.contains(", ") { format!("({name})") } else { name };
                format!("{name} x {}", group.threads.len())
            }
            Some(group) => thread(group.first),
            None => String::new(),
        }
    }

    /// Who has a thing, those of one group with equal reasons together.
    pub(super) fn holds(&self, thing: &'a Thing) -> Vec<Hold<'a>> {
        let mut holds: Vec<Hold<'a>> = Vec::new();
        let mut known = HashMap::new();
        for holder in &thing.holders {
            let group = self.group_of(holder.tid);
            let alone = group.is_none().then_some(holder.tid);
            let key = (alone, group, holder.confidence, &holder.why, &holder.site);
            let nth = *known.entry(key).or_insert_with(|| {
                holds.push(Hold { holder, group, count: 0 });
                holds.len() - 1
            });
            holds[nth].count += 1;
        }
        holds
    }

    /// The threads of a hold: a whole group, one of it, or `3 of worker-* x 61`.
    pub(super) fn who(&self, hold: &Hold<'_>) -> String {
        match hold.group.and_then(|nth| Some((nth, self.groups.get(nth)?))) {
            Some((nth, group)) if hold.count == group.threads.len() => self.title(nth),
            Some((nth, _)) if hold.count > 1 => format!("{} of {}", hold.count, self.title(nth)),
            _ => self.thread(hold.holder.tid),
        }
    }

    /// The end of a thread, rather than something that a thread has.
    pub(super) fn is_join(&self, nth: usize) -> bool {
        self.joins.contains(&nth)
    }

    /// How a thing leads to a thread.
    pub(super) fn relation(&self, nth: usize) -> &'static str {
        match self.graph.things.get(nth) {
            _ if self.is_join(nth) => "the end of",
            Some(thing) if thing.owned => "held by",
            _ => "awaited from",
        }
    }

    /// What there is to say where a thing leads to nobody.
    pub(super) fn nobody(thing: &Thing) -> String {
        match &thing.outside {
            Some(outside) => format!("held by {}", cut(outside, PART)),
            None if thing.owned => "its owner is not known".to_owned(),
            None => "an event; nobody owns it".to_owned(),
        }
    }

    /// A thing in one line: `L1: std Mutex 0x7f3a5c001040 (heap), locked`.
    pub(super) fn thing(&self, nth: usize) -> String {
        let Some(thing) = self.graph.things.get(nth) else { return "something unknown".to_owned() };
        let mut line = format!("{}: {}", label(nth), cut(&thing.what, PART));
        // That of a join is a word inside the thread's own record, which nobody looks for.
        if thing.address != 0 && !self.is_join(nth) {
            line += &format!(" {:#x}", thing.address);
        }
        if let Some(place) = &thing.place {
            line += &format!(" ({})", cut(place, PART));
        }
        if let Some(state) = &thing.state {
            line += &format!(", {}", cut(state, PART));
        }
        line
    }

    /// The cycle of a group, as a place in a drawing that tells the cycles first.
    pub(super) fn cycle_above(&self, group: usize) -> Option<String> {
        let nth = self.groups.get(group)?.cycle?;
        let cycle = self.graph.cycles.get(nth)?;
        Some(match self.graph.cycles.len() {
            1 => format!("in the {} above", cycle.kind),
            _ => format!("in cycle {} above", nth + 1),
        })
    }

    /// A heading for a cycle.
    pub(super) fn heading(&self, nth: usize, cycle: &Cycle) -> String {
        let number = match self.graph.cycles.len() {
            1 => String::new(),
            _ => format!("cycle {}: ", nth + 1),
        };
        let what = match &cycle.tids[..] {
            [tid] => format!("{} waits for what it has itself", self.thread(*tid)),
            [_, _] => "2 threads wait for one another".to_owned(),
            more => format!("{} threads wait in a ring, each for the next", more.len()),
        };
        let unsure = match cycle.sure() == cycle.confidence {
            true => "",
            false => "; which of them has what is not certain",
        };
        format!("{number}{}, {}: {what}{unsure}", cycle.kind, cycle.sure())
    }
}

/// The name under which a thing goes through a picture.
pub(super) fn label(nth: usize) -> String {
    format!("L{}", nth.saturating_add(1))
}

/// Name and id.
fn thread(node: &Node) -> String {
    match &*node.name {
        "" => format!("thread {}", node.tid),
        name => format!("{} ({})", cut(name, NAME), node.tid),
    }
}

/// What a thread does and where: `waits for a mutex, in bank::transfer at src/bank.rs:17`.
pub(super) fn doing(node: &Node) -> String {
    let mut line = cut(&node.doing, PART);
    if node.wants.is_some_and(|want| want.timed) {
        line += " with a time limit";
    }
    let function = node.function.as_deref().filter(|name| !name.is_empty());
    let at = node.at.as_deref().filter(|at| !at.is_empty());
    match (function, at) {
        (Some(function), Some(at)) => {
            line += &format!(", in {} at {}", cut(function, PART), cut(at, PART));
        }
        (Some(function), None) => line += &format!(", in {}", cut(function, PART)),
        (None, Some(at)) => line += &format!(", at {}", cut(at, PART)),
        (None, None) => {}
    }
    line
}

/// Where a thread took a thing and why it is said to have it: `, taken in ... (inferred: ...)`.
pub(super) fn reason(holder: &Holder) -> String {
    let mut line = String::new();
    if let Some(site) = &holder.site {
        line += &format!(", taken in or below {}", cut(site, CLAUSE));
    }
    line += &format!(" ({}", holder.confidence);
    if !holder.why.is_empty() {
        line += &format!(": {}", cut(&holder.why, CLAUSE));
    }
    line + ")"
}

/// What is odd about a thing.
pub(super) fn notes(thing: &Thing) -> impl Iterator<Item = String> {
    thing.notes.iter().map(|note| cut(note, CLAUSE))
}

/// Whether an edge is drawn as a whole line.
pub(super) fn is_sure(confidence: Confidence) -> bool {
    confidence == Confidence::Proven
}

/// One line of harmless text, of at most so many columns. What is too long loses its middle: a path
/// begins with its crate and ends with what is called.
pub(super) fn cut(text: &str, columns: usize) -> String {
    // Only as much as could be shown and told from what is too long, whatever the length.
    let line: Vec<char> = printable(text)
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        // No character at all in the eyes of XML.
        .map(|c| if matches!(c, '\u{fffe}' | '\u{ffff}') { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if line.iter().copied().map(width).sum::<usize>() <= columns {
        return line.into_iter().collect();
    }
    let room = columns.saturating_sub(1);
    let head = fitting(line.iter().copied(), room / 3);
    let tail = fitting(line.iter().rev().copied(), room - room / 3);
    let (head, tail) = (&line[..head], &line[line.len() - tail..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// How many of these characters fit into so many columns.
fn fitting(chars: impl Iterator<Item = char>, columns: usize) -> usize {
    let ends = chars.scan(0, |sum, c| {
        *sum += width(c);
        Some(*sum)
    });
    ends.take_while(|end| *end <= columns).count()
}

/// Columns of a text in a terminal or a fixed-width font.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// Columns of a character: two for the scripts and symbols that are as wide as high. A combining
/// mark counts as one, so that a sum is never too small.
fn width(c: char) -> usize {
    let wide = matches!(
        c,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}'
            | '\u{ffe0}'..='\u{ffe6}' | '\u{1f000}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}'
    );
    1 + usize::from(wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_loses_its_middle() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("alloc::vec::Vec<T>::push", 13), "allo…T>::push");
        assert_eq!(cut("one\ntwo\x1b\u{ffff}", 20), "one two\u{fffd}\u{fffd}");
        assert_eq!(cut("anything", 0), "…");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let crabs = "🦀".repeat(40);
        assert_eq!(columns(&crabs), 80);
        let shown = cut(&crabs, 20);
        assert!((17..=20).contains(&columns(&shown)), "{shown}");
    }
}
