//! Sudden death: of the harness by SIGKILL, of a campaign by Ctrl-C.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::run::{Ran, controls, run, standstill, trials};

const TRIALS: usize = 400;

/// A campaign in the middle of its trials.
fn under_way(run_dir: &Path, scenario: &str) -> Child {
    let (binary, dir) = (controls().to_str().unwrap(), run_dir.to_str().unwrap());
    let trials = TRIALS.to_string();
    let args = ["stress", scenario, "-t", "2", "-n", &trials, "-j", "2", "--binary", binary];
    let mut command = standstill(&args);
    command.args(["--run-dir", dir]).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let file = run_dir.join("run.jsonl");
    wait_until("some trials have been run", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.lines().count() > 20)
    });
    child
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// All processes below `pid`, at whatever depth.
fn descendants(pid: u32) -> Vec<u32> {
    let children = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = children.flat_map(|task| {
        let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>()
    });
    children.flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie whose new parent has not come round to it yet is no process left behind.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
#[ntest::timeout(180_000)]
fn killed_with_sigkill_it_leaves_no_process_and_no_torn_run() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    // Deadlocked and healthy trials: some stand still at the moment of death.
    let mut child = under_way(&run_dir, "abba");
    let below = descendants(child.id());
    assert!(below.len() >= 2, "{below:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("every process below it is gone", || !below.iter().any(|pid| is_alive(*pid)));

    let kept = trials(&run_dir).len();
    assert!((19..TRIALS).contains(&kept), "{kept}");
    run(&["stress", "--resume", run_dir.to_str().unwrap()]).exits(0);
    let all = trials(&run_dir);
    let mut indices: Vec<u64> = all.iter().map(|t| t["index"].as_u64().unwrap()).collect();
    indices.sort_unstable();
    assert_eq!(indices, (0..TRIALS as u64).collect::<Vec<_>>());
    let again = run(&["stress", "--resume", run_dir.to_str().unwrap()]).exits(0);
    assert!(again.stdout.contains("400 of 400"), "{}", again.stdout);
}

#[test]
#[ntest::timeout(180_000)]
fn ctrl_c_ends_it_cleanly_and_keeps_what_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    let child = under_way(&run_dir, "abba");
    let below = descendants(child.id());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ran: Ran = child.wait_with_output().unwrap().into();
    ran.exits(130);
    wait_until("every process below it is gone", || !below.iter().any(|pid| is_alive(*pid)));
    assert!(trials(&run_dir).len() >= 19);
    assert!(run_dir.join("REPORT.md").exists());
    run(&["stress", "--resume", run_dir.to_str().unwrap()]).exits(0);
    assert_eq!(trials(&run_dir).len(), TRIALS);
}

#[test]
#[ntest::timeout(180_000)]
fn another_binary_does_not_join_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let (run_dir, copy) = (dir.path().join("run"), dir.path().join("controls-copy"));
    std::fs::copy(controls(), &copy).unwrap();
    crate::run::stress(&copy, "abba_look_alike", &run_dir, &["-t", "2", "-n", "2"]).exits(0);
    std::fs::OpenOptions::new()
        .append(true)
        .open(&copy)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"changed"))
        .unwrap();
    run(&["stress", "--resume", run_dir.to_str().unwrap()])
        .exits(2)
        .complains_of(&["has changed since the run began"]);
}
