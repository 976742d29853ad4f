//! Trials in which the operating system scheduled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rate::RateFacts;
use super::words::{counted, literal, times};
use crate::event::Summary;
use crate::explore::confirm::Confirmed;
use crate::stats::{Rate, percent};
use crate::store::{Run, SearchRecord};
use crate::verdict::Grade;

/// Trials of one scenario with one thread count, or runs of a program.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NativeRow {
    /// The scenario, or the program.
    pub scenario: String,
    /// Actors; none of a program, whose threads are its own.
    pub threads: Option<u32>,
    /// How its trials were run: `plain`, or `with sleeps` where a schedule that was found had its
    /// threads wait for their turn.
    pub how: String,
    /// Trials with a finding, of those that were judged.
    pub rate: RateFacts,
    /// What was found, with its confidence; empty if nothing was.
    pub kinds: Vec<String>,
    /// Trials that ended as they should.
    pub clean: u64,
    /// Trials that say nothing either way.
    pub inconclusive: u64,
    /// Microseconds from the opening of the gate to the end of the last actor, median.
    pub median_us: Option<u64>,
    /// The same, 99th percentile.
    pub p99_us: Option<u64>,
    /// `1.23 ms`, or `-`.
    pub median: String,
    /// `1.23 ms`, or `-`.
    pub p99: String,
    /// Against the scenario's expectation; `-` of a program, which has none.
    pub grade: String,
}

/// One a unit, then what confirmations of searches have shown.
pub(super) fn rows(runs: &[Run]) -> Vec<NativeRow> {
    let units = runs.iter().flat_map(summaries).map(|s| NativeRow::of(&s));
    let searches = runs.iter().flat_map(|run| &run.searches);
    units.chain(searches.flat_map(confirmed)).collect()
}

/// The units of a run of which trials were planned: a search has one for its card alone.
pub(super) fn summaries(run: &Run) -> Vec<Summary> {
    let planned = |s: &Summary| run.header.plan.units[s.unit].trials > 0;
    run.summaries().into_iter().filter(planned).collect()
}

impl NativeRow {
    fn of(summary: &Summary) -> NativeRow {
        let ms =
            |us: Option<u64>| us.map_or("-".to_owned(), |us| format!("{:.2} ms", us as f64 / 1e3));
        let kinds = summary.findings.iter().map(|f| format!("{} ({})", f.kind, f.confidence));
        NativeRow {
            scenario: summary.scenario.clone(),
            threads: Some(summary.threads),
            how: "plain".to_owned(),
            rate: RateFacts::of(summary.rate),
            kinds: kinds.collect(),
            clean: summary.clean,
            inconclusive: summary.inconclusive,
            median_us: summary.median_us,
            p99_us: summary.p99_us,
            median: ms(summary.median_us),
            p99: ms(summary.p99_us),
            grade: summary.grade().to_string(),
        }
    }
}

/// What runs without control have shown of a search's first finding.
fn confirmed(search: &SearchRecord) -> Vec<NativeRow> {
    let Some(found) = search.findings.first() else { return vec![] };
    let Some(minimal) = found.minimal() else { return vec![] };
    let size = minimal.smaller.as_ref().map(|smaller| (smaller.now.threads, smaller.was.threads));
    let (now, was) = size.map_or((search.threads, search.threads), |(n, w)| (Some(n), Some(w)));
    let kind = found.finding.kind;
    let row = |threads: Option<u32>, how: &str, (k, n): (u32, u32), confirmed: &Confirmed| {
        let other = confirmed.others.values().fold(confirmed.late, |sum, n| sum.saturating_add(*n));
        NativeRow {
            scenario: search.subject.clone(),
            threads,
            how: how.to_owned(),
            rate: RateFacts::of(Rate { k: k.into(), n: n.into() }),
            kinds: if k > 0 { vec![kind.to_string()] } else { vec![] },
            clean: u64::from(n.saturating_sub(k).saturating_sub(other)),
            inconclusive: 0,
            median_us: None,
            p99_us: None,
            median: "-".to_owned(),
            p99: "-".to_owned(),
            grade: "-".to_owned(),
        }
    };
    let both = |threads, confirmed: &Confirmed| {
        let all = [("plain", confirmed.plain), ("with sleeps", confirmed.with_sleeps)];
        all.into_iter()
            .filter(|(_, (_, n))| *n > 0)
            .map(|(how, rate)| row(threads, how, rate, confirmed))
            .collect::<Vec<_>>()
    };
    let of = |threads, confirmed: &Option<Confirmed>| {
        confirmed.as_ref().map_or_else(Vec::new, |confirmed| both(threads, confirmed))
    };
    [of(now, &minimal.confirmed), of(was, &minimal.larger)].concat()
}

/// What nothing found in several units bounds, all of them together.
pub(super) fn bound(runs: &[Run]) -> Option<String> {
    let summaries: Vec<Summary> = runs.iter().flat_map(summaries).collect();
    let total = total(&summaries);
    (total.k == 0 && total.n > 0 && summaries.len() > 1).then(|| {
        format!(
            "Nothing was found in {} over all units: if the trials were alike and independent, \
             the probability of a finding in one of them is at most {} (upper end of the 95 % \
             interval).",
            counted(total.n, "judged trial"),
            percent(total.interval().1)
        )
    })
}

/// All trials together.
pub(super) fn total(summaries: &[Summary]) -> Rate {
    let sum =
        |of: fn(&Summary) -> u64| summaries.iter().fold(0, |sum: u64, s| sum.saturating_add(of(s)));
    Rate { k: sum(|s| s.rate.k), n: sum(|s| s.rate.n) }
}

/// Inconclusive trials by their reasons.
pub(super) fn inconclusive(runs: &[Run]) -> Vec<String> {
    let lines = |summary: &Summary| {
        let title = format!("{} with {}", summary.scenario, counted(summary.threads, "thread"));
        let whys = summary.why_inconclusive.iter();
        whys.map(|(why, n)| format!("{title}: {}: {}", times(*n), literal(why))).collect::<Vec<_>>()
    };
    runs.iter().flat_map(summaries).flat_map(|summary| lines(&summary)).collect()
}

/// The worst grade of all units.
pub(super) fn worst(runs: &[Run]) -> Grade {
    let summaries: Vec<Summary> = runs.iter().flat_map(summaries).collect();
    crate::report::json::worst(&summaries)
}
