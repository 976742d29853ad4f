//! PCT: Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic
//! guarantees of finding bugs" (ASPLOS 2010).
//!
//! Every thread gets a random priority above `depth`; the highest that can run does. At `depth - 1`
//! random steps the running thread's priority drops to `depth - i`. A bug of depth d in a program of
//! n threads and k steps is found with probability at least 1 / (n k^(d-1)) in each run.

use super::{Rng, View, slot};
use crate::abi::{MAX_THREADS, Order};

/// Change points there can be: depth 1 to 16.
const MOST: usize = 16;

#[derive(Debug)]
pub(super) struct Pct {
    /// Higher runs first. Drawn from the upper half; dropped ones lie below [`Pct::FLOOR`], and below
    /// them the demoted, each lower than the one before.
    priority: [i64; MAX_THREADS],
    /// Ascending steps, `changes` of them.
    points: [u64; MOST],
    changes: usize,
    passed: usize,
    lowest: i64,
}

impl Pct {
    const FLOOR: i64 = 1 << 20;

    pub(super) const IDLE: Pct =
        Pct { priority: [0; MAX_THREADS], points: [0; MOST], changes: 0, passed: 0, lowest: 0 };

    pub(super) fn begin(&mut self, order: &Order, rng: &mut Rng) {
        self.changes = (order.depth.max(1) as usize - 1).min(MOST);
        for point in &mut self.points[..self.changes] {
            *point = 1 + rng.below(order.length.max(1));
        }
        self.points[..self.changes].sort_unstable();
        (self.passed, self.lowest) = (0, 0);
        self.created(0, rng);
    }

    pub(super) fn created(&mut self, thread: u32, rng: &mut Rng) {
        self.priority[slot(thread)] = Self::FLOOR + (rng.bits() >> 2) as i64;
    }

    pub(super) fn choose(&mut self, view: &View<'_>) -> u32 {
        while self.passed < self.changes && self.points[self.passed] <= view.step {
            self.passed += 1;
            self.priority[slot(view.current)] = (self.changes - self.passed) as i64;
        }
        let best = view.candidates.iter().max_by_key(|c| self.priority[slot(c.thread)]);
        best.map_or(view.current, |c| c.thread)
    }

    pub(super) fn demote(&mut self, thread: u32) {
        self.lowest -= 1;
        self.priority[slot(thread)] = self.lowest;
    }
}
