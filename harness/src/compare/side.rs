//! One side of a pair: what the trials of a scenario and thread count came to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::Summary;
use crate::stats::{Rate, bootstrap};
use crate::store::{Run, TrialRecord};
use crate::verdict::Kind;

/// All units of a run that have this scenario and thread count, as a rule one.
#[derive(Clone, Debug)]
pub struct Units<'r> {
    /// The run.
    pub run: &'r Run,
    /// `crate/scenario`.
    pub scenario: &'r str,
    /// Actors.
    pub threads: u32,
    /// Where they stand in the plan.
    pub at: Vec<usize>,
}

/// The numbers of one side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// `crate/scenario`.
    pub scenario: String,
    /// Actors.
    #[serde(skip)]
    pub threads: u32,
    /// Trials that failed, of those that were judged.
    pub rate: Rate,
    /// The 95 % interval of Clopper and Pearson.
    pub interval: (f64, f64),
    /// Trials by the kind of their weightiest finding.
    pub kinds: BTreeMap<Kind, u64>,
    /// Trials that said nothing either way, which no rate counts.
    pub inconclusive: u64,
    /// Trials whose time is known: all of their actors came to their end.
    pub timed: u64,
    /// Their median, from the gate to the last actor, in microseconds.
    pub median_us: Option<f64>,
    /// Actors that ended in them, a second of acting.
    pub actors_per_second: Option<f64>,
}

impl<'r> Units<'r> {
    /// The trials, in the order in which they ended.
    pub fn trials(&self) -> impl Iterator<Item = &'r TrialRecord> {
        self.run.trials.iter().filter(|trial| self.at.contains(&trial.unit))
    }

    /// Sums them up; and the times of those whose actors all came to their end.
    pub(super) fn tally(&self) -> (Side, Vec<u64>) {
        let mut sum = Summary::new(0, self.scenario, self.threads);
        let mut times = Vec::new();
        for trial in self.trials() {
            sum.add(&trial.observation, &trial.verdict, trial.grade);
            let seen = &trial.observation;
            // Actors are listed only where one of them did not finish: an actor that panics at once
            // would make its side look fast.
            if seen.acted_us > 0 && seen.actors.is_empty() {
                times.push(seen.acted_us);
            }
        }
        let mut kinds = BTreeMap::new();
        for found in &sum.findings {
            *kinds.entry(found.kind).or_default() += found.trials;
        }
        let some = !times.is_empty();
        let side = Side {
            scenario: self.scenario.to_owned(),
            threads: self.threads,
            rate: sum.rate,
            interval: sum.rate.interval(),
            kinds,
            inconclusive: sum.inconclusive,
            timed: times.len() as u64,
            median_us: some.then(|| bootstrap::median(&mut times)),
            actors_per_second: some
                .then(|| bootstrap::pace(&mut times) * 1e6 * f64::from(self.threads)),
        };
        (side, times)
    }
}
