//! `standstill stress`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::SystemTime;

use anyhow::{Context, anyhow};

use super::list::Opened;
use super::{Exit, Failure, IsolationArg, MessageFormat, StressArgs, complain, print, runs};
use crate::catalog::{Catalog, select};
use crate::environment::{Environment, sha256};
use crate::event::Reporter;
use crate::explore::target::quoted;
use crate::lockfile;
use crate::plan::{Plan, Unit, too_many_threads};
use crate::program::{actors, other_threads};
use crate::report::closing::closing;
use crate::report::json::{Json, worst};
use crate::report::markdown;
use crate::report::style::Paint;
use crate::report::terminal::Terminal;
use crate::session::{Session, SessionError};
use crate::store::{BookRecord, Header, Run, SCHEMA, StoreError, Whence, Writer};
use crate::supervise::Target;
use crate::sweep::kept::Kept;
use crate::verdict::Grade;

/// Trials for each unit unless somebody asks otherwise.
const TRIALS: u64 = 100;

pub(super) fn main(args: StressArgs) -> Result<Exit, Failure> {
    let campaign = match &args.resume {
        Some(dir) => Campaign::resume(dir, &args)?,
        None => Campaign::begin(&args)?,
    };
    campaign.run(args.message_format)
}

/// A run directory and what is left to do in it.
struct Campaign {
    dir: PathBuf,
    header: Header,
    writer: Writer,
    done: BTreeSet<(usize, u64)>,
}

impl Campaign {
    fn begin(args: &StressArgs) -> Result<Campaign, Failure> {
        let quiet = args.message_format == MessageFormat::Json;
        let opened = Opened::new(&args.source, &args.scenarios, quiet)?;
        let plan = plan(args, &opened)?;
        let header = header(&opened, command(args, &plan), plan)?;
        let (dir, writer) =
            create(args.run_dir.as_deref(), &header, opened.catalog.as_ref(), Some("stress"))?;
        Ok(Campaign { dir, header, writer, done: BTreeSet::new() })
    }

    fn resume(dir: &Path, args: &StressArgs) -> Result<Campaign, Failure> {
        if Kept::is_in(dir) {
            let dir = dir.display();
            let why =
                format!("{dir} holds a sweep; go on with it by standstill sweep --resume {dir}");
            return Err(Failure::usage(anyhow!(why)));
        }
        let run = Run::load(dir)?;
        runs::tell_damage(&run);
        let mut header = run.header.clone();
        unchanged(&header)?;
        if let Some(jobs) = args.jobs {
            header.plan.jobs = jobs as usize;
        }
        let writer = Writer::resume(&run)?;
        Ok(Campaign { dir: dir.to_owned(), done: run.done(), header, writer })
    }

    fn run(self, format: MessageFormat) -> Result<Exit, Failure> {
        let Campaign { dir, header, mut writer, done } = self;
        let target = target(&header)?;
        let stop = stop_on_signals()?;
        let (mut terminal, mut json) = (Terminal::new(), Json::new(io::stdout()));
        let shown: &mut dyn Reporter = match format {
            MessageFormat::Human => &mut terminal,
            MessageFormat::Json => &mut json,
        };
        let session = Session { plan: &header.plan, target: &target, done: &done, stop: &stop };
        let outcome = session.run(&mut [&mut writer, shown]);
        drop(writer);
        // The stored run is what counts: it also holds what earlier sessions saw.
        let run = Run::load(&dir)?;
        let summaries = run.summaries();
        // Where preparing failed there is nothing to report, and to go on would end alike.
        let is_empty = run.trials.is_empty() && outcome.as_ref().err().is_some_and(is_of_preparing);
        let report = if is_empty { None } else { write_report(&run) };
        match format {
            MessageFormat::Human if is_empty => {}
            MessageFormat::Human => {
                print(&closing(&run, &summaries, report.as_deref(), Paint::stdout()))
            }
            MessageFormat::Json => json.close(&summaries, &run.dir).unwrap_or(()),
        }
        if let Err(error) = outcome {
            return Err(ended_early(error, &run, "stress"));
        }
        Ok(match worst(&summaries) {
            _ if stop.load(SeqCst) => Exit::Interrupted,
            Grade::AsExpected => Exit::AsExpected,
            Grade::Inconclusive => Exit::Inconclusive,
            Grade::Unexpected | Grade::Missed => Exit::Unexpected,
        })
    }
}

/// The first record of a run of this plan.
pub(super) fn header(opened: &Opened, command: String, plan: Plan) -> Result<Header, Failure> {
    let mut books = BTreeMap::new();
    for book in &opened.books {
        let sha256 = sha256(&book.exe)
            .with_context(|| format!("failed to read {}", book.exe.display()))
            .map_err(Failure::failed)?;
        let crates = match &book.book {
            Some(book) => lockfile::crates(&book.manifest, &book.package),
            None => vec![],
        };
        let subject = book.book.as_ref().and_then(|book| book.subject.clone());
        books.insert(
            book.name.clone(),
            BookRecord { exe: book.exe.clone(), sha256, crates, subject },
        );
    }
    Ok(Header {
        schema: SCHEMA,
        standstill: env!("CARGO_PKG_VERSION").to_owned(),
        began: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        command,
        plan,
        books,
        environment: Environment::here(),
        whence: Whence::here(opened.catalog.as_ref().map(|catalog| catalog.root.as_path())),
    })
}

/// Begins a run: in `run_dir`, or in a new directory which `standstill report` will find. `by` is the
/// command that would go on with one that is there already, if there is such a command.
pub(super) fn create(
    run_dir: Option<&Path>,
    header: &Header,
    catalog: Option<&Catalog>,
    by: Option<&str>,
) -> Result<(PathBuf, Writer), Failure> {
    let dir = match run_dir {
        Some(dir) => dir.to_owned(),
        None => runs::new_dir(&runs::of_workspace(catalog), &header.began, &about(header)),
    };
    let writer = Writer::create(&dir, header).map_err(|error| not_had(&dir, error, by))?;
    if run_dir.is_none() {
        runs::remember(&dir);
    }
    Ok((dir, writer))
}

/// Why there can be no run in `dir`, and what to do if there is one already.
pub(super) fn not_had(dir: &Path, error: StoreError, by: Option<&str>) -> Failure {
    match error {
        StoreError::Io { source, .. }
            if source.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() =>
        {
            let dir = dir.display();
            let instead = match by {
                Some(by) => format!("go on with it by standstill {by} --resume {dir}"),
                None => "name another directory".to_owned(),
            };
            Failure::usage(anyhow!("{dir} holds a run already; {instead}"))
        }
        other => other.into(),
    }
}

/// Refuses to go on with binaries that are not those of the run.
pub(super) fn unchanged(header: &Header) -> Result<(), Failure> {
    let book = |unit: &Unit| unit.scenario.split('/').next().unwrap_or_default().to_owned();
    if let Some(unit) = header.plan.units.iter().find(|u| !header.books.contains_key(&book(u))) {
        return Err(Failure::usage(anyhow!(
            "the run does not say where the binary of {} is; start a new run",
            unit.scenario
        )));
    }
    for (name, book) in &header.books {
        let now = sha256(&book.exe).map_err(|e| {
            let exe = book.exe.display();
            Failure::usage(anyhow!(
                "the binary of {name} cannot be read any more ({exe}: {e}); start a new run"
            ))
        })?;
        if now != book.sha256 {
            let why = format!(
                "the binary of {name} has changed since the run began; trials of two binaries do \
                 not make one rate: start a new run"
            );
            return Err(Failure::usage(anyhow!(why)));
        }
    }
    Ok(())
}

/// Where each scenario of a run lives.
pub(super) fn target(header: &Header) -> Result<impl Fn(&str) -> Target + Sync, Failure> {
    let keeper = std::env::current_exe()
        .context("failed to find this very program")
        .map_err(Failure::failed)?;
    Ok(move |scenario: &str| Target {
        exe: scenario
            .split_once('/')
            .and_then(|(book, _)| header.books.get(book))
            .map_or_else(PathBuf::new, |book| book.exe.clone()),
        keeper: keeper.clone(),
    })
}

/// What scenarios are told when they prepare.
pub(super) fn settings(
    settings: &[(String, String)],
    model: Option<&Path>,
) -> BTreeMap<String, String> {
    let mut settings: BTreeMap<String, String> = settings.iter().cloned().collect();
    if let Some(model) = model {
        // Trials run wherever the keeper does; a relative path must mean the same file there.
        let model = std::path::absolute(model).unwrap_or_else(|_| model.to_owned());
        settings.insert("model".to_owned(), model.to_string_lossy().into_owned());
    }
    settings
}

/// Whether a campaign ended before its first trial, for a reason that lies in its scenario.
fn is_of_preparing(error: &SessionError) -> bool {
    matches!(error, SessionError::NotPrepared { .. } | SessionError::SickPreparation { .. })
}

/// Why a campaign ended early, with the exit code of that.
pub(super) fn ended_early(error: SessionError, run: &Run, command: &str) -> Failure {
    let exit = match &error {
        SessionError::NotPrepared { .. } => Exit::Usage,
        SessionError::SickPreparation { .. } => Exit::Unexpected,
        SessionError::Cell { .. } | SessionError::Report(_) => Exit::Failed,
    };
    let kept = match run.trials.len() {
        1 => "1 trial is kept".to_owned(),
        n => format!("{n} trials are kept"),
    };
    let dir = run.dir.display();
    let error = match exit {
        Exit::Usage | Exit::Unexpected => anyhow!(error),
        _ => anyhow!("{error:#}; {kept}, standstill {command} --resume {dir} goes on"),
    };
    Failure { exit, error }
}

/// Resolves flags, file and cards into a plan.
fn plan(args: &StressArgs, opened: &Opened) -> Result<Plan, Failure> {
    let usage = |why: String| Failure::usage(anyhow!(why));
    let config = &opened.config;
    let jobs = args.jobs.or(config.jobs).unwrap_or(1).clamp(1, 256) as usize;
    let timeout =
        match (&args.timeout, &config.timeout) {
            (Some(time), _) => Some(*time),
            (None, Some(text)) => Some(super::duration(text).map_err(|why| {
                Failure::usage(anyhow!("timeout in {}: {why}", crate::config::FILE))
            })?),
            (None, None) => None,
        };
    let asked =
        if args.threads.is_empty() { config.threads.clone() } else { Some(args.threads.clone()) };
    let settings = settings(&args.settings, args.model.as_deref());
    let mut units: Vec<Unit> = Vec::new();
    for pattern in &args.scenarios {
        for (book, card) in select(&opened.books, pattern)? {
            let scenario = format!("{}/{}", book.name, card.name);
            if units.iter().any(|unit| unit.scenario == scenario) {
                continue;
            }
            let own = || card.threads.iter().map(|n| u64::from(*n)).collect();
            let mut counts: Vec<u64> = match actors(card, &settings).map_err(usage)? {
                // The threads of a file are meant for other programs, those of a flag for this one.
                Some(actors) => {
                    let other = args.threads.iter().find_map(|n| other_threads(actors, *n));
                    other.map_or(Ok(vec![actors.into()]), |why| Err(usage(why)))?
                }
                None => asked.clone().unwrap_or_else(own),
            };
            let mut known = BTreeSet::new();
            counts.retain(|count| known.insert(*count));
            for threads in counts {
                if let Some(why) = too_many_threads(threads.max(1), jobs).or_else(|| {
                    (threads == 0).then(|| "a trial needs at least 1 thread".to_owned())
                }) {
                    return Err(usage(why));
                }
                units.push(Unit {
                    scenario: scenario.clone(),
                    threads: threads as u32,
                    trials: args.trials.or(config.trials).unwrap_or(TRIALS),
                    timeout_ms: timeout.map_or(card.timeout_ms, |t| t.as_millis() as u64),
                    card: card.clone(),
                });
            }
        }
    }
    let seed = args.seed.or(config.seed).unwrap_or(1);
    Ok(Plan { units, seed, jobs, settings, isolation: args.isolation.chosen() })
}

/// The command that repeats the campaign, defaults spelled out.
fn command(args: &StressArgs, plan: &Plan) -> String {
    let mut words = vec!["standstill".to_owned(), "stress".to_owned()];
    words.extend(args.scenarios.iter().cloned());
    let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    let mut threads: Vec<String> = plan.units.iter().map(|u| u.threads.to_string()).collect();
    threads.dedup();
    let same = plan.units.iter().all(|u| u.card.threads == plan.units[0].card.threads);
    if !args.threads.is_empty() || (same && !plan.units.is_empty()) {
        let mut known = BTreeSet::new();
        threads.retain(|t| known.insert(t.clone()));
        flag("threads", threads.join(","));
    }
    if let Some(unit) = plan.units.first() {
        flag("trials", unit.trials.to_string());
    }
    if let Some(timeout) = args.timeout {
        flag("timeout", humantime::format_duration(timeout).to_string().replace(' ', ""));
    }
    flag("seed", plan.seed.to_string());
    flag("jobs", plan.jobs.to_string());
    for (key, value) in &plan.settings {
        if key == "model" {
            flag("model", value.clone());
        } else {
            flag("set", format!("{key}={value}"));
        }
    }
    match args.isolation {
        IsolationArg::Auto => {}
        IsolationArg::Zygote => flag("isolation", "zygote".to_owned()),
        IsolationArg::Fresh => flag("isolation", "fresh".to_owned()),
    }
    words.extend(args.source.flags());
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// What its directory is named after.
fn about(header: &Header) -> String {
    let scenarios: BTreeSet<&str> = header.plan.units.iter().map(|u| u.scenario.as_str()).collect();
    match scenarios.len() {
        1 => header.plan.units[0].scenario.clone(),
        n => format!("{n}-scenarios"),
    }
}

/// A flag that the first Ctrl-C (or SIGTERM, SIGHUP) sets. The second ends the process at once; its
/// keepers clean up behind it.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, SeqCst) {
            crate::os::process::exit_now(Exit::Interrupted.code().into());
        }
    })
    .context("failed to listen for Ctrl-C")
    .map_err(Failure::failed)?;
    Ok(stop)
}

pub(super) fn write_report(run: &Run) -> Option<PathBuf> {
    let path = run.dir.join("REPORT.md");
    let saved = super::report::short(run)
        .map_err(anyhow::Error::new)
        .and_then(|text| Ok(markdown::save(&path, &text)?));
    match saved {
        Ok(()) => Some(path),
        Err(error) => {
            complain(&format!("warning: no report was written: {error:#}"));
            None
        }
    }
}
