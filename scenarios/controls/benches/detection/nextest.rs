//! The same deadlock under cargo-nextest, whose only means is a timeout.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Failure, Spread};

/// A package of its own, as its test hangs.
const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/fixture");
const ROUNDS: usize = 5;

/// Measures how long a deadlocked test lives, with a timeout as short as the documentation's
/// examples have it and with shorter ones.
pub(crate) fn run() -> Result<(), Failure> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nextest");
    std::fs::create_dir_all(&dir)?;
    let found = nextest(&dir).arg("--version").output().is_ok_and(|out| out.status.success());
    if !found {
        println!("cargo-nextest is not installed: nothing to compare with.");
        return Ok(());
    }
    let built = nextest(&dir).args(["run", "--no-run"]).stderr(Stdio::null()).status()?;
    if !built.success() {
        return Err("the fixture does not build".into());
    }
    println!("the same deadlock under cargo-nextest, terminate-after = 1, in ms ({ROUNDS} rounds)");
    println!("{:>8} {:>28} {:>28}  a healthy test of 300 ms", "period", "to TIMEOUT", "to the end");
    for period in ["1s", "100ms", "10ms", "1ms"] {
        let config = dir.join(format!("{period}.toml"));
        let timeout = format!("{{ period = \"{period}\", terminate-after = 1 }}");
        std::fs::write(&config, format!("[profile.default]\nslow-timeout = {timeout}\n"))?;
        let rounds: Result<Vec<Round>, Failure> =
            (0..ROUNDS).map(|_| deadlocked(&dir, &config)).collect();
        let rounds = match rounds {
            Ok(rounds) => rounds,
            Err(why) => {
                println!("{period:>8} refused: {why}");
                continue;
            }
        };
        let told = Spread::of(rounds.iter().map(|round| round.told_ms).collect());
        let ended = Spread::of(rounds.iter().map(|round| round.ended_ms).collect());
        let healthy = nextest(&dir)
            .args(["run", "slow_but_healthy", "--config-file"])
            .arg(&config)
            .stderr(Stdio::null())
            .status()?;
        let healthy = if healthy.success() { "passes" } else { "is killed" };
        println!("{period:>8} {told} {ended}  {healthy}");
    }
    println!(
        "It kills the process and shows what the test printed: no stacks, no threads, no locks.\n\
         A period short enough to compare kills healthy tests that are merely slow."
    );
    Ok(())
}

struct Round {
    told_ms: f64,
    ended_ms: f64,
}

fn deadlocked(dir: &Path, config: &Path) -> Result<Round, Failure> {
    let stamp = dir.join("formed");
    let _ = std::fs::remove_file(&stamp);
    let mut child = nextest(dir)
        .args(["run", "deadlocks", "--config-file"])
        .arg(config)
        .env("FORMED", &stamp)
        .stderr(Stdio::piped())
        .spawn()?;
    let mut told = None;
    let mut last = String::new();
    for line in BufReader::new(child.stderr.take().ok_or("no stderr")?).lines() {
        let line = line?;
        if line.contains("TIMEOUT") {
            told.get_or_insert(since_epoch()?);
        }
        if !line.trim().is_empty() {
            last = line;
        }
    }
    child.wait()?;
    let ended = since_epoch()?;
    let told = told.ok_or(last)?;
    // Killed before it got that far: then the deadlock is as old as the timeout found it.
    let formed = match std::fs::read_to_string(&stamp) {
        Ok(text) => Duration::from_nanos(text.trim().parse()?),
        Err(_) => return Err("the test was killed before it could deadlock".into()),
    };
    let ms = |at: Duration| at.saturating_sub(formed).as_secs_f64() * 1e3;
    Ok(Round { told_ms: ms(told), ended_ms: ms(ended) })
}

fn since_epoch() -> Result<Duration, Failure> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?)
}

fn nextest(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.arg("nextest").current_dir(FIXTURE).env("CARGO_TARGET_DIR", dir).stdout(Stdio::null());
    command
}
