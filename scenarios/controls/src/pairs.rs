//! Actors two by two, for bugs that take two.
//!
//! A scenario may be run with any number of actors. The bugs of pairs are repeated once for every
//! two of them; an odd actor is left over and has nothing to do, and so has one that is alone.

use standstill_kit::{Actor, TrialInfo};

/// What each pair of actors shares.
pub(crate) struct Pairs<T>(Vec<T>);

impl<T> Pairs<T> {
    /// Makes as many as the trial's actors need.
    pub(crate) fn new(info: TrialInfo, make: impl Fn() -> T) -> Pairs<T> {
        Pairs((0..info.threads / 2).map(|_| make()).collect())
    }

    /// What an actor shares with its partner, and its side: 0 or 1. `None` without a partner.
    pub(crate) fn of(&self, me: &Actor<'_>) -> Option<(&T, usize)> {
        Some((self.0.get(me.index() / 2)?, me.index() % 2))
    }

    /// All pairs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}
