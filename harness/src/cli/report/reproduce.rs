//! The reproducer of a report: of its first finding, or the file that the user wrote.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, anyhow};

use super::ReportArgs;
use crate::catalog::Catalog;
use crate::cli::Failure;
use crate::report::page::ReproducerFacts;
use crate::reproducer::{
    Budget, Built, FromProgram, FromScenario, FromSource, ReproError, Reproducer, Verified,
    from_program, from_scenario, from_source, readme, verify,
};
use crate::stats::Rate;
use crate::store::{Run, SearchRecord};
use crate::verdict::Kind;

/// Its directory in the report.
pub(super) const DIRECTORY: &str = "reproducer";
/// Lines of a main file that stand in the report itself.
const SHORT: usize = 300;

/// Refuses a file that cannot be a reproducer, before anything is made of it.
pub(super) fn check(args: &ReportArgs) -> Result<(), Failure> {
    let Some(source) = &args.reproducer_source else { return Ok(()) };
    let scratch = tempfile::tempdir().context("failed to make a directory");
    let scratch = scratch.map_err(Failure::failed)?;
    match make(args, &Wanted::Source(source), scratch.path()) {
        Ok(_) => Ok(()),
        Err(error) if error.is_usage() => Err(Failure::usage(anyhow!("failed to {error}"))),
        Err(error) => Err(Failure::failed(anyhow!("failed to {error}"))),
    }
}

/// What is to be shown.
enum Wanted<'r> {
    Source(&'r Path),
    Program(&'r SearchRecord),
    Scenario { run: &'r Run, name: &'r str, threads: u32, iterations: Option<u32> },
}

/// Makes it in `dir`, which is empty, builds and runs it elsewhere, and says what was seen. None where
/// nothing was found that it could show.
pub(super) fn reproduce(
    args: &ReportArgs,
    runs: &[Run],
    dir: &Path,
    stop: &AtomicBool,
) -> Option<ReproducerFacts> {
    let wanted = wanted(args, runs)?;
    let made = match make(args, &wanted, dir) {
        Ok(made) => made,
        Err(error) => {
            return Some(none(&format!("There is no standalone reproducer: failed to {error}.")));
        }
    };
    let budget = Budget {
        run: args.reproduce.0.unwrap_or_default(),
        runs: args.runs_of_it,
        ..Budget::default()
    };
    let seen = match verify(&made, budget, stop) {
        Ok(seen) => match sought(runs) {
            Some(kind) => seen.of_kind(kind),
            None => seen,
        },
        Err(error) => {
            return Some(none(&format!("The reproducer was not tried: failed to {error}.")));
        }
    };
    let _ = std::fs::write(dir.join("README.md"), readme(&made, Some(&seen)));
    Some(facts(&made, &seen))
}

/// What a reproducer is to show: the kind of the first finding, as [`wanted`] takes it.
fn sought(runs: &[Run]) -> Option<Kind> {
    let native = runs.iter().flat_map(|run| &run.trials).find_map(|trial| trial.verdict.first());
    let searches = runs.iter().flat_map(|run| &run.searches);
    let searched =
        || searches.flat_map(|search| &search.findings).map(|found| &found.finding).next();
    native.or_else(searched).map(|finding| finding.kind)
}

/// The user's file, else the first finding that was found.
fn wanted<'r>(args: &'r ReportArgs, runs: &'r [Run]) -> Option<Wanted<'r>> {
    if let Some(source) = &args.reproducer_source {
        return Some(Wanted::Source(source));
    }
    args.reproduce.0?;
    let native = runs.iter().find_map(|run| {
        let trial = run.trials.iter().find(|trial| trial.verdict.first().is_some())?;
        // With as many threads as failed most often: it is to be seen to fail.
        let units = run.summaries().into_iter().filter(|unit| unit.rate.k > 0);
        let name = &run.header.plan.units[trial.unit].scenario;
        let share = |k: u64, n: u64| (k as f64 / n as f64 * 1e6) as u64;
        let most = units
            .filter(|unit| unit.scenario == *name)
            .max_by_key(|u| share(u.rate.k, u.rate.n))?;
        Some(Wanted::Scenario { run, name, threads: most.threads, iterations: None })
    });
    let search =
        |run: &'r Run| run.searches.iter().find(|s| !s.findings.is_empty()).map(|s| (run, s));
    native.or_else(|| {
        let (run, search) = runs.iter().find_map(search)?;
        Some(match search.words.is_empty() {
            false => Wanted::Program(search),
            // As it was found: a smaller run may have less of a chance.
            true => Wanted::Scenario {
                run,
                name: &search.subject,
                threads: search.threads.unwrap_or(2),
                iterations: search.iterations,
            },
        })
    })
}

fn make(args: &ReportArgs, wanted: &Wanted<'_>, dir: &Path) -> Result<Reproducer, ReproError> {
    match wanted {
        Wanted::Source(source) => {
            let shows =
                format!("What {} shows.", source.file_name().unwrap_or_default().to_string_lossy());
            let build = args.build.as_deref();
            from_source(&FromSource { source, build, shows: &shows }, dir)
        }
        Wanted::Program(search) => {
            let finding = search.findings.first().map(|found| &found.finding);
            let shows = finding.map_or_else(String::new, |f| format!("{}: {}.", f.kind, f.summary));
            from_program(
                &FromProgram {
                    exe: &search.exe,
                    arguments: search.words.get(1..).unwrap_or_default(),
                    manifest: args.manifest_path.as_deref(),
                    shows: &shows,
                },
                dir,
            )
        }
        Wanted::Scenario { run, name, threads, iterations } => {
            let uncuttable = |why: &str| ReproError::Uncuttable((*name).to_owned(), why.to_owned());
            let units = &run.header.plan.units;
            let unit = units.iter().find(|unit| unit.scenario == *name);
            let unit = unit.ok_or_else(|| uncuttable("the run does not know it"))?;
            let catalog = Catalog::find(args.manifest_path.as_deref());
            let catalog = catalog.map_err(|error| uncuttable(&error.to_string()))?;
            let (book, _) = name.split_once('/').unwrap_or((name, ""));
            let book = catalog.books.iter().find(|known| known.name == book).ok_or_else(|| {
                uncuttable(
                    "its crate is not in this workspace; name its manifest by --manifest-path",
                )
            })?;
            from_scenario(
                &FromScenario {
                    name,
                    manifest: &book.manifest,
                    test: &book.test,
                    card: &unit.card,
                    threads: *threads,
                    iterations: *iterations,
                    trials: args.runs_of_it,
                    seconds: args.reproduce.0.map_or(60, |time| time.as_secs().max(1)),
                    shows: None,
                },
                dir,
            )
        }
    }
}

fn none(sentence: &str) -> ReproducerFacts {
    ReproducerFacts {
        directory: DIRECTORY.to_owned(),
        build: String::new(),
        run: String::new(),
        built: false,
        rate: None,
        kinds: BTreeMap::new(),
        sentence: sentence.to_owned(),
        source: None,
    }
}

fn facts(made: &Reproducer, seen: &Verified) -> ReproducerFacts {
    let rate = Rate { k: seen.failed.into(), n: seen.of.into() };
    let rate = (rate.n > 0).then(|| crate::report::page::RateFacts::of(rate));
    let built = seen.built == Built::Yes;
    let sentence = match (&seen.built, &rate) {
        (Built::Yes, Some(rate)) if rate.k > 0 => format!(
            "A program that needs no standstill is in `{DIRECTORY}`. Built and run in an empty directory it \
             {seen}; the 95 % interval is {}.",
            rate.interval
        ),
        (Built::Yes, Some(_)) if seen.differently() > 0 => format!(
            "A program without standstill is in `{DIRECTORY}`, and does not show what was found. Built and \
             run in an empty directory it {seen}."
        ),
        (Built::Yes, Some(rate)) => format!(
            "The same without standstill is in `{DIRECTORY}`. Built and run in an empty directory it {seen} \
             ({}); what repeats the failure is a chosen schedule, below.",
            rate.interval
        ),
        (Built::No { words }, _) => {
            // The first line names the compiler that is missing, or what it does not like.
            let why = words.lines().next().unwrap_or_default().trim().replace('`', "'");
            let why = if why.is_empty() { String::new() } else { format!(": `{why}`") };
            format!("A program that needs no standstill is in `{DIRECTORY}`, but {seen}{why}.")
        }
        _ => format!("A program that needs no standstill is in `{DIRECTORY}`, but {seen}."),
    };
    let main = ["src/main.rs", "repro.c", "repro.cc", "repro.cpp"].iter();
    let source = main.filter_map(|name| std::fs::read_to_string(made.dir.join(name)).ok()).next();
    ReproducerFacts {
        directory: DIRECTORY.to_owned(),
        build: made.build.clone(),
        run: made.run.join(" "),
        built,
        rate,
        kinds: seen.kinds.clone(),
        sentence,
        source: source.filter(|text| text.lines().count() <= SHORT),
    }
}
