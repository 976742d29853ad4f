//! A schedule as who runs for how long: an entry of the script is a thread and, for a step, how many
//! steps it makes before the next entry's turn comes.
//!
//! Minimisation asks in these words. In a list of departures each is bound to a step counted over all
//! threads, so with one removed all later ones happen elsewhere; here they stay at the same moment
//! of their threads. A segment ends early when its thread cannot go on, one whose thread cannot
//! begin is left out, and behind the last the default rule holds.

use super::View;
use crate::abi::Decision;

#[derive(Debug)]
pub(super) struct Segments {
    next: usize,
    thread: u32,
    left: u32,
}

impl Segments {
    pub(super) const IDLE: Segments = Segments { next: 0, thread: 0, left: 0 };

    pub(super) fn choose(&mut self, view: &View<'_>, script: &[Decision]) -> u32 {
        let can_run = |thread| view.candidates.iter().any(|c| c.thread == thread);
        if self.left > 0 && can_run(self.thread) {
            self.left -= 1;
            return self.thread;
        }
        self.left = 0;
        while let Some(entry) = script.get(self.next) {
            self.next += 1;
            if entry.step > 0 && can_run(entry.thread) {
                (self.thread, self.left) = (entry.thread, entry.step - 1);
                return entry.thread;
            }
        }
        view.default_choice()
    }
}
