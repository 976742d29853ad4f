//! `standstill classify`: what was stored is judged again, and what cannot be read is named.

use std::path::Path;

use crate::run::{Ran, controls, run, stress};
use crate::targets::{Target, hangs, watch};

fn classify(dir: &Path, flags: &[&str]) -> Ran {
    run(&[&["classify", dir.to_str().unwrap()], flags].concat())
}

/// Asserts that a directory is refused in one sentence that holds `words`.
#[track_caller]
fn refused(dir: &Path, words: &[&str]) {
    let ran = classify(dir, &[]).exits(2).complains_of(words);
    assert_eq!((ran.stderr.lines().count(), ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
}

#[test]
#[ntest::timeout(120_000)]
fn a_kept_look_comes_to_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let target = Target::start(&[hangs(), "abba"]);
    target.settles(3);
    let first = target.inspect(&["--keep", kept.to_str().unwrap()]).exits(1);
    drop(target);
    let again = classify(&kept, &[]).exits(1);
    assert_eq!(first.stdout, again.stdout);
    assert_eq!(first.stdout, std::fs::read_to_string(kept.join("report.txt")).unwrap());
    let json = classify(&kept, &["--message-format", "json"]).exits(1);
    let then = std::fs::read_to_string(kept.join("verdict.json")).unwrap();
    let then: serde_json::Value = serde_json::from_str(&then).unwrap();
    assert_eq!(json.verdict(), then);
}

#[test]
#[ntest::timeout(120_000)]
fn so_does_what_a_watch_has_kept() {
    let dir = tempfile::tempdir().unwrap();
    for (way, timeout) in [("partial", "none"), ("poll", "300ms")] {
        let kept = dir.path().join(way);
        let flags = ["--timeout", timeout, "--message-format", "json"];
        let keep = ["--keep", kept.to_str().unwrap()];
        let then = watch(&[&flags[..], &keep].concat(), &[hangs(), way]).exits(124).verdict();
        let now = classify(&kept, &["--message-format", "json"]).exits(1).verdict();
        for part in ["verdict", "kinds", "findings", "graph", "pid"] {
            assert_eq!(then[part], now[part], "{part} of {way}");
        }
    }
}

#[test]
#[ntest::timeout(120_000)]
fn a_look_that_found_nothing_is_kept_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let target = Target::start(&["sleep", "1000"]);
    target.settles(1);
    target.inspect(&["--keep", kept.to_str().unwrap()]).exits(0);
    let ran = classify(&kept, &[]).exits(0);
    assert!(ran.stdout.contains("nothing found"), "{}", ran.stdout);
}

#[test]
#[ntest::timeout(120_000)]
fn a_run_is_judged_again_and_a_changed_verdict_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    stress(controls(), "abba", &run_dir, &["-t", "2", "-n", "2"]).exits(0);
    let ran = classify(&run_dir, &[]).exits(0);
    assert_eq!(ran.stdout, "2 trials judged again, 0 verdicts differ\n");

    let file = run_dir.join("run.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut edited = 0;
    let lines = text.lines().map(|line| {
        let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
        if record["record"] == "trial" && edited == 0 {
            edited += 1;
            record["verdict"] = serde_json::json!({ "verdict": "clean" });
        }
        format!("{record}\n")
    });
    let lines: String = lines.collect();
    std::fs::write(&file, &lines).unwrap();
    let ran = classify(&run_dir, &[]).exits(1);
    let told: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(told[1], "2 trials judged again, 1 verdict differs");
    assert!(told[0].contains("abba"), "{}", ran.stdout);
    assert!(told[0].ends_with(": was clean, is deadlock (proven)"), "{}", ran.stdout);
    let ran = classify(&run_dir, &["--message-format", "json"]).exits(1);
    let changed: Vec<bool> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|line| line["changed"].as_bool())
        .collect();
    assert_eq!(changed, [true, false]);
    assert_eq!(ran.verdict()["changed"], 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), lines, "nothing is written");
}

#[test]
#[ntest::timeout(120_000)]
fn what_cannot_be_read_is_named_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    refused(dir.path(), &["is not a run directory", "neither run.jsonl nor scenes.jsonl"]);
    refused(&dir.path().join("none"), &["none does not exist"]);
    refused(Path::new("/dev/null"), &["/dev/null is no directory"]);
    refused(Path::new("Cargo.toml"), &["Cargo.toml is no directory"]);
    for name in ["run.jsonl", "scenes.jsonl"] {
        let file = dir.path().join(name);
        // Nobody will ever write to it.
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        refused(dir.path(), &["failed to read", name, "it is no regular file"]);
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
        refused(dir.path(), &["failed to read", name, "it is no regular file"]);
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        refused(dir.path(), &["failed to read", name, "it is no regular file"]);
        std::fs::remove_dir(&file).unwrap();
    }
    let kept = |text: &str| std::fs::write(dir.path().join("scenes.jsonl"), text).unwrap();
    for (text, words) in [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("{\"schema\":1,\"pid", "line 1 is no scene"),
        ("\n{\"schema\":1}\n", "line 2 is no scene: missing field"),
        ("[]\n", "line 1 is no scene"),
        ("{\"schema\":99}\n", "it has schema 99, and this version reads 1"),
        ("{\"schema\":\"1\"}\n", "line 1 is no scene"),
        ("{\"schema\":-1}\n", "line 1 is no scene"),
        ("\u{0}\u{1}\u{fffd}", "line 1 is no scene"),
    ] {
        kept(text);
        refused(dir.path(), &["failed to read", words]);
    }
}
