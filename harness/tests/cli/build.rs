//! `standstill build`: a program with points of its own, which runs as before.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Ran, standstill};

/// A copy of the fixture, where it may leave its build.
fn project() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/levels");
    std::fs::create_dir(dir.path().join("src")).unwrap();
    for file in ["Cargo.toml", "src/main.rs"] {
        std::fs::copy(from.join(file), dir.path().join(file)).unwrap();
    }
    dir
}

fn build(dir: &Path, level: &str, cargo: &[&str]) -> Command {
    let mut command = standstill(&["build", "--level", level, "--"]);
    command.args(cargo).current_dir(dir);
    // What the outer cargo says of itself is not for the inner one.
    for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(name);
    }
    command
}

/// The program that was named, and its calls of points.
fn named(ran: &Ran) -> (PathBuf, usize) {
    let line = ran.stdout.lines().next().unwrap_or_else(|| panic!("nothing named\n{}", ran.stderr));
    let (path, rest) = line.split_once(": level ").unwrap();
    let calls = rest.split_whitespace().nth(1).unwrap().parse().unwrap();
    (PathBuf::from(path), calls)
}

#[test]
#[ntest::timeout(180_000)]
fn an_instrumented_program_calls_its_points_and_runs_as_before() {
    let dir = project();
    let mut at_levels = vec![];
    for level in ["2", "3"] {
        let ran = Ran::from(build(dir.path(), level, &["build", "--release"]).output().unwrap());
        let (program, calls) = named(&ran.exits(0));
        assert!(program.starts_with(dir.path().join(format!("target/standstill-l{level}"))));
        let output = Command::new(program).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stdout, b"20000 2000\n");
        at_levels.push(calls);
    }
    assert!(0 < at_levels[0] && at_levels[0] < at_levels[1], "{at_levels:?}");
}

#[test]
#[ntest::timeout(60_000)]
fn what_cannot_be_built_is_told_in_a_sentence() {
    let dir = project();
    let ran = |cargo: &[&str], variable: (&str, &str)| {
        let output = build(dir.path(), "3", cargo).env(variable.0, variable.1).output();
        Ran::from(output.unwrap())
    };
    let nothing = ("NOTHING", "");
    ran(&["run"], nothing).exits(2).complains_of(&["cargo run is not known to build"]);
    ran(&["build", "--target", "wasm32-unknown-unknown"], nothing)
        .exits(2)
        .complains_of(&["cannot build for wasm32-unknown-unknown"]);
    ran(&["build"], ("RUSTC", "/nowhere/rustc"))
        .exits(4)
        .complains_of(&["failed to ask `/nowhere/rustc` for its host"]);
    ran(&["build"], ("CARGO", "/nowhere/cargo"))
        .exits(4)
        .complains_of(&["failed to start `/nowhere/cargo`"]);
    ran(&["build", "--manifest-path", "nowhere/Cargo.toml"], nothing)
        .exits(2)
        .complains_of(&["failed to read the workspace with cargo"]);
    // The build's own exit code.
    ran(&["build", "--no-such-flag"], nothing).exits(1).complains_of(&["the build failed"]);
    std::fs::write(dir.path().join("src/main.rs"), "fn main() { nonsense }").unwrap();
    ran(&["build"], nothing).exits(101).complains_of(&["the build failed", "nonsense"]);
}
