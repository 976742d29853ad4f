//! `standstill compare` as its users meet it: runs of the controls, and what is no run.

#[allow(dead_code, reason = "shared with the tests of the other commands")]
#[path = "cli/run.rs"]
mod run;

use std::path::{Path, PathBuf};

use run::{Ran, controls, run, stress};

/// Runs of a control that always deadlocks, and of its twin that never does.
struct Runs {
    dir: tempfile::TempDir,
}

impl Runs {
    fn new() -> Runs {
        Runs { dir: tempfile::tempdir().unwrap() }
    }

    /// `stress` on these scenarios, kept under this name.
    fn made(&self, name: &str, scenario: &str, flags: &[&str]) -> PathBuf {
        let dir = self.dir.path().join(name);
        stress(controls(), scenario, &dir, flags).exits(0);
        dir
    }
}

const SAME: &str = "the binary is the same in A and B: a program is compared with itself";
const TWIN: &str = "*/abba=*/abba_look_alike";

fn compare(dirs: &[&Path], flags: &[&str]) -> Ran {
    let dirs: Vec<&str> = dirs.iter().map(|dir| dir.to_str().unwrap()).collect();
    run(&[&["compare"], &dirs[..], flags].concat())
}

/// What it printed, its lines joined again where they were broken.
fn told(ran: Ran) -> String {
    ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Asserts that it is refused in one sentence that holds `words`.
#[track_caller]
fn refused(dirs: &[&Path], flags: &[&str], words: &[&str]) {
    let ran = compare(dirs, flags).exits(2).complains_of(words);
    assert_eq!((ran.stderr.lines().count(), ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
}

#[test]
#[ntest::timeout(120_000)]
fn a_deadlock_and_its_twin_differ_both_ways() {
    let runs = Runs::new();
    let sick = runs.made("sick", "abba", &["-t", "2,3", "-n", "8"]);
    let well = runs.made("well", "abba_look_alike", &["-t", "2", "-n", "20"]);
    let better = told(compare(&[&sick, &well], &["--pair", TWIN]).exits(0));
    for words in [
        "scenarios/abba -> scenarios/abba_look_alike",
        "B fails less often (p = 3.2e-7)",
        "0 of 20 in B still leaves at most 16.84 % open",
        "only in A: scenarios/abba with 3 threads (8 trials)",
        "B was shown to fail less often, and nowhere more often: less often in 1 of 1 pair",
    ] {
        assert!(better.contains(words), "{words}: {}", better);
    }
    let back = "*/abba_look_alike=*/abba";
    let json = ["--pair", back, "--message-format", "json"];
    let worse = compare(&[&well, &sick], &json).exits(1).verdict();
    assert_eq!((&worse["verdict"], &worse["event"]), (&"worse".into(), &"comparison".into()));
    assert_eq!(worse["kinds"], serde_json::json!(["deadlock"]));
    assert_eq!(worse["pairs"][0]["b"]["kinds"]["deadlock"], 8);
    assert_eq!(worse["same_binary"], serde_json::json!([]));
    let table = compare(&[&well, &sick], &["--pair", back, "--markdown"]).exits(1).stdout;
    assert!(table.contains("| more often |\n"), "{table}");
    assert!(!table.contains(sick.to_str().unwrap()), "{table}");
}

#[test]
#[ntest::timeout(120_000)]
fn a_run_and_its_repetition_show_no_difference_and_say_so_alike() {
    let runs = Runs::new();
    let flags = ["-t", "2", "-n", "10"];
    let (a, b) = (
        runs.made("a", "abba_look_alike", &flags),
        runs.made("b", "abba_look_alike", &[&flags[..], &["--timeout", "7s"]].concat()),
    );
    let first = told(compare(&[&a, &b], &[]).exits(0));
    for words in
        ["no difference was shown (p = 1)", "remains possible", "deadline of a trial", SAME]
    {
        assert!(first.contains(words), "{words}: {first}");
    }
    assert_eq!(first, told(compare(&[&a, &b], &[]).exits(0)));
}

#[test]
#[ntest::timeout(120_000)]
fn two_scenarios_of_one_run_are_put_side_by_side() {
    let runs = Runs::new();
    let both = runs.made("both", "abba*", &["-t", "2", "-n", "6"]);
    let last = runs.dir.path().join("last");
    std::os::unix::fs::symlink(&both, &last).unwrap();
    for dirs in [&[both.as_path()][..], &[&both, &last]] {
        let told = compare(dirs, &["--pair", TWIN]).exits(0).stdout;
        assert!(told.contains("less often in 1 of 1 pair"), "{told}");
    }
    refused(&[&both, &last], &[], &["are the same trials", "--pair X=Y"]);
    refused(&[&both], &["--pair", "*/abba=*/abba"], &["are the same trials"]);
    refused(&[&both], &["--pair", "*/abbba=*/abba"], &["no scenario of A fits `*/abbba`"]);
}

#[test]
#[ntest::timeout(120_000)]
fn where_nothing_can_be_said_that_is_the_exit_code() {
    let runs = Runs::new();
    let a = runs.made("a", "abba_look_alike", &["-t", "2", "-n", "1"]);
    let b = runs.made("b", "abba_look_alike", &["-t", "3", "-n", "1"]);
    let told = compare(&[&a, &b], &[]).exits(3).stdout;
    assert!(told.contains("no scenario and thread count in common"), "{told}");
    // A run of which one line was overwritten.
    let file = a.join("run.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "{\"rec\0\0\0\n").unwrap();
    let told = compare(&[&a, &b], &[]).exits(3).stdout;
    assert!(told.contains("A is damaged: 1 line could not be read"), "{told}");
    // A run that was killed before its first trial.
    let file = b.join("run.jsonl");
    let header = std::fs::read_to_string(&file).unwrap().replace("\"threads\":3", "\"threads\":2");
    std::fs::write(&file, format!("{}\n{{\"torn", header.lines().next().unwrap())).unwrap();
    let told = compare(&[&a, &b], &[]).exits(3).stdout;
    assert!(told.contains("B does not have a trial that could be judged"), "{told}");
    assert!(told.contains("B is not complete: it holds 0 of 1 planned trials"), "{told}");
}

#[test]
#[ntest::timeout(120_000)]
fn what_is_no_run_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let none = dir.path().join("none");
    refused(&[&none, dir.path()], &[], &["none does not exist"]);
    std::fs::write(dir.path().join("run.jsonl"), "{\"record\":\"run\",\"schema\":99}\n").unwrap();
    refused(&[dir.path(), &none], &[], &["schema 99", "this standstill reads"]);
    for (flags, words) in [
        (&[][..], "name a second run"),
        (&["--pair", "a"], "pairs are written X=Y"),
        (&["--pair", "a*=b"], "one * on either side"),
        (&["--markdown", "--message-format", "json"], "cannot be used with"),
    ] {
        compare(&[&none], flags).exits(2).complains_of(&[words]);
    }
}
