//! What stands in a box, and the full text behind it.

use super::super::dot::thing_lines;
use super::super::words::{View, cut, doing, notes, reason};

/// Columns of a line in a box: its width without its margins, at 12 pixels' size.
pub(super) const COLUMNS: usize = 33;

/// A group in at most four lines.
pub(super) fn group_lines(view: &View<'_>, nth: usize) -> Vec<String> {
    let node = view.groups[nth].first;
    let timed = if node.wants.is_some_and(|want| want.timed) { " (timed)" } else { "" };
    let doing = cut(&format!("{}{timed}", node.doing), COLUMNS);
    let mut lines = vec![cut(&view.title(nth), COLUMNS), doing];
    let parts = [node.function.as_deref(), node.at.as_deref()].into_iter().flatten();
    lines.extend(parts.filter(|part| !part.is_empty()).map(|part| cut(part, COLUMNS)));
    lines
}

/// All that there is to say of a group.
pub(super) fn group_title(view: &View<'_>, nth: usize) -> String {
    let group = &view.groups[nth];
    let mut title = format!("{}: {}", view.title(nth), doing(group.first));
    if group.threads.len() > 1 {
        let ids: Vec<String> = group.threads.iter().take(100).map(|n| n.tid.to_string()).collect();
        let more = if group.threads.len() > ids.len() { ", ..." } else { "" };
        title += &format!("\nthreads {}{more}", ids.join(", "));
    }
    title
}

/// A thing in at most four lines.
pub(super) fn thing_box_lines(view: &View<'_>, nth: usize) -> Vec<String> {
    let Some(thing) = view.graph.things.get(nth) else { return vec![view.thing(nth)] };
    let mut lines = thing_lines(view, nth, thing, COLUMNS);
    lines.truncate(4);
    lines
}

/// All that there is to say of a thing.
pub(super) fn thing_title(view: &View<'_>, nth: usize) -> String {
    let mut lines = vec![view.thing(nth)];
    if let Some(thing) = view.graph.things.get(nth) {
        lines.extend(notes(thing));
        lines.extend(view.holds(thing).iter().take(8).map(|hold| {
            format!("{} {}{}", view.relation(nth), view.who(hold), reason(hold.holder))
        }));
        if thing.holders.is_empty() {
            lines.push(View::nobody(thing));
        }
    }
    lines.join("\n")
}
