//! The way around a ring, and the ways from box to box.

use super::layout::{BOX_WIDTH, COLUMN, COLUMNS, Rect};

/// Cells once around a rectangle, clockwise from its upper left: two for each member.
pub(super) fn around(members: usize) -> Vec<(u32, u32)> {
    let n = u32::try_from(members).unwrap_or(0);
    if n < 2 {
        return (0..2 * n).map(|column| (column, 0)).collect();
    }
    let columns = n.div_ceil(2).clamp(2, COLUMNS);
    let rows = n + 2 - columns;
    let top = (0..columns).map(|c| (c, 0));
    let right = (1..rows).map(|r| (columns - 1, r));
    let bottom = (0..columns - 1).rev().map(|c| (c, rows - 1));
    let left = (1..rows - 1).rev().map(|r| (0, r));
    top.chain(right).chain(bottom).chain(left).collect()
}

/// From one box to its neighbour. The two of a ring of one have lines in both directions, which
/// keep apart.
pub(super) fn straight(from: Rect, to: Rect, alone: bool) -> Vec<(u32, u32)> {
    let (middle_x, middle_y) = (from.x + from.w / 2, from.y + from.h / 2);
    let third = from.y + from.h / 3;
    if from.x < to.x {
        let y = if alone { third } else { middle_y };
        vec![(from.x + from.w, y), (to.x, y)]
    } else if from.x > to.x {
        let y = if alone { from.y + from.h - from.h / 3 } else { middle_y };
        vec![(from.x, y), (to.x + to.w, y)]
    } else if from.y < to.y {
        vec![(middle_x, from.y + from.h), (middle_x, to.y)]
    } else {
        vec![(middle_x, from.y), (middle_x, to.y + to.h)]
    }
}

/// From one box to one in the next column, up or down within the gap. Lines up and lines down keep
/// apart.
pub(super) fn elbow(from: Rect, to: Rect) -> Vec<(u32, u32)> {
    let (start, end) = (from.x + from.w, to.x);
    let (y, target) = (from.y + from.h / 2, to.y + to.h / 2);
    let turn = start + (COLUMN - BOX_WIDTH) * if y < target { 3 } else { 2 } / 6;
    if y == target {
        return vec![(start, y), (end, y)];
    }
    vec![(start, y), (turn, y), (turn, target), (end, target)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_closes() {
        for members in 2..60 {
            let cells = around(members);
            assert_eq!(cells.len(), 2 * members);
            for (nth, a) in cells.iter().enumerate() {
                let b = cells[(nth + 1) % cells.len()];
                assert_eq!(a.0.abs_diff(b.0) + a.1.abs_diff(b.1), 1, "{members}: {a:?} {b:?}");
            }
        }
    }
}
