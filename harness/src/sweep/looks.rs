//! When there were trials enough to say something of a rate.
//!
//! Whoever looks at an interval again and again until it suits him, deceives himself: each look is
//! another chance to be wrong. So the looks are fixed beforehand, and the 5 % that a 95 % interval may
//! be wrong are shared out among them (Bonferroni): 2.5 % for the lower end over all looks together, and
//! as much for the upper one. Each end's share is split evenly over those looks only at which it could
//! decide something at all, which follows from the floor and the sizes, not from what is seen: with a
//! floor of 1 %, 25 trials can show that something fails and can never show that it does not.
//!
//! The 95 % hold for each thread count by itself, not for all counts of a sweep at once.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stats::Rate;

/// Trials of the first look.
const FIRST: u64 = 25;
/// How likely one end of the interval may be wrong, over all looks.
const SHARE: f64 = 0.025;

/// What the trials at one thread count say about the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// The rate is at least the floor.
    Fails,
    /// The rate is less than the floor; it need not be zero.
    Below,
    /// The floor lies within the interval, and there are no more trials.
    Undecided,
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Says::Fails => "fails",
            Says::Below => "below the floor",
            Says::Undecided => "undecided",
        })
    }
}

/// An interval of which an end is missing where no look at it was counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends {
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// The looks at one thread count.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks {
    floor: f64,
    /// Trials at each look, ascending.
    sizes: Vec<u64>,
    /// How many of the looks, from the last, count for the lower end.
    low: usize,
    /// The same for the upper end.
    high: usize,
}

impl Looks {
    /// Looks at 25 trials, 50, 100 and so on up to `most`, for a floor between 0 and 1.
    pub fn new(floor: f64, most: u64) -> Looks {
        let most = most.max(1);
        let doubled = std::iter::successors(Some(FIRST), |n| n.checked_mul(2));
        let mut sizes: Vec<u64> = doubled.take_while(|n| *n < most).collect();
        sizes.push(most);
        // The surest thing that so many trials could show, for each end.
        let all = |n: u64, level: f64| Rate { k: n, n }.ends(level, level).0 >= floor;
        let none = |n: u64, level: f64| Rate { k: 0, n }.ends(level, level).1 < floor;
        let (low, high) = (counted(&sizes, all), counted(&sizes, none));
        Looks { floor, sizes, low, high }
    }

    /// Trials without any failure after which a rate can be called less than `floor`.
    pub fn needed(floor: f64) -> u64 {
        (SHARE.ln() / (1.0 - floor).ln()).floor() as u64 + 1
    }

    /// The smallest rate that somebody cares about.
    pub fn floor(&self) -> f64 {
        self.floor
    }

    /// Trials at each look, ascending.
    pub fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// Trials at the last look.
    pub fn most(&self) -> u64 {
        self.sizes[self.sizes.len() - 1]
    }

    /// The interval at look number `nth`, from 0.
    pub fn ends(&self, nth: usize, rate: Rate) -> Ends {
        let (low, high) = rate.ends(SHARE / self.low as f64, SHARE / self.high as f64);
        let counts = |looks: usize| nth + looks >= self.sizes.len();
        Ends { low: counts(self.low).then_some(low), high: counts(self.high).then_some(high) }
    }

    /// What look number `nth` says.
    pub fn says(&self, nth: usize, rate: Rate) -> Says {
        match self.ends(nth, rate) {
            Ends { low: Some(low), .. } if low >= self.floor => Says::Fails,
            Ends { high: Some(high), .. } if high < self.floor => Says::Below,
            _ => Says::Undecided,
        }
    }
}

/// How many looks, from the last, could decide if the share were split among them; at least one.
fn counted(sizes: &[u64], could: impl Fn(u64, f64) -> bool) -> usize {
    let fits = |looks: &usize| could(sizes[sizes.len() - looks], SHARE / *looks as f64);
    (1..=sizes.len()).rev().find(fits).unwrap_or(1)
}

#[cfg(test)]
mod tests;
