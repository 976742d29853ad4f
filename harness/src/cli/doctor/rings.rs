//! The self-test of the controlled lane: at every level a known ring must be convicted, and its
//! correct twin must not.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::{Finding, PATIENT};
use crate::explore::level::Level;
use crate::explore::portfolio::{Mix, Portfolio};
use crate::explore::search::{Search, Summary};
use crate::explore::target::Target;
use crate::verdict::{Confidence, Kind};

/// Trials of the correct twin.
const TWIN: u64 = 100;
/// Two locks of std's, in one order or in opposite ones; the level's own build of it is convicted.
const SOURCE: &str = r#"use std::sync::Mutex;
static LOCKS: [Mutex<u32>; 2] = [Mutex::new(0), Mutex::new(0)];
fn take(first: usize, second: usize) {
    let one = LOCKS[first].lock().unwrap();
    let two = LOCKS[second].lock().unwrap();
    drop((one, two));
}
fn main() {
    let opposite = std::env::args().nth(1).as_deref() == Some("opposite");
    let one = std::thread::spawn(|| take(0, 1));
    let two = std::thread::spawn(move || if opposite { take(1, 0) } else { take(0, 1) });
    one.join().unwrap();
    two.join().unwrap();
}
"#;
const MANIFEST: &str = "[package]\nname = \"patient\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
                        [workspace]\n[profile.release]\ndebug = 1\n";

/// One finding a level.
pub(super) fn all(budget: Duration) -> Vec<Finding> {
    let of = |level: Level| {
        let says = match level {
            Level::Calls => own("pthread", level, budget),
            Level::Atomics | Level::Accesses => own("std", level, budget),
            Level::BuiltAtomics | Level::BuiltAccesses => built(level, budget),
        };
        Finding::new(&format!("control at level {level}"), says)
    };
    Level::ALL.into_iter().map(of).collect()
}

fn own(locks: &str, level: Level, budget: Duration) -> Result<String, String> {
    let exe = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let words = |order: &str| -> Vec<OsString> {
        vec![exe.clone().into(), PATIENT.into(), locks.into(), order.into()]
    };
    examine(&words("opposite"), &words("same"), level, budget)
}

fn built(level: Level, budget: Duration) -> Result<String, String> {
    let place = std::env::temp_dir().join(format!("standstill-doctor-{}", std::process::id()));
    let program = build(&place, level);
    let says = program.and_then(|program| {
        let words = |order: &str| -> Vec<OsString> { vec![program.clone().into(), order.into()] };
        examine(&words("opposite"), &words("same"), level, budget)
    });
    let _ = std::fs::remove_dir_all(&place);
    says
}

/// Builds the patient as a user would: with `standstill build`.
fn build(place: &Path, level: Level) -> Result<PathBuf, String> {
    let failed = |error: std::io::Error| format!("failed to write {}: {error}", place.display());
    std::fs::create_dir_all(place.join("src")).map_err(failed)?;
    std::fs::write(place.join("Cargo.toml"), MANIFEST).map_err(failed)?;
    std::fs::write(place.join("src/main.rs"), SOURCE).map_err(failed)?;
    let exe = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let output = Command::new(exe)
        .args([
            "build",
            "--level",
            level.name(),
            "--",
            "build",
            "--release",
            "--quiet",
            "--offline",
        ])
        .current_dir(place)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("this program could not be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let program = said.lines().find_map(|line| line.split_once(": level ")).map(|(path, _)| path);
    match program {
        Some(program) if output.status.success() => Ok(place.join(program)),
        _ => {
            let why = String::from_utf8_lossy(&output.stderr);
            let why =
                why.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
            Err(format!("no program could be built (a Rust toolchain with cargo is needed): {why}"))
        }
    }
}

/// Convicts the one and acquits the other.
fn examine(
    ring: &[OsString],
    twin: &[OsString],
    level: Level,
    budget: Duration,
) -> Result<String, String> {
    let guilty = search(ring, level, None, budget)?;
    let Some(case) = guilty.ledger.cases.first() else {
        let notes = guilty.ledger.notes.join("; ");
        return Err(format!(
            "a known deadlock was not found in {} schedules {notes}",
            guilty.ledger.trials
        ));
    };
    let is_right =
        case.finding.kind == Kind::Deadlock && case.finding.confidence == Confidence::Proven;
    if !is_right {
        return Err(format!("a known deadlock was taken for: {}", case.finding.summary));
    }
    let innocent = search(twin, level, Some(TWIN), budget)?;
    match innocent.ledger.cases.first() {
        Some(case) => Err(format!("a correct program was accused: {}", case.finding.summary)),
        None if innocent.ledger.clean == 0 => {
            Err("no schedule of a correct program came to its end in time".to_owned())
        }
        None => Ok(format!(
            "a known deadlock was proven in {} schedules, its correct twin was clean in {}",
            guilty.ledger.trials, innocent.ledger.trials
        )),
    }
}

fn search(
    words: &[OsString],
    level: Level,
    trials: Option<u64>,
    budget: Duration,
) -> Result<Summary, String> {
    let target = Target::resolve(words).map_err(|error| format!("failed to {error}"))?;
    let target = Target { level, ..target };
    let begun = Instant::now();
    let search =
        Search { target: &target, jobs: 1, begun, until: begun + budget, until_first: true };
    let plan = Portfolio::new(Mix::Portfolio, &[level], 1, 3, trials);
    let interrupt = AtomicBool::new(false);
    search.run(plan, &interrupt, &mut |_| ()).map_err(|error| format!("failed to {error}"))
}
