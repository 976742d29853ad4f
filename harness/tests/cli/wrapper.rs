//! A foreign project whose tests are watched: by two lines for nextest, by one variable for cargo.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::Ran;

/// A copy of the project, where it may hang and leave its build.
struct Project(tempfile::TempDir);

impl Project {
    fn copy() -> Project {
        let dir = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign");
        for file in ["Cargo.toml", "Cargo.lock", "src/lib.rs", ".config/nextest.toml"] {
            let to = dir.path().join(file);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from.join(file), to).unwrap();
        }
        Project(dir)
    }

    /// `cargo` in it, with standstill on the path as its users have it.
    fn cargo(&self, args: &[&str]) -> Command {
        let bin = PathBuf::from(env!("CARGO_BIN_EXE_standstill"));
        let mut path = OsString::from(bin.parent().unwrap());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(env!("CARGO"));
        command.args(args).current_dir(&self.0).env("PATH", path).env("CARGO_TERM_COLOR", "never");
        // What the outer test runner says of itself is not for the inner one.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NEXTEST") {
                command.env_remove(name);
            }
        }
        command.env("CARGO_TARGET_DIR", self.0.path().join("target"));
        command
    }
}

/// What the report has to hold, whatever ran the tests.
fn tells_of_the_transfer(ran: &Ran) {
    let all = format!("{}{}", ran.stdout, ran.stderr);
    for words in [
        "standstill: deadlock",
        "2 threads wait for one another",
        "lock_contended",
        "foreign::transfer",
        "src/lib.rs:12",
    ] {
        assert!(all.contains(words), "`{words}` is not in\n{all}");
    }
}

#[test]
#[ntest::timeout(180_000)]
fn two_lines_make_nextest_tell_where_a_test_hangs() {
    let project = Project::copy();
    let version = project.cargo(&["nextest", "--version"]).output();
    if !version.is_ok_and(|output| output.status.success()) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: cargo-nextest is not installed");
        return;
    }
    let args = ["nextest", "run", "--offline", "--failure-output", "final"];
    let ran: Ran = project.cargo(&args).output().unwrap().into();
    let ran = ran.exits(100);
    tells_of_the_transfer(&ran);
    assert!(ran.stderr.contains("2 passed"), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 failed, 1 skipped"), "{}", ran.stderr);
    assert!(ran.stderr.contains("exit code 124"), "{}", ran.stderr);
    for words in ["TIMEOUT", "TERMINATING", "timed out"] {
        assert!(!ran.stderr.contains(words), "nextest came first:\n{}", ran.stderr);
    }
}

#[test]
#[ntest::timeout(180_000)]
fn one_variable_makes_cargo_test_tell_where_a_test_hangs() {
    let project = Project::copy();
    let mut command = project.cargo(&["test", "--offline", "--lib"]);
    command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", "standstill watch --timeout 8s --");
    let ran: Ran = command.output().unwrap().into();
    tells_of_the_transfer(&ran);
    assert!(ran.stderr.contains("exit status: 124"), "{}", ran.stderr);
    for passed in ["a_transfer_moves_money ... ok", "a_pause_is_no_hang ... ok"] {
        assert!(ran.stdout.contains(passed), "{}", ran.stdout);
    }
}
