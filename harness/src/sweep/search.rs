//! Which thread counts are tried, and in which order.
//!
//! 1. One thread, as a control: what fails with one is no matter of threads among themselves.
//! 2. Upwards in doubled steps until a count fails: what fails often is found in few trials, and small
//!    counts are the cheap ones.
//! 3. Between that count and the last one that did not fail the middle is tried, until the two are
//!    neighbours.
//! 4. The next larger count and the largest: nothing says that more threads fail more often.
//!
//! What was not tried is not known; whoever tells the answer says which that is.

use std::collections::BTreeMap;

use super::looks::Says;

/// What was learnt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The counts that were tested, and what they say.
    pub tested: BTreeMap<u32, Says>,
    /// Whether somebody stopped it.
    pub stopped: bool,
}

impl Answer {
    /// The least tested count that fails.
    pub fn least(&self) -> Option<u32> {
        self.tested.iter().find(|(_, says)| **says == Says::Fails).map(|(threads, _)| *threads)
    }
}

/// Searches among `counts`, ascending and without repetitions. A test that answers `None` was stopped.
pub fn search<E>(
    counts: &[u32],
    test: &mut dyn FnMut(u32) -> Result<Option<Says>, E>,
) -> Result<Answer, E> {
    let mut search = Search { counts, test, answer: Answer::default() };
    search.run()?;
    Ok(search.answer)
}

struct Search<'a, E> {
    counts: &'a [u32],
    test: &'a mut dyn FnMut(u32) -> Result<Option<Says>, E>,
    answer: Answer,
}

impl<E> Search<'_, E> {
    fn run(&mut self) -> Result<(), E> {
        let Some(last) = self.counts.len().checked_sub(1) else { return Ok(()) };
        let (mut holds, mut fails) = (None, None);
        for at in ladder(self.counts) {
            if self.fails(at)? {
                fails = Some(at);
                break;
            }
            if self.answer.stopped {
                return Ok(());
            }
            holds = Some(at);
        }
        let Some(mut fails) = fails else { return Ok(()) };
        while let Some(below) = holds
            && below + 1 < fails
        {
            let middle = below.midpoint(fails);
            match self.fails(middle)? {
                true => fails = middle,
                false => holds = Some(middle),
            }
            if self.answer.stopped {
                return Ok(());
            }
        }
        for at in [(fails + 1).min(last), last] {
            self.fails(at)?;
            if self.answer.stopped {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether the count at this place fails; each is tested once.
    fn fails(&mut self, at: usize) -> Result<bool, E> {
        let threads = self.counts[at];
        if let Some(says) = self.answer.tested.get(&threads) {
            return Ok(*says == Says::Fails);
        }
        match (self.test)(threads)? {
            Some(says) => {
                self.answer.tested.insert(threads, says);
                Ok(says == Says::Fails)
            }
            None => {
                self.answer.stopped = true;
                Ok(false)
            }
        }
    }
}

/// The places of the least count, of the first that is at least twice as large, and so on; the last
/// place is always the largest count.
fn ladder(counts: &[u32]) -> Vec<usize> {
    let mut rungs = vec![0];
    let mut from = counts[0];
    for (at, threads) in counts.iter().enumerate() {
        if u64::from(*threads) >= 2 * u64::from(from) {
            rungs.push(at);
            from = *threads;
        }
    }
    if rungs.last() != Some(&(counts.len() - 1)) {
        rungs.push(counts.len() - 1);
    }
    rungs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches where exactly the counts that `fails` says do fail; the order of the tests comes too.
    fn searched(counts: &[u32], fails: impl Fn(u32) -> bool) -> (Answer, Vec<u32>) {
        let mut order = vec![];
        let answer = search::<()>(counts, &mut |threads| {
            order.push(threads);
            Ok(Some(if fails(threads) { Says::Fails } else { Says::Below }))
        });
        (answer.unwrap(), order)
    }

    fn to_64() -> Vec<u32> {
        (1..=64).collect()
    }

    #[test]
    fn two_threads_are_found_after_one_and_their_neighbours_are_tested() {
        let (answer, order) = searched(&to_64(), |threads| threads >= 2);
        assert_eq!((answer.least(), order), (Some(2), vec![1, 2, 3, 64]));
    }

    #[test]
    fn every_threshold_is_found_and_the_count_below_it_does_not_fail() {
        for threshold in 1..=64 {
            let (answer, order) = searched(&to_64(), |threads| threads >= threshold);
            assert_eq!(answer.least(), Some(threshold));
            assert!(order.len() <= 14, "{threshold}: {order:?}");
            assert!(threshold == 1 || answer.tested[&(threshold - 1)] == Says::Below);
        }
    }

    #[test]
    fn what_fails_with_few_threads_only_is_found_too() {
        let (answer, _) = searched(&to_64(), |threads| threads == 4);
        assert_eq!(answer.least(), Some(4));
        assert_eq!((answer.tested[&5], answer.tested[&64]), (Says::Below, Says::Below));
    }

    #[test]
    fn a_list_is_searched_and_nothing_besides() {
        let (answer, order) = searched(&[1, 2, 8, 9], |threads| threads >= 8);
        assert_eq!((answer.least(), order), (Some(8), vec![1, 2, 8, 9]));
        let (answer, order) = searched(&[1], |_| false);
        assert_eq!((answer.least(), order), (None, vec![1]));
    }

    #[test]
    fn nothing_that_fails_ends_with_the_largest() {
        let (answer, order) = searched(&(1..=48).collect::<Vec<_>>(), |_| false);
        assert_eq!((answer.least(), order), (None, vec![1, 2, 4, 8, 16, 32, 48]));
    }

    #[test]
    fn who_is_stopped_keeps_what_is_known() {
        let mut left = 2;
        let answer = search::<()>(&to_64(), &mut |_| {
            left -= 1;
            Ok((left > 0).then_some(Says::Undecided))
        });
        let answer = answer.unwrap();
        assert!(answer.stopped && answer.tested.len() == 1);
    }
}
