//! The graph in Graphviz's language.

use std::fmt::Write;

use super::words::{View, cut, is_sure, label};
use super::{Node, Thing, WaitGraph};

/// Columns of a line in a node.
const PART: usize = 48;
/// What is part of a cycle.
const ALARM: &str = "color=\"#c0392b\" penwidth=2";

/// The graph as a DOT file: threads are boxes, things are ellipses; an edge that is not proven is
/// dashed.
pub fn dot(graph: &WaitGraph) -> String {
    let view = View::new(graph);
    let mut out = "digraph waits {\n  rankdir=LR\n  node [fontname=\"monospace\" fontsize=11]\n  \
                   edge [fontname=\"monospace\" fontsize=9]\n"
        .to_owned();
    for (nth, group) in view.groups.iter().enumerate() {
        let alarm = if group.cycle.is_some() { ALARM } else { "" };
        let text = lines(&[&[view.title(nth)], &about(group.first)[..]].concat());
        let _ = writeln!(out, "  g{nth} [shape=box label={text} {alarm}]");
    }
    for (nth, thing) in graph.things.iter().enumerate() {
        let in_cycle = graph.cycles.iter().any(|cycle| cycle.things.contains(&nth));
        let alarm = if in_cycle { ALARM } else { "" };
        let text = lines(&thing_lines(&view, nth, thing, PART));
        let _ = writeln!(out, "  {} [shape=ellipse label={text} {alarm}]", label(nth));
    }
    for (nth, group) in view.groups.iter().enumerate() {
        let Some((index, _)) = view.wanted(nth) else { continue };
        let on = graph.cycles.iter().any(|cycle| {
            (cycle.tids.iter().zip(&cycle.things)).any(|edge| edge == (&group.first.tid, &index))
        });
        let alarm = if on { ALARM } else { "" };
        let _ = writeln!(out, "  g{nth} -> {} [label=\"waits for\" {alarm}]", label(index));
    }
    for (nth, thing) in graph.things.iter().enumerate() {
        for hold in view.holds(thing) {
            let Some(group) = hold.group else { continue };
            let confidence = hold.holder.confidence;
            let style = if is_sure(confidence) { "solid" } else { "dashed" };
            let alarm = if closes(graph, nth, hold.holder.tid) { ALARM } else { "" };
            let text = lines(&[view.relation(nth).to_owned(), confidence.to_string()]);
            let _ =
                writeln!(out, "  {} -> g{group} [label={text} style={style} {alarm}]", label(nth));
        }
    }
    out.push_str("}\n");
    out
}

/// Whether a cycle goes from a thing to a thread.
pub(super) fn closes(graph: &WaitGraph, thing: usize, tid: i32) -> bool {
    graph.cycles.iter().any(|cycle| {
        let next = cycle.tids.iter().cycle().skip(1);
        cycle.things.iter().zip(next).any(|edge| edge == (&thing, &tid))
    })
}

/// What a thread does and where, a line each.
pub(super) fn about(node: &Node) -> Vec<String> {
    let timed = if node.wants.is_some_and(|want| want.timed) { " with a time limit" } else { "" };
    let mut lines = vec![cut(&format!("{}{timed}", node.doing), PART)];
    let parts = [node.function.as_deref(), node.at.as_deref()].into_iter().flatten();
    lines.extend(parts.filter(|part| !part.is_empty()).map(|part| cut(part, PART)));
    lines
}

/// What a thing is, where it lies and what its memory says, a line each of so many columns.
pub(super) fn thing_lines(
    view: &View<'_>,
    nth: usize,
    thing: &Thing,
    columns: usize,
) -> Vec<String> {
    let mut lines = vec![cut(&format!("{}: {}", label(nth), thing.what), columns)];
    lines.extend(thing.place.as_deref().map(|place| cut(place, columns)));
    lines.extend(thing.state.as_deref().map(|state| cut(state, columns)));
    if thing.holders.is_empty() {
        lines.push(cut(&View::nobody(thing), columns));
    }
    if thing.address != 0 && !view.is_join(nth) {
        lines.push(format!("{:#x}", thing.address));
    }
    lines
}

/// A quoted string of several lines. A backslash is doubled: in a label it would begin an escape.
fn lines(lines: &[String]) -> String {
    let escaped = lines.iter().map(|line| line.replace('\\', "\\\\").replace('"', "\\\""));
    format!("\"{}\"", escaped.collect::<Vec<_>>().join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn the_main_graphs_in_dot() {
        for (name, graph) in fixture::all() {
            if matches!(name, "abba" | "crowd" | "lost_wakeup" | "nasty") {
                insta::assert_snapshot!(format!("dot_{name}"), dot(&graph));
            }
        }
    }

    /// What stands outside of quoted strings; none where a string is not closed on its line.
    fn bare(line: &str) -> Option<String> {
        let (mut bare, mut quoted, mut chars) = (String::new(), false, line.chars());
        while let Some(c) = chars.next() {
            match (c, quoted) {
                ('"', _) => quoted = !quoted,
                ('\\', true) => assert!(matches!(chars.next()?, '\\' | '"' | 'n')),
                (_, true) => {}
                (c, false) => bare.push(c),
            }
        }
        (!quoted).then_some(bare)
    }

    #[test]
    fn no_name_leaves_its_quotes() {
        for (name, graph) in fixture::all() {
            for line in dot(&graph).lines() {
                let bare = bare(line).unwrap_or_else(|| panic!("{name}: not closed: {line}"));
                let known = |c: char| c.is_ascii_alphanumeric() || " {}[]=->".contains(c);
                assert!(bare.chars().all(known), "{name}: {bare}");
            }
        }
    }

    #[test]
    fn a_crowd_is_one_box() {
        let text = dot(&fixture::crowd());
        assert!(text.contains("worker-* x 64"));
        assert_eq!(text.matches(" -> ").count(), 2);
    }
}
