//! What a bisection has come to, as it is kept and told.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::matrix::record::{Lane, Shown};
use crate::verdict::Kind;

/// What a bisection has come to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bisected {
    /// How trials were made.
    pub lane: Lane,
    /// `crate/scenario`, or the program's name.
    pub what: String,
    /// Actors of a scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// The kinds that were looked for; empty if nothing failed.
    pub kinds: BTreeSet<Kind>,
    /// Those of them that the failing end has shown.
    pub shown: BTreeSet<Kind>,
    /// The risk of a wrong answer that was allowed.
    pub alpha: f64,
    /// The steps that share it.
    pub steps: u32,
    /// What each of them may take of it.
    pub alpha_each: f64,
    /// How often a bad version fails at least, which is concluded from the failing end.
    pub rate_at_least: Option<f64>,
    /// Trials without a failure that made a version good.
    pub needed: Option<u64>,
    /// All versions between the ends, and these, in order.
    pub versions: Vec<String>,
    /// Those that were tried, in the order in which they were.
    pub tested: Vec<Tested>,
    /// The nearest version known not to fail.
    pub good: Option<String>,
    /// The nearest version known to fail.
    pub bad: Option<String>,
    /// How it ended.
    pub end: End,
}

/// How a bisection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Two neighbours, of which one fails.
    Found,
    /// Versions are left in between that could not be built, or not decided.
    Between,
    /// Neither end failed.
    NeitherFails,
    /// Both ends did.
    BothFail,
    /// One end failed; that the other does not could not be shown.
    EndUndecided,
    /// An end cannot be built.
    EndNotBuilt,
    /// Somebody wanted the end.
    Interrupted,
}

/// A version that was tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tested {
    /// Which.
    pub version: String,
    /// Trials that failed in the way looked for.
    pub k: u64,
    /// Of these.
    pub n: u64,
    /// Of all that were run.
    pub run: u64,
    /// What it was found to be: `good`, `bad`, `undecided`, `not-built`.
    pub side: Option<String>,
    /// Why it was not built, or why its trials could not be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether what was found is at the same place as at the failing end; none where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_place: Option<bool>,
    /// What else was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Shown>,
    /// The stored runs.
    pub runs: Vec<PathBuf>,
}
