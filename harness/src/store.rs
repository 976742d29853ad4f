//! The run directory: everything that a campaign saw, append-only.
//!
//! `run.jsonl` holds one JSON record a line. The first is the [`Header`] with the schema version;
//! then come probes, notes, trials and searches in the order in which they happened. A record is one
//! write, so that a killed campaign loses at most the trial in flight; a last line without its newline
//! is torn and is cut off by the next session. A line that is no record is passed over and remembered:
//! one bad sector is no reason to lose the rest.

mod lines;
pub mod search;
pub mod whence;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::event::{Event, Reporter, Summary, What};
use crate::observation::{Isolation, Observation};
use crate::plan::Plan;
use crate::protocol::Probe;
use crate::verdict::{Grade, Verdict};
use lines::{Line, Lines};
pub use search::{FoundSchedule, SearchRecord};
pub use whence::Whence;

/// Raised whenever a record changes so that older readers would misread it. 2: searches.
pub const SCHEMA: u32 = 2;
/// The oldest schema that is read: what it lacks is optional.
const OLDEST: u32 = 1;
/// The file in a run directory that holds the records.
pub const RECORDS: &str = "run.jsonl";
/// The file in a report that lists the checksums of the others.
pub const SUMS: &str = "SHA256SUMS";

/// The first record: what the run is, complete enough to go on with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The [`SCHEMA`] of all records.
    pub schema: u32,
    /// Version of standstill that wrote it.
    pub standstill: String,
    /// When it began, RFC 3339, UTC.
    pub began: String,
    /// The command that repeats it.
    pub command: String,
    /// What it is to do.
    pub plan: Plan,
    /// The scenario binaries, by the name before the slash.
    pub books: BTreeMap<String, BookRecord>,
    /// Where it runs.
    pub environment: Environment,
    /// Which of all runs it is, and where it was begun.
    #[serde(default)]
    pub whence: Whence,
}

/// A scenario binary as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BookRecord {
    /// The binary.
    #[serde(serialize_with = "crate::text::lossy")]
    pub exe: PathBuf,
    /// Its SHA-256, in hexadecimal. Trials of another binary never join this run.
    pub sha256: String,
    /// The crates it is made of, from the lock file; empty where there was none.
    pub crates: Vec<CrateRecord>,
    /// The crate under test, if the scenarios' own crate says which that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// One package of a lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrateRecord {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The registry's checksum; none for a path dependency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Whether the scenario crate names it itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
}

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "record")]
#[allow(clippy::large_enum_variant, reason = "a header is read once a run")]
pub enum Record {
    /// The first.
    Run(Header),
    /// A scenario was prepared.
    Probe(ProbeRecord),
    /// Something to know about a scenario.
    Note {
        /// `crate/scenario`.
        scenario: String,
        /// A sentence.
        note: String,
    },
    /// A trial.
    Trial(TrialRecord),
    /// A search of schedules, whole.
    Search(Box<SearchRecord>),
    /// A session of the run ended.
    Ended {
        /// Whether it was interrupted.
        interrupted: bool,
    },
}

/// What a probe learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// `crate/scenario`.
    pub scenario: String,
    /// The scenario's own words.
    pub probe: Probe,
    /// How its trials were made.
    pub isolation: Isolation,
    /// Why its oracle could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oracle_fault: Option<String>,
    /// SHA-256 of each input, by name.
    pub hashes: BTreeMap<String, String>,
}

/// What a trial came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Index of its unit in the plan.
    pub unit: usize,
    /// Its number in the unit.
    pub index: u64,
    /// As judged then.
    pub grade: Grade,
    /// As judged then.
    pub verdict: Verdict,
    /// What was seen.
    pub observation: Observation,
}

/// Why a run directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("failed to {doing} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, `create`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There is no run here.
    #[error("{}", not_a_run(.0))]
    NotARun(PathBuf),
    /// A line is not a record.
    #[error(
        "failed to read {}: its first line is no header ({why}), and without the plan nothing that \
         follows can be understood", path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        why: String,
    },
    /// Another version wrote it.
    #[error("{} was written in schema {found}; this standstill reads {OLDEST} to {SCHEMA}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
    },
    /// Another process is at it.
    #[error("{} is in use by another standstill; wait for it, or name another run", .0.display())]
    InUse(PathBuf),
}

/// What is there instead, and what to name.
fn not_a_run(dir: &Path) -> String {
    let (shown, raw) = (dir.display(), dir.join("raw"));
    if !dir.exists() {
        return format!("{shown} does not exist; name the directory of a run");
    }
    match dir.join(SUMS).is_file() && raw.is_dir() {
        true => format!("{shown} is a report; its runs are in {}", raw.display()),
        false => format!("{shown} is not a run directory: {RECORDS} is missing or has no header"),
    }
}

/// A run as stored.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its directory.
    pub dir: PathBuf,
    /// The first record.
    pub header: Header,
    /// One a scenario, the latest.
    pub probes: BTreeMap<String, ProbeRecord>,
    /// Scenario and sentence, without repetitions.
    pub notes: BTreeSet<(String, String)>,
    /// Every trial, in the order in which they ended; none twice.
    pub trials: Vec<TrialRecord>,
    /// Searches of schedules, in the order in which they ended.
    pub searches: Vec<SearchRecord>,
    /// Lines that are no records, and were passed over.
    pub damaged: Vec<Damage>,
    /// Bytes of whole records; what follows is torn.
    intact: u64,
    /// All bytes that were read, the torn ones with them.
    length: u64,
    /// Whether something was torn.
    pub torn: bool,
}

/// A line that is no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl Run {
    /// Reads a run directory: everything in it that can be read.
    pub fn load(dir: &Path) -> Result<Run, StoreError> {
        let path = dir.join(RECORDS);
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                StoreError::NotARun(dir.to_owned())
            }
            _ => StoreError::Io { doing: "read", path: path.clone(), source },
        };
        let mut lines = Lines::new(crate::os::regular_file(&path).map_err(io)?);
        let first = match lines.next().map_err(io)? {
            Some(Line::Whole(bytes)) => bytes,
            Some(Line::Huge) => {
                let why = "it is longer than any record".to_owned();
                return Err(StoreError::Corrupt { path, why });
            }
            Some(Line::Torn) | None => return Err(StoreError::NotARun(dir.to_owned())),
        };
        check_schema(&first, &path)?;
        let header = match serde_json::from_slice(&first) {
            Ok(Record::Run(header)) => header,
            Ok(_) => {
                let why = "it is another record".to_owned();
                return Err(StoreError::Corrupt { path, why });
            }
            Err(error) => return Err(StoreError::Corrupt { path, why: error.to_string() }),
        };
        let mut run = Run {
            dir: dir.to_owned(),
            header,
            probes: BTreeMap::new(),
            notes: BTreeSet::new(),
            trials: vec![],
            searches: vec![],
            damaged: vec![],
            intact: 0,
            length: 0,
            torn: false,
        };
        let (mut number, mut known) = (1, BTreeSet::new());
        while let Some(line) = lines.next().map_err(io)? {
            number += 1;
            let entered = match line {
                Line::Torn => {
                    run.torn = true;
                    continue;
                }
                Line::Huge => Err("it is longer than any record".to_owned()),
                Line::Whole(bytes) => serde_json::from_slice(&bytes)
                    .map_err(|error| error.to_string())
                    .and_then(|record| run.enter(record, &mut known)),
            };
            if let Err(why) = entered {
                run.damaged.push(Damage { line: number, why });
            }
        }
        (run.intact, run.length) = (lines.whole, lines.read);
        Ok(run)
    }

    /// Takes a record that follows the header.
    fn enter(&mut self, record: Record, known: &mut BTreeSet<(usize, u64)>) -> Result<(), String> {
        match record {
            Record::Run(_) => return Err("a second header".to_owned()),
            Record::Probe(probe) => _ = self.probes.insert(probe.scenario.clone(), probe),
            Record::Note { scenario, note } => _ = self.notes.insert((scenario, note)),
            Record::Trial(trial) => {
                let (unit, index) = (trial.unit, trial.index);
                if self.header.plan.units.get(unit).is_none_or(|unit| index >= unit.trials) {
                    return Err(format!("trial {index} of unit {unit} was never planned"));
                }
                if known.insert((unit, index)) {
                    self.trials.push(trial);
                }
            }
            Record::Search(search) => self.searches.push(*search),
            Record::Ended { .. } => {}
        }
        Ok(())
    }

    /// Which trials it holds: unit and index.
    pub fn done(&self) -> BTreeSet<(usize, u64)> {
        self.trials.iter().map(|t| (t.unit, t.index)).collect()
    }

    /// One summary for each unit of the plan, also for those without trials.
    pub fn summaries(&self) -> Vec<Summary> {
        let units = self.header.plan.units.iter().enumerate();
        let mut summaries: Vec<Summary> =
            units.map(|(i, unit)| Summary::new(i, &unit.scenario, unit.threads)).collect();
        for trial in &self.trials {
            summaries[trial.unit].add(&trial.observation, &trial.verdict, trial.grade);
        }
        summaries.iter_mut().for_each(Summary::seal);
        summaries
    }

    /// Whether every trial of the plan was run.
    pub fn is_complete(&self) -> bool {
        self.trials.len() as u64 >= self.planned()
    }

    /// How many trials the plan has.
    pub fn planned(&self) -> u64 {
        self.header.plan.units.iter().fold(0, |sum, unit| sum.saturating_add(unit.trials))
    }
}

fn check_schema(first_line: &[u8], path: &Path) -> Result<(), StoreError> {
    let value: serde_json::Value = serde_json::from_slice(first_line).unwrap_or_default();
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(found) if !(u64::from(OLDEST)..=u64::from(SCHEMA)).contains(&found) => {
            let found = found.try_into().unwrap_or(u32::MAX);
            Err(StoreError::Schema { path: path.to_owned(), found })
        }
        _ => Ok(()),
    }
}

/// Writes a run while it happens.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    /// Bytes of whole records: where to cut if a write fails half-way.
    intact: u64,
}

impl Writer {
    /// Begins a run in a directory that must not hold one.
    pub fn create(dir: &Path, header: &Header) -> Result<Writer, StoreError> {
        let mut writer = Writer::empty(dir)?;
        writer.lock()?;
        let path = writer.path.clone();
        let failed = |source| StoreError::Io { doing: "write", path, source };
        writer.write(&Record::Run(header.clone())).map_err(failed)?;
        Ok(writer)
    }

    /// Whether a run can begin in a directory, for whoever has much to do before it does. Nothing is
    /// left behind, but for directories above it that were missing.
    pub fn check(dir: &Path) -> Result<(), StoreError> {
        let was_there = dir.exists();
        let made = Writer::empty(dir);
        if let Ok(writer) = &made {
            let _ = std::fs::remove_file(&writer.path);
        }
        if !was_there {
            // One that somebody else has put something into meanwhile is not empty, and stays.
            let _ = std::fs::remove_dir(dir);
        }
        made.map(drop)
    }

    fn empty(dir: &Path) -> Result<Writer, StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { doing: "create", path, source }
        };
        std::fs::create_dir_all(dir).map_err(failed(dir))?;
        let path = dir.join(RECORDS);
        let mut options = OpenOptions::new();
        let file = options.create_new(true).append(true).open(&path);
        let file = file.map_err(failed(&path))?;
        Ok(Writer { file, path, intact: 0 })
    }

    /// Goes on with a run, behind its last whole record.
    pub fn resume(run: &Run) -> Result<Writer, StoreError> {
        let path = run.dir.join(RECORDS);
        let failed = |source| StoreError::Io { doing: "write", path: path.clone(), source };
        let file = OpenOptions::new().append(true).open(&path).map_err(failed)?;
        let writer = Writer { file, path: path.clone(), intact: run.intact };
        writer.lock()?;
        // Between the reading of the run and the lock another session may have gone on with it. Its
        // records must neither be cut off nor be run again.
        if writer.file.metadata().map_err(failed)?.len() != run.length {
            return Err(StoreError::InUse(path));
        }
        if run.torn {
            writer.file.set_len(run.intact).map_err(failed)?;
        }
        Ok(writer)
    }

    /// Two sessions at one run would each lose sight of the other's trials.
    fn lock(&self) -> Result<(), StoreError> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(self.path.clone())),
            // A file system without locks: go on without.
            Err(std::fs::TryLockError::Error(_)) => Ok(()),
        }
    }

    /// Appends one record, whole or not at all.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        match &written {
            Ok(()) => self.intact += line.len() as u64,
            Err(_) => {
                let _ = self.file.set_len(self.intact);
                let _ = self.file.seek(SeekFrom::Start(self.intact));
            }
        }
        written
    }
}

impl Reporter for Writer {
    fn report(&mut self, event: &Event<'_>) -> io::Result<()> {
        let record = match &event.what {
            What::Probed { scenario, probe, isolation, oracle_fault } => {
                let hashes = probe.inputs.iter().filter_map(|(name, path)| {
                    Some((name.clone(), crate::environment::sha256(path).ok()?))
                });
                Record::Probe(ProbeRecord {
                    scenario: (*scenario).to_owned(),
                    hashes: hashes.collect(),
                    probe: (*probe).clone(),
                    isolation: *isolation,
                    oracle_fault: oracle_fault.map(str::to_owned),
                })
            }
            What::Noted { scenario, note } => {
                Record::Note { scenario: (*scenario).to_owned(), note: (*note).to_owned() }
            }
            What::Trial(done) => Record::Trial(TrialRecord {
                unit: done.unit,
                index: done.index,
                grade: done.grade,
                verdict: done.verdict.clone(),
                observation: done.observation.clone(),
            }),
            What::Ended { interrupted, .. } => Record::Ended { interrupted: *interrupted },
            What::Began { .. } | What::Unit { .. } => return Ok(()),
        };
        self.write(&record)
    }
}

#[cfg(test)]
mod tests;
