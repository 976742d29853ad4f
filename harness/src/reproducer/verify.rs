//! A reproducer in a stranger's hands: built and run in an empty directory, and counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::process::{Ended, follow};
use super::verified::{Built, Verified};
use super::{Form, ReproError, Reproducer, copy};
use crate::explore::confirm::{Seen, seen};
use crate::explore::ended::How;
use crate::explore::judge::Baseline;
use crate::explore::native;
use crate::explore::target::Target;
use crate::inspect::Inspector;
use crate::os::control::ANY_CPU;
use crate::verdict::Kind;

/// What bounds a verification.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// For building.
    pub build: Duration,
    /// For running.
    pub run: Duration,
    /// Runs, at most.
    pub runs: u32,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { build: Duration::from_secs(1200), run: Duration::from_secs(60), runs: 200 }
    }
}

/// Variables of cargo's that say how crates are fetched and how many jobs may run, not what is built.
const KEPT: [&str; 7] = [
    "CARGO_HOME",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_BUILD_JOBS",
];

/// Builds a copy of it in a new directory, runs it, and counts.
///
/// # Errors
/// When the machine fails; what the reproducer does wrong is told in the answer.
pub fn verify(
    made: &Reproducer,
    budget: Budget,
    stop: &AtomicBool,
) -> Result<Verified, ReproError> {
    let failed = |error| ReproError::System("make an empty directory", error);
    let empty = tempfile::Builder::new().prefix("repro-").tempdir().map_err(failed)?;
    // Where it lies must not matter, so there is nothing above it that cargo would read.
    let dir = empty.path().canonicalize().map_err(failed)?;
    all(&made.dir, &dir)?;
    let mut verified = Verified {
        built: Built::Yes,
        failed: 0,
        of: 0,
        kinds: BTreeMap::new(),
        sought: None,
        late: 0,
        build_seconds: 0.0,
        run_seconds: 0.0,
        commands: vec![made.build.clone(), made.run.join(" ")],
        why: None,
    };
    let begun = Instant::now();
    let mut build = Command::new("sh");
    build.args(["-c", &made.build]).current_dir(&dir);
    clean(&mut build);
    let ended = follow(build, begun + budget.build, stop)?;
    verified.build_seconds = begun.elapsed().as_secs_f64();
    match ended {
        Ended { status: Some(status), .. } if status.success() => {}
        Ended { status: Some(_), stderr, .. } => {
            verified.built = Built::No { words: complaint(&stderr) };
            return Ok(verified);
        }
        Ended { status: None, .. } => {
            verified.built = Built::Unfinished;
            return Ok(verified);
        }
    }
    let begun = Instant::now();
    match made.form {
        Form::Driver => driver(made, &dir, budget, stop, &mut verified)?,
        Form::Plain => plain(made, &dir, budget, stop, &mut verified)?,
    }
    verified.run_seconds = begun.elapsed().as_secs_f64();
    Ok(verified)
}

/// Takes out of a command's environment what would make it build something else than it would for a
/// stranger.
fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_kept = KEPT.iter().any(|kept| text.starts_with(kept));
        let is_cargos = text.starts_with("CARGO") || text.starts_with("STANDSTILL_");
        if is_cargos && !is_kept
            || ["RUSTFLAGS", "RUSTDOCFLAGS", "LD_LIBRARY_PATH"].contains(&&*text)
        {
            command.env_remove(&name);
        }
    }
}

/// A run of a program that counts for itself.
fn driver(
    made: &Reproducer,
    dir: &Path,
    budget: Budget,
    stop: &AtomicBool,
    verified: &mut Verified,
) -> Result<(), ReproError> {
    let mut words = made.run.clone();
    for (flag, most) in
        [("--trials", u64::from(budget.runs)), ("--seconds", budget.run.as_secs().max(1))]
    {
        if let Some(at) = words.iter().position(|word| word == flag)
            && let Some(number) = words.get_mut(at + 1)
        {
            let asked = number.parse().unwrap_or(most);
            *number = most.min(asked).to_string();
        }
    }
    verified.commands[1] = words.join(" ");
    let mut command = Command::new(dir.join(&words[0]));
    command.args(&words[1..]).current_dir(dir);
    clean(&mut command);
    // It begins no trial after its seconds; the last one has its own deadline.
    let until = Instant::now() + budget.run * 2 + Duration::from_secs(60);
    let ended = follow(command, until, stop)?;
    let line = ended.stdout.lines().last().and_then(read);
    match (line, ended.status) {
        (Some((failed, of, kinds)), Some(_)) => {
            (verified.failed, verified.of, verified.kinds) = (failed, of, kinds);
        }
        (_, None) => verified.why = Some("it was ended before it had counted".to_owned()),
        (None, Some(status)) => {
            let last = ended.stderr.lines().last().unwrap_or("it said nothing").to_owned();
            verified.why = Some(format!("it ended with {status} and counted nothing: {last}"));
        }
    }
    Ok(())
}

/// Reads `failed 3 of 200 trials: 2 did not end within 10 s, 1 panicked`.
fn read(line: &str) -> Option<(u32, u32, BTreeMap<String, u32>)> {
    let (counts, kinds) = match line.split_once(": ") {
        Some((counts, kinds)) => (counts, kinds),
        None => (line, ""),
    };
    let (failed, of) =
        counts.strip_prefix("failed ")?.strip_suffix(" trials")?.split_once(" of ")?;
    let kind = |text: &str| {
        let (n, kind) = text.split_once(' ')?;
        Some((kind.to_owned(), n.parse().ok()?))
    };
    let kinds = kinds.split(", ").filter_map(kind).collect();
    Some((failed.parse().ok()?, of.parse().ok()?, kinds))
}

/// Runs of a program each of which is a trial. One that is late is looked at, and counts only if it
/// is seen that it waits for ever.
fn plain(
    made: &Reproducer,
    dir: &Path,
    budget: Budget,
    stop: &AtomicBool,
    verified: &mut Verified,
) -> Result<(), ReproError> {
    /// What a run gets beyond three times the longest that ended.
    const GRACE: Duration = Duration::from_secs(1);

    let mut words: Vec<std::ffi::OsString> = made.run.iter().map(Into::into).collect();
    words[0] = dir.join(&made.run[0]).into();
    let failed = |why: String| ReproError::System("run the reproducer", std::io::Error::other(why));
    let mut target = Target::resolve(&words).map_err(|error| failed(error.to_string()))?;
    target.cwd = Some(dir.to_owned());
    let (until, mut longest) = (Instant::now() + budget.run, None::<Duration>);
    let mut inspector = Inspector::new();
    for _ in 0..budget.runs {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stop.load(Relaxed) {
            break;
        }
        // Until one has ended nobody knows how long that takes.
        let patience = longest.map_or(budget.run / 4, |longest| longest * 3 + GRACE);
        let begun = Instant::now();
        let ended = native::attempt(&target, ANY_CPU, patience.min(left), stop, &mut inspector);
        let ended = ended.map_err(|error| ReproError::System("run the reproducer", error))?;
        if ended.how == How::Cut {
            break;
        }
        if ended.how != How::Silent {
            longest = longest.max(Some(begun.elapsed()));
        }
        let kind = match seen(&ended, &Baseline::default()) {
            Seen::Well => None,
            // A time that passed proves nothing, least of all one that is of our making.
            Seen::Late | Seen::Kind(Kind::Hang | Kind::Slow) => {
                verified.late += 1;
                continue;
            }
            Seen::Kind(kind) => Some(kind.to_string()),
        };
        verified.of += 1;
        if let Some(kind) = kind {
            verified.failed += 1;
            *verified.kinds.entry(kind).or_default() += 1;
        }
    }
    if verified.of == 0 {
        verified.why = Some("no run told anything in the time that there was".to_owned());
    }
    Ok(())
}

/// What a compiler complains of: its first error with what belongs to it, or else its last lines.
fn complaint(stderr: &str) -> String {
    let is_error = |line: &&str| line.starts_with("error") || line.contains(": error:");
    let lines: Vec<&str> = stderr.lines().collect();
    let first = lines.iter().position(is_error);
    let shown = match first {
        Some(at) => &lines[at..lines.len().min(at + 12)],
        None => &lines[lines.len().saturating_sub(12)..],
    };
    crate::text::printable(&shown.join("\n"))
}

/// Copies everything.
fn all(from: &Path, to: &Path) -> Result<(), ReproError> {
    let failed = |error: std::io::Error| ReproError::Source(from.to_owned(), error.to_string());
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let to = to.join(entry.file_name());
        if entry.file_name() == "target" {
            continue;
        }
        if entry.path().is_dir() {
            std::fs::create_dir(&to).map_err(failed)?;
            all(&entry.path(), &to)?;
        } else {
            copy::file(&entry.path(), &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_line_is_read_and_nothing_else() {
        let kinds = |list: &[(&str, u32)]| list.iter().map(|(k, n)| (k.to_string(), *n)).collect();
        assert_eq!(
            read("failed 3 of 200 trials: 2 did not end within 10 s, 1 panicked"),
            Some((3, 200, kinds(&[("did not end within 10 s", 2), ("panicked", 1)])))
        );
        assert_eq!(read("failed 0 of 7 trials"), Some((0, 7, kinds(&[]))));
        assert_eq!(read("failed to start"), None);
    }
}
