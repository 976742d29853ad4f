//! All scripts of at most b delays, in the order of their length.
//!
//! The runtime follows its default rule and skips its choice at the steps that a script names; see
//! `strategy/delays.rs` of the scheduler. A script is extended at the step of its last delay or later,
//! up to the steps that its own trial had, so each set of delays comes up once. A delay that changed
//! nothing (the schedule's hash is that of the script without it) is not extended: what would follow
//! is what follows without it.

use std::collections::{BTreeMap, VecDeque};

use standstill_scheduler::abi::Decision;

use super::ended::Ended;

/// Scripts that begin alike and end with one delay more.
#[derive(Debug)]
struct Family {
    script: Vec<Decision>,
    hash: u64,
    /// Steps at which the last delay is still to be put.
    steps: std::ops::Range<u32>,
}

/// The scripts that are left, and what is known of the others.
#[derive(Debug)]
pub(super) struct Delays {
    bound: u32,
    begun: bool,
    families: VecDeque<Family>,
    /// Trials that run, and the hash of the schedule that each adds a delay to.
    running: BTreeMap<u64, Option<u64>>,
    complete: bool,
}

impl Delays {
    pub(super) fn new(bound: u32) -> Delays {
        let (families, running) = (VecDeque::new(), BTreeMap::new());
        Delays { bound, begun: false, families, running, complete: true }
    }

    /// The next script, for the trial of this number.
    pub(super) fn next(&mut self, index: u64) -> Option<Vec<Decision>> {
        if !self.begun {
            self.begun = true;
            self.running.insert(index, None);
            return Some(vec![]);
        }
        loop {
            let family = self.families.front_mut()?;
            let Some(step) = family.steps.next() else {
                self.families.pop_front();
                continue;
            };
            let mut script = family.script.clone();
            script.push(Decision { step, thread: 0 });
            self.running.insert(index, Some(family.hash));
            return Some(script);
        }
    }

    /// Whether more may come of trials that run.
    pub(super) fn is_waiting(&self) -> bool {
        !self.running.is_empty()
    }

    pub(super) fn ended(&mut self, index: u64, script: &[Decision], ended: &Ended, is_whole: bool) {
        let Some(parent) = self.running.remove(&index) else { return };
        let numbers = &ended.numbers;
        self.complete &= is_whole && numbers.doubts().is_empty();
        if (script.len() as u32) < self.bound && parent != Some(numbers.hash) {
            let from = script.last().map_or(0, |last| last.step);
            let steps = from..u32::try_from(numbers.steps).unwrap_or(u32::MAX);
            let (script, hash) = (script.to_vec(), numbers.hash);
            self.families.push_back(Family { script, hash, steps });
        }
    }

    pub(super) fn lost(&mut self, index: u64) {
        self.running.remove(&index);
        self.complete = false;
    }

    /// Whether all schedules within the bound were seen, each under complete control.
    pub(super) fn proves(&self) -> bool {
        let is_through = self.families.iter().all(|family| family.steps.is_empty());
        self.begun && self.complete && self.running.is_empty() && is_through
    }
}
