//! Targets that are rude to their harness: it comes through unharmed and leaves nothing behind.

use std::path::Path;

use crate::run::{records, rude, stress, trials};

/// Three trials of a rude scenario; its exit code and the run.
fn rudely(scenario: &str, code: i32, check: impl Fn(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    stress(rude(), scenario, &run_dir, &["-t", "2", "-n", "3"]).exits(code);
    assert_eq!(trials(&run_dir).len(), 3);
    check(&run_dir);
}

fn whys(run_dir: &Path) -> Vec<String> {
    trials(run_dir).iter().map(|t| t["verdict"]["why"].as_str().unwrap_or("").to_owned()).collect()
}

#[test]
#[ntest::timeout(120_000)]
fn an_exit_before_the_end_is_inconclusive() {
    rudely("rude_exit", 3, |run| {
        assert!(whys(run).iter().all(|w| w.contains("exited with code 0")))
    });
    rudely("rude_exit_code", 3, |run| assert!(whys(run).iter().all(|w| w.contains("code 3"))));
}

#[test]
#[ntest::timeout(120_000)]
fn a_killed_parent_is_inconclusive_and_replaced() {
    rudely("rude_kill_parent", 3, |run| {
        assert!(whys(run).iter().all(|w| w.contains("zygote died")))
    });
    rudely("rude_kill_keeper", 3, |run| assert!(whys(run).iter().all(|w| w.contains("keeper"))));
}

#[test]
#[ntest::timeout(120_000)]
fn a_gigabyte_of_output_is_counted_and_its_ends_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    stress(rude(), "rude_flood", &run_dir, &["-t", "2", "-n", "1"]).exits(0);
    let stdout = &trials(&run_dir)[0]["observation"]["stdout"];
    assert!(stdout["bytes"].as_u64().unwrap() > 1_000_000_000, "{}", stdout["bytes"]);
    let kept = stdout["head"].as_str().unwrap().len() + stdout["tail"].as_str().unwrap().len();
    assert!(kept <= 64 * 1024, "{kept}");
}

#[test]
#[ntest::timeout(120_000)]
fn children_and_daemons_are_killed_and_counted() {
    rudely("rude_fork", 0, |run| {
        for trial in trials(run) {
            let left = trial["observation"]["left_behind"].as_u64().unwrap_or(0);
            assert!(left >= 2, "{trial}");
        }
    });
}

#[test]
#[ntest::timeout(120_000)]
fn closed_descriptors_change_no_verdict() {
    rudely("rude_close_fds", 0, |_| {});
}

#[test]
#[ntest::timeout(120_000)]
fn a_prepared_process_with_threads_is_not_forked_and_that_is_said() {
    rudely("rude_prepare_threads", 0, |run| {
        assert!(trials(run).iter().all(|t| t["observation"]["isolation"] == "fresh"));
        let notes: Vec<_> = records(run).into_iter().filter(|r| r["record"] == "note").collect();
        assert!(notes[0]["note"].as_str().unwrap().contains("2 threads"), "{notes:?}");
    });
}

#[test]
#[ntest::timeout(120_000)]
fn an_oracle_that_is_not_deterministic_convicts_nobody() {
    rudely("rude_nondeterministic", 3, |run| {
        assert!(whys(run).iter().all(|w| w.contains("not deterministic")));
    });
}

#[test]
#[ntest::timeout(120_000)]
fn a_trial_that_cannot_start_its_actors_is_inconclusive() {
    rudely("rude_no_threads", 3, |run| {
        assert!(whys(run).iter().all(|w| w.contains("failed to start actor")), "{:?}", whys(run));
    });
}

#[test]
#[ntest::timeout(120_000)]
fn a_preparation_that_hangs_is_a_finding_with_its_stacks() {
    let dir = tempfile::tempdir().unwrap();
    let ran = stress(rude(), "rude_prepare_hangs", &dir.path().join("run"), &["-n", "1"]).exits(1);
    ran.complains_of(&["did not come to its end", "self-deadlock", "lock_contended"]);
}
