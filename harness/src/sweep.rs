//! A sweep: the least number of threads with which a scenario fails.
//!
//! One lucky run is no answer, in either direction. At each thread count trials are run in looks of
//! doubling size ([`looks`]), until the interval of the rate lies at or above a floor (*fails*) or
//! below it (*below the floor*), or there are as many trials as may be (*undecided*). Which counts
//! are tried, and in which order, is [`search`]'s; who runs them, [`drive`]'s.
//!
//! A failure that was seen is a failure that can happen, however seldom: a [`Count`] tells of it in any
//! case. Only what is said of the rate needs the interval.

pub mod counts;
pub mod drive;
pub mod kept;
pub mod looks;
pub mod search;
pub mod tally;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stats::{Rate, percent};
use crate::store::Run;
use crate::verdict::Kind;
use looks::{Looks, Says};
use search::Answer;

/// What came of one thread count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// Actors.
    pub threads: u32,
    /// Trials with the failure that is swept for, of those that were judged.
    pub rate: Rate,
    /// The lower end of the interval, where a look at it was counted.
    pub low: Option<f64>,
    /// The upper end, likewise.
    pub high: Option<f64>,
    /// What that says.
    pub says: Says,
    /// Trials with another finding, by its kind.
    pub others: BTreeMap<Kind, u64>,
    /// Trials that said nothing either way, which count for nothing.
    pub inconclusive: u64,
}

/// What came of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swept {
    /// `crate/scenario`.
    pub scenario: String,
    /// The smallest rate that somebody cares about.
    pub floor: f64,
    /// The failure that was swept for; none if nothing was found.
    pub kind: Option<Kind>,
    /// Counts at which trials were run, ascending.
    pub counts: Vec<Count>,
    /// All counts that were asked for, ascending.
    pub asked: Vec<u32>,
    /// The least tested count that fails.
    pub least: Option<u32>,
    /// Whether it was stopped before it knew.
    pub interrupted: bool,
    /// Trials at one count that would let it be called below the floor, if that is more than it may have.
    pub needed: Option<u64>,
}

impl Count {
    /// The end, or the ends, of the interval that are known: `at least 80.87 %`.
    pub fn interval(&self) -> String {
        match (self.low, self.high) {
            _ if self.rate.n == 0 => "nothing judged".to_owned(),
            (_, Some(high)) if self.rate.k == 0 => format!("at most {}", percent(high)),
            (Some(low), Some(high)) => format!("{} to {}", percent(low), percent(high)),
            (Some(low), None) => format!("at least {}", percent(low)),
            (None, Some(high)) => format!("at most {}", percent(high)),
            (None, None) => "not enough trials".to_owned(),
        }
    }

    /// `2 threads: 25 of 25, at least 80.87 %: fails`.
    pub fn sentence(&self) -> String {
        let Count { threads, rate: Rate { k, n }, says, .. } = self;
        let s = if *threads == 1 { "" } else { "s" };
        format!("{threads} thread{s}: {k} of {n}, {}: {says}", self.interval())
    }
}

impl Swept {
    /// The count with so many threads, if it was tested.
    pub fn count(&self, threads: u32) -> Option<&Count> {
        self.counts.iter().find(|count| count.threads == threads)
    }

    /// How often the failure was seen, at any count.
    pub fn seen(&self) -> u64 {
        self.counts.iter().map(|count| count.rate.k).sum()
    }

    /// Whether of some tested count nothing can be said.
    pub fn has_open(&self) -> bool {
        self.counts.iter().any(|count| count.says == Says::Undecided)
    }

    fn new(
        scenario: &str,
        looks: &Looks,
        kind: Option<Kind>,
        counts: Vec<Count>,
        asked: Vec<u32>,
        answer: &Answer,
    ) -> Swept {
        let needed = Looks::needed(looks.floor());
        Swept {
            scenario: scenario.to_owned(),
            floor: looks.floor(),
            kind,
            counts,
            asked,
            least: answer.least(),
            interrupted: answer.stopped,
            needed: (needed > looks.most()).then_some(needed),
        }
    }
}

/// A stored sweep with only those units in its plan of which there are trials, and no more trials planned
/// than were run: for reports, in which counts that nobody needed to try are no gaps.
pub fn tried(run: &Run) -> Run {
    let mut run = run.clone();
    let mut trials = vec![0; run.header.plan.units.len()];
    for trial in &run.trials {
        trials[trial.unit] += 1;
    }
    let mut places = vec![None; trials.len()];
    let mut units = Vec::new();
    for (unit, at) in std::mem::take(&mut run.header.plan.units).into_iter().enumerate() {
        if trials[unit] > 0 {
            places[unit] = Some(units.len());
            units.push(crate::plan::Unit { trials: trials[unit], ..at });
        }
    }
    run.header.plan.units = units;
    for trial in &mut run.trials {
        trial.unit = places[trial.unit].unwrap_or_default();
    }
    run
}

#[cfg(test)]
pub(crate) mod fixture;
