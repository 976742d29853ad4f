//! The deadlock seeded in the log callback, with every schedule ours: convicted within ten, and its
//! look-alike not at all.
//!
//! This binary is test and scenarios at once. To ask cargo for the scenarios from within a test would
//! build whisper.cpp again, since fewer packages at a time means other features of what they share.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use standstill::protocol::ROLE_VAR;
use standstill_whisper::scenarios;

fn main() -> ExitCode {
    if env::var_os(ROLE_VAR).is_some() {
        return standstill_kit::main(scenarios::all());
    }
    let tests = vec![
        Trial::test("a_seeded_deadlock_is_found_within_ten_schedules", found),
        Trial::test("its_look_alike_is_not_accused", acquitted),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// Which schedules a seed stands for changes with the binary: most seeds have to find it, not each.
fn found() -> Result<(), Failed> {
    let runs = (1..=5)
        .map(|seed| {
            explore("seeded_log_callback_deadlock", &["-n", "10", "--seed", &format!("{seed}")])
        })
        .collect::<Result<Vec<_>, _>>()?;
    let hits =
        runs.iter().filter(|run| run.code == Some(1) && run.said.contains("deadlock (proven)"));
    match hits.count() {
        3.. => Ok(()),
        few => Err(format!("{few} of 5 seeds found it: {runs:#?}").into()),
    }
}

fn acquitted() -> Result<(), Failed> {
    match explore("seeded_log_callback_look_alike", &["-n", "100"])? {
        Run { code: Some(0), .. } => Ok(()),
        run => Err(format!("not clean: {run:#?}").into()),
    }
}

/// What `standstill explore` ended with.
#[derive(Debug)]
#[allow(dead_code, reason = "printed when a test fails")]
struct Run {
    code: Option<i32>,
    said: String,
}

fn explore(scenario: &str, flags: &[&str]) -> Result<Run, Failed> {
    let output = Command::new(standstill()?)
        .args(["explore", scenario, "--level", "1"])
        .args(["--minimise", "off", "--confirm", "off", "--binary"])
        .arg(env::current_exe()?)
        .args(flags)
        .stdin(Stdio::null())
        .output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok(Run { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() })
}

/// The program beside this one, where cargo puts it with the tests of the workspace. Only when these
/// tests run alone may it have to be built: to do so beside tests that use it would replace it.
fn standstill() -> Result<PathBuf, Failed> {
    let exe = env::current_exe()?;
    let dir = exe.ancestors().nth(2).ok_or("no directory of the build")?;
    let program = dir.join("standstill");
    if !program.exists() {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "standstill", "--profile", profile])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()?;
        if !built.success() {
            return Err("standstill was not built".into());
        }
    }
    Ok(program)
}
