//! `standstill explore` and `replay`: bugs of schedules are found and repeated, look-alikes are left
//! alone, and what cannot be controlled is refused in a sentence.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::run::{Ran, rude, run};

/// The fixture, as its users would build it.
fn schedules() -> &'static str {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let path = BUILT.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let source = root.join("tests/fixtures/schedules.rs");
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schedules");
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        // Tests are processes of their own that may build at the same time.
        let draft = to.with_extension(std::process::id().to_string());
        let mut command = Command::new(rustc);
        command.args(["--edition", "2024", "-g", "-O", "-o"]).arg(&draft).arg(source);
        assert!(command.status().expect("start rustc").success());
        std::fs::rename(&draft, &to).expect("put the fixture in place");
        to
    });
    path.to_str().unwrap()
}

/// Explores the fixture in its mode `mode`.
fn explore(flags: &[&str], mode: &[&str]) -> Ran {
    let head = ["explore", "--message-format", "json"];
    run(&[&head, flags, &["--", schedules()], mode].concat())
}

#[test]
fn locks_in_opposite_orders_are_convicted_and_repeated() {
    let ran = explore(&["--budget", "30s"], &["abba"]).exits(1);
    let verdict = ran.verdict();
    assert_eq!((&verdict["verdict"], &verdict["kinds"][0]), (&"found".into(), &"deadlock".into()));
    let finding = &verdict["findings"][0];
    assert_eq!((&finding["confidence"], &finding["repeated"]), (&"proven".into(), &true.into()));
    assert!(verdict["first_failure_trial"].as_u64().unwrap() < 200, "{verdict}");
    let token = verdict["token"].as_str().unwrap();
    let again = run(&["replay", token, "--times", "50"]).exits(0);
    assert!(again.stdout.contains("repeated exactly 50 times"), "{}", again.stdout);
    assert!(again.stdout.contains("deadlock (proven)"), "{}", again.stdout);
}

#[test]
fn a_schedule_is_made_short_drawn_and_seen_without_control() {
    let verdict =
        explore(&["--budget", "60s", "--strategy", "random"], &["abba"]).exits(1).verdict();
    let minimal = &verdict["findings"][0]["minimal"];
    assert!(verdict["preemptions"].as_u64().is_some_and(|n| n <= 3), "{verdict}");
    assert!(verdict["switches"].as_u64() <= minimal["was"][0].as_u64(), "{verdict}");
    // The window is open for milliseconds then: a run in twenty is little to ask.
    let [seen, of] = [0, 1].map(|n| verdict["confirmed"]["with_sleeps"][n].as_u64().unwrap());
    assert!(seen >= 1 && of <= 20, "{verdict}");
    let again = run(&["replay", verdict["token"].as_str().unwrap(), "--table"]).exits(0);
    for part in ["thread 1", "thread 2", "lock A: has it", "could go on", "waits for"] {
        assert!(again.stdout.contains(part), "{part}: {}", again.stdout);
    }
    assert!(again.stdout.contains("repeated exactly"), "{}", again.stdout);
}

#[test]
fn what_is_not_wanted_is_not_done() {
    let flags = ["--budget", "30s", "--minimise", "off", "--confirm", "off"];
    let verdict = explore(&flags, &["abba"]).exits(1).verdict();
    assert!(verdict["confirmed"].is_null() && verdict["switches"].is_null(), "{verdict}");
    let text = run(&[&["explore"], &flags[..], &["--", schedules(), "abba"]].concat()).exits(1);
    assert!(!text.stdout.contains("natively"), "{}", text.stdout);
    assert!(!text.stdout.contains("left alone"), "{}", text.stdout);
}

#[test]
fn of_a_program_only_the_switches_are_made_less() {
    let flags = ["explore", "--budget", "30s", "--minimise", "5s", "--confirm", "off"];
    let text = run(&[&flags[..], &["--", schedules(), "abba"]].concat()).exits(1);
    assert!(text.stdout.contains("their steps are the program's own"), "{}", text.stdout);
}

#[test]
fn a_race_that_shows_as_an_exit_code_is_convicted() {
    let verdict = explore(&["--budget", "30s"], &["check-then-act"]).exits(1).verdict();
    assert_eq!(verdict["kinds"][0], "wrong-result");
    assert!(verdict["findings"][0]["summary"].as_str().unwrap().contains("code 7 instead of 0"));
}

#[test]
fn what_only_plain_accesses_show_is_convicted() {
    for (mode, code) in [("load-store", 7), ("shared-count", 7), ("freed", 8)] {
        let verdict = explore(&["--budget", "30s", "--level", "1+"], &[mode]).exits(1).verdict();
        let summary = verdict["findings"][0]["summary"].as_str().unwrap();
        assert_eq!(summary, format!("exit code {code} instead of 0"), "{mode}");
        let token = verdict["token"].as_str().unwrap();
        run(&["replay", token, "--times", "10"]).exits(0);
    }
}

#[test]
fn a_block_that_is_freed_twice_is_convicted() {
    let verdict = explore(&["--budget", "30s"], &["freed-twice"]).exits(1).verdict();
    assert_eq!(verdict["kinds"][0], "crash", "{verdict}");
}

#[test]
fn threads_that_wait_for_one_another_for_ever_are_a_livelock() {
    let verdict = explore(&["--budget", "30s"], &["both-wait"]).exits(1).verdict();
    let finding = &verdict["findings"][0];
    assert_eq!((&finding["kind"], &finding["confidence"]), (&"livelock".into(), &"proven".into()));
    let why = finding["not_minimised"].as_str().unwrap();
    assert!(why.contains("plain runs"), "{why}");
}

#[test]
fn threads_that_make_way_for_one_another_are_not_called_a_livelock() {
    for strategy in ["portfolio", "focus", "pos"] {
        let flags = ["--budget", "60s", "-n", "60", "--level", "1", "--strategy", strategy];
        let verdict = explore(&flags, &["backs-off"]).exits(0).verdict();
        assert_eq!(verdict["trials"], 60, "{verdict}");
    }
}

#[test]
fn every_level_convicts_a_ring_and_acquits_its_twin() {
    let ran = run(&["doctor", "--message-format", "json"]);
    let said: serde_json::Value =
        serde_json::from_str(ran.stdout.trim()).expect("one line of JSON");
    let checks = said["checks"].as_array().unwrap();
    let levels: Vec<_> = checks
        .iter()
        .filter(|check| check["what"].as_str().unwrap().starts_with("control at level"))
        .collect();
    assert_eq!(levels.len(), 5, "{said}");
    levels.iter().for_each(|check| assert_eq!(check["ok"], true, "{check}"));
}

#[test]
fn look_alikes_are_not_accused() {
    for mode in ["ordered", "atomic"] {
        let verdict = explore(&["--budget", "20s", "-n", "300"], &[mode]).exits(0).verdict();
        assert_eq!((&verdict["verdict"], &verdict["trials"]), (&"clean".into(), &300.into()));
    }
    let verdict = explore(&["--budget", "20s", "-n", "30"], &["always-3"]).exits(3).verdict();
    let why = verdict["why"].as_str().unwrap();
    assert!(why.contains("one thread in all trials"), "{why}");
}

#[test]
fn what_is_not_wholly_modelled_ends_as_it_does_without_control() {
    let Some(program) = crate::targets::edges() else { return };
    for mode in ["cancel", "share", "raw-futex", "timed-join", "beside-a-timeout", "c11"] {
        let flags = ["explore", "--message-format", "json", "--budget", "20s", "-n", "30"];
        let ran = run(&[&flags[..], &["--", program, mode]].concat());
        // Processes that share a lock have one thread each.
        let verdict = ran.exits(if mode == "share" { 3 } else { 0 }).verdict();
        assert_eq!(verdict["trials"], 30, "{mode}: {verdict}");
    }
}

#[test]
fn short_instructions_count_right_before_and_after_they_become_jumps() {
    let Some(program) = crate::targets::edges() else { return };
    let flags = ["explore", "--message-format", "json", "--budget", "30s", "-n", "400"];
    let ran = run(&[&flags[..], &["--", program, "short-ones"]].concat());
    assert_eq!(ran.exits(0).verdict()["trials"], 400);
}

#[test]
fn runs_that_disturb_one_another_are_not_accused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("left");
    let mode = ["leaves-a-file", file.to_str().unwrap()];
    let verdict = explore(&["--budget", "20s", "-n", "50"], &mode).exits(3).verdict();
    assert_eq!(verdict["verdict"], "inconclusive", "{verdict}");
}

#[test]
fn trials_share_a_process_and_none_is_convicted_for_what_another_left() {
    let shared = ["--budget", "30s", "-n", "600", "--batch", "50"];
    for mode in ["ordered", "atomic"] {
        let verdict = explore(&shared, &[mode]).exits(0).verdict();
        assert_eq!((&verdict["trials"], &verdict["notes"]), (&600.into(), &[(); 0][..].into()));
    }
    let verdict = explore(&shared, &["remembers"]).exits(0).verdict();
    assert_eq!((&verdict["verdict"], &verdict["trials"]), (&"clean".into(), &600.into()));
    assert!(verdict["notes"].to_string().contains("only in a process"), "{verdict}");
    let verdict = explore(&shared, &["abba"]).exits(1).verdict();
    assert_eq!(verdict["findings"][0]["confidence"], "proven", "{verdict}");
    run(&["replay", verdict["token"].as_str().unwrap(), "--times", "20"]).exits(0);
}

#[test]
fn an_output_that_the_schedule_decides_is_convicted_and_repeated() {
    for (mode, line) in [("prints", 1.into()), ("prints-much", serde_json::Value::Null)] {
        let flags = ["--budget", "60s", "--same-output", "--minimise", "5s", "--confirm", "off"];
        let verdict = explore(&flags, &[mode]).exits(1).verdict();
        let (finding, token) = (&verdict["findings"][0], verdict["token"].as_str().unwrap());
        assert_eq!(
            (&finding["kind"], &finding["repeated"]),
            (&"wrong-result".into(), &true.into())
        );
        assert_eq!(finding["output"]["line"], line, "{verdict}");
        let again = run(&["replay", token, "--times", "5"]).exits(0);
        assert!(again.stdout.contains("standard output is not as without"), "{}", again.stdout);
        assert!(again.stdout.contains("repeated exactly 5 times"), "{}", again.stdout);
        assert!(again.stdout.contains("wrong-result (proven)"), "{}", again.stdout);
        run(&["replay", token, "--table"]).exits(0);
    }
    let quotes = run(&["explore", "--same-output", "--", schedules(), "prints"]).exits(1).stdout;
    assert!(quotes.contains(r#"line 1 without control: "first\n""#), "{quotes}");
}

#[test]
fn an_output_that_others_decide_is_not_held_against_the_schedule() {
    let flags = ["--budget", "30s", "-n", "100", "--same-output"];
    let verdict = explore(&flags, &["prints-in-order"]).exits(0).verdict();
    assert_eq!(verdict["verdict"], "clean", "{verdict}");
    // Virtual time makes the difference.
    let verdict = explore(&flags, &["prints-time"]).exits(3).verdict();
    assert!(verdict["why"].as_str().unwrap().contains("with virtual time"), "{verdict}");
    // Without the oracle nobody asks what it prints.
    let verdict = explore(&flags[..4], &["prints"]).exits(0).verdict();
    assert_eq!(verdict["verdict"], "clean", "{verdict}");
}

#[test]
fn an_output_that_is_another_each_time_is_refused() {
    let ran = explore(&["--same-output"], &["prints-anything"]).exits(2);
    ran.complains_of(&["two of them printed different things", "leave --same-output out"]);
    let ran = explore(&["--same-output", "--budget", "3s"], &["forever"]).exits(2);
    ran.complains_of(&["not over in its time"]);
    run(&["explore", "--same-output", "controls/abba_natural"])
        .exits(2)
        .complains_of(&["same-output"]);
}

#[test]
fn a_time_limit_that_passes_while_a_thread_is_outside_accuses_nobody() {
    let verdict = explore(&["--budget", "20s", "-n", "20"], &["connects"]).verdict();
    assert!(verdict["findings"].as_array().unwrap().is_empty(), "{verdict}");
}

#[test]
fn every_schedule_within_a_bound_is_seen() {
    let flags = ["--strategy", "delays", "--bound", "1", "--budget", "30s"];
    let verdict = explore(&flags, &["ordered"]).exits(0).verdict();
    let proof = verdict["proof"].as_str().unwrap_or_default();
    assert!(proof.contains("no deadlock within bound 1: all"), "{verdict}");
}

#[test]
fn a_program_that_waits_for_ever_is_told_within_the_budget() {
    // Without the budget it would search for a minute; how punctual it is, benchmarks tell.
    let verdict = explore(&["--budget", "4s"], &["forever"]).verdict();
    assert!(verdict["seconds"].as_f64().unwrap() < 30.0, "{verdict}");
    assert_eq!(verdict["kinds"][0], "lost-wakeup", "{verdict}");
}

#[test]
fn what_is_kept_replays_from_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let kept = kept.to_str().unwrap();
    explore(&["--budget", "30s", "--keep", kept], &["abba"]).exits(1);
    let file = format!("{kept}/schedule.json");
    run(&["replay", &file]).exits(0);
    let other = run(&["replay", &file, "--", "true"]).exits(1);
    assert!(other.stderr.contains("the binary differs"), "{}", other.stderr);
}

#[test]
fn bad_input_is_refused_in_a_sentence() {
    let ran = explore(&["--batch", "9", "--strategy", "delays"], &["abba"]).exits(2);
    assert!(ran.stderr.contains("leave --batch out"), "{}", ran.stderr);
    run(&["explore", "--", "/nowhere/x"]).exits(2).complains_of(&["/nowhere/x", "no such file"]);
    run(&["explore", "--", "/"]).exits(2).complains_of(&["directory"]);
    run(&["explore", "--level", "9", "--", "true"]).exits(2).complains_of(&["--level"]);
    run(&["explore", "--confirm", "0", "--", "true"]).exits(2).complains_of(&["--confirm", "off"]);
    run(&["explore", "--minimise", "soon", "--", "true"]).exits(2).complains_of(&["--minimise"]);
    run(&["explore", "--budget", "0s", "--", "true"]).exits(2).complains_of(&["--budget"]);
    run(&["replay", "nonsense"]).exits(2).complains_of(&["nonsense", "repro token"]);
    run(&["replay", "Cargo.toml"]).exits(2).complains_of(&["Cargo.toml", "no stored schedule"]);
    if let Some(program) = crate::targets::hangs_in_static_c() {
        run(&["explore", "--", program, "x"]).exits(4).complains_of(&["linked statically"]);
    }
}

#[test]
fn a_scenario_that_cannot_be_prepared_says_why_as_it_does_for_stress() {
    let ran = run(&["explore", "rude_prepare_fails", "--binary", rude().to_str().unwrap()]);
    let ran = ran.exits(2).complains_of(&["failed to prepare rude/rude_prepare_fails: "]);
    ran.complains_of(&["there is no file `nowhere.bin`"]);
}
