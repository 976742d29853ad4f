//! Running trials of a version: this very program as a child, whose run directory is the result.
//!
//! A run belongs to its program and to all that was asked for: both are in the name of its directory.
//! So what is whole is never run again, and what was cut off goes on.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::child;
use super::record::Tried;
use super::source::{Source, short_hash};
use super::subject::Wanted;
use super::workshop::{Program, Workshop, WorkshopError};
use crate::store::{RECORDS, Run};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// This version's trials cannot be run; others' may.
    #[error("{0}")]
    NotTried(String),
    /// Nothing can be run.
    #[error(transparent)]
    Workshop(#[from] WorkshopError),
}

/// Runs trials.
#[derive(Debug)]
pub struct Lab<'a> {
    /// Where programs come from.
    pub workshop: &'a Workshop<'a>,
    /// Flags that `stress` and `explore` share: of time limits, jobs and settings.
    pub flags: Vec<String>,
    /// Arguments of a program.
    pub arguments: Vec<OsString>,
}

/// A campaign of `standstill stress`.
#[derive(Clone, Debug)]
pub struct Stress {
    /// Scenarios.
    pub patterns: Vec<String>,
    /// None: as the scenarios ask.
    pub threads: Vec<u64>,
    /// None: as the workspace or standstill has it.
    pub trials: Option<u64>,
    /// None: likewise.
    pub seed: Option<u64>,
}

/// A search of `standstill explore`.
#[derive(Clone, Debug)]
pub struct Explore {
    /// None: the program.
    pub scenario: Option<(String, u32)>,
    /// At most.
    pub trials: u64,
    /// From which the schedules follow.
    pub seed: u64,
    /// Time for it.
    pub budget: Duration,
}

/// A scenario as it was tried: its name, its actors, and what came of it.
pub type Unit = (String, u32, Tried);

impl Lab<'_> {
    /// Runs a campaign; a result for each scenario and thread count.
    pub fn stress(
        &self,
        source: &Source,
        program: &Program,
        order: &Stress,
    ) -> Result<Vec<Unit>, LabError> {
        let mut words: Vec<OsString> = vec!["stress".into()];
        words.extend(order.patterns.iter().map(Into::into));
        let mut flag = |name: &str, value: String| words.extend([name.into(), value.into()]);
        if !order.threads.is_empty() {
            let threads: Vec<String> = order.threads.iter().map(u64::to_string).collect();
            flag("--threads", threads.join(","));
        }
        order.trials.into_iter().for_each(|trials| flag("--trials", trials.to_string()));
        order.seed.into_iter().for_each(|seed| flag("--seed", seed.to_string()));
        words.extend(self.flags.iter().map(Into::into));
        self.name_package(source, &mut words);
        let base = self.base("native", source, program, &words);
        let dir = vacant(&base, |_| Some(true));
        match Run::load(&dir) {
            Ok(run) if run.is_complete() => return Ok(units(&run)),
            Ok(_) => {
                words = vec!["stress".into(), "--resume".into(), dir.clone().into()];
            }
            Err(_) => words.extend(["--run-dir".into(), dir.clone().into()]),
        }
        let why = self.child(source, &words)?;
        match Run::load(&dir) {
            Ok(run) if !run.trials.is_empty() || why.is_none() => Ok(units(&run)),
            Ok(_) => Err(LabError::NotTried(why.unwrap_or_default())),
            Err(error) => Err(LabError::NotTried(why.unwrap_or_else(|| error.to_string()))),
        }
    }

    /// Runs a search.
    pub fn explore(
        &self,
        source: &Source,
        program: &Program,
        order: &Explore,
    ) -> Result<Tried, LabError> {
        let mut words: Vec<OsString> = vec!["explore".into()];
        words.extend(order.scenario.iter().map(|(scenario, _)| scenario.into()));
        let mut flag = |name: &str, value: String| words.extend([name.into(), value.into()]);
        if let Some((_, threads)) = &order.scenario {
            flag("--threads", threads.to_string());
        }
        flag("--trials", order.trials.to_string());
        flag("--seed", order.seed.to_string());
        // A rate is wanted; stories of findings are told by a search of their own.
        flag("--minimise", "off".to_owned());
        flag("--confirm", "off".to_owned());
        words.push("--all".into());
        words.extend(self.flags.iter().map(Into::into));
        match self.workshop.subject.wanted {
            Wanted::Test(_) => self.name_package(source, &mut words),
            Wanted::Bin(_) => {
                let manifest = self.workshop.manifest_of(source);
                words.extend(["--manifest-path".into(), manifest.into()]);
            }
        }
        // What is left of the time differs from session to session, and changes no schedule.
        let base = self.base("controlled", source, program, &words);
        words.extend(["--budget".into(), format!("{}ms", order.budget.as_millis()).into()]);
        let is_whole = |run: &Run| run.searches.last().map(|search| !search.interrupted);
        let dir = vacant(&base, is_whole);
        let load = || Some((Run::load(&dir).ok()?.searches.pop()?, &dir));
        if let Some((search, dir)) = load() {
            return Ok(Tried::controlled(&search, dir));
        }
        words.extend(["--run-dir".into(), dir.clone().into()]);
        if let Wanted::Bin(_) = self.workshop.subject.wanted {
            words.extend(["--".into(), program.exe.clone().into()]);
            words.extend(self.arguments.iter().cloned());
        }
        let why = self.child(source, &words)?;
        match load() {
            Some((search, dir)) => Ok(Tried::controlled(&search, dir)),
            None => {
                let why = why.unwrap_or_else(|| "the search left no record".to_owned());
                Err(LabError::NotTried(why))
            }
        }
    }

    /// The scenarios that patterns mean, with the thread counts that they ask for.
    pub fn list(
        &self,
        source: &Source,
        patterns: &[String],
    ) -> Result<Vec<(String, Vec<u32>)>, LabError> {
        let mut words: Vec<OsString> = vec!["list".into()];
        words.extend(patterns.iter().map(Into::into));
        self.name_package(source, &mut words);
        let ended = self.run(source, &words)?;
        if !ended.status.success() {
            return Err(LabError::NotTried(child::reason(&ended)));
        }
        let line = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).ok()?;
            let counts = value["card"]["threads"].as_array()?.iter();
            let counts = counts.filter_map(|n| Some(n.as_u64()? as u32)).collect();
            Some((value["scenario"].as_str()?.to_owned(), counts))
        };
        Ok(ended.stdout.lines().filter_map(line).collect())
    }

    fn name_package(&self, source: &Source, words: &mut Vec<OsString>) {
        words.extend(["--manifest-path".into(), self.workshop.manifest_of(source).into()]);
        words.extend(["--profile".into(), self.workshop.profile.into()]);
    }

    /// The directory of the first run of this program with these words.
    fn base(&self, lane: &str, source: &Source, program: &Program, words: &[OsString]) -> PathBuf {
        let words = words.iter().chain(&self.arguments).map(|word| word.to_string_lossy());
        let version = env!("CARGO_PKG_VERSION");
        let all: Vec<_> = words.chain([program.sha256.as_str().into(), version.into()]).collect();
        let name = format!("{lane}-{}", short_hash(&all.join("\0")));
        self.workshop.dir_of(source).join("runs").join(name)
    }

    /// Runs standstill; why it failed, if it did.
    fn child(&self, source: &Source, words: &[OsString]) -> Result<Option<String>, LabError> {
        let mut words = words.to_vec();
        words.splice(1..1, ["--message-format".into(), "json".into()]);
        let ended = self.run(source, &words)?;
        Ok(match ended.status.code() {
            Some(0 | 1 | 3) if !ended.stderr.lines().any(|line| line.starts_with("error: ")) => {
                None
            }
            _ => Some(child::reason(&ended)),
        })
    }

    fn run(&self, source: &Source, words: &[OsString]) -> Result<child::Ended, LabError> {
        let failed = |path: PathBuf| {
            move |source| WorkshopError::Io { doing: "run", path: path.clone(), source }
        };
        let this = std::env::current_exe().map_err(failed("standstill".into()))?;
        let mut command = Command::new(&this);
        command.args(words).envs(self.workshop.variables(source));
        if words.first().is_some_and(|word| word == "list") {
            command.args(["--message-format", "json"]);
        }
        let ended = child::run(command, self.workshop.stop).map_err(failed(this))?;
        match self.workshop.stop.load(SeqCst) {
            true => Err(WorkshopError::Interrupted.into()),
            false => Ok(ended),
        }
    }
}

/// `base`, or the first of its successors that is free, or holds a run for which `use_it` says yes.
fn vacant(base: &std::path::Path, use_it: impl Fn(&Run) -> Option<bool>) -> PathBuf {
    let name = |n: u32| match n {
        0 => base.to_owned(),
        n => PathBuf::from(format!("{}-{n}", base.display())),
    };
    let is_it = |dir: &PathBuf| {
        !dir.join(RECORDS).exists() || Run::load(dir).is_ok_and(|run| use_it(&run) == Some(true))
    };
    (0..).map(name).find(is_it).unwrap_or_else(|| base.to_owned())
}

fn units(run: &Run) -> Vec<Unit> {
    let summaries = run.summaries().into_iter();
    let unit =
        |s: crate::event::Summary| (s.scenario.clone(), s.threads, Tried::native(&s, &run.dir));
    summaries.map(unit).collect()
}
