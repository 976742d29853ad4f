//! Reports of small runs, whole; and the words that must not stand in them.

use super::*;
use crate::report::fixture::runs::{
    found, inconclusive, interrupted, late, nothing_found, searched, searched_in_vain,
};
use crate::report::fixture::{clean, finding, header, run, unit};
use crate::report::page::words::{literal, without};
use crate::report::page::{Extra, MOST_FINDINGS, Page};
use crate::store::Run;
use crate::verdict::{Confidence, Expectation, Kind};

fn page(run: &Run) -> Page {
    Page::of(std::slice::from_ref(run), Extra::default())
}

fn report(run: &Run) -> String {
    render(&page(run), TEMPLATE).expect("not rendered")
}

#[test]
fn a_deadlock_is_told_with_rate_evidence_and_stacks() {
    insta::assert_snapshot!("found", report(&found()));
}

#[test]
fn nothing_found_is_told_as_a_bound() {
    insta::assert_snapshot!("nothing_found", report(&nothing_found()));
}

#[test]
fn inconclusive_trials_are_told_with_their_reasons() {
    insta::assert_snapshot!("inconclusive", report(&inconclusive()));
}

#[test]
fn an_interrupted_run_says_so() {
    insta::assert_snapshot!("interrupted", report(&interrupted()));
}

#[test]
fn a_search_is_told_with_its_shortest_schedule() {
    insta::assert_snapshot!("searched", report(&searched()));
}

#[test]
fn a_search_in_vain_is_told_as_a_bound() {
    insta::assert_snapshot!("searched_in_vain", report(&searched_in_vain()));
}

#[test]
fn one_schedule_is_not_several() {
    let mut run = searched_in_vain();
    run.searches[0].trials = 1;
    for text in [report(&run), crate::report::html::render(&page(&run))] {
        assert!(text.contains("1 schedule, which it chose, one thread"), "{text}");
        assert!(!text.contains("1 schedules"), "{text}");
    }
}

#[test]
fn crates_that_are_not_known_are_no_empty_table() {
    let mut run = searched_in_vain();
    run.header.books.values_mut().for_each(|book| book.crates.clear());
    let page = page(&run);
    let text = render(&page, TEMPLATE).expect("not rendered");
    assert!(text.contains("; no lock file was found that names it"), "{text}");
    assert!(!text.contains("| crate |") && !text.contains("0 crates"), "{text}");
    let html = crate::report::html::render(&page);
    assert!(html.contains("no lock file was found that names it"), "{html}");
    assert!(!html.contains("0 crates"), "{html}");
}

#[test]
fn every_table_of_versions_has_its_title() {
    let facts = |title: &str| crate::report::page::VersionFacts {
        title: title.to_owned(),
        sentences: vec!["A sentence.".to_owned()],
        heads: vec!["tokio".to_owned(), "1.13.0".to_owned()],
        rows: vec![vec!["close --set 'a|b'".to_owned(), "0 of 40".to_owned()]],
    };
    let extra =
        Extra { versions: vec![facts("a table"), facts("a bisection")], ..Extra::default() };
    let page = Page::of(&[searched_in_vain()], extra);
    let text = render(&page, TEMPLATE).expect("not rendered");
    let versions = text.split("## Versions\n").nth(1).unwrap().split("\n## ").next().unwrap();
    insta::assert_snapshot!(versions, @r"
    ### a table

    - A sentence.

    | tokio | 1.13.0 |
    |---|---|
    | close --set 'a\|b' | 0 of 40 |

    ### a bisection

    - A sentence.

    | tokio | 1.13.0 |
    |---|---|
    | close --set 'a\|b' | 0 of 40 |
    ");
    let html = crate::report::html::render(&page);
    assert!(html.contains("<h3>a table</h3>") && html.contains("<h3>a bisection</h3>"), "{html}");
}

#[test]
fn nothing_found_never_becomes_a_promise() {
    for run in [nothing_found(), inconclusive(), interrupted(), searched_in_vain()] {
        let report = report(&run).to_lowercase();
        for promise in ["deadlock", "no bug", "safe", "correct", "proven", "guarantee"] {
            assert!(!report.contains(promise), "{promise}");
        }
    }
}

#[test]
fn a_bound_counts_judged_trials_alone() {
    let report = report(&inconclusive());
    assert!(report.contains("nothing found in 1 judged trial,"), "{report}");
    assert!(
        report.contains("| 0 of 1 |")
            && report.contains(
                "# inconclusive in bank 1.2.0 (bank/transfer): 0 of 1 judged native trial"
            )
    );
}

#[test]
fn a_headline_tells_trials_from_judged_trials_where_they_differ() {
    let header = header(vec![unit("transfer", 2, 2)]);
    let crash = finding(Kind::Crash, Confidence::Proven, "bank::audit");
    let found = || clean(&header, 0, 0).with(&header, crash.clone());
    let of_all = report(&run(&header, vec![found(), clean(&header, 0, 1)]));
    assert!(of_all.contains(": 1 of 2 native trials\n"), "{of_all}");
    let unsure = clean(&header, 0, 1).inconclusive("it was killed");
    let of_judged = report(&run(&header, vec![found(), unsure]));
    assert!(of_judged.contains(": 1 of 1 judged native trial\n"), "{of_judged}");
}

#[test]
fn a_passed_deadline_is_not_called_a_deadlock() {
    let report = report(&late());
    assert!(!report.to_lowercase().contains("deadlock"), "{report}");
    assert!(report.contains("hang (suspected)") && report.contains("deadline"));
}

#[test]
fn what_was_expected_is_said_to_be() {
    let mut control = unit("transfer", 2, 1);
    control.card.expectation = Expectation::Finds { kind: Kind::Deadlock };
    let header = header(vec![control]);
    let deadlock = finding(Kind::Deadlock, Confidence::Proven, "bank::transfer");
    let trial = clean(&header, 0, 0).with(&header, deadlock);
    let convicted = report(&run(&header, vec![trial]));
    assert!(
        convicted.starts_with("# deadlock (proven) in bank 1.2.0 (bank/transfer): 1 of 1"),
        "{convicted}"
    );
    assert!(convicted.lines().next().unwrap().ends_with(", as expected"));
    let missed = report(&run(&header, vec![clean(&header, 0, 0)]));
    assert!(missed.contains("nothing found, against expectation, in bank 1.2.0"), "{missed}");
    assert!(missed.contains("| MISSED |"));
}

#[test]
fn an_oracle_that_was_not_tried_is_not_said_to_hold() {
    let report = report(&interrupted());
    let (transfer, audit) = report.split_once("### bank/audit").unwrap();
    assert!(transfer.contains("alone: yes;") && audit.contains("alone: not reached"), "{report}");
}

#[test]
fn forms_of_findings_beyond_the_first_few_are_counted() {
    let header = header(vec![unit("transfer", 2, 20)]);
    let form = |index| {
        let crash = finding(Kind::Crash, Confidence::Proven, &format!("bank::f{index}"));
        clean(&header, 0, index).with(&header, crash)
    };
    let report = report(&run(&header, (0..10).map(form).collect()));
    assert_eq!(report.matches("### crash").count(), MOST_FINDINGS);
    assert!(report.contains("2 further forms"), "{report}");
}

#[test]
fn a_field_that_does_not_exist_is_an_error_that_names_it() {
    for (template, named) in [
        ("{{ colour }}", "colour"),
        ("{{ subject.colour }}", "subject.colour"),
        ("a\n{% for u in native %}{{ u.colour }}{% endfor %}", "u.colour"),
        ("a\n{% if subject.colour %}x{% endif %}", "subject.colour"),
        ("{{ headline | paint }}", "paint"),
    ] {
        let error = render(&page(&found()), template).unwrap_err().to_string();
        assert!(error.contains(named) && error.contains("line"), "{error}");
    }
}

#[test]
fn tables_stand_alone_and_lists_are_whole() {
    for run in [
        found(),
        nothing_found(),
        inconclusive(),
        interrupted(),
        late(),
        searched(),
        searched_in_vain(),
    ] {
        let report = report(&run);
        let (mut fenced, mut before) = (false, "");
        for line in report.lines() {
            fenced ^= line.starts_with("```");
            if !fenced {
                for mark in ["| ", "- "] {
                    let (inside, was) = (line.starts_with(mark), before.starts_with(mark));
                    let continues = before.starts_with('|') && mark == "| ";
                    let breaks = inside != was && !continues && !before.is_empty();
                    assert!(!breaks || line.is_empty() || line.starts_with("|--"), "{report}");
                }
                assert!(!before.is_empty() || !line.is_empty(), "two blank lines in {report}");
            }
            before = line;
        }
    }
}

#[test]
fn the_home_directory_is_left_out_and_nothing_else() {
    for (text, told) in [
        ("/home/me/x and /home/me", "~/x and ~"),
        ("/home/men /a/home/me/x", "/home/men /a/home/me/x"),
        ("'/home/me':7", "'~':7"),
    ] {
        assert_eq!(without(text, "/home/me"), told);
        assert_eq!(without(text, "/home/me/"), told);
    }
    assert_eq!(without("/a/b", ""), "/a/b");
    assert_eq!(without("/a/b", "/"), "/a/b");
}

#[test]
fn words_of_the_target_are_not_taken_for_markdown() {
    assert_eq!(literal("thread '<unnamed>' at *x,\n`y`"), r"thread '\<unnamed>' at \*x, \`y\`");
    assert!(report(&found()).contains("'''\na line that would end a code block\n'''"));
}

#[test]
fn a_report_is_replaced_in_one_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("REPORT.md");
    save(&path, "old").unwrap();
    save(&path, "new").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    let error = save(&dir.path().join("none/REPORT.md"), "x").unwrap_err().to_string();
    assert!(error.contains("none/REPORT.md"), "{error}");
}
