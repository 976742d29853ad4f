//! The trials of a group in their order, without a list of them: a campaign may be as long as it likes.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::plan::Unit;

/// What is still to be run of units that stand together in a plan.
pub(super) struct Work<'a> {
    /// Where the first of them stands in the plan.
    from: usize,
    units: &'a [Unit],
    /// Trials that an earlier session has run: unit in the plan, and index.
    done: &'a BTreeSet<(usize, u64)>,
    /// The one to look at next: unit among these, and index.
    next: Mutex<(usize, u64)>,
}

impl<'a> Work<'a> {
    pub(super) fn new(from: usize, units: &'a [Unit], done: &'a BTreeSet<(usize, u64)>) -> Self {
        Work { from, units, done, next: Mutex::new((0, 0)) }
    }

    /// The next trial, unless there is none left.
    pub(super) fn take(&self) -> Option<(usize, u64)> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (unit, index) = *next;
            if index == self.units.get(unit)?.trials {
                *next = (unit + 1, 0);
                continue;
            }
            *next = (unit, index + 1);
            let trial = (self.from + unit, index);
            if !self.done.contains(&trial) {
                return Some(trial);
            }
        }
    }

    /// How many of each unit are to be run in all.
    pub(super) fn left(&self) -> Vec<u64> {
        let units = self.units.iter().enumerate();
        let left = units.map(|(unit, Unit { trials, .. })| {
            let at = self.from + unit;
            trials - self.done.range((at, 0)..(at, *trials)).count() as u64
        });
        left.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::unit;

    #[test]
    fn what_was_done_is_left_out_and_the_rest_comes_in_order() {
        let units = [unit("transfer", 2, 3), unit("transfer", 8, 0), unit("transfer", 64, 2)];
        let done = BTreeSet::from([(5, 0), (5, 2), (7, 1), (7, 9), (8, 0)]);
        let work = Work::new(5, &units, &done);
        assert_eq!(work.left(), [1, 0, 1]);
        assert_eq!(std::iter::from_fn(|| work.take()).collect::<Vec<_>>(), [(5, 1), (7, 0)]);
        assert_eq!(work.take(), None);
    }

    #[test]
    fn as_many_trials_as_there_are_numbers_take_no_memory() {
        let units = [unit("transfer", 2, u64::MAX), unit("transfer", 8, u64::MAX)];
        let done = BTreeSet::new();
        let work = Work::new(0, &units, &done);
        assert_eq!(work.left(), [u64::MAX, u64::MAX]);
        assert_eq!([work.take(), work.take()], [Some((0, 0)), Some((0, 1))]);
    }
}
