//! What it comes to, in words no stronger than the weakest that fits.

use std::collections::{BTreeMap, BTreeSet};

use super::controlled::SearchRow;
use super::native::{NativeRow, summaries, total, worst};
use super::rate::RateFacts;
use super::subject::SubjectFacts;
use super::words::{counted, literal};
use crate::event::Summary;
use crate::stats::Rate;
use crate::store::Run;
use crate::verdict::{Confidence, Grade, Kind};

/// Pairs of scenario and thread count without a finding that get a line of their own at the top.
const MOST_QUIET: usize = 3;

/// Scenarios that are named in the headline; of more, their number is told.
const MOST_NAMED: usize = 3;

pub(super) fn outcome(native: &[NativeRow], controlled: &[SearchRow]) -> &'static str {
    let found = native.iter().any(|row| row.rate.k > 0) || controlled.iter().any(|s| s.found > 0);
    let judged = native.iter().any(|row| row.rate.n > 0);
    let unsure = native.iter().any(|row| row.inconclusive > 0 || row.rate.n == 0)
        || controlled.iter().any(|row| row.verdict == "inconclusive");
    match () {
        () if found => "found",
        () if unsure || !judged && controlled.is_empty() => "inconclusive",
        () => "nothing-found",
    }
}

/// The symptom, where, and how often.
pub(super) fn headline(
    runs: &[Run],
    subject: &SubjectFacts,
    native: &[NativeRow],
    controlled: &[SearchRow],
) -> String {
    let failing = failing(native, controlled);
    let symptom = match (outcome(native, controlled), worst(runs)) {
        ("found", _) => kinds(runs).join(", "),
        ("inconclusive", _) => "inconclusive".to_owned(),
        (_, Grade::Missed) => "nothing found, against expectation,".to_owned(),
        _ => "nothing found".to_owned(),
    };
    let expected = match worst(runs) {
        Grade::AsExpected if outcome(native, controlled) == "found" && all_expected(runs) => {
            ", as expected"
        }
        _ => "",
    };
    // Where something was found, only what failed is named and counted.
    let is_told = |scenario: &str| failing.is_empty() || failing.contains(scenario);
    let native: Vec<NativeRow> = native.iter().filter(|r| is_told(&r.scenario)).cloned().collect();
    let controlled: Vec<SearchRow> =
        controlled.iter().filter(|row| is_told(&row.scenario)).cloned().collect();
    let rates = [native_rate(runs, &native), controlled_rate(&controlled)];
    let rates: Vec<String> = rates.into_iter().flatten().collect();
    let rates = if rates.is_empty() { "no trial was run".to_owned() } else { rates.join("; ") };
    format!("{symptom} in {}: {rates}{expected}", place(subject, &failing))
}

/// The scenarios and programs in which something was found.
fn failing(native: &[NativeRow], controlled: &[SearchRow]) -> BTreeSet<String> {
    let native = native.iter().filter(|row| row.rate.k > 0).map(|row| row.scenario.clone());
    let controlled = controlled.iter().filter(|row| row.found > 0).map(|row| row.scenario.clone());
    native.chain(controlled).collect()
}

/// The library and who examined it; of those who did, only who found something, if anybody has.
fn place(subject: &SubjectFacts, failing: &BTreeSet<String>) -> String {
    let all = subject.by.len();
    let told: Vec<&String> = match failing.is_empty() {
        true => subject.by.iter().collect(),
        false => failing.iter().collect(),
    };
    let scenarios = match told[..] {
        _ if told.len() <= MOST_NAMED => {
            told.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
        }
        _ if told.len() == all => counted(all as u64, "scenario"),
        _ => format!("{} of {}", told.len(), counted(all as u64, "scenario")),
    };
    match subject.is_known() {
        true if scenarios == subject.name || told.is_empty() => subject.title(),
        true => format!("{} ({scenarios})", subject.title()),
        false => scenarios,
    }
}

/// Whether scenarios alone were run, of each of which it is known what to expect.
fn all_expected(runs: &[Run]) -> bool {
    runs.iter().all(|run| run.searches.is_empty())
}

/// What was found, the surest first.
fn kinds(runs: &[Run]) -> Vec<String> {
    let units: Vec<Summary> = runs.iter().flat_map(summaries).collect();
    let native = units.iter().flat_map(|s| &s.findings).map(|f| (f.confidence, f.kind));
    let searches = runs.iter().flat_map(|run| &run.searches);
    let controlled = searches.flat_map(|s| &s.findings);
    let controlled = controlled.map(|f| (f.finding.confidence, f.finding.kind));
    let mut surest: BTreeMap<Kind, Confidence> = BTreeMap::new();
    for (confidence, kind) in native.chain(controlled) {
        let known = surest.entry(kind).or_insert(confidence);
        *known = confidence.max(*known);
    }
    let mut kinds: Vec<(Confidence, Kind)> = surest.into_iter().map(|(k, c)| (c, k)).collect();
    kinds.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    kinds.iter().map(|(confidence, kind)| format!("{kind} ({confidence})")).collect()
}

fn native_rate(runs: &[Run], native: &[NativeRow]) -> Option<String> {
    let mut units: Vec<Summary> = runs.iter().flat_map(summaries).collect();
    units.retain(|unit| native.iter().any(|row| row.scenario == unit.scenario));
    let rate = match units.is_empty() {
        false => total(&units),
        // A program: its plain runs.
        true => {
            let plain = native.iter().filter(|row| row.how == "plain");
            plain.fold(Rate::default(), |sum, row| Rate {
                k: sum.k.saturating_add(row.rate.k),
                n: sum.n.saturating_add(row.rate.n),
            })
        }
    };
    let trials: u64 = units.iter().map(Summary::trials).sum();
    let judged = if trials > rate.n { "judged native trial" } else { "native trial" };
    match (rate.n, trials, rate.k) {
        (0, 0, _) => None,
        (0, trials, _) => Some(format!("nothing judged in {}", counted(trials, "native trial"))),
        (n, _, 0) => {
            // All of them together would bound more, if they were alike: which nobody knows.
            let weakest =
                units.iter().map(|u| u.rate).filter(|rate| rate.n > 0).min_by_key(|rate| rate.n);
            let most = RateFacts::of(weakest.unwrap_or(rate)).interval;
            let each = if units.len() > 1 { " with each scenario and thread count" } else { "" };
            Some(format!("0 of {} ({most}{each})", counted(n, judged)))
        }
        (n, _, k) => Some(format!("{k} of {}", counted(n, judged))),
    }
}

fn controlled_rate(controlled: &[SearchRow]) -> Option<String> {
    let tried: u64 = controlled.iter().fold(0, |sum, row| sum.saturating_add(row.schedules));
    if tried == 0 {
        return None;
    }
    let tried = counted(tried, "chosen schedule");
    let found: u64 = controlled.iter().fold(0, |sum, row| sum.saturating_add(row.found));
    let first = controlled.iter().find_map(|row| row.first);
    Some(match (controlled, first) {
        ([one], None) => match &one.rate {
            Some(rate) => format!("0 of {tried} ({})", rate.interval),
            None => format!("0 of {tried}"),
        },
        ([one], Some(first)) if one.rate.is_none() => {
            format!("chosen schedule {first} of a search that ended with it")
        }
        _ => format!("{found} of {tried}"),
    })
}

/// A line for each unit and search; of many in which nothing happened, one for all of them.
pub(super) fn seen(runs: &[Run], controlled: &[SearchRow]) -> Vec<String> {
    let units: Vec<Summary> = runs.iter().flat_map(summaries).collect();
    let mut lines = units_seen(&units);
    lines.extend(controlled.iter().map(|row| {
        let size = row.threads.map(|n| format!(", {}", counted(n, "thread"))).unwrap_or_default();
        let kinds = row.kinds.join(", ");
        let kinds = if kinds.is_empty() { kinds } else { format!("{kinds} ") };
        format!(
            "**{}**{size}, schedules chosen by standstill: {kinds}{}",
            literal(&row.scenario),
            row.sentence
        )
    }));
    for found in runs.iter().flat_map(|run| &run.searches).flat_map(|search| &search.findings) {
        let finding = &found.finding;
        lines.push(format!("{}: {}", finding.kind, literal(&finding.summary)));
    }
    lines.dedup();
    lines
}

fn units_seen(summaries: &[Summary]) -> Vec<String> {
    let is_quiet =
        |s: &&Summary| s.rate.k == 0 && s.inconclusive == 0 && s.grade() == Grade::AsExpected;
    let quiet = summaries.iter().filter(is_quiet).count();
    if quiet <= MOST_QUIET {
        return summaries.iter().map(line).collect();
    }
    let mut lines: Vec<String> = summaries.iter().filter(|s| !is_quiet(s)).map(line).collect();
    let n = summaries.len();
    lines.push(format!(
        "nothing found in {quiet} of {n} pairs of scenario and thread count; rates below"
    ));
    lines
}

fn line(summary: &Summary) -> String {
    let Summary { scenario, threads, .. } = summary;
    let scenario = literal(scenario);
    format!("**{scenario}**, {}: {}", counted(*threads, "thread"), summary.sentence())
}

/// The least thread count with a finding, for each scenario with one, and what fewer threads showed.
pub(super) fn least_threads(runs: &[Run]) -> Option<String> {
    let units: Vec<Summary> = runs.iter().flat_map(summaries).collect();
    let mut sentences = Vec::new();
    let mut known: Vec<&str> = Vec::new();
    for unit in units.iter().filter(|unit| unit.rate.k > 0) {
        if known.contains(&unit.scenario.as_str()) {
            continue;
        }
        known.push(&unit.scenario);
        let same = units.iter().filter(|other| other.scenario == unit.scenario);
        let Some(least) = same.clone().filter(|other| other.rate.k > 0).min_by_key(|u| u.threads)
        else {
            continue;
        };
        let fewer = same.filter(|other| other.threads < least.threads && other.rate.n > 0);
        let fewer: Vec<String> = fewer
            .map(|other| {
                let rate = RateFacts::of(other.rate);
                format!("with {} 0 of {} ({})", other.threads, rate.n, rate.interval)
            })
            .collect();
        let fewer = match fewer.is_empty() {
            true => "fewer were not tried".to_owned(),
            false => fewer.join(", "),
        };
        sentences.push(format!(
            "{}: the least thread count that failed in native trials is {} ({} of {}); {fewer}.",
            unit.scenario, least.threads, least.rate.k, least.rate.n
        ));
    }
    for search in runs.iter().flat_map(|run| &run.searches) {
        let smaller = search.findings.first().and_then(|f| f.minimal()?.smaller.as_ref());
        let Some(smaller) = smaller else { continue };
        let quiet = smaller.tried.iter().filter(|tried| !tried.failed);
        let quiet: Vec<String> = quiet
            .filter(|tried| tried.size.threads < smaller.now.threads)
            .map(|tried| {
                format!("none with {} in {}", tried.size, counted(tried.trials, "schedule"))
            })
            .collect();
        let quiet =
            if quiet.is_empty() { String::new() } else { format!("; {}", quiet.join(", ")) };
        sentences.push(format!(
            "{}: the smallest run that a chosen schedule made fail has {}{quiet}.",
            search.subject, smaller.now
        ));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}
