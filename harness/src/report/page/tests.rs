//! The words of a page: none stronger than what was seen.

use super::*;
use crate::report::fixture::runs::{found, inconclusive, interrupted, nothing_found, searched};
use crate::report::fixture::{clean, finding, header, run, unit};
use crate::store::Record;
use crate::verdict::{Confidence, KINDS, Kind};

fn page(runs: &[Run]) -> Page {
    Page::of(runs, Extra::default())
}

/// All words of a page, but for the names that a user gave.
fn words(page: &Page) -> String {
    serde_json::to_string(page).unwrap().to_lowercase()
}

#[test]
fn no_kind_is_called_by_the_name_of_another() {
    for kind in KINDS {
        for confidence in [Confidence::Suspected, Confidence::Inferred, Confidence::Proven] {
            let header = header(vec![unit("transfer", 2, 1)]);
            let trial =
                clean(&header, 0, 0).with(&header, finding(kind, confidence, "bank::audit"));
            let page = page(&[run(&header, vec![trial])]);
            let title =
                format!("{kind} ({confidence}) in bank 1.2.0 (bank/transfer): 1 of 1 native trial");
            assert_eq!(page.headline, title);
            let words = words(&page);
            for other in KINDS.into_iter().filter(|other| !kind.name().contains(other.name())) {
                // These two are words of every day.
                if !matches!(
                    other,
                    Kind::Panic | Kind::Slow | Kind::Crash | Kind::Hang | Kind::DataRace
                ) {
                    assert!(!words.contains(other.name()), "{kind} is called {other}: {words}");
                }
            }
            for stronger in [Confidence::Inferred, Confidence::Proven] {
                let said = format!("({stronger})");
                assert_eq!(words.contains(&said), stronger == confidence, "{words}");
            }
        }
    }
}

#[test]
fn nobody_stands_in_a_headline_who_did_not_fail() {
    let units = vec![unit("transfer", 2, 1), unit("audit", 2, 2), unit("audit", 8, 1)];
    let mut header = header(units);
    let failed = finding(Kind::Panic, Confidence::Proven, "bank::audit");
    let trials = |header: &crate::store::Header| {
        let failed = clean(header, 0, 0).with(header, failed.clone());
        vec![failed, clean(header, 1, 0), clean(header, 1, 1), clean(header, 2, 0)]
    };
    let told = page(&[run(&header, trials(&header))]).headline;
    assert_eq!(told, "panic (proven) in bank 1.2.0 (bank/transfer): 1 of 1 native trial");
    // The same where the library is not known.
    header.books.values_mut().for_each(|book| book.crates.clear());
    let told = page(&[run(&header, trials(&header))]).headline;
    assert_eq!(told, "panic (proven) in bank/transfer: 1 of 1 native trial");
}

#[test]
fn a_headline_bounds_what_the_least_tried_pair_bounds() {
    let header = header(vec![unit("audit", 2, 2), unit("audit", 8, 1)]);
    let trials = vec![clean(&header, 0, 0), clean(&header, 0, 1), clean(&header, 1, 0)];
    let told = page(&[run(&header, trials)]).headline;
    assert!(
        told.ends_with(
            "0 of 3 native trials (at most 97.50 % with each scenario and thread count)"
        ),
        "{told}"
    );
}

#[test]
fn a_name_is_no_markdown() {
    for (name, told) in [("a|b", "a\\|b"), ("<b>x", "\\<b>x"), ("x\n# y", "x # y"), ("a_b", "a_b")]
    {
        assert_eq!(super::words::cell(name), told);
    }
}

#[test]
fn a_deadline_that_passed_is_a_hang_and_never_more() {
    let header = header(vec![unit("transfer", 2, 1)]);
    let hang = finding(Kind::Hang, Confidence::Suspected, "bank::transfer");
    let words = words(&page(&[run(&header, vec![clean(&header, 0, 0).with(&header, hang)])]));
    for claim in ["deadlock", "livelock", "proven", "never end", "for ever"] {
        assert!(!words.contains(claim), "{claim}: {words}");
    }
}

#[test]
fn the_two_lanes_are_never_added_up() {
    let page = page(&[found(), searched()]);
    let natives: u64 =
        page.native.iter().filter(|row| row.grade != "-").map(|row| row.rate.n).sum();
    assert_eq!((natives, page.controlled.len()), (5, 1));
    assert!(
        page.headline
            .ends_with("3 of 5 native trials; chosen schedule 6 of a search that ended with it"),
        "{}",
        page.headline
    );
}

#[test]
fn what_it_comes_to_is_one_of_three_words() {
    for (run, outcome) in [
        (found(), "found"),
        (searched(), "found"),
        (nothing_found(), "nothing-found"),
        (inconclusive(), "inconclusive"),
        (interrupted(), "inconclusive"),
    ] {
        assert_eq!(page(&[run]).outcome, outcome);
    }
}

#[test]
fn the_least_thread_count_is_told_with_what_fewer_showed() {
    let header =
        header(vec![unit("transfer", 1, 2), unit("transfer", 4, 1), unit("transfer", 8, 1)]);
    let crash = || finding(Kind::Crash, Confidence::Proven, "bank::audit");
    let trials = vec![
        clean(&header, 0, 0),
        clean(&header, 0, 1),
        clean(&header, 1, 0).with(&header, crash()),
        clean(&header, 2, 0).with(&header, crash()),
    ];
    let told = page(&[run(&header, trials)]).least_threads.unwrap();
    assert!(told.contains("is 4 (1 of 1); with 1 0 of 2 (at most 84.19 %)"), "{told}");
}

#[test]
fn a_page_reads_back_as_it_was() {
    let page = page(&[searched()]);
    let text = serde_json::to_string(&page).unwrap();
    let again: Page = serde_json::from_str(&text).unwrap();
    assert!(serde_json::to_string(&again).unwrap() == text);
}

/// Every number of a stored run in turn becomes one that nobody would write.
#[test]
fn no_number_of_a_stored_run_brings_a_report_down() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(crate::store::RECORDS);
    for run in [found(), searched(), interrupted()] {
        let mut records = records_of(run);
        let count: usize = records.iter().map(numbers).sum();
        for nth in 0..count {
            for absurd in [0, u64::from(u32::MAX), u64::MAX] {
                let whole = records.clone();
                let mut left = nth;
                records.iter_mut().any(|record| replace(record, &mut left, absurd));
                let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
                records = whole;
                std::fs::write(&path, lines).unwrap();
                if let Ok(run) = Run::load(dir.path()) {
                    let page = page(&[run]);
                    crate::report::markdown::render(&page, crate::report::markdown::TEMPLATE)
                        .unwrap();
                }
            }
        }
    }
}

fn records_of(run: Run) -> Vec<serde_json::Value> {
    let header = [Record::Run(run.header)].into_iter();
    let probes = run.probes.into_values().map(Record::Probe);
    let trials = run.trials.into_iter().map(Record::Trial);
    let searches = run.searches.into_iter().map(|search| Record::Search(Box::new(search)));
    let all = header.chain(probes).chain(trials).chain(searches);
    all.map(|record| serde_json::to_value(record).unwrap()).collect()
}

fn numbers(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Number(_) => 1,
        serde_json::Value::Array(items) => items.iter().map(numbers).sum(),
        serde_json::Value::Object(fields) => fields.values().map(numbers).sum(),
        _ => 0,
    }
}

/// Replaces the number of this place; whether it was there.
fn replace(value: &mut serde_json::Value, left: &mut usize, by: u64) -> bool {
    match value {
        serde_json::Value::Number(_) if *left == 0 => {
            *value = by.into();
            true
        }
        serde_json::Value::Number(_) => {
            *left -= 1;
            false
        }
        serde_json::Value::Array(items) => items.iter_mut().any(|item| replace(item, left, by)),
        serde_json::Value::Object(fields) => {
            fields.values_mut().any(|field| replace(field, left, by))
        }
        _ => false,
    }
}
