//! Schedules per second.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use standstill::explore::native;
use standstill::explore::target::Target;

use super::median;

/// What is asked for of one core, alone and with processes shared.
const TARGETS: [f64; 2] = [500.0, 2000.0];

/// One way to run the program many times; gives runs per second.
type Way<'a> = (&'static str, Box<dyn Fn() -> Result<f64, String> + 'a>);

pub(super) fn measure(program: &Path, trials: u64, rounds: usize) -> Result<(), String> {
    // Starting a process takes longer than forking one.
    let fewer = (trials / 4).max(2);
    let ways: Vec<Way<'_>> = vec![
        ("fork, one core", Box::new(|| explore(program, trials, &["1"], true))),
        (
            "--batch 100, one core",
            Box::new(|| explore(program, 4 * trials, &["1", "--batch", "100"], true)),
        ),
        ("fork, as it is", Box::new(|| explore(program, trials, &["1"], false))),
        (
            "fork, levels 1 and 1+, as it is",
            Box::new(|| explore(program, trials, &["auto"], false)),
        ),
        ("--exec, one core", Box::new(|| explore(program, fewer, &["1", "--exec"], true))),
        ("--exec, as it is", Box::new(|| explore(program, fewer, &["1", "--exec"], false))),
        ("plain fork + exec, one core", Box::new(|| enclosed(program, fewer))),
        ("plain fork + exec, all cores", Box::new(|| plain(program, fewer))),
    ];
    let mut rates = vec![vec![]; ways.len()];
    for _ in 0..rounds {
        for ((_, run), rates) in ways.iter().zip(&mut rates) {
            rates.push(run()?);
        }
    }
    let medians: Vec<f64> = rates.iter().map(|rates| median(rates)).collect();
    let bound = medians[ways.len() - 2];
    println!(
        "nine threads, {} steps at level 1, {trials} trials, {rounds} rounds",
        steps(program)?
    );
    for ((name, _), rate) in ways.iter().zip(&medians) {
        println!("{name:32} {rate:8.0} a second, {:5.2} x plain on one core", rate / bound);
    }
    for ((target, rate), (name, _)) in TARGETS.iter().zip(&medians).zip(&ways) {
        let verdict = if rate >= target { "holds" } else { "does not hold" };
        println!("{target} schedules a second, {name}: {verdict}");
    }
    Ok(())
}

/// `standstill explore` at the given level, without what it takes to start. Its first trial stands
/// for that: both searches make it.
fn explore(program: &Path, trials: u64, level: &[&str], one_core: bool) -> Result<f64, String> {
    let seconds = |trials: u64| {
        let begun = Instant::now();
        let answer = answer(program, trials, level, one_core)?;
        let seconds = begun.elapsed().as_secs_f64();
        match (answer["verdict"].as_str(), answer["trials"].as_u64()) {
            (Some("clean"), Some(done)) if done == trials => Ok(seconds),
            _ => Err(format!("explore the program to the end: {answer}")),
        }
    };
    // With two levels in turns the second trial starts the second server.
    let few = 2;
    Ok((trials - few) as f64 / (seconds(trials)? - seconds(few)?))
}

/// The last line of a search.
fn answer(
    program: &Path,
    trials: u64,
    level: &[&str],
    one_core: bool,
) -> Result<serde_json::Value, String> {
    let standstill = env!("CARGO_BIN_EXE_standstill");
    let mut command = Command::new(if one_core { "taskset" } else { standstill });
    if one_core {
        let cpu = standstill::os::control::cpus().first().copied().unwrap_or(0);
        command.args(["-c", &cpu.to_string(), standstill]);
    }
    command.args(["explore", "--message-format", "json", "--budget", "10m"]);
    command.args(["--trials", &trials.to_string(), "--level"]).args(level);
    command.arg("--").arg(program).arg("nine").stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().map_err(|error| format!("run `standstill explore`: {error}"))?;
    let last = output.stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    Ok(last.and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default())
}

/// Steps of a trial, on average.
fn steps(program: &Path) -> Result<u64, String> {
    let answer = answer(program, 200, &["1"], false)?;
    let total = answer["steps"].as_u64().ok_or("explore the program for its steps")?;
    Ok(total / answer["trials"].as_u64().unwrap_or(1).max(1))
}

/// New processes as the controlled lane makes them, output kept and all on one CPU, but free.
fn enclosed(program: &Path, runs: u64) -> Result<f64, String> {
    let words = [program.into(), "nine".into()];
    let target = Target::resolve(&words).map_err(|error| error.to_string())?;
    let cpu = standstill::os::control::cpus().first().copied().unwrap_or(0);
    let begun = Instant::now();
    for _ in 0..runs {
        let patience = Duration::from_secs(10);
        let run = native::run(&target, cpu, patience, &|| false);
        run.map_err(|error| format!("run the program: {error}"))?;
    }
    Ok(runs as f64 / begun.elapsed().as_secs_f64())
}

/// A loop around the program as anybody would write it.
fn plain(program: &Path, runs: u64) -> Result<f64, String> {
    let begun = Instant::now();
    for _ in 0..runs {
        let mut command = Command::new(program);
        command.arg("nine").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("run the program: it ended with {status}")),
            Err(error) => return Err(format!("run the program: {error}")),
        }
    }
    Ok(runs as f64 / begun.elapsed().as_secs_f64())
}
