//! `standstill sweep`: the least thread count that fails, and what is said where there is none.

use std::path::Path;

use crate::run::{Ran, controls, records, rude, run, trials};

/// `standstill sweep` on a scenario binary, kept in `dir`.
fn sweep(binary: &Path, scenario: &str, dir: &Path, more: &[&str]) -> Ran {
    let (binary, dir) = (binary.to_str().unwrap(), dir.to_str().unwrap());
    let mut args = vec!["sweep", scenario, "--binary", binary, "--run-dir", dir];
    args.extend(more);
    run(&args)
}

#[test]
#[ntest::timeout(120_000)]
fn a_deadlock_of_two_is_found_with_two_and_not_with_one() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    let flags = ["--threads", "1..4", "--floor", "10%", "-n", "50"];
    let ran = sweep(controls(), "abba", &run_dir, &flags).exits(0);
    for words in [
        "scenarios/abba fails with 2 threads: deadlock in 25 of 25",
        "with 1 thread in 0 of 50, at most 7.1",
        "it fails with 3 and 4",
        "next:\n  standstill report ",
        "standstill explore scenarios/abba -t 2 --binary ",
    ] {
        assert!(ran.stdout.contains(words), "{words} is not in\n{}", ran.stdout);
    }
    // A run like any other, with the report of what was tried.
    let report = std::fs::read_to_string(run_dir.join("REPORT.md")).unwrap();
    assert!(!report.contains("no trial was run") && !report.contains("MISSED"), "{report}");
    let again = run(&["report", run_dir.to_str().unwrap(), "-o", "-"]).exits(0).stdout;
    assert_eq!(again, report);
    assert_eq!(trials(&run_dir).len(), 50 + 25 * 3);
}

#[test]
#[ntest::timeout(120_000)]
fn a_look_alike_fails_with_no_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["-t", "1,2,4", "--floor", "20%", "-n", "25", "--message-format", "json"];
    let ran = sweep(controls(), "abba_look_alike", &dir.path().join("run"), &flags).exits(0);
    let verdict = ran.verdict();
    assert_eq!((&verdict["verdict"], &verdict["least"]), (&"clean".into(), &().into()));
    let counts = verdict["sweep"]["counts"].as_array().unwrap();
    let says: Vec<_> = counts.iter().map(|c| (c["threads"].clone(), c["says"].clone())).collect();
    assert_eq!(says, [1, 2, 4].map(|n| (n.into(), "below".into())));
    assert!(ran.stdout.lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()));
}

#[test]
#[ntest::timeout(120_000)]
fn too_few_trials_decide_nothing_and_say_how_many_would() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["-t", "2", "-n", "5"];
    let ran = sweep(controls(), "abba_look_alike", &dir.path().join("run"), &flags).exits(3);
    assert!(ran.stdout.contains("undecided with 1 and 2 threads"), "{}", ran.stdout);
    assert!(ran.stdout.contains("-n 368 could"), "{}", ran.stdout);
}

#[test]
#[ntest::timeout(120_000)]
fn trials_that_say_nothing_count_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["-t", "1,2", "-n", "4", "--floor", "50%"];
    let ran = sweep(rude(), "rude_exit", &dir.path().join("run"), &flags).exits(3);
    assert!(ran.stdout.contains("nothing judged"), "{}", ran.stdout);
    assert!(ran.stdout.contains("4 inconclusive"), "{}", ran.stdout);
}

#[test]
#[ntest::timeout(120_000)]
fn another_kind_of_finding_is_told_and_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["-t", "2", "-n", "4", "--floor", "50%", "--kind", "livelock"];
    let ran = sweep(controls(), "abba", &dir.path().join("run"), &flags);
    assert!(ran.stdout.contains("also: deadlock in 4"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("fails with"), "{}", ran.stdout);
}

#[test]
#[ntest::timeout(120_000)]
fn a_sweep_goes_on_with_the_same_looks_at_the_same_trials() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, cut) = (dir.path().join("whole"), dir.path().join("cut"));
    let flags = ["-t", "1..2", "-n", "30", "--floor", "20%"];
    sweep(controls(), "abba", &whole, &flags).exits(0);
    // What a kill amid the second count leaves: a torn last line, and no answer.
    std::fs::create_dir(&cut).unwrap();
    let text = std::fs::read_to_string(whole.join("run.jsonl")).unwrap();
    std::fs::write(cut.join("run.jsonl"), &text[..text.len() * 2 / 3]).unwrap();
    let kept = std::fs::read_to_string(whole.join("sweep.json")).unwrap();
    let mut kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    let answer = kept["answer"].take();
    std::fs::write(cut.join("sweep.json"), kept.to_string()).unwrap();

    let before = trials(&cut_to_lines(&cut, dir.path())).len();
    let ran = run(&["sweep", "--resume", cut.to_str().unwrap()]).exits(0);
    assert!(ran.stdout.contains("fails with 2 threads"), "{}", ran.stdout);
    let kept = std::fs::read_to_string(cut.join("sweep.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["answer"], answer);
    let all = trials(&cut);
    assert!(before < all.len() && all.len() == trials(&whole).len());
    assert_eq!(records(&cut)[0], records(&whole)[0]);
}

/// A copy of a run without its torn line.
fn cut_to_lines(run: &Path, to: &Path) -> std::path::PathBuf {
    let text = std::fs::read_to_string(run.join("run.jsonl")).unwrap();
    let whole = &text[..=text.rfind('\n').unwrap()];
    let copy = to.join("lines");
    std::fs::create_dir(&copy).unwrap();
    std::fs::write(copy.join("run.jsonl"), whole).unwrap();
    copy
}

#[test]
#[ntest::timeout(120_000)]
fn what_makes_no_sense_is_refused_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    for (flags, words) in [
        (&["--floor", "1"][..], &["between 0.01% and 50%"][..]),
        (&["--threads", "8..2"], &["smaller number comes first"]),
        (&["--threads", "0"], &["at least 1 thread"]),
        (&["--threads", "two"], &["1..64"]),
        (&["--kind", "deadlok"], &["no kind is named `deadlok`"]),
    ] {
        sweep(controls(), "abba", &run_dir, flags).exits(2).complains_of(words);
    }
    sweep(controls(), "abba*", &run_dir, &[])
        .exits(2)
        .complains_of(&["name one scenario", "means 6"]);
    assert!(!run_dir.exists());

    let run_dir = run_dir.to_str().unwrap();
    let binary = controls().to_str().unwrap();
    let stress = ["stress", "abba", "--binary", binary, "-t", "2", "-n", "1", "--run-dir", run_dir];
    run(&stress).exits(0);
    run(&["sweep", "--resume", run_dir]).exits(2).complains_of(&["is no sweep"]);
    let swept = dir.path().join("swept");
    sweep(controls(), "abba", &swept, &["-t", "1", "-n", "1"]).exits(3);
    run(&["stress", "--resume", swept.to_str().unwrap()])
        .exits(2)
        .complains_of(&["holds a sweep", "standstill sweep --resume"]);
}
