//! The graph as a mermaid flowchart, for places that draw one from text: issues and READMEs.

use std::fmt::Write;

use super::WaitGraph;
use super::dot::{about, closes, thing_lines};
use super::words::{View, is_sure, label};

/// Groups of threads that are shown; such charts are small, and their hosts refuse large ones.
const GROUPS: usize = 60;
/// Columns of a line in a node.
const PART: usize = 48;

/// The graph as a flowchart: threads are boxes, things are rounded; an edge that is not proven is
/// dotted.
pub fn mermaid(graph: &WaitGraph) -> String {
    let view = View::new(graph);
    let mut out = "flowchart LR\n".to_owned();
    // Cycles first, then who waits; the others are shown as far as there is room.
    let mut order: Vec<usize> = (0..view.groups.len()).collect();
    order.sort_by_key(|nth| (view.groups[*nth].cycle.is_none(), view.wanted(*nth).is_none()));
    let left_out = order.split_off(order.len().min(GROUPS));
    let mut shown = vec![false; view.groups.len()];
    let (mut alarms, mut things) = (Vec::new(), Vec::new());
    for &nth in &order {
        shown[nth] = true;
        let group = &view.groups[nth];
        let text = lines(&[&[view.title(nth)], &about(group.first)[..]].concat());
        let _ = writeln!(out, "  g{nth}[\"{text}\"]");
        if group.cycle.is_some() {
            alarms.push(format!("g{nth}"));
        }
        if let Some((index, _)) = view.wanted(nth)
            && !things.contains(&index)
        {
            things.push(index);
        }
    }
    for (nth, thing) in things.iter().filter_map(|nth| Some((*nth, graph.things.get(*nth)?))) {
        let text = lines(&thing_lines(&view, nth, thing, PART));
        let _ = writeln!(out, "  {}([\"{text}\"])", label(nth));
        if graph.cycles.iter().any(|cycle| cycle.things.contains(&nth)) {
            alarms.push(label(nth));
        }
    }
    for &nth in &order {
        if let Some((index, _)) = view.wanted(nth) {
            let _ = writeln!(out, "  g{nth} -->|waits for| {}", label(index));
        }
    }
    for (nth, thing) in things.iter().filter_map(|nth| Some((*nth, graph.things.get(*nth)?))) {
        for hold in view.holds(thing) {
            let Some(group) = hold.group.filter(|group| shown[*group]) else { continue };
            let confidence = hold.holder.confidence;
            let arrow = match (is_sure(confidence), closes(graph, nth, hold.holder.tid)) {
                (true, true) => "==>",
                (true, false) => "-->",
                (false, _) => "-.->",
            };
            let relation = view.relation(nth);
            let _ = writeln!(out, "  {} {arrow}|{relation}, {confidence}| g{group}", label(nth));
        }
    }
    if !left_out.is_empty() {
        let _ = writeln!(out, "  more[\"and {} more groups of threads\"]", left_out.len());
    }
    if !alarms.is_empty() {
        // No fill, so that the text keeps the colour that the page's theme gives it.
        out.push_str("  classDef cycle stroke:#c0392b,stroke-width:3px\n");
        let _ = writeln!(out, "  class {} cycle", alarms.join(","));
    }
    out
}

/// A label of several lines. Whatever could mean something to mermaid, to its Markdown or to HTML
/// goes by its number.
fn lines(lines: &[String]) -> String {
    let mut out = String::new();
    for (nth, line) in lines.iter().enumerate() {
        if nth > 0 {
            out.push_str("<br/>");
        }
        for c in line.chars() {
            if c.is_ascii_alphanumeric() || " .,:/-()".contains(c) || !c.is_ascii() {
                out.push(c);
            } else {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_deadlock_as_a_flowchart() {
        insta::assert_snapshot!("mermaid_abba", mermaid(&fixture::abba()));
        insta::assert_snapshot!("mermaid_nasty", mermaid(&fixture::nasty()));
    }

    #[test]
    fn no_name_leaves_its_quotes() {
        for (name, graph) in fixture::all() {
            for line in mermaid(&graph).lines() {
                assert!(matches!(line.matches('"').count(), 0 | 2), "{name}: {line}");
                assert!(!line.replace("<br/>", "").contains('<'), "{name}: {line}");
            }
        }
    }

    #[test]
    fn a_chart_stays_short() {
        let text = mermaid(&fixture::many(1000));
        assert!(text.len() < 20_000 && text.contains("and 941 more groups of threads"));
    }
}
