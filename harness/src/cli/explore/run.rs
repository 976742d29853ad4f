//! What a search leaves in a run directory, from which reports are made.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Explored, unclear, verdict};
use crate::cli::explore::args::ExploreArgs;
use crate::cli::{Failure, runs};
use crate::environment::Environment;
use crate::explore::aftermath::After;
use crate::explore::record::Record as Schedule;
use crate::explore::target::quoted;
use crate::explore::waits;
use crate::lockfile;
use crate::package;
use crate::plan::{Plan, Unit};
use crate::store::{
    BookRecord, CrateRecord, FoundSchedule, Header, RECORDS, Record, SCHEMA, SearchRecord, Whence,
    Writer,
};

/// A scenario, as a run has it: a unit of which no trial is planned.
pub(super) struct Subject {
    /// The unit, for its card.
    pub(super) unit: Unit,
    /// Its settings.
    pub(super) settings: BTreeMap<String, String>,
    /// Where runs of its workspace are kept.
    pub(super) runs: PathBuf,
    /// The root of its workspace.
    pub(super) root: Option<PathBuf>,
    /// The crates it is made of.
    pub(super) book: BookRecord,
}

/// Refuses a directory that holds a run, before anybody waits for a search.
pub(super) fn check(args: &ExploreArgs) -> Result<(), Failure> {
    match &args.run_dir {
        Some(dir) if dir.join(RECORDS).exists() => Err(Failure::usage(anyhow::anyhow!(
            "{} holds a run already; name another directory, and give both to `standstill report`",
            dir.display()
        ))),
        _ => Ok(()),
    }
}

/// Writes the run; where.
pub(super) fn write(
    args: &ExploreArgs,
    began: SystemTime,
    explored: &Explored,
    schedules: &[Schedule],
) -> Result<PathBuf, Failure> {
    let search = record(args, explored, schedules);
    let header = header(args, began, explored, &search);
    let dir = match (&args.run_dir, &explored.subject) {
        (Some(dir), _) => dir.clone(),
        (None, subject) => {
            let runs = subject.as_ref().map_or_else(runs::of_programs, |s| s.runs.clone());
            runs::new_dir(&runs, &header.began, &format!("explore-{}", search.subject))
        }
    };
    let mut writer = Writer::create(&dir, &header)?;
    let written = writer.write(&Record::Search(Box::new(search)));
    written.map_err(|error| {
        Failure::failed(anyhow::anyhow!("failed to write {}: {error}", dir.display()))
    })?;
    if args.run_dir.is_none() {
        runs::remember(&dir);
    }
    Ok(dir)
}

fn header(
    args: &ExploreArgs,
    began: SystemTime,
    explored: &Explored,
    search: &SearchRecord,
) -> Header {
    let subject = explored.subject.as_ref();
    let name = search.subject.split('/').next().unwrap_or_default().to_owned();
    let book = subject.map_or_else(|| program(args, explored), |subject| subject.book.clone());
    Header {
        schema: SCHEMA,
        standstill: env!("CARGO_PKG_VERSION").to_owned(),
        began: humantime::format_rfc3339_seconds(began).to_string(),
        command: search.command.clone(),
        plan: Plan {
            units: subject.map(|subject| subject.unit.clone()).into_iter().collect(),
            seed: args.seed,
            jobs: args.jobs as usize,
            settings: subject.map(|subject| subject.settings.clone()).unwrap_or_default(),
            isolation: None,
        },
        books: BTreeMap::from([(name, book)]),
        environment: Environment::here(),
        whence: Whence::here(subject.and_then(|subject| subject.root.as_deref())),
    }
}

/// The program, and the crates it is made of if its lock file can be found: from the manifest that was
/// named, from what cargo left beside the program, or where cargo puts programs as a rule, above it.
fn program(args: &ExploreArgs, explored: &Explored) -> BookRecord {
    let exe = &explored.target.exe;
    let named = args.source.manifest_path.as_deref();
    let crates = crates(exe, named);
    BookRecord { exe: exe.clone(), sha256: explored.hash.clone(), crates, subject: None }
}

fn crates(exe: &Path, named: Option<&Path>) -> Vec<CrateRecord> {
    let file = exe.file_name().unwrap_or_default().to_string_lossy();
    let above = || exe.ancestors().map(|dir| dir.join("Cargo.toml")).find(|file| file.exists());
    // A package as a rule has the name of its program, and a workspace has many: but where cargo says
    // which package it is, a crate that merely has the program's name is not asked.
    let closure = |manifest: PathBuf, is_its_own: bool| {
        let manifest = std::path::absolute(&manifest).unwrap_or(manifest);
        let manifest = if manifest.is_dir() { manifest.join("Cargo.toml") } else { manifest };
        let mut names = package::names(&file);
        let at = if is_its_own { 0 } else { names.len() };
        names.splice(at..at, package::name_in(&manifest));
        names.iter().map(|name| lockfile::crates(&manifest, name)).find(|c| !c.is_empty())
    };
    let of_named = || closure(named?.to_owned(), false);
    let of_cargo = || closure(package::manifest_of(exe)?, true);
    of_named().or_else(of_cargo).or_else(|| closure(above()?, false)).unwrap_or_default()
}

fn record(args: &ExploreArgs, explored: &Explored, schedules: &[Schedule]) -> SearchRecord {
    let Explored { target, summary, afters, .. } = explored;
    let ledger = &summary.ledger;
    let name = || target.exe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words = match &target.name {
        Some(_) => vec![],
        None => target.words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
    };
    let found = |(after, schedule): (&After, &Schedule)| {
        let After { case, minimal, .. } = after;
        FoundSchedule {
            finding: case.finding.clone(),
            trial: case.assignment.index + 1,
            times: case.times,
            after: case.at.as_secs_f64(),
            repeated: case.repeated.map(|r| r.same_schedule && r.same_end),
            schedule: schedule.clone(),
            not_minimised: minimal.as_ref().err().cloned(),
            graph: waits::graph(&case.ended),
            stacks: case
                .ended
                .scene
                .as_ref()
                .and_then(|s| s.looks.last())
                .map(|l| l.stacks.clone()),
            output: case.output.clone(),
            stdout: case.ended.stdout.clone(),
            stderr: case.ended.stderr.clone(),
        }
    };
    SearchRecord {
        subject: target.name.clone().unwrap_or_else(name),
        words,
        command: command(),
        exe: target.exe.clone(),
        sha256: explored.hash.clone(),
        threads: target.size.map(|size| size.threads),
        iterations: target.size.and_then(|size| size.iterations),
        strategy: args.mix().name().to_owned(),
        levels: ledger.levels.iter().copied().collect(),
        seed: args.seed,
        trials: ledger.trials,
        clean: ledger.clean,
        unclear: ledger.unclear.clone(),
        steps: ledger.steps,
        most_threads: ledger.threads,
        until_first: !args.all,
        seconds: (summary.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        verdict: verdict(summary).to_owned(),
        why: unclear(summary),
        proof: summary.proof.clone(),
        interrupted: summary.interrupted,
        findings: afters.iter().zip(schedules).map(found).collect(),
        notes: ledger.notes.clone(),
    }
}

/// The command as it was typed.
fn command() -> String {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    let name: OsString = "standstill".into();
    std::iter::once(name.to_string_lossy().into_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crates_of_a_program_are_known_wherever_cargo_has_put_it() {
        let dir = tempfile::tempdir().unwrap();
        let (sources, exe) = (dir.path().join("close"), dir.path().join("target/release/close"));
        std::fs::create_dir_all(sources.join("src")).unwrap();
        std::fs::create_dir_all(exe.parent().unwrap()).unwrap();
        let manifest = sources.join("Cargo.toml");
        std::fs::write(&manifest, "[package]\nname = \"oneshot\"\n").unwrap();
        let lock = "[[package]]\nname = \"oneshot\"\nversion = \"0.1.0\"\ndependencies = [\"tokio\"]\n\
                    [[package]]\nname = \"tokio\"\nversion = \"1.13.0\"\nchecksum = \"ab\"\n";
        std::fs::write(sources.join("Cargo.lock"), lock).unwrap();
        assert!(crates(&exe, None).is_empty());
        for manifest in [&manifest, &sources] {
            assert_eq!(crates(&exe, Some(manifest))[1].name, "tokio");
        }
        let main = sources.join("src/main.rs");
        std::fs::write(&main, "").unwrap();
        let line = format!("{}: {}\n", exe.display(), main.display());
        std::fs::write(exe.with_file_name("close.d"), line).unwrap();
        let names: Vec<String> = crates(&exe, None).into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["oneshot", "tokio"]);
    }
}
