//! One thread of a trial, as its body sees itself.

use std::cell::Cell as Slot;
use std::sync::atomic::Ordering::Relaxed;

use standstill::board::Cell;
use standstill::trial::trial_seed;

use crate::TrialInfo;

/// One thread of a scenario.
pub struct Actor<'a> {
    index: usize,
    count: usize,
    iterations: u32,
    random: Slot<u64>,
    draws: Slot<u64>,
    cell: &'a Cell,
}

impl<'a> Actor<'a> {
    pub(crate) fn new(index: usize, info: TrialInfo, cell: &'a Cell) -> Self {
        let TrialInfo { threads: count, iterations, seed } = info;
        let random = Slot::new(trial_seed(seed, index as u64));
        Actor { index, count, iterations, random, draws: Slot::new(0), cell }
    }

    /// This actor's number, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many actors the trial has.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How often it is to repeat what it does: as its scenario [says](crate::Builder::iterations), or
    /// as was asked for; 1 if the scenario says nothing.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Counts one step of progress. It costs one uncontended store and makes no memory ordering,
    /// so that counting hides no bug.
    ///
    /// A scenario whose actors call this at least once in every quarter of the timeout should say so
    /// with [`Builder::counts_steps`](crate::Builder::counts_steps): then a busy standstill can be
    /// told from slow work.
    pub fn step(&self) {
        self.cell.steps.store(self.cell.steps.load(Relaxed) + 1, Relaxed);
    }

    /// The next number of this actor's own random sequence, which the trial's seed determines.
    pub fn random(&self) -> u64 {
        let draw = self.draws.get();
        self.draws.set(draw + 1);
        trial_seed(self.random.get(), draw)
    }
}
