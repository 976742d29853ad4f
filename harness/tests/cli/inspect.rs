//! `standstill inspect`: says what a live process stands at, and leaves it as it was.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rustix::process::Signal;

use crate::run::{Ran, run};
use crate::targets::{Target, hangs, hangs_in_c, skipped};

/// A process in a deadlock.
fn deadlocked() -> Target {
    let target = Target::start(&[hangs(), "abba"]);
    target.settles(3);
    target
}

#[test]
#[ntest::timeout(120_000)]
fn a_deadlock_is_drawn_and_the_process_is_left_in_it() {
    let target = deadlocked();
    let ran = target.inspect(&[]).exits(1);
    for words in ["standstill: deadlock (proven)", "┌─▶", "alice", "bob", "take_both", "#0 "]
    {
        assert!(ran.stdout.contains(words), "`{words}` is not in\n{}", ran.stdout);
    }
    let brief = target.inspect(&["--no-stacks"]).exits(1).stdout;
    assert!(brief.contains("┌─▶") && !brief.contains("#0 "), "{brief}");
    assert_eq!(target.state(), 'S');
    target.signal(Signal::TERM);
    assert_eq!(target.ends(), (String::new(), None));
}

#[test]
#[ntest::timeout(120_000)]
fn programs_get_one_line() {
    let target = deadlocked();
    let ran = target.inspect(&["--message-format", "json"]).exits(1);
    assert_eq!(ran.stdout.lines().count(), 1);
    let verdict = ran.verdict();
    assert_eq!(verdict["verdict"], "found");
    assert_eq!(verdict["kinds"], serde_json::json!(["deadlock"]));
    assert_eq!(verdict["pid"].to_string(), target.pid());
    assert_eq!(verdict["graph"]["cycles"][0]["tids"].as_array().unwrap().len(), 2);
}

#[test]
#[ntest::timeout(120_000)]
fn a_pool_that_waits_for_work_is_well_and_works_on() {
    let mut target = Target::start(&[hangs(), "pool"]);
    assert_eq!(target.line(), "ready");
    for work in ["bread", "beer"] {
        target.settles(4);
        let ran = target.inspect(&[]).exits(0);
        assert!(ran.stdout.contains("nothing found"), "{}", ran.stdout);
        assert_eq!(target.asked(work), format!("did {work}"));
    }
    assert_eq!(target.ends(), (String::new(), Some(0)));
}

#[test]
#[ntest::timeout(120_000)]
fn no_system_call_of_the_process_is_interrupted() {
    let Some(in_c) = hangs_in_c() else { return };
    let mut target = Target::start(&[in_c, "calls"]);
    let steps = |answer: String| -> u64 {
        let uninterrupted = "epoll_wait 0 read 0 nanosleep 0 steps ";
        let steps = answer.strip_prefix(uninterrupted).unwrap_or_else(|| panic!("{answer}"));
        steps.parse().unwrap()
    };
    let mut before = steps(target.asked(""));
    for _ in 0..20 {
        target.inspect(&["--samples", "4", "--every", "1ms", "--no-stacks"]).exits(0);
        let now = steps(target.asked(""));
        assert!(now > before, "{now} steps, as before");
        before = now;
    }
    assert_eq!(target.ends(), (String::new(), Some(0)));
}

#[test]
#[ntest::timeout(120_000)]
fn a_stopped_process_stays_stopped() {
    let mut target = Target::start(&[hangs(), "pool"]);
    target.line();
    target.signal(Signal::STOP);
    target.until("the stop", |target| target.state() == 'T');
    for _ in 0..3 {
        let ran = target.inspect(&[]).exits(3);
        assert!(ran.stdout.contains("it is stopped"), "{}", ran.stdout);
        assert_eq!(target.state(), 'T');
    }
    target.signal(Signal::CONT);
    assert_eq!(target.asked("wash"), "did wash");
}

#[test]
#[ntest::timeout(120_000)]
fn what_is_no_process_is_refused_in_one_sentence() {
    // The kernel gives no such number.
    let ran = run(&["inspect", "2147483647"]).exits(2).complains_of(&["no such process"]);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let zombie = Target::start(&["true"]);
    zombie.until("the end", |target| target.state() == 'Z');
    let ran = zombie.inspect(&[]).exits(2).complains_of(&["has ended"]);
    assert_eq!((ran.stderr.lines().count(), ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    for words in [
        &["--samples", "0", "1"][..],
        &["--samples", "1e9", "1"],
        &["--samples", "1000000000", "1"],
        &["--every", "0", "1"],
        &["--every", "0ms", "1"],
        &["0"],
        &["-1"],
        &["--", "-1"],
        &["text"],
        &["99999999999"],
        &[],
    ] {
        run(&[&["inspect"], words].concat()).exits(2).complains_of(&[]);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn one_look_alone_finds_nothing() {
    let ran = deadlocked().inspect(&["--samples", "1"]).exits(3);
    assert!(
        ran.stdout.contains("inconclusive: there was one look, and it takes two"),
        "{}",
        ran.stdout
    );
}

#[test]
#[ntest::timeout(120_000)]
fn a_part_of_the_kernel_is_called_that() {
    let stat = |pid| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    if !stat(2).starts_with("2 (kthreadd)") {
        return skipped("no kernel thread can be seen from here");
    }
    run(&["inspect", "2"])
        .exits(4)
        .complains_of(&["it is a kernel thread and cannot be looked at"]);
}

#[test]
#[ntest::timeout(120_000)]
fn it_does_not_inspect_itself() {
    let script = format!("exec {} inspect $$", env!("CARGO_BIN_EXE_standstill"));
    let ran: Ran = Command::new("sh").args(["-c", &script]).output().unwrap().into();
    ran.exits(4).complains_of(&["a process cannot trace itself"]);
}

#[test]
#[ntest::timeout(120_000)]
fn whoever_may_not_look_is_told_what_would_help() {
    let ran: Ran = if rustix::process::getuid().is_root() {
        // Where everybody may start it.
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = dir.path().join("standstill");
        std::fs::copy(env!("CARGO_BIN_EXE_standstill"), &program).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--clear-groups"]).arg(&program);
        let Ok(output) = command.args(["inspect", &std::process::id().to_string()]).output() else {
            return skipped("there is no setpriv");
        };
        output.into()
    } else {
        run(&["inspect", "1"])
    };
    assert_eq!(ran.stdout, "");
    ran.exits(4).complains_of(&["failed to trace process", "the same user, or CAP_SYS_PTRACE"]);
}

#[test]
#[ntest::timeout(120_000)]
fn a_core_file_is_written_once_and_never_over_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("core");
    let target = deadlocked();
    let flags = ["--no-stacks", "--core", path.to_str().unwrap()];
    let ran = target.inspect(&flags).exits(1);
    assert!(ran.stderr.contains("3 threads"), "{}", ran.stderr);
    let core = std::fs::read(&path).unwrap();
    // `ET_CORE`.
    assert_eq!((&core[..4], core[16]), (&b"\x7fELF"[..], 4));
    target.inspect(&flags).exits(4).complains_of(&["exists already"]);
    assert!(std::fs::read(&path).unwrap() == core);
    let nowhere = dir.path().join("none/core");
    let flags = ["--core", nowhere.to_str().unwrap()];
    target.inspect(&flags).exits(4).complains_of(&["failed to write", "No such file"]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
#[ntest::timeout(120_000)]
fn a_directory_that_cannot_be_had_is_named_before_the_process_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine"), "").unwrap();
    let target = deadlocked();
    let kept = target.inspect(&["--keep", dir.path().to_str().unwrap()]).exits(2);
    assert_eq!(kept.complains_of(&["holds something already"]).stdout, "");
    let kept = target.inspect(&["--keep", "/dev/full/x"]).exits(2);
    assert_eq!(kept.complains_of(&["failed to open /dev/full/x"]).stdout, "");
    let kept = target.inspect(&["--keep", "/proc/none/x"]).exits(2);
    assert_eq!(kept.complains_of(&["failed to create /proc/none/x"]).stdout, "");
}
