//! `standstill reproducer`: what a maintainer needs to see it fail, and nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::list::Opened;
use super::{Exit, Failure, MessageFormat, Source, duration, print, threads};
use crate::catalog::only;
use crate::explore::target::Target;
use crate::reproducer::{
    Budget, Built, FromProgram, FromScenario, FromSource, ReproError, Reproducer, Verified,
    from_program, from_scenario, from_source, readme, verify,
};

const EXIT_CODES: &str = "\
A scenario is cut out of its crate, with all that it uses, into one main.rs that needs no
standstill. A program comes with its package, every version pinned. The reproducer is then built
and run in a new empty directory, without control, and what fails there is counted.

Exit codes:
  0    it was written, and failed at least once (or --verify off was given)
  2    what was asked for does not exist or makes no sense
  3    it was written and built, and did not fail in the runs that were made
  4    it does not build, or something that standstill needs failed
  130  interrupted; what was written is kept";

/// `standstill reproducer`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct ReproducerArgs {
    /// Write it to this directory, which must be new or empty
    #[arg(long, short, value_name = "DIR", default_value = "reproducer")]
    output: PathBuf,
    /// What it shows, for the first line of its README
    #[arg(long, value_name = "TEXT")]
    shows: Option<String>,
    /// Actors of the scenario [default: the fewest, above one, that it asks for]
    #[arg(long, short, value_name = "N", value_parser = threads, conflicts_with = "command")]
    threads: Option<u64>,
    /// How often each actor repeats what it does [default: what the scenario says]
    #[arg(long, value_name = "N", conflicts_with = "command")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    iterations: Option<u32>,
    /// Runs, at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    trials: u32,
    /// Time for running it in an empty directory once it is built, or `off` not to build it
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time_or_off)]
    verify: Verify,
    /// Take this file in C or C++, whose first line says `// build: COMMAND`
    #[arg(long = "source", value_name = "FILE", conflicts_with_all = ["scenario", "command"])]
    file: Option<PathBuf>,
    /// The command that builds the file of --source
    #[arg(long, value_name = "COMMAND", requires = "file")]
    build: Option<String>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    message_format: MessageFormat,
    #[command(flatten)]
    source: Source,
    /// A scenario: `crate/scenario`
    #[arg(
        value_name = "SCENARIO",
        required_unless_present_any = ["command", "file"],
        conflicts_with = "command"
    )]
    scenario: Option<String>,
    /// A program that cargo has built, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// For how long it is tried.
#[derive(Clone, Copy, Debug)]
struct Verify(Option<Duration>);

fn time_or_off(text: &str) -> Result<Verify, String> {
    if text == "off" { Ok(Verify(None)) } else { duration(text).map(|time| Verify(Some(time))) }
}

pub(super) fn main(args: &ReproducerArgs) -> Result<Exit, Failure> {
    let made = make(args)?;
    let is_json = args.message_format == MessageFormat::Json;
    if !is_json {
        print(&written(&made));
    }
    let verified = match args.verify.0 {
        None => None,
        Some(run) => Some(tried(args, &made, run)?),
    };
    let exit = match &verified {
        None => Exit::AsExpected,
        Some((_, true)) => Exit::Interrupted,
        Some((seen, _)) if seen.built != Built::Yes => Exit::Failed,
        Some((seen, _)) if seen.of == 0 && seen.why.is_some() => Exit::Failed,
        Some((seen, _)) if seen.failed == 0 => Exit::Inconclusive,
        Some(_) => Exit::AsExpected,
    };
    let verified = verified.map(|(seen, _)| seen);
    if is_json {
        let (build, run) = (&made.build, made.run.join(" "));
        let line = json!({
            "event": "reproducer", "dir": made.dir.to_string_lossy(), "build": build, "run": run,
            "redacted": made.redacted, "verified": verified,
        });
        print(&format!("{line}\n"));
    } else if let Some(seen) = &verified {
        print(&told(seen));
    }
    Ok(exit)
}

fn make(args: &ReproducerArgs) -> Result<Reproducer, Failure> {
    if let Some(file) = &args.file {
        let shows = args.shows.clone().unwrap_or_else(|| format!("{}.", file.display()));
        let wanted = FromSource { source: file, build: args.build.as_deref(), shows: &shows };
        return from_source(&wanted, &args.output).map_err(refused);
    }
    match &args.scenario {
        Some(scenario) => of_scenario(args, scenario),
        None => of_program(args),
    }
}

fn of_scenario(args: &ReproducerArgs, scenario: &str) -> Result<Reproducer, Failure> {
    let quiet = args.message_format == MessageFormat::Json;
    let opened = Opened::new(&args.source, &[scenario.to_owned()], quiet)?;
    let (open, card) = only(&opened.books, scenario)?;
    let Some(book) = &open.book else {
        let why =
            "a scenario is cut out of its sources, which --binary does not tell: name its crate";
        return Err(Failure::usage(anyhow!(why)));
    };
    let fewest = card.threads.iter().copied().filter(|n| *n > 1).min();
    let threads = args.threads.map(|n| n as u32).or(fewest).or(card.threads.first().copied());
    let seconds = args.verify.0.map_or(60, |time| time.as_secs().max(1));
    let name = format!("{}/{}", open.name, card.name);
    let wanted = FromScenario {
        name: &name,
        manifest: &book.manifest,
        test: &book.test,
        card,
        threads: threads.unwrap_or(2),
        iterations: args.iterations,
        trials: args.trials,
        seconds,
        shows: args.shows.as_deref(),
    };
    from_scenario(&wanted, &args.output).map_err(refused)
}

fn of_program(args: &ReproducerArgs) -> Result<Reproducer, Failure> {
    let target = Target::resolve(&args.command).map_err(super::explore::refused)?;
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    let arguments: Vec<String> = args.command[1..].iter().map(text).collect();
    let name = target.exe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let shows = args.shows.clone().unwrap_or_else(|| format!("The program {name}."));
    let wanted = FromProgram {
        exe: &target.exe,
        arguments: &arguments,
        manifest: args.source.manifest_path.as_deref(),
        shows: &shows,
    };
    from_program(&wanted, &args.output).map_err(refused)
}

/// Tries it, and writes what was seen into its README; whether that was interrupted.
fn tried(
    args: &ReproducerArgs,
    made: &Reproducer,
    run: Duration,
) -> Result<(Verified, bool), Failure> {
    let stop = super::stress::stop_on_signals()?;
    let budget = Budget { run, runs: args.trials, ..Budget::default() };
    let seen = verify(made, budget, &stop).map_err(refused)?;
    let path = made.dir.join("README.md");
    std::fs::write(&path, readme(made, Some(&seen)))
        .map_err(|error| refused(ReproError::Write(path, error)))?;
    Ok((seen, stop.load(Relaxed)))
}

fn refused(error: ReproError) -> Failure {
    let is_usage = error.is_usage();
    let sentence = anyhow!("failed to {error}");
    if is_usage { Failure::usage(sentence) } else { Failure::failed(sentence) }
}

fn written(made: &Reproducer) -> String {
    let mut text = format!("wrote {}\n", shown(&made.dir));
    if !made.redacted.is_empty() {
        text += &format!("  redacted: {}\n", made.redacted);
    }
    text + &format!("  build: {}\n  run: {}\n", made.build, made.run.join(" "))
}

fn told(seen: &Verified) -> String {
    let mut text = format!("  in an empty directory: {seen}\n");
    if let Some(why) = &seen.why {
        text += &format!("  {why}\n");
    }
    match &seen.built {
        Built::No { words } => {
            text += "  the compiler says:\n";
            text.extend(words.lines().map(|line| format!("    {line}\n")));
        }
        Built::Yes => {
            let (built, ran) = (seen.build_seconds, seen.run_seconds);
            text += &format!("  building took {built:.0} s, running {ran:.0} s\n");
        }
        Built::Unfinished => {}
    }
    text
}

/// A path as it is shorter: from here, if it lies below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|dir| dir.canonicalize()).ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.unwrap_or_else(|| path.to_owned()).display().to_string()
}
