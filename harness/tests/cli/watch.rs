//! `standstill watch`: unnoticed while all is well, and there when something hangs.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::run::{Ran, run, standstill};
use crate::targets::{hangs, watch};

fn shell(flags: &[&str], script: &str) -> Ran {
    watch(flags, &["sh", "-c", script])
}

/// A watched shell script that has written its first line.
fn ready(flags: &[&str], script: &str) -> (Child, String, BufReader<ChildStdout>) {
    let mut command = standstill(&[&["watch"], flags, &["--", "sh", "-c", script]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    (child, line.trim().to_owned(), stdout)
}

fn signal(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
#[ntest::timeout(120_000)]
fn a_program_that_is_well_is_left_alone() {
    for code in [0, 1, 7, 101, 124, 255] {
        let ran = shell(&[], &format!("echo out; echo err >&2; exit {code}")).exits(code);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"));
    }
}

#[test]
#[ntest::timeout(120_000)]
fn it_dies_of_the_signal_that_the_program_died_of() {
    for (name, number) in [("TERM", 15), ("KILL", 9), ("USR1", 10), ("PIPE", 13), ("SEGV", 11)] {
        shell(&[], &format!("kill -{name} $$")).exits(-number);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn streams_and_arguments_pass_byte_by_byte() {
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251 * n % 256) as u8).collect();
    let mut command = standstill(&["watch", "cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success() && output.stdout == bytes);

    let ran = watch(&[], &["printf", "%s|", "--", "-x", "", "--timeout", "a b"]).exits(0);
    assert_eq!(ran.stdout, "--|-x||--timeout|a b|");
}

#[test]
#[ntest::timeout(120_000)]
fn signals_that_were_blocked_or_ignored_stay_so() {
    let script = "trap '' HUP USR1 CHLD; exec \"$@\" grep -E '^Sig(Blk|Ign)' /proc/self/status";
    let said = |words: &[&str]| {
        let output =
            Command::new("bash").args(["-c", script, "bash"]).args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let plain = said(&[]);
    assert!(plain.contains("SigBlk") && plain.contains("SigIgn"), "{plain}");
    assert_eq!(said(&[env!("CARGO_BIN_EXE_standstill"), "watch", "--"]), plain);
}

#[test]
#[ntest::timeout(120_000)]
fn signals_sent_to_it_reach_the_program() {
    for (sent, name) in [
        (rustix::process::Signal::TERM, "TERM"),
        (rustix::process::Signal::INT, "INT"),
        (rustix::process::Signal::USR2, "USR2"),
    ] {
        let trap = format!("trap 'echo got; exit 3' {name}");
        let (mut child, line, mut stdout) =
            ready(&[], &format!("{trap}; echo ready; while :; do sleep 0.02; done"));
        assert_eq!(line, "ready");
        signal(child.id() as i32, sent);
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert_eq!((answer.as_str(), child.wait().unwrap().code()), ("got\n", Some(3)));
    }
}

#[test]
#[ntest::timeout(120_000)]
fn time_for_which_the_program_is_stopped_does_not_count() {
    let script = "echo ready; kill -STOP $$; exit 6";
    let (mut child, _, _) = ready(&["--timeout", "800ms"], script);
    std::thread::sleep(Duration::from_secs(3));
    assert!(child.try_wait().unwrap().is_none());
    // It hands the signal on, and may be stopped itself if this test has a terminal.
    signal(child.id() as i32, rustix::process::Signal::CONT);
    assert_eq!(child.wait().unwrap().code(), Some(6));
}

#[test]
#[ntest::timeout(120_000)]
fn a_deadlock_is_told_of_without_any_deadline() {
    let ran = watch(&["--timeout", "none"], &[hangs(), "abba"]).exits(124);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    let line = include_str!("../fixtures/hangs.rs").lines().position(|l| l.contains("let other ="));
    let place = format!("hangs.rs:{}", line.unwrap() + 1);
    for words in ["standstill: ", "take_both", "lock_contended", &place, "abba)"] {
        assert!(ran.stderr.contains(words), "`{words}` is not in\n{}", ran.stderr);
    }
}

#[test]
#[ntest::timeout(120_000)]
fn a_deadlock_below_a_shell_is_told_of_its_own_process() {
    let script = format!("printf no-line-end; {} abba; echo unreached", hangs());
    let ran = shell(&["--timeout", "none", "--message-format", "json"], &script).exits(124);
    assert!(ran.stdout.starts_with("no-line-end\n") && !ran.stdout.contains("unreached"));
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    let verdict = ran.verdict();
    assert_eq!(verdict["verdict"], "found");
    assert_eq!(verdict["command"], serde_json::json!([hangs(), "abba"]));
    assert_eq!(verdict["status"]["killed"], true);
    assert!(verdict["pid"].is_i64() && verdict["graph"].is_object(), "{verdict}");
}

#[test]
#[ntest::timeout(120_000)]
fn a_long_sleep_is_no_deadlock() {
    let flags = ["--timeout", "400ms", "--message-format", "json"];
    let verdict = shell(&flags, "sleep 1000; :").exits(124).verdict();
    assert_eq!(verdict["kinds"], serde_json::json!(["hang"]));
    assert_eq!(verdict["command"], serde_json::json!(["sleep", "1000"]));
    let ran = shell(&["--timeout", "400ms"], "sleep 1000; :").exits(124);
    assert!(ran.stderr.contains("clock_nanosleep"), "{}", ran.stderr);
    assert!(ran.stderr.trim_end().ends_with("waits for its child"), "{}", ran.stderr);
}

#[test]
#[ntest::timeout(120_000)]
fn nothing_is_left_of_what_hung_and_daemons_of_what_ended_live_on() {
    let (mut child, daemon, _) = ready(
        &["--timeout", "500ms"],
        "setsid sh -c 'trap \"\" TERM HUP; sleep 1000; sleep 1000' & echo $!; wait",
    );
    assert!(is_alive(&daemon));
    assert_eq!(child.wait().unwrap().code(), Some(124));
    assert!(!is_alive(&daemon));

    let ran = shell(&[], "sleep 1000 >/dev/null 2>&1 & echo $!").exits(0);
    let daemon = ran.stdout.trim();
    assert!(is_alive(daemon));
    signal(daemon.parse().unwrap(), rustix::process::Signal::KILL);
}

#[test]
#[ntest::timeout(120_000)]
fn background_jobs_of_a_shell_that_became_it_are_none_of_its_business() {
    let script = format!(
        "sleep 1000 >/dev/null 2>&1 & echo $!; exec {} watch --timeout 300ms -- sleep 1000",
        env!("CARGO_BIN_EXE_standstill")
    );
    let ran: Ran = Command::new("sh").args(["-c", &script]).output().unwrap().into();
    let (ran, job) = (ran.exits(124), String::new());
    let job = job + ran.stdout.trim();
    assert!(is_alive(&job));
    assert!(!ran.stderr.contains(&format!("process {job} ")), "{}", ran.stderr);
    signal(job.parse().unwrap(), rustix::process::Signal::KILL);
}

#[test]
#[ntest::timeout(120_000)]
fn told_to_report_it_tells_once_and_lets_the_program_end_by_itself() {
    let flags = ["--timeout", "300ms", "--on-hang", "report"];
    let ran = shell(&flags, "sleep 2; exit 5").exits(5);
    assert_eq!(ran.stderr.matches("(sleep 2)").count(), 1, "{}", ran.stderr);
    let flags = [&flags[..], &["--message-format", "json"]].concat();
    let verdict = shell(&flags, "sleep 2; exit 5").exits(5).verdict();
    assert_eq!((&verdict["verdict"], &verdict["status"]["code"]), (&"found".into(), &5.into()));
}

#[test]
#[ntest::timeout(120_000)]
fn a_report_that_nobody_reads_does_not_reach_the_program_as_a_signal() {
    let script = "trap 'exit 9' PIPE; sleep 1; exit 3";
    let flags = ["watch", "--timeout", "200ms", "--on-hang", "report", "sh", "-c", script];
    let mut child = standstill(&flags).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
#[ntest::timeout(120_000)]
fn an_end_of_its_own_is_told_to_programs() {
    let json = ["--message-format", "json"];
    let verdict = shell(&json, "exit 0").exits(0).verdict();
    assert_eq!((&verdict["verdict"], &verdict["kinds"]), (&"clean".into(), &serde_json::json!([])));
    let verdict = shell(&json, "kill -SEGV $$").exits(-11).verdict();
    assert_eq!(verdict["status"], serde_json::json!({ "signal": 11, "name": "SIGSEGV" }));
    let verdict = watch(&json, &[hangs(), "panic"]).exits(101).verdict();
    assert_eq!(verdict["status"]["code"], 101);
}

#[test]
#[ntest::timeout(120_000)]
fn what_was_found_is_kept_where_nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("deep/kept");
    let path = kept.to_str().unwrap();
    shell(&["--keep", path], "exit 0").exits(0);
    assert!(!kept.exists(), "nothing was found");
    watch(&["--timeout", "none", "--keep", path], &[hangs(), "abba"]).exits(124);
    let read = |name: &str| std::fs::read_to_string(kept.join(name)).unwrap();
    assert!(read("report.txt").contains("take_both"));
    let scene: serde_json::Value = serde_json::from_str(read("scenes.jsonl").trim()).unwrap();
    assert!(scene["looks"].as_array().unwrap().len() == 2, "{scene}");
    let pid = scene["pid"].as_i64().unwrap();
    assert!(read(&format!("graph-{pid}.dot")).starts_with("digraph"));
    assert!(read(&format!("graph-{pid}.svg")).starts_with("<svg"));
    let verdict: serde_json::Value = serde_json::from_str(&read("verdict.json")).unwrap();
    assert_eq!(verdict["event"], "verdict");
    watch(&["--keep", path], &["true"]).exits(2).complains_of(&["holds something already"]);

    // Nothing is started that could not be told of as asked.
    let ran = watch(&["--keep", "/proc/none/x"], &["echo", "started"]).exits(2);
    assert_eq!(ran.complains_of(&["failed to create /proc/none/x"]).stdout, "");
}

#[test]
#[ntest::timeout(120_000)]
fn the_json_lines_begin_a_line_and_leave_none_empty() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out");
    for (printed, before) in [("", ""), ("line\\n", "line\n"), ("no end", "no end\n")] {
        let script = format!("printf '{printed}'");
        let mut command =
            standstill(&["watch", "--message-format", "json", "--", "sh", "-c", &script]);
        let status = command.stdout(std::fs::File::create(&file).unwrap()).status().unwrap();
        assert!(status.success());
        let said = std::fs::read_to_string(&file).unwrap();
        let verdict = said.strip_prefix(before).unwrap_or_else(|| panic!("{said}"));
        assert!(verdict.starts_with('{') && verdict.lines().count() == 1, "{said}");
    }
    // So does the one on a pipe, if nothing was written.
    let ran = watch(&["--message-format", "json"], &["true"]).exits(0);
    assert!(ran.stdout.starts_with('{'), "{}", ran.stdout);
    assert_eq!(ran.verdict()["command"], serde_json::json!(["true"]));
    assert!(ran.verdict()["program"].as_str().unwrap().starts_with('/'), "{}", ran.stdout);
}

#[test]
#[ntest::timeout(120_000)]
fn whether_a_core_file_was_written_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--on-hang", "core", "--keep", dir.path().to_str().unwrap()];
    let ran = watch(&flags, &[hangs(), "abba"]).exits(124);
    assert!(ran.stderr.contains("standstill: wrote "), "{}", ran.stderr);
    assert!(dir.path().join("report.txt").exists());
    let names = std::fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.file_name());
    let core =
        names.map(|name| name.to_string_lossy().into_owned()).find(|n| n.starts_with("core."));
    let head = std::fs::read(dir.path().join(core.unwrap())).unwrap();
    // `ET_CORE`.
    assert_eq!((&head[..4], head[16]), (&b"\x7fELF"[..], 4));
}

#[test]
#[ntest::timeout(120_000)]
fn what_cannot_be_watched_is_refused_with_the_reason() {
    for (words, code, reason) in [
        (&["no-such-program"][..], 127, "it is not in PATH"),
        (&["sleep 1000"], 127, "words of their own"),
        (&["Cargo.toml"], 127, "is ./Cargo.toml meant?"),
        (&["./no-such-program"], 127, "there is no such file"),
        (&[""], 127, "its name is empty"),
        (&["/"], 126, "it is a directory"),
        (&["./Cargo.toml"], 126, "chmod +x"),
        (&["--timeout", "banana", "true"], 2, "500ms, 30s or 1m30s"),
        (&["--timeout", "0s", "true"], 2, "at least 1ms"),
        (&["--timeout", "99999999years", "true"], 2, "--timeout"),
        (&["--on-hang", "dance", "true"], 2, "possible values"),
        (&["--keep", "Cargo.toml", "true"], 2, "failed to open Cargo.toml"),
        (&["--keep", "harness", "true"], 2, "holds something already"),
        (&[], 2, "COMMAND"),
    ] {
        run(&[&["watch"], words].concat()).exits(code).complains_of(&[reason]);
    }
}
