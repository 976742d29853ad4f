//! The same finding in a smaller run of a scenario: with fewer threads, then with fewer iterations.
//!
//! A schedule belongs to its number of threads, so a shorter one cannot be cut out of a longer one as
//! it is done with switches: each smaller size is searched anew, within a bound. Only what such a
//! search saw is told; that it saw nothing is no proof, so the numbers of its trials are told, too.
//!
//! That the small run fails in the same place is not enough. A scenario may simply make no sense for
//! so few, and fail always: where the larger one has ended well, so must the smaller one once.

mod fewest;
mod seek;
mod size;

use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use fewest::{Answer, fewest};
pub(super) use seek::Seeker;
pub use size::Size;
pub(crate) use size::counted;

/// Threads that are tried first. One is tried at the end, when a run is at its shortest: it seldom does.
const PAIR: u32 = 2;

/// What came of looking for a smaller run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smaller {
    /// What was found first.
    pub was: Size,
    /// The smallest that was seen to fail alike.
    pub now: Size,
    /// What was tried, in its order.
    pub tried: Vec<Tried>,
    /// Whether time was over before all was tried.
    pub cut_short: bool,
    /// The token of what was found first, if that is not what is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A size that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Which.
    pub size: Size,
    /// Schedules that were run.
    pub trials: u64,
    /// Whether one of them showed the finding, and showed it again.
    pub failed: bool,
    /// Whether all of them failed, so that they say nothing of schedules.
    pub always: bool,
}

/// Tries smaller sizes with `seek`, which says when there is no time for another. What came of it, and
/// what the last success left.
pub(super) fn smaller<T>(
    was: Size,
    seek: &mut dyn FnMut(Size) -> Option<(Tried, Option<T>)>,
) -> (Smaller, Option<T>) {
    let mut told = Smaller { was, now: was, tried: vec![], cut_short: false, token: None };
    let mut found = None;
    let mut test = |told: &mut Smaller, size: Size| {
        let Some((tried, left)) = seek(size) else {
            told.cut_short = true;
            return Answer::Over;
        };
        told.tried.push(tried);
        match left {
            Some(left) => {
                (told.now, found) = (size, Some(left));
                Answer::Yes
            }
            None => Answer::No,
        }
    };
    let threads = fewest(PAIR - 1, was.threads, PAIR, &mut |threads| {
        test(&mut told, Size { threads, ..was })
    });
    if let Some(iterations) = was.iterations {
        fewest(0, iterations, 1, &mut |n| test(&mut told, Size { threads, iterations: Some(n) }));
    }
    if threads == PAIR && !told.cut_short {
        let alone = Size { threads: 1, ..told.now };
        test(&mut told, alone);
    }
    (told, found)
}

/// Half of the time that is left: one size is not to take it from all others.
fn half(until: Instant) -> Instant {
    let now = Instant::now();
    now + until.saturating_duration_since(now) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(threads: u32, iterations: u32) -> Size {
        Size { threads, iterations: Some(iterations) }
    }

    /// Looks for less where `fails` says what fails.
    fn look(was: Size, fails: impl Fn(Size) -> bool) -> (Smaller, Option<Size>) {
        smaller(was, &mut |size| {
            let failed = fails(size);
            Some((Tried { size, trials: 9, failed, always: false }, failed.then_some(size)))
        })
    }

    #[test]
    fn threads_come_first_and_iterations_with_as_few_threads() {
        let (told, found) = look(size(8, 12), |size| size.threads >= 2);
        assert_eq!((told.now, found), (size(2, 1), Some(size(2, 1))));
        let tried: Vec<Size> = told.tried.iter().map(|tried| tried.size).collect();
        assert_eq!(tried, [size(2, 12), size(2, 1), size(1, 1)]);
        assert!(!told.cut_short);
    }

    #[test]
    fn what_needs_all_of_it_stays_as_it_was() {
        let (told, found) =
            look(size(3, 4), |size| size.threads >= 3 && size.iterations == Some(4));
        assert_eq!((told.now, found), (size(3, 4), None));
        assert!(told.tried.iter().all(|tried| !tried.failed));
    }

    #[test]
    fn a_scenario_without_iterations_has_only_threads_to_lessen() {
        let was = Size { threads: 4, iterations: None };
        let (told, _) = look(was, |_| true);
        assert_eq!(told.now, Size { threads: 1, iterations: None });
        assert_eq!(told.tried.len(), 2);
    }

    #[test]
    fn the_end_of_the_time_leaves_what_was_seen() {
        let mut left = 1;
        let (told, found) = smaller(size(8, 12), &mut |size| {
            left -= 1;
            let tried = Tried { size, trials: 9, failed: true, always: false };
            (left >= 0).then_some((tried, Some(size)))
        });
        assert_eq!((told.now, found), (size(2, 12), Some(size(2, 12))));
        assert!(told.cut_short);
    }
}
