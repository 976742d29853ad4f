//! What a campaign tells while it runs: the place where the session and its reporters meet.
//!
//! What all events share stands on [`Event`]; a reporter that does not know a [`What`] passes over
//! it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::observation::{Isolation, Observation};
use crate::plan::Plan;
use crate::protocol::Probe;
use crate::stats::{Rate, percent, quantile};
use crate::verdict::{Confidence, Grade, Kind, Verdict};

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Event<'a> {
    /// Milliseconds since the session began.
    pub at_ms: u64,
    /// What it was.
    #[serde(flatten)]
    pub what: What<'a>,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
#[allow(clippy::large_enum_variant, reason = "events live for one call")]
pub enum What<'a> {
    /// The campaign begins.
    Began {
        /// What it is to do.
        plan: &'a Plan,
        /// Trials that an earlier session has already run.
        done: u64,
    },
    /// A scenario was prepared in a process of its own.
    Probed {
        /// `crate/scenario`.
        scenario: &'a str,
        /// What it said.
        probe: &'a Probe,
        /// How its trials will be made.
        isolation: Isolation,
        /// Why its oracle cannot be used, if it has one and that is so.
        oracle_fault: Option<&'a str>,
    },
    /// Something that a reader of the results should know.
    Noted {
        /// `crate/scenario`.
        scenario: &'a str,
        /// A sentence.
        note: &'a str,
    },
    /// A trial ended.
    Trial(TrialDone<'a>),
    /// All trials of a unit have ended.
    Unit {
        /// The sums.
        summary: &'a Summary,
    },
    /// The campaign is over.
    Ended {
        /// Whether it was interrupted.
        interrupted: bool,
        /// The sums, in the plan's order; units without any trial are left out.
        summaries: &'a [Summary],
    },
}

/// One trial and what it came to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TrialDone<'a> {
    /// Index of its unit in the plan.
    pub unit: usize,
    /// Its number in the unit, from 0.
    pub index: u64,
    /// What was seen.
    pub observation: &'a Observation,
    /// What it amounts to.
    pub verdict: &'a Verdict,
    /// Against the expectation.
    pub grade: Grade,
}

/// Who listens.
pub trait Reporter {
    /// Takes one event.
    ///
    /// # Errors
    /// When what was to be kept cannot be: the session then stops instead of running trials that
    /// nobody would know of.
    fn report(&mut self, event: &Event<'_>) -> std::io::Result<()>;
}

/// One unit's trials, summed up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Index of the unit in the plan.
    pub unit: usize,
    /// `crate/scenario`.
    pub scenario: String,
    /// Actors.
    pub threads: u32,
    /// Trials with at least one finding, of those that were judged: the inconclusive ones bound
    /// nothing and do not count.
    pub rate: Rate,
    /// Trials that were found clean.
    pub clean: u64,
    /// Trials that said nothing either way.
    pub inconclusive: u64,
    /// The reasons for that, with their numbers.
    pub why_inconclusive: BTreeMap<String, u64>,
    /// Trials by the kind and confidence of their weightiest finding.
    pub findings: Vec<Found>,
    /// Trials by grade.
    pub as_expected: u64,
    /// Trials in which something unexpected was found.
    pub unexpected: u64,
    /// Trials in which what had to be found was not.
    pub missed: u64,
    /// Processes that its trials left behind and that were killed.
    #[serde(default)]
    pub left_behind: u64,
    /// Microseconds from gate to last actor, median over trials in which all actors ended.
    pub median_us: Option<u64>,
    /// The same, 99th percentile.
    pub p99_us: Option<u64>,
    #[serde(skip)]
    acted_us: Vec<u64>,
}

/// How often one kind was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The kind.
    pub kind: Kind,
    /// How sure.
    pub confidence: Confidence,
    /// In how many trials.
    pub trials: u64,
    /// How many different fingerprints.
    pub fingerprints: BTreeMap<String, u64>,
}

impl Summary {
    /// An empty sum.
    pub fn new(unit: usize, scenario: &str, threads: u32) -> Summary {
        Summary { unit, scenario: scenario.to_owned(), threads, ..Summary::default() }
    }

    /// Adds one trial.
    pub fn add(&mut self, observation: &Observation, verdict: &Verdict, grade: Grade) {
        match verdict {
            Verdict::Clean => {
                self.rate.n += 1;
                self.clean += 1;
            }
            Verdict::Inconclusive { why } => {
                self.inconclusive += 1;
                *self.why_inconclusive.entry(why.clone()).or_default() += 1;
            }
            Verdict::Found { findings } => {
                self.rate.n += 1;
                self.rate.k += 1;
                if let Some(first) = findings.first() {
                    self.found(first.kind, first.confidence, &first.fingerprint);
                }
            }
        }
        match grade {
            Grade::AsExpected => self.as_expected += 1,
            Grade::Unexpected => self.unexpected += 1,
            Grade::Missed => self.missed += 1,
            Grade::Inconclusive => {}
        }
        self.left_behind += u64::from(observation.left_behind);
        if observation.acted_us > 0 {
            self.acted_us.push(observation.acted_us);
        }
    }

    /// All trials that were run, judged or not.
    pub fn trials(&self) -> u64 {
        self.rate.n + self.inconclusive
    }

    /// Works out what needs all trials.
    pub fn seal(&mut self) {
        self.median_us = quantile(&mut self.acted_us, 0.5);
        self.p99_us = quantile(&mut self.acted_us, 0.99);
    }

    fn found(&mut self, kind: Kind, confidence: Confidence, fingerprint: &str) {
        let known = self.findings.iter_mut().find(|f| (f.kind, f.confidence) == (kind, confidence));
        let found = match known {
            Some(found) => found,
            None => {
                let fingerprints = BTreeMap::new();
                self.findings.push(Found { kind, confidence, trials: 0, fingerprints });
                self.findings.last_mut().expect("just pushed")
            }
        };
        found.trials += 1;
        *found.fingerprints.entry(fingerprint.to_owned()).or_default() += 1;
    }

    /// The worst grade of its trials.
    pub fn grade(&self) -> Grade {
        match self {
            Summary { unexpected: 1.., .. } => Grade::Unexpected,
            Summary { missed: 1.., .. } => Grade::Missed,
            Summary { inconclusive: 1.., .. } | Summary { rate: Rate { n: 0, .. }, .. } => {
                Grade::Inconclusive
            }
            _ => Grade::AsExpected,
        }
    }

    /// The verdict over all of its trials, in words that claim no more than was seen.
    pub fn sentence(&self) -> String {
        if self.trials() == 0 {
            return "no trial was run".to_owned();
        }
        let mut parts: Vec<String> = self
            .findings
            .iter()
            .map(|f| {
                let rate = Rate { k: f.trials, n: self.rate.n };
                format!("{} ({}) in {}", f.kind, f.confidence, rate.sentence())
            })
            .collect();
        if self.findings.is_empty() && self.rate.n > 0 {
            let (_, high) = self.rate.interval();
            let judged = if self.inconclusive > 0 { "judged " } else { "" };
            parts.push(format!(
                "nothing found in {} {judged}trial{}, which bounds the probability of a finding in \
                 one to at most {} (upper end of the 95 % interval)",
                self.rate.n,
                if self.rate.n == 1 { "" } else { "s" },
                percent(high)
            ));
        }
        if self.inconclusive > 0 {
            parts.push(format!("{} of {} trials inconclusive", self.inconclusive, self.trials()));
        }
        parts.join("; ")
    }

    /// The same for a table on a terminal: `deadlock (proven): 3 of 20, 3.21 % to 37.89 %`, and with
    /// no finding the bound: `0 of 20, at most 16.84 %`.
    pub fn short(&self) -> String {
        let Rate { k, n } = self.rate;
        let (low, high) = self.rate.interval();
        let several = self.findings.len() > 1;
        let kinds = self.findings.iter().map(|f| {
            let times = if several { format!(" {}", f.trials) } else { String::new() };
            format!("{} ({}){times}", f.kind, f.confidence)
        });
        let mut kinds = kinds.collect::<Vec<_>>().join(" + ");
        if !kinds.is_empty() {
            kinds += ": ";
        }
        let rate = match (k, n) {
            (_, 0) => "nothing judged".to_owned(),
            (0, _) => format!("0 of {n}, at most {}", percent(high)),
            _ => format!("{k} of {n}, {} to {}", percent(low), percent(high)),
        };
        let rest = match self.inconclusive {
            0 => String::new(),
            some => format!(", {some} inconclusive"),
        };
        format!("{kinds}{rate}{rest}")
    }
}

// The fixture is a stored run, and the store is part of the command line.
#[cfg(all(test, feature = "cli"))]
mod tests;
