//! Which part of the memory goes into the core file, piece by piece.

use std::io;
use std::ops::Range;

use super::PAGE;
use super::memory::Memory;
use super::regions::{Contents, Region};

/// A stretch without pages that is longer is left out rather than bridged by a hole: a file cannot
/// be as large as an address space.
const LONG_HOLE: u64 = 64 << 20;
/// Pages of a file that are still as they were are taken in all the same between modified ones.
const FEW_PAGES: u64 = 16 * PAGE;

/// A piece of memory of one kind: one program header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) range: Range<u64>,
    pub(super) filled: Filled,
    /// `p_flags`.
    pub(super) flags: u32,
}

/// What a core file has of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// Its addresses alone.
    Not,
    /// The pages that exist, and holes where there are none.
    Sparsely,
    /// Every page.
    Fully,
}

impl Segment {
    /// Bytes that it takes up in the file, holes included.
    pub(super) fn size_in_file(&self) -> u64 {
        if self.filled == Filled::Not { 0 } else { self.range.end - self.range.start }
    }
}

/// The segments of one region.
pub(super) fn of_region(region: &Region, memory: &Memory) -> io::Result<Vec<Segment>> {
    let contents = region.contents();
    let (filled, bridged) = match contents {
        Contents::Nothing => (Filled::Not, 0),
        Contents::Whole => (Filled::Fully, 0),
        Contents::Anonymous => (Filled::Sparsely, LONG_HOLE),
        Contents::Shared => (Filled::Sparsely, 0),
        Contents::Modified => (Filled::Fully, FEW_PAGES),
    };
    let flags = u32::from(region.readable) * 4
        + u32::from(region.writable) * 2
        + u32::from(region.executable);
    let segment = |(range, filled)| Segment { range, filled, flags };

    // Without counts and page map, a reservation that nobody may touch would be read for nothing.
    let is_touchable = region.readable || region.writable || region.executable;
    let mut runs = Vec::new();
    match contents {
        Contents::Nothing => {}
        Contents::Whole => runs.push(region.range.clone()),
        _ if region.is_empty() || !(is_touchable || memory.knows_pages()) => {}
        _ => {
            let own = contents == Contents::Modified;
            for run in memory.runs(region.range.clone(), own) {
                bridge(&mut runs, run?, bridged);
            }
        }
    }
    if runs.is_empty() {
        return Ok(without_pages(region, memory).into_iter().map(segment).collect());
    }
    // The ends are bridged like what lies between, where they read as zeroes or as the file.
    Ok(pieces(&region.range, &runs, bridged, filled).into_iter().map(segment).collect())
}

/// Adds `run`, which lies behind all others, to the last one if little lies between.
fn bridge(runs: &mut Vec<Range<u64>>, run: Range<u64>, bridged: u64) {
    match runs.last_mut() {
        Some(last) if run.start - last.end <= bridged => last.end = run.end,
        _ => runs.push(run),
    }
}

/// Cuts `range` into the `runs`, stretched to its ends where those are near, and what is between.
fn pieces(
    range: &Range<u64>,
    runs: &[Range<u64>],
    bridged: u64,
    filled: Filled,
) -> Vec<(Range<u64>, Filled)> {
    let mut pieces = Vec::with_capacity(runs.len() * 2 + 1);
    let mut at = range.start;
    for run in runs {
        let start = if at == range.start && run.start - at <= bridged { at } else { run.start };
        let end = if range.end - run.end <= bridged { range.end } else { run.end };
        if at < start {
            pieces.push((at..start, Filled::Not));
        }
        pieces.push((start..end, filled));
        at = end;
    }
    if at < range.end {
        pieces.push((at..range.end, Filled::Not));
    }
    pieces
}

/// A region of which no page is worth reading.
fn without_pages(region: &Region, memory: &Memory) -> Vec<(Range<u64>, Filled)> {
    let Range { start, end } = region.range;
    match region.contents() {
        // A debugger can show the zeroes.
        Contents::Anonymous if region.readable && end - start <= LONG_HOLE => {
            vec![(start..end, Filled::Sparsely)]
        }
        // From it a debugger knows which build of the file it was.
        Contents::Modified if region.readable && region.offset == 0 && memory.is_elf(start) => {
            let first = start..start + PAGE;
            pieces(&region.range, std::slice::from_ref(&first), 0, Filled::Fully)
        }
        _ => vec![(start..end, Filled::Not)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(runs: &[Range<u64>], bridged: u64) -> Vec<(u64, u64, bool)> {
        let mut joined = Vec::new();
        for run in runs {
            bridge(&mut joined, run.clone(), bridged);
        }
        let pieces = pieces(&(0..100), &joined, bridged, Filled::Sparsely);
        pieces.into_iter().map(|(r, filled)| (r.start, r.end, filled != Filled::Not)).collect()
    }

    #[test]
    fn a_region_is_cut_where_no_pages_are() {
        assert_eq!(
            cut(&[10..20, 60..70], 0),
            [(0, 10, false), (10, 20, true), (20, 60, false), (60, 70, true), (70, 100, false)]
        );
        assert_eq!(cut(&[0..20, 20..100], 0), [(0, 100, true)]);
    }

    #[test]
    fn short_gaps_are_bridged_at_the_ends_too() {
        assert_eq!(cut(&[10..20, 30..95], 10), [(0, 100, true)]);
        assert_eq!(
            cut(&[10..20, 31..89], 10),
            [(0, 20, true), (20, 31, false), (31, 89, true), (89, 100, false)]
        );
    }
}
