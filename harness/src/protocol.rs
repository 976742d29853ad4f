//! What the harness and a scenario binary say to each other.
//!
//! A scenario binary is told its role by an environment variable. Roles that answer do so as JSON:
//! `list` on its standard output, the others in packets over an inherited socket, and what must
//! survive a target that closes its descriptors stands on the [board](crate::board).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::verdict::Expectation;

/// Raised whenever a message or the board's layout changes; both sides check it.
pub const PROTOCOL: u32 = 5;
/// The setting that takes the place of a card's number of iterations.
pub const ITERATIONS: &str = "iterations";
/// The variable that gives a process its [`Role`]; unset for an ordinary `cargo test` run.
pub const ROLE_VAR: &str = "STANDSTILL_ROLE";
/// The variable that holds a process's [`Order`], as JSON.
pub const ORDER_VAR: &str = "STANDSTILL_ORDER";
/// The descriptor on which the keeper, the zygote and every trial find the board.
pub const BOARD_FD: i32 = 3;
/// The descriptor on which the zygote finds its end of the socket to the harness.
pub const ZYGOTE_FD: i32 = 4;

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Prints its [`Listing`] and ends.
    List,
    /// Runs the one [`Order`] given in the environment.
    Trial,
    /// Prepares once, then forks a process for each order that it is sent.
    Zygote,
    /// Owns the processes of one worker and outlives none of them; see `supervise::keeper`.
    Keeper,
}

impl Role {
    /// The value of [`ROLE_VAR`].
    pub fn name(self) -> &'static str {
        match self {
            Role::List => "list",
            Role::Trial => "trial",
            Role::Zygote => "zygote",
            Role::Keeper => "keeper",
        }
    }

    /// The role that this process was given, if any; an unknown name is an error.
    pub fn of_this_process() -> Result<Option<Role>, String> {
        let Some(name) = std::env::var_os(ROLE_VAR) else { return Ok(None) };
        [Role::List, Role::Trial, Role::Zygote, Role::Keeper]
            .into_iter()
            .find(|role| name == role.name())
            .map(Some)
            .ok_or_else(|| format!("{ROLE_VAR}={} names no role", name.to_string_lossy()))
    }
}

/// Everything that a scenario says about itself before it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Unique within its crate; `[a-z0-9_]`.
    pub name: String,
    /// One sentence: what the actors do.
    pub about: String,
    /// The promise that the scenario relies on.
    pub contract: Contract,
    /// What its trials are expected to show.
    pub expectation: Expectation,
    /// The scenario that this one is a control of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_of: Option<Control>,
    /// Thread counts that are run unless others are asked for.
    pub threads: Vec<u32>,
    /// How often each actor repeats what it does, where the scenario lets that be chosen.
    #[serde(default)]
    pub iterations: Option<u32>,
    /// Trials for each thread count under `cargo test`.
    pub trials: u32,
    /// Milliseconds that the actors may take before the deadline passes.
    pub timeout_ms: u64,
    /// Whether each actor promises a step within every quarter of the timeout. Without the promise
    /// a busy standstill cannot be told from slow work.
    pub counts_steps: bool,
    /// Whether the actors' results are compared with those of one actor alone.
    pub has_oracle: bool,
    /// Whether threads may outlive the trial on purpose (a library's own pool).
    pub keeps_threads: bool,
    /// Whether the scenario may be prepared once and forked.
    pub zygote: bool,
    /// Whether each trial generates what its actors do, and the setting
    /// [`program`](crate::program::PROGRAM) asks for one program instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generates: bool,
    /// Where its crate calls `Scenario::new` and then `build`, as the compiler names files: from
    /// there it can be cut out of its crate.
    #[serde(default)]
    pub places: Vec<Place>,
    /// A reproducer that the author wrote by hand, relative to the crate's manifest.
    #[serde(default)]
    pub reproducer: Option<String>,
}

/// A line of a source file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, as the compiler was told of it: relative to the workspace, or absolute.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl Place {
    /// Where the caller of a `#[track_caller]` function stands.
    #[track_caller]
    pub fn of_caller() -> Place {
        let at = std::panic::Location::caller();
        Place { file: at.file().to_owned(), line: at.line() }
    }
}

/// A claim about the library under test, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// The claim, quoted.
    pub claim: String,
    /// Where it stands: a file and line, a page, an issue.
    pub source: String,
}

/// What is different in a scenario from another, so that it should not fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// The other's name, without its crate.
    pub of: String,
    /// The difference, as it is said: `an external mutex`.
    pub what: String,
}

/// The answer to [`Role::List`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The speaker's [`PROTOCOL`].
    pub protocol: u32,
    /// Every scenario of the binary, in the order of its registry.
    pub cards: Vec<Card>,
}

/// What one process is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The sender's [`PROTOCOL`].
    pub protocol: u32,
    /// The card's name.
    pub scenario: String,
    /// Probe or trial.
    pub task: Task,
    /// Number of actors.
    pub threads: u32,
    /// The trial's seed.
    pub seed: u64,
    /// `--set KEY=VALUE` of the user; `--model PATH` is `model`.
    pub settings: BTreeMap<String, String>,
    /// What one actor alone gives; `None` leaves the oracle out.
    pub expected: Option<Digest>,
}

impl Order {
    /// How often each actor of the scenario that `card` describes is to repeat what it does; none if
    /// it does not let that be chosen. An `Err` is the user's to mend.
    pub fn iterations(&self, card: &Card) -> Result<Option<u32>, String> {
        let Some(usual) = card.iterations else { return Ok(None) };
        let Some(set) = self.settings.get(ITERATIONS) else { return Ok(Some(usual)) };
        match set.parse() {
            Ok(n @ 1..) => Ok(Some(n)),
            _ => Err(format!("the setting {ITERATIONS}={set} is no number of at least 1")),
        }
    }
}

/// What kind of process an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Prepare, run one actor alone twice if there is an oracle, report a [`Probe`].
    Probe,
    /// Run all actors.
    Trial,
}

/// What an actor's result comes to: the hash of its `Debug` text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// FNV-1a, 64 bits, of the whole text.
    pub hash: u64,
    /// The beginning of the text, for a reader.
    pub text: String,
}

/// Where [`fnv`] begins.
pub const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits, gone on with.
pub fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}

impl Digest {
    /// Longest text that is kept, in bytes.
    pub const KEPT: usize = 400;

    /// Digests a result's `Debug` text.
    pub fn of(full: &str) -> Digest {
        let hash = fnv(FNV, full.as_bytes());
        let mut end = full.len().min(Self::KEPT);
        while !full.is_char_boundary(end) {
            end -= 1;
        }
        Digest { hash, text: full[..end].to_owned() }
    }
}

/// What a probe learnt, written on the board.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Microseconds that preparing took.
    pub prepare_us: u64,
    /// Threads of the process after preparing; more than one rules the zygote out.
    pub threads: u32,
    /// Files that the scenario read, by name.
    pub inputs: BTreeMap<String, PathBuf>,
    /// Facts that the scenario noted, by name (a library's version).
    pub notes: BTreeMap<String, String>,
    /// Results of one actor alone, run in sequence; empty without an oracle.
    pub digests: Vec<Digest>,
}

/// From the zygote to the harness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromZygote {
    /// Prepared and single-threaded: orders may come.
    Ready,
    /// Forking would not be safe, or preparing failed.
    Refused {
        /// Why, as a clause.
        why: String,
    },
    /// The order's process runs.
    Started {
        /// Its process id.
        pid: i32,
    },
    /// The order's process ended and was reaped.
    Ended(Ending),
}

/// From the harness to the keeper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToKeeper {
    /// Start a process.
    Spawn(Launch),
    /// Kill every process that is left, but not the zygote.
    Sweep,
}

/// A process to start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// The program.
    pub exe: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables to set on top of the keeper's own.
    pub env: BTreeMap<String, String>,
    /// Whether this is the zygote, which stays until the keeper goes.
    pub zygote: bool,
}

/// From the keeper to the harness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromKeeper {
    /// The process runs.
    Started {
        /// Its process id.
        pid: i32,
    },
    /// The process could not be started.
    Failed {
        /// Why, as a clause.
        why: String,
    },
    /// The process (not the zygote) ended and was reaped.
    Ended(Ending),
    /// The sweep is done.
    Swept {
        /// Processes that had to be killed.
        killed: u32,
    },
}

/// How a process ended and what it used, from `wait4(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The raw wait status.
    pub status: i32,
    /// User CPU time in microseconds.
    pub user_us: u64,
    /// System CPU time in microseconds.
    pub system_us: u64,
    /// Peak resident memory in KiB.
    pub max_rss_kib: u64,
}
