//! `standstill sweep`.

mod args;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;

use anyhow::anyhow;

pub(super) use args::SweepArgs;

use super::list::Opened;
use super::stress::{create, ended_early, header, settings, stop_on_signals, target, unchanged};
use super::{Exit, Failure, MessageFormat, complain, print, runs};
use crate::catalog::only;
use crate::event::{Reporter, Summary};
use crate::plan::{Plan, Unit, too_many_threads};
use crate::program::{PROGRAM, actors};
use crate::protocol::Card;
use crate::report::json::Json;
use crate::report::style::Paint;
use crate::report::sweep::closing;
use crate::report::terminal::Terminal;
use crate::store::{Header, Run, TrialRecord, Writer};
use crate::sweep::drive::Drive;
use crate::sweep::kept::{Kept, KeptError};
use crate::sweep::looks::Looks;
use crate::sweep::{Swept, counts};
use crate::verdict::Expectation;

/// Trials at one count unless somebody asks otherwise, or a floor needs more.
const TRIALS: u64 = 400;
/// Counts are asked for up to here unless somebody says otherwise.
const THREADS: u32 = 64;

pub(super) fn main(args: &SweepArgs) -> Result<Exit, Failure> {
    let sweep = match &args.resume {
        Some(dir) => Sweep::resume(dir, args)?,
        None => Sweep::begin(args)?,
    };
    sweep.run(args.message_format)
}

/// A run directory, what is asked of it, and what is there already.
struct Sweep {
    dir: PathBuf,
    header: Header,
    writer: Writer,
    kept: Kept,
    before: Vec<TrialRecord>,
}

impl Sweep {
    fn begin(args: &SweepArgs) -> Result<Sweep, Failure> {
        // Before cargo builds anything: nobody is to wait for it and then learn of a slip of the pen.
        if let Some(threads) = &args.threads {
            counts::parse(threads).map_err(|why| Failure::usage(anyhow!(why)))?;
        }
        let quiet = args.message_format == MessageFormat::Json;
        // clap asks for a scenario where there is no run to go on with.
        let pattern = args.scenario.clone().unwrap_or_default();
        let opened = Opened::new(&args.source, std::slice::from_ref(&pattern), quiet)?;
        let (book, card) = only(&opened.books, &pattern)?;
        let scenario = format!("{}/{}", book.name, card.name);
        let plan = plan(args, &opened, &scenario, card)?;
        let kept = Kept::new(args.floor, args.kind, card.expectation.clone());
        let command = args.command(&scenario, &plan);
        let header = header(&opened, command, plan)?;
        let (dir, writer) =
            create(args.run_dir.as_deref(), &header, opened.catalog.as_ref(), Some("sweep"))?;
        kept.save(&dir).map_err(not_kept)?;
        Ok(Sweep { dir, header, writer, kept, before: vec![] })
    }

    fn resume(dir: &Path, args: &SweepArgs) -> Result<Sweep, Failure> {
        let run = Run::load(dir)?;
        runs::tell_damage(&run);
        let kept = Kept::load(dir).map_err(not_kept)?;
        let mut header = run.header.clone();
        unchanged(&header)?;
        if let Some(jobs) = args.jobs {
            header.plan.jobs = jobs as usize;
        }
        let writer = Writer::resume(&run)?;
        Ok(Sweep { dir: dir.to_owned(), header, writer, kept, before: run.trials })
    }

    fn run(self, format: MessageFormat) -> Result<Exit, Failure> {
        let Sweep { dir, header, mut writer, mut kept, before } = self;
        let most = header.plan.units.first().map_or(TRIALS, |unit| unit.trials);
        let looks = Looks::new(kept.floor, most);
        let expected = match &kept.expectation {
            Expectation::Finds { kind } | Expectation::Known { kind, .. } => Some(*kind),
            Expectation::Clean => None,
        };
        let target = target(&header)?;
        let stop = stop_on_signals()?;
        let (mut terminal, mut json) = (Terminal::open_ended(), Json::new(io::stdout()));
        let shown: &mut dyn Reporter = match format {
            MessageFormat::Human => &mut terminal,
            MessageFormat::Json => &mut json,
        };
        let kind = kept.kind.or(expected);
        let drive = Drive { plan: &header.plan, target: &target, looks: &looks, kind, stop: &stop };
        let outcome = drive.run(&before, &mut [&mut writer, shown]);
        drop(writer);
        let run = Run::load(&dir)?;
        let swept = outcome.map_err(|error| ended_early(error, &run, "sweep"))?;
        kept.answer = Some(swept.clone());
        if let Err(error) = kept.save(&dir) {
            complain(&format!("warning: the answer was not stored: {error}"));
        }
        // A sweep leaves counts out on purpose: the report is of those that were tried.
        let report = super::stress::write_report(&crate::sweep::tried(&run));
        let summaries: Vec<Summary> =
            run.summaries().into_iter().filter(|s| s.trials() > 0).collect();
        match format {
            MessageFormat::Human => {
                print(&closing(&run, &swept, report.as_deref(), Paint::stdout()));
            }
            MessageFormat::Json => json.swept(&swept, &summaries, &run.dir).unwrap_or(()),
        }
        Ok(match () {
            () if stop.load(SeqCst) && swept.interrupted => Exit::Interrupted,
            () => exit(&swept, &summaries, &kept.expectation),
        })
    }
}

/// What the answer means against what the scenario expects.
fn exit(swept: &Swept, summaries: &[Summary], expectation: &Expectation) -> Exit {
    let found = |kind| summaries.iter().any(|s| s.findings.iter().any(|f| f.kind == kind));
    let is_missed = matches!(expectation, Expectation::Finds { kind } if !found(*kind));
    match () {
        () if summaries.iter().any(|s| s.unexpected > 0) => Exit::Unexpected,
        () if swept.least.is_none() && swept.has_open() => Exit::Inconclusive,
        () if is_missed => Exit::Unexpected,
        () => Exit::AsExpected,
    }
}

/// A unit for each count that may be tried, smallest first.
fn plan(args: &SweepArgs, opened: &Opened, scenario: &str, card: &Card) -> Result<Plan, Failure> {
    let config = &opened.config;
    let jobs = args.jobs.or(config.jobs).unwrap_or(1).clamp(1, 256) as usize;
    let is_too_many = |threads: &u32| too_many_threads(u64::from(*threads), jobs);
    let mut asked = match &args.threads {
        Some(threads) => {
            let asked = counts::parse(threads).map_err(|why| Failure::usage(anyhow!(why)))?;
            if let Some(why) = asked.last().and_then(is_too_many) {
                return Err(Failure::usage(anyhow!(why)));
            }
            asked
        }
        // Nobody has asked for more than this machine has.
        None => (1..=THREADS).take_while(|threads| is_too_many(threads).is_none()).collect(),
    };
    let settings = settings(&args.settings, args.model.as_deref());
    if let Some(actors) = actors(card, &settings).map_err(|why| Failure::usage(anyhow!(why)))? {
        return Err(Failure::usage(anyhow!(
            "a sweep tries many thread counts, and the setting {PROGRAM} names the actors of its \
             program, which takes -t {actors}; `standstill stress` runs it"
        )));
    }
    // The control: a failure with one thread is no matter of threads among themselves.
    if !asked.contains(&1) {
        asked.insert(0, 1);
    }
    let timeout = args.timeout(config)?;
    let most = args.trials.unwrap_or_else(|| TRIALS.max(Looks::needed(args.floor)));
    // Whatever must be found in every trial need not be with fewer threads than it takes.
    let expectation = match card.expectation.clone() {
        Expectation::Finds { kind } => {
            let issue = "the scenario finds it in every trial that has threads enough".to_owned();
            Expectation::Known { issue, kind, also: vec![] }
        }
        other => other,
    };
    let units = asked.into_iter().map(|threads| Unit {
        scenario: scenario.to_owned(),
        threads,
        trials: most,
        timeout_ms: timeout.map_or(card.timeout_ms, |t| t.as_millis() as u64),
        card: Card { expectation: expectation.clone(), ..card.clone() },
    });
    Ok(Plan {
        units: units.collect(),
        seed: args.seed.or(config.seed).unwrap_or(1),
        jobs,
        settings,
        isolation: args.isolation.chosen(),
    })
}

fn not_kept(error: KeptError) -> Failure {
    match error {
        KeptError::NotWritten(_) => Failure::failed(anyhow!("{error}")),
        _ => Failure::usage(anyhow!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::fixture;
    use crate::verdict::Kind;

    fn code(counts: &[(u32, u64, u64)], expectation: &Expectation, unexpected: u64) -> Exit {
        let swept = fixture::swept(counts);
        let mut summary = Summary::new(0, "bank/transfer", 2);
        summary.unexpected = unexpected;
        exit(&swept, &[summary], expectation)
    }

    #[test]
    fn a_code_says_what_the_answer_means() {
        let clean = Expectation::Clean;
        let finds = Expectation::Finds { kind: Kind::Deadlock };
        assert_eq!(code(&[(1, 0, 400), (2, 0, 400)], &clean, 0), Exit::AsExpected);
        assert_eq!(code(&[(1, 0, 400), (2, 25, 25)], &clean, 25), Exit::Unexpected);
        assert_eq!(code(&[(1, 0, 400), (2, 0, 0)], &clean, 0), Exit::Inconclusive);
        assert_eq!(code(&[(1, 0, 400), (2, 0, 400)], &finds, 0), Exit::Unexpected);
    }
}
