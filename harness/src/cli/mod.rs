//! The command line: what can be typed, and which module does it.

mod build;
mod classify;
mod compare;
mod core;
mod doctor;
mod explore;
mod inspect;
mod keep;
mod list;
mod matrix;
mod replay;
mod report;
mod reproducer;
mod runs;
mod shrink;
mod stress;
mod sweep;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::observation::Isolation;

/// How a command ends: what it found, or why it could not look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was as expected.
    AsExpected,
    /// Something unexpected was found, or a control was missed.
    Unexpected,
    /// What was asked for does not exist or makes no sense.
    Usage,
    /// Nothing unexpected was found, and something was inconclusive.
    Inconclusive,
    /// Something that standstill needs failed: a build, a disk, a process limit.
    Failed,
    /// Interrupted; what was seen is kept.
    Interrupted,
    /// The program under watch ended by itself, with this code.
    Program(u8),
    /// The program under watch hung and was ended.
    Hung,
    /// Something that watching needs failed.
    NotWatched,
    /// The program to be watched cannot be executed.
    NotExecutable,
    /// There is no program of that name.
    NotFound,
}

impl Exit {
    /// The code that the process ends with. Those of a watch are those of `timeout(1)`.
    pub fn code(self) -> u8 {
        match self {
            Exit::AsExpected => 0,
            Exit::Unexpected => 1,
            Exit::Usage => 2,
            Exit::Inconclusive => 3,
            Exit::Failed => 4,
            Exit::Interrupted => 130,
            Exit::Program(code) => code,
            Exit::Hung => 124,
            Exit::NotWatched => 125,
            Exit::NotExecutable => 126,
            Exit::NotFound => 127,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error that carries its exit code.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// The sentence.
    pub error: anyhow::Error,
}

impl Failure {
    fn usage(error: impl Into<anyhow::Error>) -> Failure {
        Failure { exit: Exit::Usage, error: error.into() }
    }
    fn failed(error: impl Into<anyhow::Error>) -> Failure {
        Failure { exit: Exit::Failed, error: error.into() }
    }
}

impl From<crate::catalog::CatalogError> for Failure {
    fn from(error: crate::catalog::CatalogError) -> Failure {
        if error.is_usage() { Failure::usage(error) } else { Failure::failed(error) }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Failure {
        use crate::store::StoreError::{Corrupt, NotARun, Schema};
        // Its sentence holds the cause already; a chain would say it twice.
        let sentence = anyhow::anyhow!("{error}");
        match error {
            NotARun(_) | Corrupt { .. } | Schema { .. } => Failure::usage(sentence),
            _ => Failure::failed(sentence),
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0    everything was as expected
  1    something unexpected was found, or a control was missed
  2    what was asked for does not exist or makes no sense
  3    nothing unexpected was found, and something was inconclusive
  4    something that standstill needs failed: a build, a disk, a process limit
  130  interrupted; what was seen is kept, and --resume goes on";

/// Finds, explains and proves deadlocks and hangs in native Rust and the C/C++ underneath.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios many times under a watchdog and say what was found, and how often
    Stress(Box<StressArgs>),
    /// Find the least number of threads with which a scenario fails
    Sweep(Box<sweep::SweepArgs>),
    /// Make a generated program smaller that has failed: the least actors and calls that still do
    Shrink(shrink::ShrinkArgs),
    /// Run any program and say where it hangs, if it does
    Watch(watch::WatchArgs),
    /// Run a program under many schedules, each of them chosen, and say which one fails
    Explore(Box<explore::ExploreArgs>),
    /// Run one schedule again, by its token, and say whether it went alike
    Replay(replay::ReplayArgs),
    /// Build a program with scheduling points of its own, for levels 2 and 3 of control
    Build(build::BuildArgs),
    /// Try the same over several versions of a crate, and find the one at which a finding begins or ends
    Matrix(Box<matrix::MatrixArgs>),
    /// Say what this machine can and cannot do, and what would change that
    Doctor(doctor::DoctorArgs),
    /// What the doctor examines
    #[command(hide = true, name = doctor::PATIENT)]
    Patient(doctor::Patient),
    /// Look at a process that hangs already, and leave it running
    Inspect(inspect::InspectArgs),
    /// Judge a stored run, or kept scenes, again with the detectors of this version
    Classify(classify::ClassifyArgs),
    /// Say whether one run was shown to fail more often than another, and what its times tell
    Compare(compare::CompareArgs),
    /// Show the scenarios there are
    List(ListArgs),
    /// Write the report of stored runs: for an issue, a browser, programs and CI, in one folder and archive
    Report(report::ReportArgs),
    /// Write a reproducer that needs no standstill, and see whether it fails in an empty directory
    Reproducer(Box<reproducer::ReproducerArgs>),
}

/// Where scenarios come from.
#[derive(Args, Clone, Debug)]
struct Source {
    /// Take the scenarios of this binary instead of asking cargo
    #[arg(long, value_name = "PATH", conflicts_with_all = ["manifest_path", "profile"])]
    binary: Option<PathBuf>,
    /// Take the workspace of this Cargo.toml instead of the current directory's
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
    /// Build scenarios with this cargo profile [default: release]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl Source {
    /// The same as words of a command line.
    fn flags(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.display().to_string();
        let flags = [
            ("--binary", self.binary.as_ref().map(path)),
            ("--manifest-path", self.manifest_path.as_ref().map(path)),
            ("--profile", self.profile.clone()),
        ];
        let given = flags.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
        given.flatten().collect()
    }
}

/// `standstill stress`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
struct StressArgs {
    /// Scenarios: `crate/scenario`, `crate` for all of a crate, `scenario` among the default crates;
    /// `*` stands for anything
    #[arg(required_unless_present = "resume", value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Thread counts, separated by commas [default: what each scenario asks for]
    #[arg(long, short, value_name = "N,N,...", value_delimiter = ',', value_parser = threads)]
    threads: Vec<u64>,
    /// Trials for each scenario and thread count [default: 100]
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    trials: Option<u64>,
    /// Deadline of a trial's actors, such as 30s or 1m30s [default: what each scenario asks for]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Seed of the campaign; the same seed gives each trial the same random numbers [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Trials at a time [default: 1, since trials disturb one another]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: Option<u64>,
    /// Model file for the scenarios that take one; the same as --set model=PATH
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
    /// Something that the scenarios read when they prepare
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// How each trial's process is made
    #[arg(long, value_enum, default_value_t = IsolationArg::Auto)]
    isolation: IsolationArg,
    /// Keep the run here [default: a new directory below target/standstill]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// Go on with this run: the missing trials of the same plan with the same binary
    #[arg(long, value_name = "RUN", conflicts_with_all = [
        "threads", "trials", "timeout", "seed", "model", "settings", "run_dir", "scenarios", "isolation",
        "binary", "manifest_path", "profile",
    ])]
    resume: Option<PathBuf>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    message_format: MessageFormat,
    #[command(flatten)]
    source: Source,
}

/// `standstill list`.
#[derive(Args, Debug)]
struct ListArgs {
    /// Only these: as for stress. Crates that are not built by default must be named
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,
    #[command(flatten)]
    source: Source,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    message_format: MessageFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IsolationArg {
    /// A fork of a prepared process where that is safe, else a fresh process
    Auto,
    /// A fork of a prepared process
    Zygote,
    /// A new process that prepares for itself
    Fresh,
}

impl IsolationArg {
    fn chosen(self) -> Option<Isolation> {
        match self {
            IsolationArg::Auto => None,
            IsolationArg::Zygote => Some(Isolation::Zygote),
            IsolationArg::Fresh => Some(Isolation::Fresh),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MessageFormat {
    /// Lines for people
    Human,
    /// One JSON object a line; the last has `verdict` and `kinds`
    Json,
}

fn threads(text: &str) -> Result<u64, String> {
    match text.trim().parse::<u64>() {
        Ok(0) => Err("a trial needs at least 1 thread".to_owned()),
        Ok(n) => match crate::plan::too_many_threads(n, 1) {
            Some(why) => Err(why),
            None => Ok(n),
        },
        Err(_) => Err("thread counts are whole numbers, such as 2,8,64".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < Duration::from_millis(1) => Err("it must be at least 1ms".to_owned()),
        Ok(time) if time > Duration::from_secs(7 * 24 * 3600) => {
            Err("it must be at most 7 days".to_owned())
        }
        Ok(time) => Ok(time),
        Err(_) => Err("times are written like 500ms, 30s or 1m30s".to_owned()),
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("settings are written KEY=VALUE".to_owned()),
    }
}

/// Runs the command line of this process.
pub fn main() -> Result<Exit, Failure> {
    let command = Cli::parse().command;
    // A watch first sees which signals it was given blocked, then blocks this one and others.
    if !matches!(command, Command::Watch(_)) {
        crate::os::process::refuse_large_files_by_error();
    }
    match command {
        Command::Watch(args) => watch::main(&args),
        Command::Explore(args) => explore::main(&args).map(printed),
        Command::Doctor(args) => doctor::main(&args),
        Command::Patient(patient) => Ok(patient.run()),
        Command::Replay(args) => replay::main(&args).map(printed),
        Command::Build(args) => build::main(&args),
        Command::Inspect(args) => inspect::main(&args),
        Command::Classify(args) => classify::main(&args),
        Command::Compare(args) => compare::main(&args).map(printed),
        Command::Matrix(args) => matrix::main(&args).map(printed),
        Command::Stress(args) => stress::main(*args),
        Command::Shrink(args) => shrink::main(&args).map(printed),
        Command::Sweep(args) => sweep::main(&args),
        Command::List(args) => list::main(&args),
        Command::Report(args) => report::main(&args),
        Command::Reproducer(args) => reproducer::main(&args),
    }
}

/// Prints a sentence for the user on standard error.
pub fn complain(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{}", crate::text::printable(text));
}

/// Prints to standard output; a reader that has gone away (`| head`) is no error.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
        && !OUTPUT_LOST.swap(true, std::sync::atomic::Ordering::Relaxed)
    {
        complain(&format!("error: failed to write to standard output: {error}"));
    }
}

/// Whether something could not be printed, for which the exit code is to be that of a failure.
static OUTPUT_LOST: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// The exit code of a process that would end with `exit`, had everything been printed.
fn printed(exit: Exit) -> Exit {
    if OUTPUT_LOST.load(std::sync::atomic::Ordering::Relaxed) { Exit::Failed } else { exit }
}
