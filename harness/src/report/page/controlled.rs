//! Searches in which standstill scheduled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rate::RateFacts;
use super::words::{counted, literal};
use crate::explore::level::Level;
use crate::store::{Run, SearchRecord};

/// One search.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SearchRow {
    /// The scenario, or the program.
    pub scenario: String,
    /// Actors; none of a program, whose threads are its own.
    pub threads: Option<u32>,
    /// Who ran next.
    pub strategy: String,
    /// Where threads could be switched: `1 and 1+`.
    pub levels: String,
    /// Seed of the search.
    pub seed: u64,
    /// Schedules that were tried.
    pub schedules: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Schedules that showed a finding.
    pub found: u64,
    /// Number of the first of those, from 1.
    pub first: Option<u64>,
    /// The share of failing schedules; none where the search was to end with its first finding, so that
    /// the share in what it tried says nothing.
    pub rate: Option<RateFacts>,
    /// What was found, with its confidence.
    pub kinds: Vec<String>,
    /// `found`, `clean`, `inconclusive`.
    pub verdict: String,
    /// What it comes to, in words.
    pub sentence: String,
}

/// All searches, in their order.
pub(super) fn rows(runs: &[Run]) -> Vec<SearchRow> {
    runs.iter().flat_map(|run| &run.searches).map(SearchRow::of).collect()
}

impl SearchRow {
    fn of(search: &SearchRecord) -> SearchRow {
        let found = search.findings.iter().fold(0, |sum: u64, f| sum.saturating_add(f.times));
        let first = search.findings.iter().map(|found| found.trial).min();
        let kinds = search.findings.iter();
        let mut kinds: Vec<String> =
            kinds.map(|f| format!("{} ({})", f.finding.kind, f.finding.confidence)).collect();
        kinds.dedup();
        let counts = found == 0 || !search.until_first;
        let levels: Vec<&str> = search.levels.iter().copied().map(Level::name).collect();
        SearchRow {
            scenario: search.subject.clone(),
            threads: search.threads,
            strategy: search.strategy.clone(),
            levels: levels.join(" and "),
            seed: search.seed,
            schedules: search.trials,
            steps: search.steps,
            found,
            first,
            rate: (counts && search.rate().n > 0).then(|| RateFacts::of(search.rate())),
            kinds,
            verdict: search.verdict.clone(),
            sentence: sentence(search, found, first),
        }
    }
}

fn sentence(search: &SearchRecord, found: u64, first: Option<u64>) -> String {
    let rate = search.rate();
    let tried = counted(search.trials, "schedule");
    match (first, &search.why, &search.proof) {
        (Some(first), ..) if search.until_first => {
            format!("found by schedule {first} of the search, which ended with it")
        }
        (Some(first), ..) => {
            format!("found by {found} of {tried}, first by number {first}")
        }
        (None, Some(why), _) => format!("inconclusive after {tried}: {}", literal(why)),
        (None, None, Some(proof)) => format!("nothing found in {tried}: {}", literal(proof)),
        (None, None, None) => format!(
            "nothing found in {tried}: {} of schedules drawn like these fail",
            RateFacts::of(rate).interval
        ),
    }
}
