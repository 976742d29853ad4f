//! A schedule that was written down: enough to run it again, and to say whether it went alike.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use standstill_scheduler::abi::{Decision, Order};
use standstill_scheduler::strategy::GIVEN;

use super::aftermath::Minimal;
use super::ended::How;
use super::ledger::Case;
use super::level::Level;
use super::output::Printed;
use super::portfolio::Assignment;
use super::target::Target;
use super::token::Token;
use crate::verdict::Finding;

/// The version of the format.
const SCHEMA: u32 = 1;

/// Why a record cannot be used. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The system's word.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// "read" or "write".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("read {}: it is no stored schedule: {why}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// `schedule.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The format's version.
    pub schema: u32,
    /// The repro token.
    pub token: String,
    /// The command's words.
    pub command: Vec<String>,
    /// What it is called, where that is not its command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Variables that were set for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
    /// The directory that it ran in.
    #[serde(serialize_with = "crate::text::lossy")]
    pub cwd: PathBuf,
    /// The executable.
    #[serde(serialize_with = "crate::text::lossy")]
    pub exe: PathBuf,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Where its scheduling points are.
    pub level: Level,
    /// Hash of the accesses that were chosen for it; 0 where none were.
    #[serde(default)]
    pub chosen: u32,
    /// Whether each trial was a new process.
    pub exec: bool,
    /// What the trial began with besides its decisions.
    pub order: Bounds,
    /// Departures from the default rule: step and thread.
    pub decisions: Vec<(u32, u32)>,
    /// Whether all of them are there.
    pub complete: bool,
    /// Hash of the schedule.
    pub hash: u64,
    /// Steps that it had.
    pub steps: u64,
    /// How it ended.
    pub how: How,
    /// What it printed, where that is what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<Printed>,
    /// What it showed.
    pub finding: Finding,
    /// The shortest schedule known that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimal: Option<Minimal>,
}

/// The numbers of an [`Order`] that a replay needs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Bounds {
    /// See [`Order::seed`].
    pub seed: u64,
    /// See [`Order::fair_after`].
    pub fair_after: u64,
    /// See [`Order::max_steps`].
    pub max_steps: u64,
    /// See [`Order::step_ns`].
    pub step_ns: u64,
    /// See [`Order::flags`].
    pub flags: u32,
    /// See [`Order::memory_every`].
    #[serde(default)]
    pub memory_every: u32,
}

impl Bounds {
    /// Those of an order.
    pub fn of(order: &Order) -> Bounds {
        Bounds {
            seed: order.seed,
            fair_after: order.fair_after,
            max_steps: order.max_steps,
            step_ns: order.step_ns,
            flags: order.flags,
            memory_every: order.memory_every,
        }
    }

    /// The trial that begins with these and follows these decisions.
    fn assignment(self, level: Level, chosen: u32, decisions: &[(u32, u32)]) -> Assignment {
        let script: Vec<Decision> =
            decisions.iter().map(|&(step, thread)| Decision { step, thread }).collect();
        let Bounds { seed, fair_after, max_steps, step_ns, flags, memory_every } = self;
        let order = Order {
            seed,
            length: 1,
            fair_after,
            max_steps,
            step_ns,
            strategy: GIVEN,
            depth: 0,
            flags,
            script: script.len() as u32,
            memory_every,
            pad: 0,
        };
        Assignment { index: 1, level, chosen, order, script }
    }
}

impl Record {
    /// Of a finding's trial.
    pub fn new(target: &Target, sha256: &str, case: &Case) -> Record {
        let order = &case.assignment.order;
        let is_of_output = case.output.is_some();
        let token = Token::new(target, sha256, &case.assignment);
        let token = Token { same_output: is_of_output, ..token };
        Record {
            schema: SCHEMA,
            token: token.to_string(),
            command: target.words.iter().map(|w| w.to_string_lossy().into_owned()).collect(),
            name: target.name.clone(),
            env: target.env.clone(),
            cwd: std::env::current_dir().unwrap_or_default(),
            exe: target.exe.clone(),
            sha256: sha256.to_owned(),
            level: case.assignment.level,
            chosen: case.assignment.chosen,
            exec: target.exec,
            order: Bounds::of(order),
            decisions: case.ended.decisions.iter().map(|d| (d.step, d.thread)).collect(),
            complete: case.ended.has_all_decisions(),
            hash: case.ended.numbers.hash,
            steps: case.ended.numbers.steps,
            how: case.ended.how,
            printed: case.ended.printed.clone().filter(|_| is_of_output),
            finding: case.finding.clone(),
            minimal: None,
        }
    }

    /// Reads one.
    pub fn load(path: &Path) -> Result<Record, RecordError> {
        let corrupt = |why: String| RecordError::Corrupt { path: path.to_owned(), why };
        let text = std::fs::read_to_string(path).map_err(|source| RecordError::Io {
            what: "read",
            path: path.to_owned(),
            source,
        })?;
        let record: Record = serde_json::from_str(&text).map_err(|e| corrupt(e.to_string()))?;
        match record.schema {
            SCHEMA => Ok(record),
            found => {
                Err(corrupt(format!("it has schema {found}, and this version reads {SCHEMA}")))
            }
        }
    }

    /// Writes it, in place of one that is there.
    pub fn save(&self, path: &Path) -> Result<(), RecordError> {
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        std::fs::write(path, json + "\n").map_err(|source| RecordError::Io {
            what: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// Stores it where its token finds it again; the file, if there is a place for it.
    pub fn remember(&self) -> Option<PathBuf> {
        let dir = remembered()?;
        std::fs::create_dir_all(&dir).ok()?;
        let path = dir.join(file_name(&self.token));
        self.save(&path).ok().map(|()| path)
    }

    /// The record of a token that was found on this machine.
    pub fn recall(token: &str) -> Option<Record> {
        Record::load(&remembered()?.join(file_name(token))).ok()
    }

    /// The words of its command.
    pub fn words(&self) -> Vec<OsString> {
        // The name as typed may be relative to a directory that is not this one.
        let first = self.exe.clone().into_os_string();
        std::iter::once(first).chain(self.command.iter().skip(1).map(OsString::from)).collect()
    }

    /// The trial that repeats it: by its decisions, or by its token where some are missing.
    pub fn assignment(&self) -> Assignment {
        if !self.complete
            && let Ok(token) = self.token.parse::<Token>()
        {
            return token.assignment();
        }
        self.order.assignment(self.level, self.chosen, &self.decisions)
    }

    /// The trial that repeats its shortest schedule, if one is known.
    pub fn minimal(&self) -> Option<Assignment> {
        let minimal = self.minimal.as_ref()?;
        Some(minimal.order.assignment(self.level, self.chosen, &minimal.decisions))
    }
}

/// Where records of found schedules are kept.
fn remembered() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("standstill/schedules"))
}

fn file_name(token: &str) -> String {
    format!("{:016x}.json", crate::protocol::Digest::of(token).hash)
}
