//! Schedules per second of the controlled lane at level 1, beside plain runs of the same program, and
//! what one scheduling point costs.
//!
//! `cargo bench -p standstill --bench schedules [-- --trials 2000 --rounds 5]`. The program has nine
//! threads, which share a queue, and is correct. All run in turn. "One core" binds standstill and the
//! program to the same CPU, "as it is" binds the program only, which is what users get with --jobs 1.

#![allow(clippy::print_stdout, reason = "the numbers are what a bench is for")]

mod points;
mod rate;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // `cargo test --all-targets` and the like run benches, too, but without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let number = |flag: &str, otherwise: u64| {
        let mut arguments = std::env::args().skip_while(|argument| argument != flag).skip(1);
        arguments.next().and_then(|value| value.parse().ok()).unwrap_or(otherwise).max(1)
    };
    let (trials, rounds) = (number("--trials", 2000), number("--rounds", 5) as usize);
    let done = build().and_then(|program| {
        rate::measure(&program, trials, rounds)?;
        points::measure(&program, rounds)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("failed to {why}");
            ExitCode::FAILURE
        }
    }
}

/// Compiles the program: a second, so nothing is kept.
fn build() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/schedules/fixture/program.rs");
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schedules-bench");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition", "2024", "-C", "opt-level=3", "-o"]).arg(&binary).arg(source);
    match command.status() {
        Ok(status) if status.success() => Ok(binary),
        Ok(status) => Err(format!("compile the program: rustc ended with {status}")),
        Err(error) => Err(format!("compile the program: {error}")),
    }
}

fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
