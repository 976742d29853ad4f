//! What a step has cost so far, and who had that much to spend.
//!
//! A scenario promises a step in every quarter of the timeout, and means of actors that run. With
//! sixteen spinning threads on two cores, or on a machine that is busy with something else, each gets a
//! few milliseconds a second. That it makes no step then says nothing about locks.
//!
//! The price is measured up to the last step: what is burnt after it, by a livelock perhaps, must not
//! make steps look dear.

use crate::observation::{ActorWindow, Window};

/// The price of so many steps makes one due: no two cost the same.
const CHANCES: u64 = 4;

/// Where a step has been made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// What it cost of the process's CPU time, in us, on average. Threads that the library starts to
    /// help an actor count, so that the actor's own part is less.
    step_us: u64,
    /// What the process had in the window.
    had_us: u64,
}

impl Pace {
    /// None if no step was ever made: then nothing can be said.
    pub(super) fn of(window: &Window) -> Option<Pace> {
        let had_us = window.cpu_ms.saturating_mul(1000);
        window.step_us.map(|step_us| Pace { step_us, had_us })
    }

    /// Whether so many actors, among them, had the CPU for so long in the window that none having made
    /// a step needs another reason.
    pub(super) fn makes_all_due(self, actors: usize) -> bool {
        let price = self.step_us.saturating_mul(CHANCES);
        self.had_us >= price.saturating_mul(actors as u64)
    }

    /// Whether this one had; it is not let off where its time could not be read.
    pub(super) fn makes_due(self, actor: &ActorWindow) -> bool {
        actor.cpu_us.is_none_or(|us| us >= self.step_us.saturating_mul(CHANCES))
    }

    /// The price, and what there was to spend.
    pub(super) fn tell(self) -> String {
        let ms = |us: u64| us as f64 / 1000.0;
        format!(
            "up to the last of them a step took {:.1} ms of CPU on average; in that time the process had \
             {:.1} ms",
            ms(self.step_us),
            ms(self.had_us)
        )
    }
}
