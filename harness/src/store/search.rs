//! What a search of schedules leaves in a run: the controlled lane's counterpart of trials.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::capture::Snapshot;
use crate::explore::aftermath::Minimal;
use crate::explore::level::Level;
use crate::explore::output::Difference;
use crate::explore::record::Record as Schedule;
use crate::graph::WaitGraph;
use crate::observation::Output;
use crate::stats::Rate;
use crate::verdict::Finding;

/// One search, whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SearchRecord {
    /// `crate/scenario`, or the program's name.
    pub subject: String,
    /// The words of a program's command; empty for a scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// The command that repeats the search.
    pub command: String,
    /// The binary.
    #[serde(serialize_with = "crate::text::lossy")]
    pub exe: PathBuf,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Actors, of a scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Repetitions of each, of a scenario that has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u32>,
    /// `portfolio`, `pct`, ...
    pub strategy: String,
    /// Where the scheduling points were.
    pub levels: Vec<Level>,
    /// From which all schedules follow.
    pub seed: u64,
    /// Schedules that were tried.
    pub trials: u64,
    /// Those of them that ended as they should.
    pub clean: u64,
    /// Why others say nothing, with their numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unclear: BTreeMap<String, u64>,
    /// Steps of all of them.
    pub steps: u64,
    /// Most threads of one of them, the first one included.
    pub most_threads: u32,
    /// Whether the search was to end with its first finding: then the number of schedules until there
    /// says something of the rate, and the finding's share in them nothing.
    pub until_first: bool,
    /// Seconds that it took, without what follows the search.
    pub seconds: f64,
    /// `found`, `clean`, `inconclusive`.
    pub verdict: String,
    /// Why it is inconclusive, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What a systematic search proves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// Whether somebody ended it early.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// What it found, in the order in which it did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FoundSchedule>,
    /// What it had to do without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A finding of a search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundSchedule {
    /// What it is.
    pub finding: Finding,
    /// Number of the trial that showed it first, from 1.
    pub trial: u64,
    /// Trials that showed it.
    pub times: u64,
    /// Seconds until then.
    pub after: f64,
    /// Whether its schedule, run again, was the same step for step and ended alike; none if there was
    /// no time to run it.
    pub repeated: Option<bool>,
    /// The schedule, which `standstill replay` takes, with the shortest one that is known and what runs
    /// without control have shown.
    pub schedule: Schedule,
    /// Why it was not made short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_minimised: Option<String>,
    /// Who waits for whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<WaitGraph>,
    /// All stacks, where somebody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacks: Option<Snapshot>,
    /// What it printed otherwise, if that is what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Difference>,
    /// What it printed.
    #[serde(default, skip_serializing_if = "Output::is_empty")]
    pub stdout: Output,
    /// What it printed on the error stream.
    #[serde(default, skip_serializing_if = "Output::is_empty")]
    pub stderr: Output,
}

impl FoundSchedule {
    /// The short schedule.
    pub fn minimal(&self) -> Option<&Minimal> {
        self.schedule.minimal.as_ref()
    }

    /// What the replay command takes.
    pub fn token(&self) -> &str {
        &self.schedule.token
    }
}

impl SearchRecord {
    /// The bound that schedules without a finding leave open: of those that ended well.
    pub fn rate(&self) -> Rate {
        let k = self.findings.iter().fold(0, |sum: u64, found| sum.saturating_add(found.times));
        Rate { k, n: self.clean.saturating_add(k) }
    }
}
