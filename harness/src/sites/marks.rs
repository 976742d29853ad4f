//! What is known about each byte of code, as bits: the branches of a large program are too many for
//! a list that has to be sorted.

use std::ops::Range;

/// What can be known about a byte.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    /// An instruction begins here.
    Begin,
    /// A direct branch leads here, or a function is said to begin or to end here.
    Target,
    /// A function is said to begin here.
    Entry,
    /// Its address is taken or read, or it is called.
    Pointed,
}

const KINDS: usize = Mark::Pointed as usize + 1;

/// The marks of one piece of code.
struct Plane {
    range: Range<u64>,
    /// One word of each kind for 64 bytes, side by side.
    words: Vec<[u64; KINDS]>,
}

/// The marks of all code of a file.
pub(super) struct Marks(Vec<Plane>);

impl Marks {
    /// None, for the given pieces of code.
    pub(super) fn new(pieces: impl Iterator<Item = Range<u64>>) -> Self {
        let plane = |range: Range<u64>| {
            let words = vec![[0; KINDS]; (range.end - range.start).div_ceil(64) as usize];
            Plane { range, words }
        };
        let mut planes: Vec<_> = pieces.map(plane).collect();
        // The larger a piece, the more often it is asked for.
        planes.sort_by_key(|p| std::cmp::Reverse(p.words.len()));
        Marks(planes)
    }

    /// Sets a mark; an address outside all code is passed over.
    #[inline]
    pub(super) fn set(&mut self, mark: Mark, address: u64) {
        if let Some(plane) = self.0.iter_mut().find(|p| p.range.contains(&address)) {
            let at = address - plane.range.start;
            plane.words[(at / 64) as usize][mark as usize] |= 1 << (at % 64);
        }
    }

    /// Whether any byte of `range`, which lies in one piece, has `mark` and lacks `lacks`.
    pub(super) fn any(&self, range: Range<u64>, mark: Mark, lacks: Option<Mark>) -> bool {
        let Some(plane) = self.0.iter().find(|p| p.range.contains(&range.start)) else {
            return false;
        };
        let (start, end) = (range.start - plane.range.start, range.end - plane.range.start);
        (start / 64..end.div_ceil(64)).any(|index| {
            let word = &plane.words[index as usize];
            let mut bits = word[mark as usize] & !lacks.map_or(0, |mark| word[mark as usize]);
            if index == start / 64 {
                bits &= !0 << (start % 64);
            }
            if index == end / 64 {
                bits &= !(!0 << (end % 64));
            }
            bits != 0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_before_its_end() {
        let mut marks = Marks::new([100..400, 1000..1010].into_iter());
        for address in [100, 163, 164, 227, 399, 1009, 1010, 5] {
            marks.set(Mark::Target, address);
        }
        let any = |range| marks.any(range, Mark::Target, None);
        assert!(any(100..101) && any(163..164) && any(164..165) && any(200..228));
        assert!(any(398..400) && any(1000..1010));
        assert!(!any(101..163) && !any(165..227) && !any(228..399) && !any(1000..1009));
        assert!(!any(5..6));
    }

    #[test]
    fn one_mark_excuses_another() {
        let mut marks = Marks::new(std::iter::once(0..64));
        marks.set(Mark::Target, 7);
        assert!(marks.any(0..64, Mark::Target, Some(Mark::Begin)));
        marks.set(Mark::Begin, 7);
        assert!(!marks.any(0..64, Mark::Target, Some(Mark::Begin)));
    }
}
