//! Everything that a template can name, taken from a stored run.

use serde::Serialize;

use super::facts::{books, environment, findings, limitations, scenarios};
use super::words::{counted, literal, tidy, times};
use crate::event::Summary;
use crate::report::json::worst;
use crate::stats::{Rate, percent};
use crate::store::Run;
use crate::verdict::{Confidence, Grade};

/// Pairs of scenario and thread count without a finding that get a line of their own at the top.
const MOST_QUIET: usize = 3;
/// Everything that a template can name.
#[derive(Serialize)]
pub(super) struct Page {
    pub(super) headline: String,
    pub(super) verdict: Vec<String>,
    pub(super) run: RunFacts,
    pub(super) units: Vec<UnitRow>,
    pub(super) bound: Option<String>,
    pub(super) inconclusive: Vec<String>,
    pub(super) scenarios: Vec<ScenarioFacts>,
    pub(super) findings: Vec<FindingFacts>,
    pub(super) more_findings: Option<String>,
    pub(super) environment: Vec<Row>,
    pub(super) books: Vec<BookFacts>,
    pub(super) limitations: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct RunFacts {
    pub(super) standstill: String,
    pub(super) began: String,
    pub(super) command: String,
    pub(super) trials: usize,
    pub(super) planned: u64,
    pub(super) complete: bool,
}

#[derive(Serialize)]
pub(super) struct UnitRow {
    pub(super) scenario: String,
    pub(super) threads: u32,
    pub(super) k: u64,
    pub(super) n: u64,
    pub(super) rate: String,
    pub(super) interval: String,
    pub(super) clean: u64,
    pub(super) inconclusive: u64,
    pub(super) median: String,
    pub(super) p99: String,
    pub(super) grade: String,
}

#[derive(Serialize)]
pub(super) struct ScenarioFacts {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) claim: String,
    pub(super) source: String,
    pub(super) expectation: String,
    pub(super) timeout: String,
    pub(super) processes: String,
    pub(super) oracle: String,
    pub(super) facts: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct FindingFacts {
    pub(super) scenario: String,
    pub(super) threads: String,
    pub(super) kind: String,
    pub(super) confidence: String,
    pub(super) summary: String,
    pub(super) evidence: Vec<String>,
    pub(super) fingerprint: String,
    pub(super) times: String,
    pub(super) token: String,
    pub(super) stacks: Option<String>,
    pub(super) stopped_us: u64,
    pub(super) output: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) value: String,
}

#[derive(Serialize)]
pub(super) struct BookFacts {
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) crates: Vec<CrateFacts>,
}

#[derive(Serialize)]
pub(super) struct CrateFacts {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) checksum: String,
    pub(super) direct: bool,
}

impl Page {
    pub(super) fn of(run: &Run) -> Page {
        let header = &run.header;
        let summaries = run.summaries();
        let (findings, more_findings) = findings(run);
        let total = Rate {
            k: summaries.iter().map(|s| s.rate.k).sum(),
            n: summaries.iter().map(|s| s.rate.n).sum(),
        };
        let bound = (total.k == 0 && total.n > 0 && summaries.len() > 1).then(|| {
            format!(
                "Nothing was found in {} over all units: if the trials were alike and independent, \
                 the probability of a finding in one of them is at most {} (upper end of the 95 % \
                 interval).",
                counted(total.n, "judged trial"),
                percent(total.interval().1)
            )
        });
        Page {
            headline: headline(&summaries),
            verdict: verdict_lines(&summaries),
            run: RunFacts {
                standstill: header.standstill.clone(),
                began: header.began.clone(),
                command: tidy(&header.command),
                trials: run.trials.len(),
                planned: header.plan.units.iter().map(|u| u.trials).sum(),
                complete: run.is_complete(),
            },
            units: summaries.iter().map(UnitRow::of).collect(),
            bound,
            inconclusive: summaries.iter().flat_map(inconclusive_lines).collect(),
            scenarios: scenarios(run),
            findings,
            more_findings,
            environment: environment(run),
            books: books(run),
            limitations: limitations(run),
        }
    }
}

/// The symptom in one line, no stronger than the weakest word that fits.
fn headline(summaries: &[Summary]) -> String {
    let mut kinds: Vec<(Confidence, String)> = summaries
        .iter()
        .flat_map(|s| &s.findings)
        .map(|f| (f.confidence, f.kind.to_string()))
        .collect();
    kinds.sort_by(|a, b| b.cmp(a));
    kinds.dedup();
    let n: u64 = summaries.iter().map(Summary::trials).sum();
    let judged: u64 = summaries.iter().map(|s| s.rate.n).sum();
    let of = if judged == n { "trial" } else { "judged trial" };
    let mut names: Vec<&str> = summaries.iter().map(|s| s.scenario.as_str()).collect();
    names.dedup();
    let what = match names[..] {
        [] => "no scenario".to_owned(),
        [one] => one.to_owned(),
        _ => format!("{} scenarios", names.len()),
    };
    let k: u64 = summaries.iter().map(|s| s.rate.k).sum();
    match (kinds.is_empty(), worst(summaries)) {
        (true, Grade::Inconclusive) => {
            format!("{what}: inconclusive after {}", counted(n, "trial"))
        }
        (true, grade) => {
            let though = if grade == Grade::Missed { ", against expectation" } else { "" };
            format!("{what}: nothing found in {}{though}", counted(n, "trial"))
        }
        (false, grade) => {
            let list: Vec<String> = kinds.iter().map(|(c, kind)| format!("{kind} ({c})")).collect();
            let expected = if grade == Grade::AsExpected { ", as expected" } else { "" };
            format!("{what}: {} in {k} of {}{expected}", list.join(", "), counted(judged, of))
        }
    }
}

/// A line for each unit; of many in which nothing happened, one for all of them.
fn verdict_lines(summaries: &[Summary]) -> Vec<String> {
    let is_quiet =
        |s: &&Summary| s.rate.k == 0 && s.inconclusive == 0 && s.grade() == Grade::AsExpected;
    let quiet = summaries.iter().filter(is_quiet).count();
    if quiet <= MOST_QUIET {
        return summaries.iter().map(verdict_line).collect();
    }
    let mut lines: Vec<String> =
        summaries.iter().filter(|s| !is_quiet(s)).map(verdict_line).collect();
    let n = summaries.len();
    lines.push(format!(
        "nothing found in {quiet} of {n} pairs of scenario and thread count; rates below"
    ));
    lines
}

fn verdict_line(summary: &Summary) -> String {
    let Summary { scenario, threads, .. } = summary;
    format!("**{scenario}**, {}: {}", counted(*threads, "thread"), summary.sentence())
}

fn inconclusive_lines(summary: &Summary) -> Vec<String> {
    let title = format!("{} with {}", summary.scenario, counted(summary.threads, "thread"));
    let whys = summary.why_inconclusive.iter();
    whys.map(|(why, n)| format!("{title}: {}: {}", times(*n), literal(why))).collect()
}

impl UnitRow {
    fn of(summary: &Summary) -> UnitRow {
        let (low, high) = summary.rate.interval();
        let ms =
            |us: Option<u64>| us.map_or("-".to_owned(), |us| format!("{:.2} ms", us as f64 / 1e3));
        let Rate { k, n } = summary.rate;
        UnitRow {
            scenario: summary.scenario.clone(),
            threads: summary.threads,
            k,
            n,
            rate: if n == 0 { "-".to_owned() } else { percent(k as f64 / n as f64) },
            interval: format!("{} to {}", percent(low), percent(high)),
            clean: summary.clean,
            inconclusive: summary.inconclusive,
            median: ms(summary.median_us),
            p99: ms(summary.p99_us),
            grade: summary.grade().to_string(),
        }
    }
}
