//! Cases of small runs, as a reader of the file counts them.

use super::*;
use crate::report::fixture::hostile::hostile;
use crate::report::fixture::runs::{
    found, inconclusive, interrupted, nothing_found, searched, searched_in_vain,
};
use crate::report::fixture::{clean, finding, header, run, unit};
use crate::report::page::Extra;
use crate::verdict::{Confidence, Kind};

fn xml(runs: &[Run]) -> String {
    render(&Page::of(runs, Extra::default()), runs)
}

/// Read as another tool reads it.
fn read(run: Run) -> Report {
    Report::deserialize_from_str(&xml(&[run])).expect("not readable")
}

#[test]
fn findings_are_failures_with_their_evidence() {
    insta::assert_snapshot!("found", xml(&[found()]));
}

#[test]
fn a_search_is_a_case_with_its_schedule() {
    insta::assert_snapshot!("searched", xml(&[searched()]));
}

#[test]
fn failures_and_errors_are_counted_apart() {
    for (run, tests, failures, errors) in [
        (found(), 2, 2, 0),
        (nothing_found(), 2, 0, 0),
        (inconclusive(), 1, 0, 1),
        (interrupted(), 2, 0, 1),
        (searched(), 1, 1, 0),
        (searched_in_vain(), 1, 0, 0),
    ] {
        let report = read(run);
        assert_eq!((report.tests, report.failures, report.errors), (tests, failures, errors));
    }
}

#[test]
fn a_run_that_nobody_could_judge_does_not_pass() {
    let header = header(vec![unit("transfer", 2, 1)]);
    let report = read(run(&header, vec![clean(&header, 0, 0).inconclusive("it was killed")]));
    assert_eq!((report.tests, report.errors), (1, 1));
    let TestCaseStatus::NonSuccess { message, description, .. } =
        &report.test_suites[0].test_cases[0].status
    else {
        panic!("it passed");
    };
    let said = |text: &Option<quick_junit::XmlString>| text.as_ref().map(|t| t.to_string());
    assert!(said(message).is_some_and(|said| said.starts_with("1 trial inconclusive")));
    assert_eq!(said(description).as_deref(), Some("once: it was killed"));
}

#[test]
fn what_is_expected_passes_and_what_is_missed_fails() {
    let mut control = unit("transfer", 2, 1);
    control.card.expectation = Expectation::Finds { kind: Kind::Deadlock };
    let header = header(vec![control]);
    let deadlock = finding(Kind::Deadlock, Confidence::Proven, "bank::transfer");
    let shown = run(&header, vec![clean(&header, 0, 0).with(&header, deadlock)]);
    assert_eq!(read(shown).failures, 0);
    let mut missed = clean(&header, 0, 0);
    missed.grade = Grade::Missed;
    let report = read(run(&header, vec![missed]));
    assert_eq!(report.failures, 1);
    let status = &report.test_suites[0].test_cases[0].status;
    assert!(
        matches!(status, TestCaseStatus::NonSuccess { ty: Some(ty), .. } if ty.as_str() == "missed")
    );
}

#[test]
fn hostile_words_stay_words() {
    let text = xml(&[hostile()]);
    let document = roxmltree::Document::parse(&text).expect("no XML");
    assert!(!document.descendants().any(|n| n.has_tag_name("script") || n.has_tag_name("img")));
    assert_eq!(read(hostile()).tests, 2);
}
