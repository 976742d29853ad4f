//! Focus: threads are switched at few places only, drawn anew for each trial.
//!
//! Most steps of a real program are of no interest: reference counts, the allocator, what starts and
//! ends a thread. A walk that may turn at each of them hardly ever turns where it matters. So either
//! some sites of the code or some pages of memory are drawn, one in 8 or 16, and all other steps just
//! happen. Where it does turn, it goes on with any thread, as in Zhao, Wolff, Mathur and Roychoudhury,
//! "Selectively uniform concurrency testing" (ASPLOS 2025), or it parks the thread until no other
//! can run, as Joshi, Park, Sen and Naik do where they suspect a deadlock, "A randomized dynamic
//! program analysis technique for detecting real deadlocks" (PLDI 2009); here nothing is suspected.

use super::pct::Pct;
use super::{Candidate, Rng, View, random};
use crate::abi::Order;

/// Objects of one page count as one: locks of one structure are of interest together.
const PAGE: u32 = 12;

#[derive(Debug)]
pub(super) struct Focus {
    salt: u64,
    /// One in how many sites or pages is of interest.
    every: u64,
    by_site: bool,
    parks: bool,
}

impl Focus {
    pub(super) const IDLE: Focus = Focus { salt: 0, every: 8, by_site: false, parks: false };

    /// `pct` holds the threads' priorities, and gets no change points.
    pub(super) fn begin(&mut self, order: &Order, rng: &mut Rng, pct: &mut Pct) {
        let dice = rng.bits();
        self.salt = rng.bits();
        self.every = if dice & 1 == 0 { 8 } else { 16 };
        (self.by_site, self.parks) = (dice & 2 != 0, dice & 4 != 0);
        pct.begin(&Order { depth: 1, ..*order }, rng);
    }

    pub(super) fn choose(&mut self, view: &View<'_>, rng: &mut Rng, pct: &mut Pct) -> u32 {
        let here = view.candidates.iter().find(|c| c.thread == view.current);
        let turns = here.is_none_or(|here| self.is_drawn(here));
        match (self.parks, turns) {
            (true, true) if here.is_some() => pct.demote(view.current),
            (false, true) => return random::choose(view, rng),
            (false, false) => return view.current,
            _ => {}
        }
        pct.choose(view)
    }

    fn is_drawn(&self, next: &Candidate) -> bool {
        let place = if self.by_site { next.pc } else { next.object >> PAGE };
        Rng::new(self.salt ^ place as u64).below(self.every) == 0
    }
}
