//! What `watch` says of hangs of every kind, and of what only looks like one.

use crate::targets::{
    hangs, hangs_in_c, hangs_in_static_c, hangs_optimized, stripped, told, verdict_of, watch,
};

/// Asserts that the command hangs and that the verdict is one of `kinds`; the verdict, and what
/// speaks for it.
#[track_caller]
fn hangs_as(kinds: &[&str], timeout: &str, command: &[&str]) -> (serde_json::Value, String) {
    let (ran, verdict) = verdict_of(timeout, command);
    ran.exits(124);
    let (kind, evidence) = told(&verdict);
    assert!(kinds.contains(&kind.as_str()), "{kind} is none of {kinds:?}\n{evidence}");
    (verdict, evidence)
}

/// Asserts that the command ends by itself and that nothing is said of it.
#[track_caller]
fn is_well(command: &[&str], says: &str) {
    let ran = watch(&["--timeout", "60s"], command).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (says, ""));
}

#[track_caller]
fn holds(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in\n{text}");
    }
}

/// The names of the threads of the first cycle.
fn ring(verdict: &serde_json::Value) -> Vec<String> {
    let graph = &verdict["graph"];
    let name = |tid: &serde_json::Value| {
        let node = graph["threads"].as_array().unwrap().iter().find(|node| node["tid"] == *tid);
        node.unwrap()["name"].as_str().unwrap().to_owned()
    };
    let mut names: Vec<String> =
        graph["cycles"][0]["tids"].as_array().into_iter().flatten().map(name).collect();
    names.sort();
    names
}

#[test]
#[ntest::timeout(120_000)]
fn two_of_three_threads_in_a_deadlock_are_told_of_while_the_third_goes_on() {
    let (verdict, evidence) = hangs_as(&["deadlock (inferred)"], "none", &[hangs(), "partial"]);
    assert_eq!(ring(&verdict), ["alice", "bob"]);
    holds(&evidence, &["2 threads wait for one another", "take_both", "clock_nanosleep"]);
    let Some(in_c) = hangs_in_c() else { return };
    let (verdict, evidence) = hangs_as(&["deadlock (proven)"], "none", &[in_c, "partial"]);
    assert_eq!(ring(&verdict).len(), 2);
    holds(&evidence, &["while others of the process live on", "static locks", "names its owner"]);
}

#[test]
#[ntest::timeout(120_000)]
fn two_that_wait_long_for_one_that_works_are_left_alone() {
    is_well(&[hangs(), "contended"], "done\n");
}

#[test]
#[ntest::timeout(120_000)]
fn a_lock_taken_twice_is_a_self_deadlock_unless_it_may_be() {
    let self_deadlock = ["self-deadlock (inferred)"];
    let (_, evidence) = hangs_as(&self_deadlock, "none", &[hangs(), "twice"]);
    holds(&evidence, &["the only thread was blocked", "hangs::twice"]);
    let (_, evidence) = hangs_as(&self_deadlock, "none", &[hangs(), "reentrant_once"]);
    holds(&evidence, &["one-time initialisation", "value_of_itself"]);
    let Some(in_c) = hangs_in_c() else { return };
    let (_, evidence) = hangs_as(&["self-deadlock (proven)"], "none", &[in_c, "twice"]);
    holds(&evidence, &["static locks", "which it has itself"]);
    is_well(&[in_c, "recursive"], "twice\n");
}

#[test]
#[ntest::timeout(120_000)]
fn an_event_that_nobody_can_bring_about_is_no_quarrel_over_an_owner() {
    let (verdict, evidence) = hangs_as(&["lost-wakeup (inferred)"], "none", &[hangs(), "lost"]);
    assert_eq!(ring(&verdict), [""; 0]);
    holds(&evidence, &["hangs::lost", "a condition variable"]);
    for (way, what) in [("recv", "waits for a message"), ("barrier", "waits for a barrier")] {
        let kinds = ["deadlock (proven)", "lost-wakeup (inferred)"];
        let (verdict, evidence) = hangs_as(&kinds, "none", &[hangs(), way]);
        assert_eq!(ring(&verdict), [""; 0], "{evidence}");
        holds(&evidence, &[what]);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn who_is_woken_from_outside_of_its_threads_is_well() {
    let Some(in_c) = hangs_in_c() else { return };
    for way in ["aborted", "grandchild", "uring"] {
        is_well(&[in_c, way], "fine\n");
    }
}

#[test]
#[ntest::timeout(120_000)]
fn who_waits_to_be_killed_is_left_alone_until_nobody_is_left_to_do_it() {
    let Some(in_c) = hangs_in_c() else { return };
    is_well(&["sh", "-c", &format!("{in_c} parked & sleep 2; kill $!; echo well")], "well\n");
    let kinds = ["lost-wakeup (inferred)"];
    for script in [format!("{in_c} parked; :"), format!("{in_c} parked & {in_c} parked & wait")] {
        let (verdict, _) = hangs_as(&kinds, "none", &["sh", "-c", &script]);
        assert_eq!(verdict["command"], serde_json::json!([in_c, "parked"]));
    }
    hangs_as(&kinds, "2s", &["sh", "-c", &format!("{in_c} parked & sleep 1000")]);
    // A lock that somebody waits for is another matter.
    let script = format!("{in_c} abba & sleep 1000");
    hangs_as(&["deadlock (proven)"], "none", &["sh", "-c", &script]);
}

#[test]
#[ntest::timeout(120_000)]
fn a_process_whose_main_thread_has_ended_is_judged_by_the_others() {
    let Some(in_c) = hangs_in_c() else { return };
    let kinds = ["lost-wakeup (inferred)"];
    let (verdict, evidence) = hangs_as(&kinds, "none", &[in_c, "leaderless"]);
    assert_eq!(verdict["command"], serde_json::json!([in_c, "leaderless"]));
    assert!(verdict["program"].as_str().unwrap().ends_with("hangs-c"), "{verdict}");
    holds(&evidence, &["the only thread was blocked", "wait_for_a_post"]);
}

#[test]
#[ntest::timeout(120_000)]
fn who_joins_a_thread_that_waits_for_its_lock_is_part_of_the_ring() {
    for (way, waits_for) in [("join_cycle", "std Mutex"), ("forgotten_guard", "std RwLock")] {
        let (verdict, evidence) = hangs_as(&["deadlock (proven)"], "none", &[hangs(), way]);
        assert_eq!(ring(&verdict).len(), 2, "{evidence}");
        holds(&evidence, &[waits_for, "the end of thread", way]);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn a_mutex_whose_owner_is_gone_is_said_to_have_none() {
    let Some(in_c) = hangs_in_c() else { return };
    let (_, evidence) = hangs_as(&["deadlock (proven)"], "none", &[in_c, "orphan"]);
    holds(&evidence, &["is no thread of this process", "in orphan"]);
    // The parent lives on, and waits for its child.
    let (verdict, evidence) = hangs_as(&["deadlock (proven)"], "none", &[in_c, "forked"]);
    holds(&evidence, &["is no thread of this process", "forked from one", "in forked"]);
    assert_eq!(verdict["graph"]["threads"].as_array().unwrap().len(), 1);
}

#[test]
#[ntest::timeout(120_000)]
fn a_mutex_in_shared_memory_names_its_owner_in_this_process_and_in_others() {
    let Some(in_c) = hangs_in_c() else { return };
    // Where processes of other pid namespaces are about, it may be one of theirs.
    let kinds = ["deadlock (proven)", "hang (suspected)"];
    let (verdict, evidence) = hangs_as(&kinds, "20s", &[in_c, "shared"]);
    assert_eq!(ring(&verdict).len(), 2);
    holds(&evidence, &["take_shared", "the mutex names its owner"]);
    let ran = watch(&["--timeout", "1s"], &[in_c, "elsewhere"]).exits(124);
    holds(&ran.stderr, &["in elsewhere at", "held by thread", "(hangs-c)"]);
    assert!(!ran.stderr.contains("nobody owns it"), "{}", ran.stderr);
}

#[test]
#[ntest::timeout(120_000)]
fn a_deadlock_two_shells_further_down_is_found() {
    let script = format!("sh -c '{} abba; :'; :", hangs());
    let (verdict, _) = hangs_as(&["deadlock (proven)"], "none", &["sh", "-c", &script]);
    assert_eq!(verdict["command"], serde_json::json!([hangs(), "abba"]));
    assert_eq!(ring(&verdict), ["alice", "bob"]);
}

#[test]
#[ntest::timeout(120_000)]
fn two_that_spin_for_what_nobody_does_are_a_livelock() {
    let (_, evidence) = hangs_as(&["livelock (inferred)"], "1s", &[hangs_optimized(), "spin"]);
    holds(&evidence, &["wait_for_nobody", "came back to the same state", "deadline of 1000 ms"]);
    // Without optimization a turn of the loop has more states than a few looks see twice, and not each
    // of them leads to what is spun on.
    let kinds = ["livelock (inferred)", "livelock (suspected)", "slow (suspected)"];
    let (_, evidence) = hangs_as(&kinds, "1s", &[hangs(), "spin"]);
    holds(&evidence, &["wait_for_nobody", "2 of 3 threads were busy"]);
}

#[test]
#[ntest::timeout(120_000)]
fn honest_work_beyond_the_deadline_is_slow() {
    for program in [hangs(), hangs_optimized()] {
        let (_, evidence) = hangs_as(&["slow (suspected)"], "1s", &[program, "work"]);
        holds(&evidence, &["hangs::checksum", "1 of 1 threads were busy"]);
        let (_, evidence) = hangs_as(&["slow (suspected)"], "1s", &[program, "count"]);
        holds(&evidence, &["count_down"]);
        let beside = [program, "spin_beside_work"];
        let (_, evidence) = hangs_as(&["slow (suspected)"], "1s", &beside);
        holds(&evidence, &["wait_for_nobody", "hangs::checksum"]);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn a_spin_that_somebody_else_may_end_is_not_called_one_that_nobody_ends() {
    let Some(in_c) = hangs_in_c() else { return };
    let (_, evidence) = hangs_as(&["livelock (suspected)"], "1s", &[in_c, "alarmed"]);
    holds(&evidence, &["nobody was seen who could end that", "SIGALRM"]);
    let (_, evidence) = hangs_as(&["slow (suspected)"], "1s", &[in_c, "polling"]);
    holds(&evidence, &["with system calls"]);
}

#[test]
#[ntest::timeout(120_000)]
fn what_neither_waits_for_an_owner_nor_works_is_no_deadlock() {
    let (_, evidence) = hangs_as(&["hang (suspected)"], "1s", &[hangs(), "poll"]);
    holds(&evidence, &["idle", "clock_nanosleep"]);
    // Whether trying again is noticed as such depends on where the looks find them.
    let kinds = ["livelock (suspected)", "slow (suspected)", "hang (suspected)"];
    let (_, evidence) = hangs_as(&kinds, "2s", &[hangs(), "polite"]);
    holds(&evidence, &["after_you"]);
}

#[test]
#[ntest::timeout(120_000)]
fn without_symbols_the_proof_stands() {
    let Some(program) = stripped(hangs()) else { return };
    let (_, evidence) = hangs_as(&["deadlock (proven)"], "none", &[&program, "abba"]);
    holds(&evidence, &["all 3 threads were blocked"]);
    std::fs::remove_file(program).unwrap();
    let Some(program) = hangs_in_c().and_then(stripped) else { return };
    hangs_as(&["deadlock (proven)"], "none", &[&program, "abba"]);
    std::fs::remove_file(program).unwrap();
}

#[test]
#[ntest::timeout(120_000)]
fn a_program_that_loads_nothing_is_judged_like_any_other() {
    let Some(program) = hangs_in_static_c() else { return };
    let (_, evidence) = hangs_as(&["deadlock (proven)"], "none", &[program, "abba"]);
    holds(&evidence, &["all 3 threads were blocked"]);
    is_well(&[program, "recursive"], "twice\n");
}

#[test]
#[ntest::timeout(120_000)]
fn a_program_whose_name_is_no_text_is_watched_like_any_other() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join(std::ffi::OsStr::from_bytes(b"a) R \xff\xfe(b"));
    std::fs::copy(hangs(), &copy).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_standstill"));
    command.args(["watch", "--timeout", "60s", "--"]).arg(&copy).arg("abba");
    let ran: crate::run::Ran = command.output().unwrap().into();
    let ran = ran.exits(124);
    assert!(ran.stderr.contains("deadlock (proven)"), "{}", ran.stderr);
}
