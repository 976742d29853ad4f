//! Generated programs: told where they fail, made smaller, run again by what they are called; and bad
//! input.

use std::path::PathBuf;

use serde_json::json;

use crate::run::{controls, run, stress, trials};

fn dir(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("shrink").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

#[test]
fn what_takes_two_calls_is_shrunk_to_them() {
    let (found, shrunk) = (dir("found"), dir("shrunk"));
    let more = ["-t", "4", "-n", "20", "--seed", "3"];
    let ran = stress(controls(), "generated_transfers", &found, &more).exits(0);
    let report = std::fs::read_to_string(found.join("REPORT.md")).unwrap();
    assert!(report.contains("generated program s"), "the report tells it: {report}");
    assert!(ran.stdout.contains("standstill shrink "), "what to do is told: {}", ran.stdout);
    let failed = |trial: &&serde_json::Value| !trial["observation"]["program"].is_null();
    let all = trials(&found);
    let first = all.iter().find(failed).expect("a trial has failed");
    assert_eq!(first["observation"]["program"]["actors"].as_array().unwrap().len(), 4);
    assert!(
        all.iter().all(|trial| failed(&trial) == (trial["verdict"]["verdict"] != "clean")),
        "clean trials keep no program: {first}"
    );

    let (found, kept) = (found.to_str().unwrap(), shrunk.to_str().unwrap());
    for (occupied, code, words) in [
        (found, 2, "holds a run already; name another directory"),
        ("/proc/no/such", 4, "failed to create /proc/no/such"),
    ] {
        let ran = run(&["shrink", found, "--run-dir", occupied]).exits(code);
        let ran = ran.complains_of(&[words]);
        assert_eq!(ran.stderr.lines().count(), 1, "no search was made: {}", ran.stderr);
    }
    let words = ["shrink", found, "-n", "60", "--run-dir", kept, "--message-format", "json"];
    let verdict = run(&words).exits(0).verdict();
    assert_eq!(verdict["now"], json!({ "threads": 2, "calls": 2 }), "{verdict}");
    assert_eq!(verdict["complete"], true, "{verdict}");
    assert!(verdict["rate"]["k"].as_u64() > Some(0), "{verdict}");
    let left = verdict["calls"]["actors"].as_array().unwrap();
    let is_transfer = |part: &serde_json::Value| {
        part["calls"][0]["text"].as_str().unwrap().starts_with("Transfer")
    };
    assert!(left.iter().all(is_transfer), "{verdict}");

    // What is left is a campaign like any other, and is run again by what it is called.
    assert_eq!(trials(&shrunk).len() as u64, verdict["rate"]["n"].as_u64().unwrap());
    let program = format!("program={}", verdict["program"].as_str().unwrap());
    let again = dir("again");
    let more = ["-t", "2", "-n", "60", "--set", &program];
    stress(controls(), "generated_transfers", &again, &more).exits(0);
    let told = |trial: &serde_json::Value| trial["observation"]["program"].clone();
    let programs: Vec<_> = trials(&again).iter().map(told).filter(|p| !p.is_null()).collect();
    assert!(!programs.is_empty(), "it failed again");
    assert!(programs.iter().all(|program| *program == verdict["calls"]), "{programs:?}");
}

#[test]
fn a_program_that_does_not_exist_is_refused_in_one_sentence() {
    for (program, words) in [
        ("program=nonsense", ["names no program", "s1f:0.2+3.0.1"]),
        ("program=s1f:0.99", ["asks for call 99 of actor 0", "numbered from 0"]),
    ] {
        let more = ["-n", "1", "--set", program];
        let ran = stress(controls(), "generated_transfers", &dir("nonsense"), &more);
        ran.exits(2).complains_of(&words);
    }
}

#[test]
fn a_program_that_names_its_actors_takes_as_many_threads() {
    let wanted = ["--set", "program=s1f:0.0+1.0+4.0", "-n", "1"];
    let kept = dir("threads");
    stress(controls(), "generated_transfers", &kept, &wanted).exits(0);
    assert_eq!(trials(&kept)[0]["observation"]["trial"]["threads"], 3);
    let other = [&wanted[..], &["-t", "8"]].concat();
    let ran = stress(controls(), "generated_transfers", &dir("other-threads"), &other);
    ran.exits(2).complains_of(&["takes -t 3 and not -t 8", "leave -t out"]);
    let binary = controls().to_str().unwrap();
    for command in ["explore", "sweep"] {
        let words = [command, "generated_transfers", "--binary", binary, "-t", "2"];
        let ran = run(&[&words[..], &wanted[..2]].concat());
        ran.exits(2).complains_of(&["takes -t 3"]);
    }
}

#[test]
fn a_run_without_a_generated_failure_is_refused() {
    let (kept, other) = (dir("clean"), dir("other"));
    stress(controls(), "generated_transfers_look_alike", &kept, &["-n", "2"]).exits(0);
    let records = kept.join("run.jsonl");
    let text = std::fs::read_to_string(&records).unwrap();
    std::fs::write(&records, format!("{text}nonsense\n")).unwrap();
    let ran = run(&["shrink", kept.to_str().unwrap()]).exits(2);
    let line = format!(
        "1 line of clean is no record and was left out (line {})",
        text.lines().count() + 1
    );
    ran.complains_of(&["holds no failure", &line]);
    stress(controls(), "abba", &other, &["-t", "2", "-n", "1"]).exits(0);
    run(&["shrink", other.to_str().unwrap()]).exits(2).complains_of(&["no", "generated program"]);
    run(&["shrink", "nowhere"]).exits(2).complains_of(&["does not exist"]);
}
