//! `standstill matrix`: the same over several versions of one crate.

mod args;
mod bisect;
mod cells;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::SystemTime;

use anyhow::anyhow;

use super::{Exit, Failure, MessageFormat, complain, print};
use crate::catalog::Catalog;
use crate::config::Config;
use crate::explore::target::quoted;
use crate::matrix::keep::{self, KeepError, Question};
use crate::matrix::lab::Lab;
use crate::matrix::record::{Column, Lane, Matrix, Outcome, Row, SCHEMA};
use crate::matrix::search::{Bisected, End};
use crate::matrix::source::Source;
use crate::matrix::subject::{Subject, SubjectError};
use crate::matrix::workshop::{Workshop, WorkshopError};
use crate::report::matrix as report;

pub(super) use args::MatrixArgs;

pub(super) fn main(args: &MatrixArgs) -> Result<Exit, Failure> {
    let (subject, declared) = subject(args)?;
    let name = subject.crate_under_test(args.name.as_deref().or(declared.as_deref()))?;
    let lanes = lanes(args)?;
    let config = Config::read(&subject.root_dir).map_err(|why| Failure::usage(anyhow!(why)))?;
    let profile = args.profile.as_deref().or(config.profile.as_deref()).unwrap_or("release");
    let stop = super::stress::stop_on_signals()?;
    let workshop = Workshop { subject: &subject, name: &name, profile, stop: &stop };
    let lab = Lab { workshop: &workshop, flags: flags(args), arguments: args.arguments.clone() };
    let _alone = alone(&workshop.dir())?;
    let bench = Bench { args, lab: &lab, lanes, stop: &stop };
    let sources = bench.sources()?;
    if sources.is_empty() && args.bisect.is_none() {
        return Err(Failure::usage(anyhow!(
            "which versions of {name}? name them with --versions, --path or --git, or two with --bisect"
        )));
    }
    match &args.bisect {
        Some(ends) => {
            let bisected = bench.bisect(ends, sources)?;
            let exit = after_bisection(&bisected);
            bench.finish(vec![], vec![], Some(bisected))?;
            Ok(exit)
        }
        None => {
            bench.forget(&sources)?;
            let (columns, rows) = bench.cells(sources)?;
            let matrix = bench.finish(columns, rows, None)?;
            Ok(match matrix.outcome() {
                _ if stop.load(SeqCst) => Exit::Interrupted,
                Outcome::AsExpected => Exit::AsExpected,
                Outcome::Unexpected => Exit::Unexpected,
                Outcome::Inconclusive => Exit::Inconclusive,
                Outcome::Failed => Exit::Failed,
            })
        }
    }
}

/// A bisection answers a question: what it was told to look for is no surprise.
fn after_bisection(bisected: &Bisected) -> Exit {
    let is_surprise = bisected
        .tested
        .iter()
        .any(|tested| tested.side.as_deref() != Some("bad") && !tested.others.is_empty());
    match bisected.end {
        End::Interrupted => Exit::Interrupted,
        End::EndNotBuilt => Exit::Failed,
        _ if is_surprise => Exit::Unexpected,
        End::Found => Exit::AsExpected,
        End::Between | End::NeitherFails | End::BothFail | End::EndUndecided => Exit::Inconclusive,
    }
}

/// The package that is asked for, and the crate that it says is under test.
fn subject(args: &MatrixArgs) -> Result<(Subject, Option<String>), Failure> {
    if let (true, Some(manifest)) = (args.scenarios.is_empty(), &args.manifest_path) {
        return Ok((Subject::program(manifest, args.bin.as_deref())?, None));
    }
    let catalog = Catalog::find(args.manifest_path.as_deref())?;
    let mut books = Vec::new();
    for pattern in &args.scenarios {
        for book in catalog.books_for(pattern)? {
            if !books.iter().any(|known: &&crate::catalog::Book| known.manifest == book.manifest) {
                books.push(book);
            }
        }
    }
    let [book] = books[..] else {
        let names: Vec<&str> = books.iter().map(|book| book.name.as_str()).collect();
        return Err(Failure::usage(anyhow!(
            "a matrix is made of one crate's scenarios, and these may be of {}: name them as \
             crate/scenario",
            names.join(", ")
        )));
    };
    Ok((Subject::scenarios(&book.manifest, &book.test)?, book.subject.clone()))
}

fn lanes(args: &MatrixArgs) -> Result<&'static [Lane], Failure> {
    let is_program = args.scenarios.is_empty();
    match args.lane {
        None if is_program => Ok(&[Lane::Controlled]),
        None => Ok(&[Lane::Native]),
        Some(lane) if is_program && lane != args::LaneArg::Controlled => {
            Err(Failure::usage(anyhow!(
                "a program is tried in the controlled lane only: a scenario (see README) makes trials \
                 of it that can be counted natively"
            )))
        }
        Some(lane) => Ok(lane.lanes()),
    }
}

/// Keeps others away: two that build and run in one directory would each take the other's for its own.
fn alone(dir: &Path) -> Result<std::fs::File, Failure> {
    let path = dir.join("lock");
    let failed = |error: std::io::Error| {
        Failure::failed(anyhow!("failed to write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    let file = std::fs::File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => Err(Failure::failed(anyhow!(
            "{} is in use by another standstill; wait for it",
            dir.display()
        ))),
        // A file system without locks: go on without.
        Ok(()) | Err(std::fs::TryLockError::Error(_)) => Ok(file),
    }
}

/// The flags that `stress` and `explore` share.
fn flags(args: &MatrixArgs) -> Vec<String> {
    let mut flags = vec![];
    let mut flag = |name: &str, value: String| flags.extend([name.to_owned(), value]);
    if let Some(timeout) = args.timeout {
        flag("--timeout", format!("{}ms", timeout.as_millis()));
    }
    args.jobs.into_iter().for_each(|jobs| flag("--jobs", jobs.to_string()));
    if let Some(model) = &args.model {
        let model = std::path::absolute(model).unwrap_or_else(|_| model.clone());
        flag("--model", model.to_string_lossy().into_owned());
    }
    args.settings.iter().for_each(|(key, value)| flag("--set", format!("{key}={value}")));
    flags
}

/// What all of a matrix is made with.
struct Bench<'a> {
    args: &'a MatrixArgs,
    lab: &'a Lab<'a>,
    lanes: &'static [Lane],
    stop: &'a AtomicBool,
}

impl Bench<'_> {
    /// The versions that were named, each once, in the order in which they were.
    fn sources(&self) -> Result<Vec<Source>, Failure> {
        let mut sources: Vec<Source> = vec![];
        let mut add = |source| {
            if !sources.contains(&source) {
                sources.push(source);
            }
        };
        for version in &self.args.versions {
            add(Source::Registry { version: version.clone() });
        }
        for dir in &self.args.path {
            add(self.lab.workshop.path(dir)?);
        }
        for (url, rev) in &self.args.git {
            add(Source::Git { url: url.clone(), rev: rev.clone(), version: None });
        }
        Ok(sources)
    }

    /// Says what happens, to people.
    fn tell(&self, line: &str) {
        if self.args.message_format == MessageFormat::Human {
            complain(&format!("standstill: {line}"));
        }
    }

    /// Takes away what earlier commands have left, where that is asked for.
    fn forget(&self, sources: &[Source]) -> Result<(), Failure> {
        for source in sources.iter().filter(|_| self.args.fresh) {
            for part in ["runs", "package"] {
                let dir = self.lab.workshop.dir_of(source).join(part);
                match std::fs::remove_dir_all(&dir) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        let why = anyhow!("failed to remove {}: {error}", dir.display());
                        return Err(Failure::failed(why));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// What the trials of this command have besides a scenario and a thread count.
    fn with(&self) -> Vec<String> {
        let mut with = self.lab.flags.clone();
        if self.lab.workshop.profile != "release" {
            with.extend(["--profile".to_owned(), self.lab.workshop.profile.to_owned()]);
        }
        if !self.lab.arguments.is_empty() {
            with.push("--".to_owned());
        }
        with.extend(self.lab.arguments.iter().map(|word| word.to_string_lossy().into_owned()));
        with
    }

    /// Where the answer is kept, beside those of earlier commands.
    fn keep(&self, matrix: &Matrix) -> Result<PathBuf, KeepError> {
        let dir = self.lab.workshop.dir();
        let Some((good, bad)) = self.args.bisect.as_ref() else {
            return keep::table(&dir, matrix);
        };
        let question = Question {
            ends: format!("{good}..{bad}"),
            kinds: self.args.kinds.iter().map(ToString::to_string).collect(),
            with: self.with(),
        };
        keep::bisection(&dir, matrix, &question)
    }

    /// Writes the file, and prints the table. A bisection has a file of its own: it is no table.
    fn finish(
        &self,
        columns: Vec<Column>,
        rows: Vec<Row>,
        bisection: Option<Bisected>,
    ) -> Result<Matrix, Failure> {
        let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
        let matrix = Matrix {
            schema: SCHEMA,
            standstill: env!("CARGO_PKG_VERSION").to_owned(),
            written: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            command: std::iter::once("standstill".into())
                .chain(words)
                .collect::<Vec<_>>()
                .join(" "),
            before: vec![],
            package: self.lab.workshop.subject.package.name.to_string(),
            name: self.lab.workshop.name.to_owned(),
            columns,
            rows,
            bisection,
        };
        let kept = self.keep(&matrix);
        let path = kept.map_err(|error| Failure::failed(anyhow!("failed to {error}")))?;
        match self.args.message_format {
            MessageFormat::Json => {
                let mut line = serde_json::to_value(&matrix).map_err(Failure::failed)?;
                line["event"] = "matrix".into();
                line["matrix"] = path.to_string_lossy().into();
                print(&format!("{line}\n"));
            }
            MessageFormat::Human if self.args.markdown => print(&report::markdown(&matrix)),
            MessageFormat::Human => {
                print(&format!("{}\nkept: {}\n", report::text(&matrix), path.display()));
            }
        }
        Ok(matrix)
    }
}

impl From<SubjectError> for Failure {
    fn from(error: SubjectError) -> Failure {
        match error {
            SubjectError::NoCargo(_) => Failure::failed(error),
            _ => Failure::usage(error),
        }
    }
}

impl From<WorkshopError> for Failure {
    fn from(error: WorkshopError) -> Failure {
        let exit = match error {
            WorkshopError::NotTheCrate { .. } => Exit::Usage,
            WorkshopError::Interrupted => Exit::Interrupted,
            WorkshopError::Io { .. } => Exit::Failed,
        };
        // Its sentence holds the cause already.
        Failure { exit, error: anyhow!("{error}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_do_not_work_in_one_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = alone(&dir.path().join("new")).unwrap();
        let second = alone(&dir.path().join("new")).unwrap_err();
        assert_eq!(second.exit, Exit::Failed);
        assert!(second.error.to_string().contains("in use by another standstill"));
        drop(first);
        assert!(alone(&dir.path().join("new")).is_ok());
    }
}
