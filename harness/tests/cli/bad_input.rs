//! Bad input: one sentence that says what to do, a documented exit code, nothing lost.

use std::process::Command;

use crate::run::{Ran, controls, root, rude, run, stress, trials};

#[test]
#[ntest::timeout(120_000)]
fn an_unknown_scenario_is_answered_with_a_suggestion() {
    for (asked, suggestion) in [
        ("controls/abbba", "is `controls/abba` meant?"),
        ("control/abba", "is `controls/abba` meant?"),
        ("zzzzqqqq", "standstill list"),
    ] {
        run(&["stress", asked, "--profile", "dev"]).exits(2).complains_of(&[asked, suggestion]);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn numbers_that_make_no_sense_are_refused_with_the_reason() {
    for (flags, words) in [
        (["--threads", "0"], "at least 1 thread"),
        (["--threads", "100000"], "limit here is"),
        (["--threads", "99999999999999999999"], "whole numbers"),
        (["--threads", "two"], "whole numbers"),
        (["--timeout", "banana"], "500ms, 30s or 1m30s"),
        (["--timeout", "0s"], "at least 1ms"),
        (["--trials", "0"], "0 is not in"),
        (["--jobs", "0"], "0 is not in"),
        (["--seed", "-1"], "invalid"),
        (["--set", "novalue"], "KEY=VALUE"),
        (["--isolation", "sandbox"], "possible values"),
    ] {
        let ran = run(&["stress", "controls/abba", &format!("{}={}", flags[0], flags[1])]);
        ran.exits(2).complains_of(&[words]);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn thread_counts_of_a_sweep_are_refused_before_anything_is_built() {
    for (counts, words) in [
        ("0..3", "at least 1 thread"),
        ("5..1", "the smaller number comes first"),
        ("1..99999999999", "99999999999 threads are more than"),
        ("few", "written like 1..64"),
    ] {
        // What would be built is not there, and nobody gets as far as noticing.
        run(&["sweep", "none/such", "-t", counts]).exits(2).complains_of(&[words]);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn a_scenario_that_cannot_be_prepared_ends_the_campaign_with_its_own_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let ran = stress(rude(), "rude_prepare_fails", &dir.path().join("run"), &[]).exits(2);
    let ran = ran.complains_of(&["rude_prepare_fails", "there is no file `nowhere.bin`"]);
    assert_eq!(ran.stdout, "", "it would end alike if it went on");
    assert!(!dir.path().join("run/REPORT.md").exists(), "nothing was seen");
}

#[test]
#[ntest::timeout(120_000)]
fn a_run_directory_that_cannot_be_had_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    stress(controls(), "abba", &file.join("run"), &["-n", "1"])
        .exits(4)
        .complains_of(&["failed to create"]);
    let run_dir = dir.path().join("run");
    stress(controls(), "abba_look_alike", &run_dir, &["-n", "1", "-t", "2"]).exits(0);
    stress(controls(), "abba_look_alike", &run_dir, &["-n", "1", "-t", "2"])
        .exits(2)
        .complains_of(&["holds a run already", "--resume"]);
    assert_eq!(trials(&run_dir).len(), 1);
}

#[test]
#[ntest::timeout(120_000)]
fn a_full_disk_stops_the_campaign_and_keeps_whole_records() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    // A limit on the size of files refuses a write just as a full disk does.
    let command = format!(
        "ulimit -f 400; exec {} stress abba_look_alike -t 2 -n 5000 --binary {} --run-dir {}",
        env!("CARGO_BIN_EXE_standstill"),
        controls().display(),
        run_dir.display()
    );
    let ran: Ran = Command::new("bash").args(["-c", &command]).output().unwrap().into();
    ran.exits(4).complains_of(&["failed to keep the results", "trials are kept", "--resume"]);
    let kept = trials(&run_dir).len();
    assert!(kept > 0 && kept < 5000, "{kept}");
}

/// Whole records of trials in a file that may hold others.
fn trials_of(file: &std::path::Path) -> usize {
    let text = std::fs::read_to_string(file).unwrap();
    let is_trial = |line: &&str| {
        serde_json::from_str(line).is_ok_and(|value: serde_json::Value| value["record"] == "trial")
    };
    text.lines().filter(is_trial).count()
}

#[test]
#[ntest::timeout(120_000)]
fn a_damaged_run_is_told_of_what_is_left_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    let path = run_dir.to_str().unwrap();
    for command in [&["report", path][..], &["stress", "--resume", path]] {
        run(command).exits(2).complains_of(&["run does not exist"]);
    }
    stress(controls(), "abba_look_alike", &run_dir, &["-n", "3", "-t", "2"]).exits(0);
    let file = run_dir.join("run.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[2] = "{\"record\":\"tri";
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    let told = run(&["report", path, "-o", "-"]).exits(0).stdout;
    assert!(told.contains("1 line of run is no record and was left out (line 3)"), "{told}");
    assert!(told.contains("| 0 of 2 |"), "{told}");
    // The trial that stood there is run again.
    let went_on = run(&["stress", "--resume", path]).exits(0).stderr;
    assert!(went_on.contains("1 line of run is no record and was left out (line 3)"), "{went_on}");
    assert_eq!(trials_of(&file), 3);
    std::fs::write(&file, text.replacen("\"schema\":2", "\"schema\":99", 1)).unwrap();
    run(&["report", path]).exits(2).complains_of(&["schema 99", "reads 1 to 2"]);
    let (_, headless) = text.split_once('\n').unwrap();
    std::fs::write(&file, headless).unwrap();
    run(&["report", path]).exits(2).complains_of(&["first line is no header"]);
}

#[test]
#[ntest::timeout(120_000)]
fn a_scenario_crate_that_does_not_compile_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
         [package.metadata.standstill]\ncatalog = \"broken\"\n\
         [[test]]\nname = \"scenarios\"\nharness = false\n",
    );
    write("src/lib.rs", "");
    write("tests/scenarios.rs", "fn main() { let x: u8 = \"no\"; }\n");
    let manifest = dir.path().join("Cargo.toml");
    let ran = run(&["stress", "broken/any", "--manifest-path", manifest.to_str().unwrap()]);
    ran.exits(4).complains_of(&["failed to build the scenarios of broken", "mismatched types"]);
}

#[test]
#[ntest::timeout(120_000)]
fn what_is_no_scenario_binary_is_said_to_be_none() {
    for (binary, words) in [
        ("/bin/true", "is it a scenario binary?"),
        ("/bin/false", "it ended with"),
        ("/nowhere", "failed to find"),
        ("Cargo.toml", "did not start"),
    ] {
        let ran = run(&["stress", "any", "--binary", binary]);
        ran.exits(2).complains_of(&[words]);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn outside_of_a_workspace_the_way_on_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let output = crate::run::standstill(&["stress", "any"]).current_dir(dir.path()).output();
    Ran::from(output.unwrap()).exits(2).complains_of(&["failed to read the workspace with cargo"]);
    assert!(root().join("Cargo.toml").exists());
}
