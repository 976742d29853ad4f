//! POS: Yuan, Yang and Gu, "Partial order aware concurrency sampling" (CAV 2018).
//!
//! Every pending operation has a random priority, the highest happens. Then each pending operation
//! that races with it (the same object, one of the two writes) draws anew, and so does the thread's
//! next operation. Orders that differ only in independent operations are thus sampled together.

use super::{Candidate, Rng, View, slot};
use crate::abi::MAX_THREADS;

#[derive(Debug)]
pub(super) struct Pos {
    pub(super) priority: [u64; MAX_THREADS],
    /// Whether the thread's pending operation still has to draw.
    fresh: [bool; MAX_THREADS],
}

impl Pos {
    pub(super) const IDLE: Pos = Pos { priority: [0; MAX_THREADS], fresh: [true; MAX_THREADS] };

    pub(super) fn begin(&mut self) {
        self.fresh = [true; MAX_THREADS];
    }

    pub(super) fn created(&mut self, thread: u32, _rng: &mut Rng) {
        self.fresh[slot(thread)] = true;
    }

    pub(super) fn choose(&mut self, view: &View<'_>, rng: &mut Rng) -> u32 {
        let mut best = view.candidates[0];
        for candidate in view.candidates {
            let at = slot(candidate.thread);
            if core::mem::take(&mut self.fresh[at]) {
                self.priority[at] = rng.bits();
            }
            if self.priority[at] > self.priority[slot(best.thread)] {
                best = *candidate;
            }
        }
        self.fresh[slot(best.thread)] = true;
        for candidate in view.candidates {
            if candidate.thread != best.thread && race(candidate, &best) {
                self.fresh[slot(candidate.thread)] = true;
            }
        }
        best.thread
    }
}

fn race(one: &Candidate, other: &Candidate) -> bool {
    one.object != 0 && one.object == other.object && (one.writes || other.writes)
}
