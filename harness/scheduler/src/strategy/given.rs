//! A schedule that was written down: the default rule, with the departures that the script lists.
//!
//! Replay and minimisation run on this. What a strategy decided is stored as such a list, so a stored
//! schedule outlives every change of the strategy that found it.

use super::{Choice, View};
use crate::abi::Decision;

#[derive(Debug)]
pub(super) struct Given {
    /// Script entries before this one are done.
    pub(super) next: usize,
}

impl Given {
    pub(super) const IDLE: Given = Given { next: 0 };

    pub(super) fn choose(&mut self, view: &View<'_>, script: &[Decision]) -> Choice {
        let default = view.default_choice();
        let mut choice = Choice { thread: default, missed: false };
        while let Some(entry) = script.get(self.next).filter(|d| u64::from(d.step) <= view.step) {
            self.next += 1;
            let here = u64::from(entry.step) == view.step;
            if here && view.candidates.iter().any(|c| c.thread == entry.thread) {
                choice = Choice { thread: entry.thread, missed: false };
            } else {
                choice.missed = true;
            }
        }
        choice
    }
}
