//! What a matrix is: columns, rows, cells. `matrix.json` holds one, for reports to come.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::source::Source;
use crate::event::Summary;
use crate::stats::Rate;
use crate::store::SearchRecord;
use crate::verdict::{Confidence, Grade, Kind};

/// Raised when older readers would misread the file.
pub const SCHEMA: u32 = 1;
/// Its name in the directory of the subject.
pub const FILE: &str = "matrix.json";
/// The name of one that was bisected.
pub const BISECTION: &str = "bisection.json";

/// How trials are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// As it runs by itself: `standstill stress`.
    Native,
    /// Every trial another schedule: `standstill explore`.
    Controlled,
}

impl Lane {
    /// What a trial is called.
    pub fn trials(self) -> &'static str {
        match self {
            Lane::Native => "trials",
            Lane::Controlled => "schedules",
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Lane::Native => "native",
            Lane::Controlled => "controlled",
        }
    }
}

/// The whole of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Matrix {
    /// The [`SCHEMA`].
    pub schema: u32,
    /// Version of standstill that wrote it.
    pub standstill: String,
    /// When it was finished or interrupted, RFC 3339, UTC.
    pub written: String,
    /// The command that repeats what it did.
    pub command: String,
    /// Earlier commands of whose cells some are still in the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// The package that was built over each version.
    pub package: String,
    /// The crate whose versions they are.
    #[serde(rename = "crate")]
    pub name: String,
    /// Its versions.
    pub columns: Vec<Column>,
    /// What was tried on each; a cell a column.
    pub rows: Vec<Row>,
    /// What `--bisect` came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bisection: Option<super::search::Bisected>,
}

/// One version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Column {
    /// Where the crate came from.
    pub source: Source,
    /// Why there is no program of it, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_built: Option<String>,
    /// SHA-256 of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What a reader should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Where it was built.
    pub dir: PathBuf,
}

/// One thing that was tried on every version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// How.
    pub lane: Lane,
    /// `crate/scenario`, or the program's name.
    pub what: String,
    /// Actors of a scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Flags and arguments without which the trials would be others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// In the order of the columns.
    pub cells: Vec<Cell>,
}

/// What one version has shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Cell {
    /// Trials were run.
    Tried(Tried),
    /// There is no program.
    NotBuilt {
        /// The last line of the compiler that says something.
        why: String,
    },
    /// There is a program, and its trials could not be run.
    NotTried {
        /// The reason.
        why: String,
    },
}

/// Trials, summed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// With a finding, of those that say anything.
    pub rate: Rate,
    /// The 95 % interval of that.
    pub interval: (f64, f64),
    /// Those that say nothing.
    pub inconclusive: u64,
    /// The most frequent reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What was found.
    pub shown: Vec<Shown>,
    /// Against the expectation.
    pub grade: Grade,
    /// Where it is stored.
    pub run: PathBuf,
}

/// How often one kind was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Which.
    pub kind: Kind,
    /// How sure.
    pub confidence: Confidence,
    /// In how many trials.
    pub times: u64,
    /// Where, and how often there.
    pub fingerprints: BTreeMap<String, u64>,
}

impl Tried {
    /// Trials of a scenario without control.
    pub fn native(summary: &Summary, run: &Path) -> Tried {
        let shown = summary.findings.iter().map(|found| Shown {
            kind: found.kind,
            confidence: found.confidence,
            times: found.trials,
            fingerprints: found.fingerprints.clone(),
        });
        let why = summary.why_inconclusive.iter().max_by_key(|(_, times)| **times);
        Tried {
            rate: summary.rate,
            interval: summary.rate.interval(),
            inconclusive: summary.inconclusive,
            why: why.map(|(why, _)| why.clone()),
            shown: shown.collect(),
            grade: summary.grade(),
            run: run.to_owned(),
        }
    }

    /// A search of schedules.
    pub fn controlled(search: &SearchRecord, run: &Path) -> Tried {
        let rate = search.rate();
        let mut shown: Vec<Shown> = vec![];
        for found in &search.findings {
            let (kind, confidence) = (found.finding.kind, found.finding.confidence);
            let known = shown.iter_mut().find(|s| (s.kind, s.confidence) == (kind, confidence));
            let print = found.finding.fingerprint.clone();
            match known {
                Some(known) => {
                    known.times += found.times;
                    *known.fingerprints.entry(print).or_default() += found.times;
                }
                None => shown.push(Shown {
                    kind,
                    confidence,
                    times: found.times,
                    fingerprints: BTreeMap::from([(print, found.times)]),
                }),
            }
        }
        let grade = match search.verdict.as_str() {
            "found" => Grade::Unexpected,
            "clean" => Grade::AsExpected,
            _ => Grade::Inconclusive,
        };
        Tried {
            rate,
            interval: rate.interval(),
            inconclusive: search.trials.saturating_sub(rate.n),
            why: search.why.clone(),
            shown,
            grade,
            run: run.to_owned(),
        }
    }
}

/// What a whole matrix comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing unexpected.
    AsExpected,
    /// A cell shows something unexpected, or misses what it was to show.
    Unexpected,
    /// Nothing unexpected, and a cell that says nothing.
    Inconclusive,
    /// No version could be tried at all.
    Failed,
}

impl Matrix {
    /// The worst of its cells.
    pub fn outcome(&self) -> Outcome {
        let cells = || self.rows.iter().flat_map(|row| &row.cells);
        let grades = || {
            cells().filter_map(|cell| match cell {
                Cell::Tried(tried) => Some(tried.grade),
                _ => None,
            })
        };
        match () {
            () if grades().any(|g| matches!(g, Grade::Unexpected | Grade::Missed)) => {
                Outcome::Unexpected
            }
            () if grades().next().is_none() => Outcome::Failed,
            () if grades().count() < cells().count() => Outcome::Inconclusive,
            () if grades().any(|grade| grade == Grade::Inconclusive) => Outcome::Inconclusive,
            () => Outcome::AsExpected,
        }
    }
}
