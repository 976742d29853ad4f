//! What can be typed after `standstill explore`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use standstill_scheduler::strategy::{FOCUS, PCT, POS, RANDOM};

use crate::cli::{MessageFormat, duration};
use crate::explore::level::Level;
use crate::explore::portfolio::Mix;
use crate::levels;

const EXIT_CODES: &str = "\
The command runs with no input, its output hidden, one thread at a time on one CPU, on virtual time
and with freed memory poisoned. Each trial is another schedule of the same program. What is found is
minimised and tried without control after the search; with --message-format json within the budget.

Exit codes:
  0    every trial ended as it should
  1    something was found
  2    what was asked for does not exist or makes no sense
  3    nothing was found, and something was inconclusive
  4    something that standstill needs failed, or the program does not let itself be controlled
  130  interrupted";

/// `standstill explore`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(in crate::cli) struct ExploreArgs {
    /// Who runs next
    #[arg(long, value_enum, default_value_t = StrategyArg::Portfolio)]
    pub(super) strategy: StrategyArg,
    /// Where threads can be switched: 0 at calls, 1 also at atomic instructions, 1+ also at loads and
    /// stores of memory that threads share
    #[arg(long, value_enum, default_value_t = LevelArg::Auto)]
    pub(super) level: LevelArg,
    /// Bug depth for `pct`: a bug that needs d ordered events is found with probability of at least
    /// 1/(n k^(d-1)) a trial, with n threads and k steps
    #[arg(long, value_name = "D", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(super) depth: u32,
    /// Most delays of a schedule, for `delays`
    #[arg(long, value_name = "B", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=16))]
    pub(super) bound: u32,
    /// Time for everything, start-up included
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(super) budget: Duration,
    /// Trials at most
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) trials: Option<u64>,
    /// End with the first finding; this is the default
    #[arg(long, conflicts_with = "all")]
    pub(super) until_first: bool,
    /// Go on after a finding, and tell each unlike one
    #[arg(long)]
    pub(super) all: bool,
    /// Trials at a time, each on a CPU of its own; the program's runs must not disturb one another
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(super) jobs: u64,
    /// Seed of the search: the same seed tries the same schedules
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// How long a trial may be without a step before it is given up
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(super) timeout: Duration,
    /// Time for making the schedule of a finding short, or `off`; of a scenario's, as much for smaller
    /// runs of it, and for the schedule of the smallest
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = Bound::<Duration>::time)]
    pub(super) minimise: Bound<Duration>,
    /// Runs without control, plain ones and ones with sleeps at the schedule's switches, or `off`; no
    /// more of them than there is time for, which is 20 s or what --budget leaves of an answer in JSON
    #[arg(long, value_name = "N", default_value = "20", value_parser = Bound::<u32>::count)]
    pub(super) confirm: Bound<u32>,
    /// Trials that one process may run, one after the other, by calling main again; what fails then is
    /// repeated in a new process before it counts
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "exec")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) batch: u32,
    /// What the program prints on standard output is to be the same under every schedule, byte for
    /// byte, as without control
    #[arg(long, conflicts_with_all = ["scenario", "batch"])]
    pub(super) same_output: bool,
    /// Start a new process for each trial instead of forking one that waits before main
    #[arg(long)]
    pub(super) exec: bool,
    /// Keep schedule and report of what is found in this directory, which must be new or empty
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
    /// Keep the run, from which `standstill report` is made, here [default: a new directory below
    /// target/standstill, of other programs below ~/.cache/standstill/runs]
    #[arg(long, value_name = "DIR")]
    pub(super) run_dir: Option<PathBuf>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    pub(super) message_format: MessageFormat,
    /// Actors of the scenario [default: the fewest, above one, that it asks for]
    #[arg(long, short, value_name = "N", value_parser = crate::cli::threads, conflicts_with = "command")]
    pub(super) threads: Option<u64>,
    /// Model file for the scenarios that take one; the same as --set model=PATH
    #[arg(long, value_name = "PATH")]
    pub(super) model: Option<PathBuf>,
    /// Something that the scenario reads when it prepares
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = crate::cli::setting)]
    pub(super) settings: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) source: crate::cli::Source,
    /// A scenario: `crate/scenario`
    #[arg(
        value_name = "SCENARIO",
        required_unless_present = "command",
        conflicts_with = "command"
    )]
    pub(super) scenario: Option<String>,
    /// Any program, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

impl ExploreArgs {
    pub(super) fn mix(&self) -> Mix {
        match self.strategy {
            StrategyArg::Random => Mix::Only(RANDOM),
            StrategyArg::Pct => Mix::Only(PCT),
            StrategyArg::Pos => Mix::Only(POS),
            StrategyArg::Focus => Mix::Only(FOCUS),
            StrategyArg::Delays => Mix::Delays { bound: self.bound },
            StrategyArg::Portfolio => Mix::Portfolio,
        }
    }
}

/// How much of something is wanted, if any is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound<T>(pub(super) Option<T>);

impl Bound<Duration> {
    fn time(text: &str) -> Result<Self, String> {
        if text == "off" { Ok(Bound(None)) } else { duration(text).map(|time| Bound(Some(time))) }
    }
}

impl Bound<u32> {
    fn count(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "off" => Ok(Bound(None)),
            Ok(n @ 1..=10_000) => Ok(Bound(Some(n))),
            _ => Err("a number from 1 to 10000, or `off`".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum StrategyArg {
    /// Mostly POS and focus, some PCT of depth 2 to 5, a little random
    Portfolio,
    /// Any thread that can run, at every step
    Random,
    /// Random priorities, changed at D - 1 random steps
    Pct,
    /// A random priority for each operation, drawn anew where two race
    Pos,
    /// Any thread, or all others first, at few places, drawn for each trial
    Focus,
    /// All schedules with at most B delays, fewest first
    Delays,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LevelArg {
    /// 2 or 3 if the program was built so, else 1 and 1+ in turns
    Auto,
    /// Calls
    #[value(name = "0")]
    Zero,
    /// Calls and atomic instructions
    #[value(name = "1")]
    One,
    /// Those, and loads and stores of memory that threads were seen to share
    #[value(name = "1+")]
    Plus,
    /// Calls, and atomic operations of a program built with `standstill build --level 2`
    #[value(name = "2")]
    Two,
    /// Calls, and all accesses of a program built with `standstill build --level 3`
    #[value(name = "3")]
    Three,
}

impl LevelArg {
    /// The levels to be taken in turns for a program that carries points for one of its own, or not.
    pub(super) fn levels(self, carried: Option<levels::Level>) -> anyhow::Result<&'static [Level]> {
        use levels::Level as Built;
        Ok(match (self, carried) {
            (LevelArg::Zero, _) => &[Level::Calls],
            (LevelArg::One, _) => &[Level::Atomics],
            (LevelArg::Plus, _) => &[Level::Accesses],
            (LevelArg::Auto | LevelArg::Two, Some(Built::Atomics)) => &[Level::BuiltAtomics],
            (LevelArg::Auto | LevelArg::Three, Some(Built::Memory)) => &[Level::BuiltAccesses],
            (LevelArg::Two, Some(Built::Memory)) => &[Level::BuiltAtomics],
            (LevelArg::Auto, None) => &[Level::Atomics, Level::Accesses],
            (LevelArg::Two, None) | (LevelArg::Three, _) => {
                let level = if self == LevelArg::Two { 2 } else { 3 };
                anyhow::bail!(
                    "the program was not built for level {level}: build it with \
                     `standstill build --level {level} -- build`, or leave --level out"
                )
            }
        })
    }
}
