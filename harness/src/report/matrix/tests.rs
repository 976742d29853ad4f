//! What is said of a matrix.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::matrix::record::{Column, SCHEMA};
use crate::matrix::search::{Bisected, End, Tested};
use crate::matrix::source::Source;
use crate::verdict::{Confidence, Grade, Kind};

fn tried(k: u64, n: u64, confidence: Confidence) -> Cell {
    let fingerprints = BTreeMap::from([("abc".to_owned(), k)]);
    let shown = Shown { kind: Kind::Deadlock, confidence, times: k, fingerprints };
    Cell::Tried(Tried {
        rate: Rate { k, n },
        interval: Rate { k, n }.interval(),
        inconclusive: 0,
        why: None,
        shown: if k == 0 { vec![] } else { vec![shown] },
        grade: if k == 0 { Grade::AsExpected } else { Grade::Unexpected },
        run: "run".into(),
    })
}

fn matrix() -> Matrix {
    let column = |version: &str, not_built: Option<&str>| Column {
        source: Source::Registry { version: version.parse().unwrap() },
        not_built: not_built.map(str::to_owned),
        sha256: None,
        notes: vec![],
        dir: "dir".into(),
    };
    let not_built = || Cell::NotBuilt { why: "error[E0277]: `Rc<u8>`".to_owned() };
    let row = |threads, confidence| Row {
        lane: Lane::Native,
        what: "whisper/create_state".to_owned(),
        threads: Some(threads),
        with: vec![],
        cells: vec![tried(12, 40, confidence), tried(0, 500, confidence), not_built()],
    };
    Matrix {
        schema: SCHEMA,
        standstill: "0.1.0".to_owned(),
        written: "2026-01-01T00:00:00Z".to_owned(),
        command: "standstill matrix".to_owned(),
        before: vec![],
        package: "scenarios".to_owned(),
        name: "whisper-rs".to_owned(),
        columns: vec![
            column("0.15.1", None),
            column("0.16.0", None),
            column("0.17.0", Some("error[E0277]: `Rc<u8>`")),
        ],
        rows: vec![row(2, Confidence::Proven), row(8, Confidence::Suspected)],
        bisection: None,
    }
}

#[test]
fn a_table_says_rates_with_their_ranges_and_what_does_not_build() {
    let text = text(&matrix());
    assert!(text.contains("12 of 40 (16.56 % to 46.53 %) deadlock "), "{text}");
    assert!(text.contains("deadlock (suspected)"), "{text}");
    assert!(text.contains("0 of 500 (at most 0.74 %)"), "{text}");
    assert!(text.contains("whisper-rs 0.17.0 does not build: error[E0277]"), "{text}");
    let markdown = markdown(&matrix());
    assert!(markdown.contains("|---|---|---|---|---|---|\n"), "{markdown}");
    assert!(markdown.contains("`Rc&lt;u8>`"), "{markdown}");
}

#[test]
fn what_was_written_is_read_again() {
    let mut matrix = matrix();
    matrix.bisection = Some(bisected(End::Found, Some("1.52.1"), Some("1.52.0")));
    let read: Matrix = serde_json::from_str(&serde_json::to_string(&matrix).unwrap()).unwrap();
    assert_eq!(text(&read), text(&matrix));
    (matrix.bisection, matrix.columns[0].notes) = (None, vec!["a note".to_owned()]);
    let read: Matrix = serde_json::from_str(&serde_json::to_string(&matrix).unwrap()).unwrap();
    assert_eq!(text(&read), text(&matrix));
    assert!(text(&read).contains("whisper-rs 0.15.1: a note"));
}

fn bisected(end: End, good: Option<&str>, bad: Option<&str>) -> Bisected {
    let step = |version: &str, k, n, side: &str| Tested {
        version: version.to_owned(),
        k,
        n,
        run: n,
        side: Some(side.to_owned()),
        why: None,
        same_place: None,
        others: vec![],
        runs: vec![],
    };
    Bisected {
        lane: Lane::Controlled,
        what: "case".to_owned(),
        threads: None,
        kinds: BTreeSet::from([Kind::Deadlock, Kind::LostWakeup]),
        shown: BTreeSet::from([Kind::Deadlock]),
        alpha: 0.05,
        steps: 4,
        alpha_each: 0.0125,
        rate_at_least: Some(0.17),
        needed: Some(24),
        versions: ["1.51.0", "1.52.0", "1.52.1", "1.52.2"].map(str::to_owned).to_vec(),
        tested: vec![step("1.52.0", 12, 40, "bad"), step("1.52.1", 0, 24, "good")],
        good: good.map(str::to_owned),
        bad: bad.map(str::to_owned),
        end,
    }
}

#[test]
fn the_boundary_is_told_with_its_risk_and_what_it_rests_on() {
    let fix = sentence(&bisected(End::Found, Some("1.52.1"), Some("1.52.0")), "tokio");
    assert_eq!(
        fix,
        "first version without the deadlock: tokio 1.52.1 (1.52.0: 12 of 40 schedules; 1.52.1: 0 of \
         24 schedules). The chance that this is wrong is at most 5.00 % over the 4 steps that can err \
         (1.25 % each), if every version that has it fails in at least 17.00 % of schedules as this \
         search draws them, and the versions change sides once"
    );
    let broke = sentence(&bisected(End::Found, Some("1.51.0"), Some("1.52.0")), "tokio");
    assert!(broke.starts_with("first version with the deadlock: tokio 1.52.0"), "{broke}");
}

#[test]
fn what_is_not_decided_is_not_claimed() {
    let open = sentence(&bisected(End::Between, Some("1.52.2"), Some("1.51.0")), "tokio");
    assert!(open.contains("lies between"), "{open}");
    assert!(open.contains("not decided: 1.52.0, 1.52.1."), "{open}");
    for end in [End::NeitherFails, End::BothFail, End::EndUndecided, End::EndNotBuilt] {
        let words = sentence(&bisected(end, None, Some("1.52.0")), "tokio");
        assert!(!words.contains("first version") && !words.contains("chance"), "{words}");
    }
}

/// The subject of runs of `by`, of a library if one is named.
fn subject(library: Option<&str>, by: &str) -> SubjectFacts {
    let by = vec![by.to_owned()];
    SubjectFacts { name: library.unwrap_or(&by[0]).to_owned(), versions: vec![], by }
}

#[test]
fn a_table_in_a_report_names_the_crate_and_what_tried_it() {
    let facts = facts(&matrix(), &subject(Some("whisper-rs"), "whisper/create_state"));
    assert_eq!(
        facts.title,
        "whisper-rs, tried by whisper/create_state (package scenarios, native lane)"
    );
    assert!(!facts.sentences.iter().any(|line| line.contains("not about")), "{facts:?}");
}

#[test]
fn a_table_about_something_else_says_so_first() {
    for (library, by, words) in [
        (
            Some("tokio"),
            "case",
            "versions of whisper-rs, and the runs of this report are about tokio",
        ),
        (Some("whisper-rs"), "whisper/drop", "tried by whisper/create_state, and the runs"),
        (None, "hang", "tried by whisper/create_state, and the runs of this report are of hang"),
    ] {
        let facts = facts(&matrix(), &subject(library, by));
        assert!(facts.sentences[0].contains(words), "{facts:?}");
        assert!(facts.sentences[0].ends_with("not about them."), "{facts:?}");
    }
    let same = facts(&matrix(), &subject(None, "whisper/create_state"));
    assert!(!same.sentences[0].contains("not about"), "{same:?}");
}

#[test]
fn flags_stand_in_a_row_that_has_a_twin_and_no_empty_cell_is_remarked() {
    let mut matrix = matrix();
    let mut other = matrix.rows[0].clone();
    other.with = vec!["--set".to_owned(), "mode=a b".to_owned()];
    other.cells[1] = Cell::NotTried { why: NOT_ASKED.to_owned() };
    matrix.rows[0] = other;
    assert!(!text(&matrix).contains("--set"), "nobody could take it for another");
    let plain = Row { with: vec![], ..matrix.rows[0].clone() };
    matrix.rows.push(plain);
    let text = text(&matrix);
    assert!(text.contains("whisper/create_state --set 'mode=a b'"), "{text}");
    assert!(text.contains("not tried") && !text.contains(NOT_ASKED), "{text}");
}
