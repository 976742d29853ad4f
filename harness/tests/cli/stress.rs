//! Campaigns that go well.

use crate::run::{controls, run, stress, trials};

#[test]
#[ntest::timeout(120_000)]
fn a_deadlock_is_found_and_reported_with_its_stacks() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    let ran = stress(controls(), "abba", &run_dir, &["-t", "2", "-n", "3"]).exits(0);
    assert!(ran.stdout.contains("deadlock (proven): 3 of 3"), "{}", ran.stdout);
    let report = std::fs::read_to_string(run_dir.join("REPORT.md")).unwrap();
    for piece in ["deadlock (proven)", "actor-0", "lock_contended", "sha256", "--seed 1"] {
        assert!(report.contains(piece), "{piece} is not in\n{report}");
    }
}

#[test]
#[ntest::timeout(120_000)]
fn the_last_line_of_json_says_verdict_and_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let json = ["--message-format", "json", "-t", "2", "-n", "2"];
    let ran = stress(controls(), "abba", &dir.path().join("a"), &json).exits(0);
    assert_eq!(ran.verdict()["verdict"], "found");
    assert_eq!(ran.verdict()["kinds"], serde_json::json!(["deadlock"]));
    assert!(ran.stdout.lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()));
    let ran = stress(controls(), "abba_look_alike", &dir.path().join("b"), &json).exits(0);
    assert_eq!(ran.verdict()["verdict"], "clean");
    assert_eq!(ran.verdict()["kinds"], serde_json::json!([]));
}

#[test]
#[ntest::timeout(120_000)]
fn a_missed_control_is_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    // One actor alone cannot wait for another.
    let ran = stress(controls(), "abba", &dir.path().join("run"), &["-t", "1", "-n", "2"]).exits(1);
    assert!(ran.stdout.contains("MISSED"), "{}", ran.stdout);
}

#[test]
#[ntest::timeout(120_000)]
fn fresh_processes_and_forks_come_to_the_same() {
    let dir = tempfile::tempdir().unwrap();
    for how in ["fresh", "zygote"] {
        let run_dir = dir.path().join(how);
        let flags = ["-t", "2", "-n", "3", "--isolation", how, "--jobs", "2"];
        stress(controls(), "abba", &run_dir, &flags).exits(0);
        let all = trials(&run_dir);
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|t| t["observation"]["isolation"] == how));
    }
}

#[test]
#[ntest::timeout(120_000)]
fn equal_seeds_give_equal_trials() {
    let dir = tempfile::tempdir().unwrap();
    let seeds = |name: &str, seed: &str| -> Vec<serde_json::Value> {
        let run_dir = dir.path().join(name);
        let flags = ["-t", "2", "-n", "4", "--seed", seed];
        stress(controls(), "abba_look_alike", &run_dir, &flags).exits(0);
        trials(&run_dir).iter().map(|t| t["observation"]["trial"].clone()).collect()
    };
    assert_eq!(seeds("a", "7"), seeds("b", "7"));
    assert_ne!(seeds("c", "7"), seeds("d", "8"));
}

#[test]
#[ntest::timeout(120_000)]
fn a_stored_run_can_be_reported_again_and_by_another_template() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    stress(controls(), "abba", &run_dir, &["-t", "2", "-n", "2"]).exits(0);
    let path = run_dir.to_str().unwrap();
    let first = std::fs::read_to_string(run_dir.join("REPORT.md")).unwrap();
    let again = run(&["report", path, "--output", "-"]).exits(0).stdout;
    assert_eq!(first, again);

    let template = dir.path().join("mine.md");
    std::fs::write(&template, "{{ headline }}!\n").unwrap();
    let mine = run(&["report", path, "--template", template.to_str().unwrap(), "-o", "-"]).exits(0);
    assert_eq!(
        mine.stdout,
        "deadlock (proven) in scenarios/abba: 2 of 2 native trials, as expected!\n"
    );
    std::fs::write(&template, "{{ headlime }}\n").unwrap();
    run(&["report", path, "--template", template.to_str().unwrap()])
        .exits(2)
        .complains_of(&["headlime"]);
}

#[test]
#[ntest::timeout(120_000)]
fn the_catalog_lists_the_scenarios_of_this_workspace() {
    let ran = run(&["list", "controls", "--profile", "dev"]).exits(0);
    assert!(ran.stdout.contains("controls/abba\n"), "{}", ran.stdout);
    let ran =
        run(&["list", "controls/abba", "--profile", "dev", "--message-format", "json"]).exits(0);
    assert_eq!(ran.verdict()["scenario"], "controls/abba");
}
