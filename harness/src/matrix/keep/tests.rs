//! What stays in the directory of a subject, whatever is asked next.

use super::*;
use crate::matrix::record::{Column, Lane};
use crate::matrix::search::Bisected;
use crate::matrix::source::Source;

fn matrix(command: &str, bisection: Option<Bisected>) -> Matrix {
    let column = Column {
        source: Source::Registry { version: command.parse().unwrap_or("1.0.0".parse().unwrap()) },
        not_built: None,
        sha256: None,
        notes: vec![],
        dir: "dir".into(),
    };
    Matrix {
        schema: SCHEMA,
        standstill: "0.1.0".to_owned(),
        written: "2026-01-02".to_owned(),
        command: command.to_owned(),
        before: vec![],
        package: "case".to_owned(),
        name: "tokio".to_owned(),
        columns: vec![column],
        rows: vec![],
        bisection,
    }
}

fn bisected(end: End) -> Bisected {
    Bisected {
        lane: Lane::Native,
        what: "case/close".to_owned(),
        threads: Some(2),
        kinds: Default::default(),
        shown: Default::default(),
        alpha: 0.05,
        steps: 1,
        alpha_each: 0.05,
        rate_at_least: None,
        needed: None,
        versions: vec!["1.0.0".to_owned(), "1.1.0".to_owned()],
        tested: vec![],
        good: None,
        bad: None,
        end,
    }
}

fn question(kinds: &[&str]) -> Question {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    Question { ends: "1.0.0..1.1.0".to_owned(), kinds, with: vec![] }
}

/// The ends of the bisections that a report would find, and that of `bisection.json`.
fn ends(dir: &Path) -> (Vec<End>, End) {
    let end = |matrix: &Matrix| matrix.bisection.as_ref().unwrap().end;
    let found = all(dir).unwrap();
    (found.iter().map(|(_, m)| end(m)).collect(), end(&read(&dir.join(BISECTION)).unwrap()))
}

#[test]
fn a_table_is_added_to_and_one_that_cannot_be_read_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = table(dir.path(), &matrix("1.13.0", None)).unwrap();
    table(dir.path(), &matrix("99.0.0", None)).unwrap();
    let both = read(&path).unwrap();
    let versions: Vec<String> = both.columns.iter().map(|column| column.source.title()).collect();
    assert_eq!(versions, ["1.13.0", "99.0.0"]);
    fs::write(&path, "{\"torn").unwrap();
    table(dir.path(), &matrix("1.14.0", None)).unwrap();
    let aside = fs::read_to_string(dir.path().join("matrix-unreadable-2.json")).unwrap();
    assert_eq!(aside, "{\"torn");
    assert_eq!(all(dir.path()).unwrap().len(), 1);
}

#[test]
fn no_undecided_bisection_takes_the_place_of_one_that_named_a_version() {
    let dir = tempfile::tempdir().unwrap();
    let ask = |command: &str, end, kinds: &[&str]| {
        let matrix = matrix(command, Some(bisected(end)));
        bisection(dir.path(), &matrix, &question(kinds)).unwrap()
    };
    let first = ask("a", End::Found, &["deadlock"]);
    let name = first.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("bisection-1.0.0..1.1.0-deadlock-"), "{name}");
    ask("b", End::NeitherFails, &["panic"]);
    assert_eq!(ends(dir.path()), (vec![End::Found, End::NeitherFails], End::Found));
    // The same question, with an answer that says less.
    let beside = ask("c", End::NeitherFails, &["deadlock"]);
    assert_ne!(beside, first);
    assert_eq!(read(&first).unwrap().command, "a");
    ask("d", End::Found, &["deadlock"]);
    assert_eq!(read(&first).unwrap().command, "d");
    assert_eq!(read(&dir.path().join(BISECTION)).unwrap().command, "d");
    assert_eq!(all(dir.path()).unwrap().len(), 3);
}

#[test]
fn an_interrupted_bisection_goes_when_it_has_come_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let ask = |command: &str, end| {
        bisection(dir.path(), &matrix(command, Some(bisected(end))), &question(&[])).unwrap()
    };
    ask("a", End::Interrupted);
    assert_eq!(ends(dir.path()).0, [End::Interrupted]);
    ask("b", End::Found);
    assert_eq!(ends(dir.path()), (vec![End::Found], End::Found));
}

#[test]
fn an_answer_of_an_earlier_standstill_gets_a_name_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join(BISECTION), &matrix("old", Some(bisected(End::Found)))).unwrap();
    assert_eq!(ends(dir.path()).0, [End::Found], "a report shows it as it is");
    let new = matrix("new", Some(bisected(End::Found)));
    bisection(dir.path(), &new, &question(&[])).unwrap();
    let commands: Vec<String> =
        all(dir.path()).unwrap().into_iter().map(|(_, matrix)| matrix.command).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    assert!(commands.contains(&"old".to_owned()), "{commands:?}");
}

#[test]
fn a_directory_with_nothing_in_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(all(dir.path()).unwrap_err().to_string().contains("neither matrix.json nor"));
}
