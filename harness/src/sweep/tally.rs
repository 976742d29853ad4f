//! The trials at one thread count, by their number, so that each look can be taken again.

use std::collections::BTreeMap;

use crate::event::Summary;
use crate::observation::Observation;
use crate::stats::Rate;
use crate::verdict::{Grade, Kind, Verdict};

/// All trials that were seen of one unit, also those of earlier sessions.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The sums, as reports have them.
    pub summary: Summary,
    /// By the trial's number: the kind of its weightiest finding; none if it was clean. Inconclusive
    /// trials are `Err`.
    seen: BTreeMap<u64, Result<Option<Kind>, Inconclusive>>,
}

/// A trial that said nothing either way.
#[derive(Clone, Copy, Debug)]
struct Inconclusive;

impl Tally {
    /// Nothing yet.
    pub fn new(unit: usize, scenario: &str, threads: u32) -> Tally {
        Tally { summary: Summary::new(unit, scenario, threads), seen: BTreeMap::new() }
    }

    /// Takes one trial.
    pub fn add(&mut self, index: u64, seen: &Observation, verdict: &Verdict, grade: Grade) {
        let what = match verdict {
            Verdict::Inconclusive { .. } => Err(Inconclusive),
            _ => Ok(verdict.first().map(|finding| finding.kind)),
        };
        if self.seen.insert(index, what).is_none() {
            self.summary.add(seen, verdict, grade);
        }
    }

    /// The numbers of the trials that were seen.
    pub fn indices(&self) -> impl Iterator<Item = u64> {
        self.seen.keys().copied()
    }

    /// Whether the first `until` trials were all seen.
    pub fn has(&self, until: u64) -> bool {
        self.seen.range(..until).count() as u64 == until
    }

    /// How often `kind` was found among the first `until` trials, of those that were judged.
    pub fn rate(&self, kind: Option<Kind>, until: u64) -> Rate {
        let judged: Vec<Option<Kind>> = self.first(until).filter_map(Result::ok).collect();
        let k = judged.iter().filter(|seen| kind.is_some() && **seen == kind).count();
        Rate { k: k as u64, n: judged.len() as u64 }
    }

    /// Findings of other kinds than `kind` among the first `until` trials.
    pub fn others(&self, kind: Option<Kind>, until: u64) -> BTreeMap<Kind, u64> {
        let mut others = BTreeMap::new();
        for seen in self.first(until).filter_map(|seen| seen.ok().flatten()) {
            if kind != Some(seen) {
                *others.entry(seen).or_default() += 1;
            }
        }
        others
    }

    /// Trials among the first `until` that said nothing either way.
    pub fn inconclusive(&self, until: u64) -> u64 {
        self.first(until).filter(Result::is_err).count() as u64
    }

    /// The kind that was found most often among the first `until` trials; of several the weightiest.
    pub fn commonest(&self, until: u64) -> Option<Kind> {
        let kinds = self.others(None, until);
        let most = kinds.values().copied().max()?;
        kinds.into_iter().find(|(_, times)| *times == most).map(|(kind, _)| kind)
    }

    fn first(&self, until: u64) -> impl Iterator<Item = Result<Option<Kind>, Inconclusive>> {
        self.seen.range(..until).map(|(_, seen)| *seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{clean, finding, header, unit};
    use crate::verdict::Confidence::Proven;

    #[test]
    fn other_kinds_and_inconclusive_trials_are_told_apart() {
        let header = header(vec![unit("transfer", 2, 6)]);
        let found =
            |index, kind| clean(&header, 0, index).with(&header, finding(kind, Proven, "x"));
        let trials = [
            found(0, Kind::Deadlock),
            found(1, Kind::Panic),
            clean(&header, 0, 2).inconclusive("it left early"),
            found(3, Kind::Deadlock),
            clean(&header, 0, 4),
            found(5, Kind::Deadlock),
        ];
        let mut tally = Tally::new(0, "bank/transfer", 2);
        for t in trials.iter().chain(&trials) {
            tally.add(t.index, &t.observation, &t.verdict, t.grade);
        }
        let kind = tally.commonest(5);
        assert_eq!(kind, Some(Kind::Deadlock));
        assert_eq!(tally.rate(kind, 5), Rate { k: 2, n: 4 });
        assert_eq!(tally.rate(None, 5), Rate { k: 0, n: 4 });
        assert_eq!(tally.others(kind, 5), BTreeMap::from([(Kind::Panic, 1)]));
        assert_eq!((tally.inconclusive(5), tally.has(6), tally.has(7)), (1, true, false));
        assert_eq!(tally.summary.trials(), 6, "no trial counts twice");
    }
}
