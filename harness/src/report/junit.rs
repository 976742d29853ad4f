//! `junit.xml`: what continuous integration shows. A scenario or program is a suite, a thread count
//! or a search of it a case.
//!
//! A case fails where something was found that was not expected, or where what had to be found was
//! not. One that says nothing either way is an error: a run that nobody could judge must not look like
//! one that passed.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::marks::plain;
use super::page::words::counted;
use super::page::{FindingFacts, NativeRow, Page, SearchRow};
use crate::store::{Run, SearchRecord};
use crate::text::printable;
use crate::verdict::{Expectation, Finding, Grade, Verdict};

/// The page as JUnit's XML, with times from the runs that it was made of.
pub fn render(page: &Page, runs: &[Run]) -> String {
    let mut report = Report::new("standstill");
    let mut suites: Vec<TestSuite> = Vec::new();
    for (name, case) in natives(page, runs).into_iter().chain(searches(page, runs)) {
        let at = suites.iter().position(|suite| suite.name.as_str() == name.as_str());
        let at = at.unwrap_or_else(|| {
            let mut suite = TestSuite::new(name.as_str());
            suite.add_property(Property::new("subject", text(&page.subject.title())));
            suites.push(suite);
            suites.len() - 1
        });
        suites[at].add_test_case(case);
    }
    let sum = |cases: &[TestCase]| cases.iter().filter_map(|case| case.time).sum::<Duration>();
    for suite in &mut suites {
        suite.set_time(sum(&suite.test_cases));
    }
    report.set_time(suites.iter().filter_map(|suite| suite.time).sum());
    report.add_test_suites(suites);
    // Nothing but a writer can fail, and a string does not.
    report.to_string().unwrap_or_else(|e| panic!("failed to write junit.xml to memory: {e}"))
}

/// Text as XML takes it; the library itself removes what else XML forbids.
fn text(text: &str) -> String {
    printable(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// Trials that the operating system scheduled, with their suites. What merely confirms a search has no
/// grade, and stands in the search's own case.
fn natives(page: &Page, runs: &[Run]) -> Vec<(String, TestCase)> {
    let graded = page.native.iter().filter(|row| row.grade != "-");
    graded
        .map(|row| {
            let threads =
                row.threads.map_or("its own threads".to_owned(), |n| counted(n, "thread"));
            let of = |f: &&FindingFacts| {
                f.lane == "native" && f.scenario == row.scenario && f.threads == threads
            };
            let findings: Vec<&FindingFacts> = page.findings.iter().filter(of).collect();
            let mut case = TestCase::new(text(&threads), judged(row, page, &findings));
            case.set_classname(text(&row.scenario)).set_time(took(row, runs));
            case.add_property(Property::new("found", format!("{} of {}", row.rate.k, row.rate.n)));
            case.add_property(Property::new("interval", row.rate.interval.as_str()));
            case.add_property(Property::new("inconclusive", row.inconclusive.to_string()));
            (text(&row.scenario), case)
        })
        .collect()
}

fn judged(row: &NativeRow, page: &Page, findings: &[&FindingFacts]) -> TestCaseStatus {
    let rate = format!("{} of {} ({})", row.rate.k, row.rate.n, row.rate.interval);
    let kinds = row.kinds.join(", ");
    match row.grade.as_str() {
        "as expected" => TestCaseStatus::success(),
        "MISSED" => {
            let message = format!("what had to be found in every trial was not: found in {rate}");
            failure(NonSuccessKind::Failure, "missed", &message, &said(findings))
        }
        "inconclusive" => {
            let threads = counted(row.threads.unwrap_or_default(), "thread");
            let own = format!("{} with {threads}: ", row.scenario);
            let whys = page.inconclusive.iter().filter_map(|line| line.strip_prefix(&own));
            let whys: Vec<String> = whys.map(plain).collect();
            let message = match row.inconclusive {
                0 => "no trial was judged".to_owned(),
                n => format!("{} inconclusive; found in {rate}", counted(n, "trial")),
            };
            failure(NonSuccessKind::Error, "inconclusive", &message, &whys.join("\n"))
        }
        _ => {
            let kind = findings.first().map_or("finding", |f| &f.kind);
            let message = format!("{kinds}: {rate}");
            failure(NonSuccessKind::Failure, kind, &message, &said(findings))
        }
    }
}

/// Searches of schedules. A program is expected to end by itself; of a scenario that is to show
/// something, a finding is no failure.
fn searches(page: &Page, runs: &[Run]) -> Vec<(String, TestCase)> {
    let records = runs.iter().flat_map(|run| run.searches.iter().map(move |s| (run, s)));
    let rows = page.controlled.iter().zip(records);
    rows.map(|(row, (run, search))| {
        let threads = row.threads.map_or("its own threads".to_owned(), |n| counted(n, "thread"));
        let name = format!("search: {threads}, {}, seed {}", row.strategy, row.seed);
        let tokens: Vec<&str> = search.findings.iter().map(|found| found.token()).collect();
        let of = |f: &&FindingFacts| tokens.contains(&f.token.as_str());
        let findings: Vec<&FindingFacts> = page.findings.iter().filter(of).collect();
        let mut case = TestCase::new(text(&name), searched(row, run, search, &findings));
        case.set_classname(text(&row.scenario)).set_time(seconds(search.seconds));
        case.add_property(Property::new("schedules", row.schedules.to_string()));
        case.add_property(Property::new("found", row.found.to_string()));
        (text(&row.scenario), case)
    })
    .collect()
}

fn searched(
    row: &SearchRow,
    run: &Run,
    search: &SearchRecord,
    findings: &[&FindingFacts],
) -> TestCaseStatus {
    let unit = run.header.plan.units.iter().find(|unit| unit.scenario == search.subject);
    let expectation = unit.map_or(&Expectation::Clean, |unit| &unit.card.expectation);
    let found = search.findings.iter().map(|found| &found.finding);
    let graded = |finding: &Finding| {
        Grade::of(expectation, &Verdict::Found { findings: vec![finding.clone()] })
    };
    let unexpected = found.clone().find(|finding| graded(finding) != Grade::AsExpected);
    let is_missed = search.findings.is_empty() && matches!(expectation, Expectation::Finds { .. });
    match (unexpected, row.verdict.as_str()) {
        (Some(finding), _) => {
            let message = format!("{}: {}", row.kinds.join(", "), plain(&row.sentence));
            failure(NonSuccessKind::Failure, finding.kind.name(), &message, &said(findings))
        }
        (None, "inconclusive") => {
            failure(NonSuccessKind::Error, "inconclusive", &plain(&row.sentence), "")
        }
        (None, _) if is_missed => {
            failure(NonSuccessKind::Failure, "missed", &plain(&row.sentence), "")
        }
        (None, _) => TestCaseStatus::success(),
    }
}

fn failure(kind: NonSuccessKind, ty: &str, message: &str, said: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(text(ty)).set_message(text(message));
    if !said.is_empty() {
        status.set_description(text(said));
    }
    status
}

/// Evidence, the short schedule and stacks of each finding.
fn said(findings: &[&FindingFacts]) -> String {
    let mut out = String::new();
    for f in findings {
        out += &format!("{} ({}), seen {}: {}\n", f.kind, f.confidence, f.times, plain(&f.summary));
        out += &f.evidence.iter().map(|line| format!("- {}\n", plain(line))).collect::<String>();
        out += &f.replay.iter().map(|line| format!("repeat it: {line}\n")).collect::<String>();
        let parts = [f.interleaving.as_ref().map(|i| &i.text), f.stacks.as_ref()];
        out += &parts.into_iter().flatten().map(|t| format!("\n{t}\n")).collect::<String>();
        out.push('\n');
    }
    out.trim_end().to_owned()
}

/// The time that the trials of a row took, all together.
fn took(row: &NativeRow, runs: &[Run]) -> Duration {
    let trials = runs.iter().flat_map(|run| &run.trials).map(|trial| &trial.observation);
    let of =
        trials.filter(|o| o.trial.scenario == row.scenario && Some(o.trial.threads) == row.threads);
    Duration::from_micros(of.fold(0, |sum: u64, o| sum.saturating_add(o.wall_us)))
}

/// What a file says may be no time at all.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests;
