//! Where everything in the picture goes.
//!
//! All boxes stand in cells of one grid of columns, and lines run only in the gaps between them, so
//! that nothing can overlap, whatever the graph. A cycle goes once around a rectangle of cells.
//! Below, each tree of waiting goes from left to right: who waits, for what, who has it.

use super::super::words::{View, cut, is_sure, reason};
use super::forest;
use super::path::{around, elbow, straight};
use super::text::{group_lines, group_title, thing_box_lines, thing_title};

/// Width of a box.
pub(super) const BOX_WIDTH: u32 = 264;
/// Height of a box: four lines.
pub(super) const BOX_HEIGHT: u32 = 78;
/// From one column to the next.
pub(super) const COLUMN: u32 = BOX_WIDTH + 56;
/// From one row to the next.
pub(super) const ROW: u32 = BOX_HEIGHT + 34;
/// Around everything.
const MARGIN: u32 = 24;
/// Height of a heading.
const HEADING: u32 = 36;
/// Most columns of a ring, and of the threads that neither wait nor are waited for.
pub(super) const COLUMNS: u32 = 4;
/// Members of one ring that are drawn.
const MEMBERS: usize = 48;
/// Rings that are drawn.
const RINGS: usize = 12;
/// Groups of threads that are drawn outside of rings.
const GROUPS: usize = 32;

/// A place that nothing else may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) w: u32,
    pub(super) h: u32,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Thread,
    Thing,
    /// A thread or thing that stands elsewhere in the picture.
    Elsewhere,
}

/// A box.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) rect: Rect,
    pub(super) shape: Shape,
    /// Whether it is part of a cycle.
    pub(super) alarm: bool,
    pub(super) lines: Vec<String>,
    /// The full text.
    pub(super) title: String,
}

/// A line with an arrow at its end.
#[derive(Clone, Debug)]
pub(super) struct Arrow {
    pub(super) points: Vec<(u32, u32)>,
    pub(super) alarm: bool,
    pub(super) sure: bool,
    pub(super) title: String,
}

/// A line of text between the boxes.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) text: String,
}

/// The whole picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub(super) boxes: Vec<Placed>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) headings: Vec<Heading>,
    pub(super) width: u32,
    pub(super) height: u32,
    /// The first free line.
    y: u32,
}

impl Layout {
    pub(super) fn of(view: &View<'_>) -> Layout {
        let mut layout = Layout { y: MARGIN, ..Layout::default() };
        let cycles = view.graph.cycles.iter().enumerate();
        let mut rings = cycles.filter(|(_, cycle)| !cycle.tids.is_empty());
        for (nth, cycle) in rings.by_ref().take(RINGS) {
            layout.heading(view.heading(nth, cycle));
            layout.ring(view, &cycle.tids, &cycle.things);
        }
        if let more @ 1.. = rings.count() {
            layout.heading(format!("and {more} more rings, which are not drawn"));
        }
        let mut budget = GROUPS;
        let forest = forest::Forest::of(view, &mut budget);
        if !forest.trees.is_empty() {
            layout.heading(String::from("waiting, and for whom"));
            for tree in &forest.trees {
                layout.tree(view, tree);
            }
        }
        let shown = forest.lone.len().min(budget);
        if shown > 0 {
            layout.heading(String::from("the other threads"));
            layout.lone(view, &forest.lone[..shown]);
        }
        let out: Vec<usize> =
            forest.left_out.iter().chain(&forest.lone[shown..]).copied().collect();
        if !out.is_empty() {
            let threads: usize = out.iter().map(|nth| view.groups[*nth].threads.len()).sum();
            let groups = out.len();
            layout.heading(format!("and {threads} more threads in {groups} groups, not drawn"));
        }
        if view.groups.is_empty() {
            layout.heading(String::from("no threads were seen"));
        }
        layout.finish();
        layout
    }

    /// The edges of the picture around all that is in it; headings that reach beyond the boxes are
    /// cut by the writer, who knows the width.
    fn finish(&mut self) {
        let right = self.boxes.iter().map(|b| b.rect.x + b.rect.w).max().unwrap_or(0);
        self.width = right.max(MARGIN + 2 * COLUMN) + MARGIN;
        self.height = self.y + MARGIN;
    }

    fn heading(&mut self, text: String) {
        self.headings.push(Heading { x: MARGIN, y: self.y + 16, text });
        self.y += HEADING;
    }

    /// The cell of a column and row below the first free line.
    fn cell(&self, column: u32, row: u32) -> Rect {
        let (x, y) = (MARGIN + column * COLUMN, self.y + row * ROW);
        Rect { x, y, w: BOX_WIDTH, h: BOX_HEIGHT }
    }

    fn group(&mut self, view: &View<'_>, rect: Rect, nth: usize, elsewhere: bool) {
        let alarm = view.groups[nth].cycle.is_some();
        let shape = if elsewhere { Shape::Elsewhere } else { Shape::Thread };
        let mut lines = group_lines(view, nth);
        if let (true, Some(above)) = (elsewhere, view.cycle_above(nth)) {
            lines.truncate(1);
            lines.push(above);
        }
        let title = group_title(view, nth);
        self.boxes.push(Placed { rect, shape, alarm, lines, title });
    }

    fn thing(&mut self, view: &View<'_>, rect: Rect, nth: usize, elsewhere: bool) {
        let alarm = view.graph.cycles.iter().any(|cycle| cycle.things.contains(&nth));
        let shape = if elsewhere { Shape::Elsewhere } else { Shape::Thing };
        let mut lines = thing_box_lines(view, nth);
        if elsewhere {
            lines.truncate(1);
            lines.push(String::from(if alarm { "in a ring above" } else { "shown elsewhere" }));
        }
        let title = thing_title(view, nth);
        self.boxes.push(Placed { rect, shape, alarm, lines, title });
    }

    /// A cycle, clockwise around a rectangle: each thread, what it waits for, who has that.
    fn ring(&mut self, view: &View<'_>, tids: &[i32], things: &[usize]) {
        let members = tids.len().min(MEMBERS);
        let around = around(members);
        let rows = around.iter().map(|cell| cell.1).max().unwrap_or(0) + 1;
        let rects: Vec<Rect> = around.iter().map(|(c, r)| self.cell(*c, *r)).collect();
        for (nth, tid) in tids.iter().enumerate().take(members) {
            let thing = things.get(nth).copied().unwrap_or(usize::MAX);
            let next = tids.get(nth + 1).or(tids.first()).copied().unwrap_or(*tid);
            let (here, there) = (rects[2 * nth], rects[2 * nth + 1]);
            let onwards = rects[(2 * nth + 2) % rects.len()];
            match view.group_of(*tid) {
                Some(group) => self.group(view, here, group, false),
                None => self.plain(here, Shape::Thread, view.thread(*tid)),
            }
            let hold = view.graph.things.get(thing).and_then(|thing| {
                view.holds(thing).into_iter().find(|hold| hold.holder.tid == next)
            });
            let cut_short = nth + 1 == members && members < tids.len();
            match (view.graph.things.get(thing), cut_short) {
                (_, true) => {
                    let more = tids.len() - members;
                    self.plain(there, Shape::Elsewhere, format!("and {more} more threads"));
                }
                (Some(_), _) => self.thing(view, there, thing, false),
                (None, _) => self.plain(there, Shape::Thing, view.thing(thing)),
            }
            let alone = members == 1;
            let waits = format!("{} waits for {}", view.thread(*tid), view.thing(thing));
            self.arrow(straight(here, there, alone), true, true, waits);
            let sure = hold.as_ref().is_none_or(|h| is_sure(h.holder.confidence));
            let why = hold.map_or_else(String::new, |hold| reason(hold.holder));
            let held = format!("{} {}{why}", view.relation(thing), view.thread(next));
            self.arrow(straight(there, onwards, alone), true, sure || cut_short, held);
        }
        self.y += rows * ROW;
    }

    fn plain(&mut self, rect: Rect, shape: Shape, text: String) {
        let lines = vec![cut(&text, super::text::COLUMNS)];
        self.boxes.push(Placed { rect, shape, alarm: true, lines, title: text });
    }

    fn arrow(&mut self, points: Vec<(u32, u32)>, alarm: bool, sure: bool, title: String) {
        self.arrows.push(Arrow { points, alarm, sure, title });
    }

    /// A tree, its root to the right.
    fn tree(&mut self, view: &View<'_>, tree: &forest::Tree) {
        let depth = tree.cells.iter().map(|cell| cell.depth).max().unwrap_or(0);
        let rects: Vec<Rect> =
            tree.cells.iter().map(|cell| self.cell(depth - cell.depth, cell.row)).collect();
        for (cell, rect) in tree.cells.iter().zip(&rects) {
            match cell.item {
                forest::Item::Group(nth) => self.group(view, *rect, nth, cell.elsewhere),
                forest::Item::Thing(nth) => self.thing(view, *rect, nth, cell.elsewhere),
            }
        }
        for edge in &tree.edges {
            let points = elbow(rects[edge.from], rects[edge.to]);
            self.arrow(points, false, edge.sure, edge.title.clone());
        }
        let rows = tree.cells.iter().map(|cell| cell.row).max().unwrap_or(0) + 1;
        self.y += rows * ROW;
    }

    /// Threads without lines, in rows.
    fn lone(&mut self, view: &View<'_>, groups: &[usize]) {
        let (mut column, mut row) = (0, 0);
        for nth in groups {
            let rect = self.cell(column, row);
            self.group(view, rect, *nth, false);
            column += 1;
            if column == COLUMNS {
                (column, row) = (0, row + 1);
            }
        }
        self.y += (row + u32::from(column > 0)) * ROW;
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::super::text::COLUMNS as TEXT;
    use super::*;
    use crate::graph::words::columns;

    #[test]
    fn boxes_never_overlap_and_stay_in_the_picture() {
        let rings = (0..60).map(|n| ("ring", fixture::ring(n)));
        for (name, graph) in fixture::all().into_iter().chain(rings) {
            let layout = Layout::of(&View::new(&graph));
            for (nth, a) in layout.boxes.iter().enumerate() {
                let a = a.rect;
                assert!(a.x + a.w < layout.width && a.y + a.h < layout.height, "{name}");
                for b in layout.boxes[..nth].iter().map(|b| b.rect) {
                    let apart = a.x + a.w <= b.x || b.x + b.w <= a.x;
                    let apart = apart || a.y + a.h <= b.y || b.y + b.h <= a.y;
                    assert!(apart, "{name}: {a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn lines_run_between_the_boxes() {
        for (name, graph) in fixture::all() {
            let layout = Layout::of(&View::new(&graph));
            for arrow in &layout.arrows {
                for ends in arrow.points.windows(2) {
                    let ((x1, y1), (x2, y2)) = (ends[0], ends[1]);
                    assert!(x1 == x2 || y1 == y2, "{name}: a slanting line");
                    for Placed { rect, .. } in &layout.boxes {
                        let across = x1.max(x2) > rect.x && x1.min(x2) < rect.x + rect.w;
                        let along = y1.max(y2) > rect.y && y1.min(y2) < rect.y + rect.h;
                        assert!(!(across && along), "{name}: {arrow:?} through {rect:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn text_stays_in_its_box() {
        for (name, graph) in fixture::all() {
            for b in Layout::of(&View::new(&graph)).boxes {
                assert!(b.lines.len() <= 4, "{name}: {:?}", b.lines);
                assert!(b.lines.iter().all(|line| columns(line) <= TEXT), "{name}: {:?}", b.lines);
            }
        }
    }

    #[test]
    fn every_thread_is_drawn_or_counted() {
        let layout = Layout::of(&View::new(&fixture::many(1000)));
        let threads = layout.boxes.iter().filter(|b| b.shape == Shape::Thread).count();
        let rest = format!("and {} more threads in", 1001 - threads);
        assert!(layout.headings.iter().any(|h| h.text.starts_with(&rest)), "{threads}");
        let crowd = Layout::of(&View::new(&fixture::crowd()));
        assert_eq!((crowd.boxes.len(), crowd.arrows.len()), (3, 2));
    }
}
