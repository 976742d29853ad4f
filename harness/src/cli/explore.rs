//! `standstill explore`: many schedules of one program, each of them ours.

mod args;
mod run;
mod scenario;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use super::keep::Keep;
use super::{Exit, Failure, MessageFormat, complain, print};
use crate::environment::sha256;
use crate::explore::aftermath::{After, Wanted, aftermath};
use crate::explore::ledger::Case;
use crate::explore::portfolio::{Mix, Portfolio};
use crate::explore::record::Record;
use crate::explore::search::{Search, Summary};
use crate::explore::server::ServerError;
use crate::explore::target::{Target, TargetError};
use crate::levels::carried::level_of;
use crate::report::next;
use crate::report::schedule as report;
use crate::report::style::Paint;
use crate::report::throughput::Throughput;

pub(super) use args::ExploreArgs;
use run::Subject;

/// Time of the budget that is left for looking at what runs, for telling and for tidying up.
const LAST_WORDS: Duration = Duration::from_millis(1500);

pub(super) fn main(args: &ExploreArgs) -> Result<Exit, Failure> {
    let (begun, began) = (Instant::now(), SystemTime::now());
    if let Some(why) = crate::supervise::foreign_proc() {
        return Err(Failure::failed(anyhow!(why)));
    }
    run::check(args)?;
    let keep = args.keep.as_deref().map(Keep::new).transpose()?;
    let explored = explore(args, begun);
    let mut explored = match explored {
        Ok(explored) => explored,
        Err(failure) => {
            // Whoever reads JSON is to find an answer on the last line, whatever it is.
            if args.message_format == MessageFormat::Json && failure.exit == Exit::Failed {
                let why = format!("{:#}", failure.error);
                print(&format!("{}\n", answer("inconclusive", Some(why), &[], None, begun)));
            }
            return Err(failure);
        }
    };
    let Explored { target, hash, summary, afters, .. } = &mut explored;
    remember_larger(target, hash, summary, afters);
    let Explored { target, hash, summary, afters, .. } = &explored;
    let record = |After { case, target, minimal }: &After| {
        let minimal = minimal.as_ref().ok().cloned();
        Record { minimal, ..Record::new(target, hash, case) }
    };
    let records: Vec<Record> = afters.iter().map(record).collect();
    let reports: Vec<String> = afters
        .iter()
        .zip(&records)
        .map(|(after, record)| report::case(&after.case, &record.token, &after.minimal))
        .collect();
    let kept = records.iter().filter_map(|record| record.remember()).collect::<Vec<_>>();
    let why = unclear(summary);
    let run = run::write(args, began, &explored, &records);
    match args.message_format {
        MessageFormat::Json => {
            let told = afters.iter().zip(&records).map(|(after, record)| {
                let After { case, minimal, .. } = after;
                (case, record, minimal.as_ref().err())
            });
            let pairs: Vec<Told<'_>> = told.collect();
            let verdict = verdict(summary);
            let mut line = answer(verdict, why.clone(), &pairs, Some(summary), begun);
            line["run"] = run.as_ref().ok().map_or(Value::Null, |dir| json!(dir.to_string_lossy()));
            print(&format!("{line}\n"));
        }
        MessageFormat::Human => {
            let mut text = report::closing(target, summary, why.as_deref());
            for report in &reports {
                text = format!("{report}\n{text}");
            }
            if let Ok(dir) = &run {
                text += &format!("standstill: run: {}\n", dir.display());
            }
            let first = afters.first().zip(records.first());
            text += &next(args, target, first, run.as_ref().ok(), why.is_some());
            print(&text);
        }
    }
    if let Some(keep) = keep
        && !afters.is_empty()
    {
        let written = keep.make().and_then(|dir| write(dir, &reports, &records));
        written.map_err(|why| Failure::failed(anyhow!("failed to {why}")))?;
    }
    if kept.len() < records.len() && args.keep.is_none() {
        complain("standstill: note: the schedule could not be stored; --keep DIR would keep it");
    }
    match run {
        Err(failure) if args.run_dir.is_some() => return Err(failure),
        Err(failure) => complain(&format!(
            "standstill: note: no run was kept ({:#}); --run-dir DIR would keep it elsewhere",
            failure.error
        )),
        Ok(_) => {}
    }
    Ok(match verdict(summary) {
        "found" => Exit::Unexpected,
        _ if summary.interrupted => Exit::Interrupted,
        "clean" => Exit::AsExpected,
        _ => Exit::Inconclusive,
    })
}

/// What was searched, and what came of it.
struct Explored {
    target: Target,
    /// What a run says of it, if it is a scenario.
    subject: Option<Subject>,
    /// Of its binary.
    hash: String,
    summary: Summary,
    /// For each finding.
    afters: Vec<After>,
}

/// What a person may want to type next.
fn next(
    args: &ExploreArgs,
    target: &Target,
    first: Option<(&After, &Record)>,
    run: Option<&PathBuf>,
    is_unclear: bool,
) -> String {
    let mut common = args.source.flags();
    for (key, value) in &args.settings {
        common.extend(["--set".to_owned(), format!("{key}={value}")]);
    }
    if let Some(model) = &args.model {
        common.extend(["--model".to_owned(), model.display().to_string()]);
    }
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let search = next::Search {
        target: first.map_or(target, |(after, _)| &after.target),
        token: first.map(|(_, record)| record.token.as_str()),
        run: run.map(PathBuf::as_path),
        is_blocked: first.is_some_and(|(after, _)| !after.case.ended.blocked.is_empty()),
        is_unclear,
        common,
        command: std::iter::once("standstill".to_owned()).chain(words).collect(),
    };
    format!("\n{}", next::explored(&search, Paint::stdout()))
}

/// Stores what a search found before a smaller run took its place, and notes its token there.
fn remember_larger(target: &Target, hash: &str, summary: &Summary, afters: &mut [After]) {
    for (case, after) in summary.ledger.cases.iter().zip(afters) {
        if let Ok(minimal) = &mut after.minimal
            && let Some(smaller) = &mut minimal.smaller
            && smaller.now != smaller.was
        {
            let record = Record::new(target, hash, case);
            if record.remember().is_some() {
                smaller.token = Some(record.token);
            }
        }
    }
}

/// Searches, and takes a closer look at what was found.
fn explore(args: &ExploreArgs, begun: Instant) -> Result<Explored, Failure> {
    let (mut target, subject) = match &args.scenario {
        Some(scenario) => {
            let (target, subject) = scenario::target(scenario, args)?;
            (target, Some(subject))
        }
        None => (Target::resolve(&args.command).map_err(refused)?, None),
    };
    // Building a scenario's crate is no part of the search.
    let begun = if args.scenario.is_some() { Instant::now() } else { begun };
    target.exec = args.exec;
    target.batch = args.batch;
    if args.batch > 1 && matches!(args.mix(), Mix::Delays { .. }) {
        return Err(Failure::usage(anyhow!(
            "a systematic search needs schedules that begin alike: leave --batch out, or take another \
             strategy than `delays`"
        )));
    }
    target.same_output = args.same_output;
    target.timeout = args.timeout;
    let hash = sha256(&target.exe)
        .with_context(|| format!("failed to read {}", target.exe.display()))
        .map_err(Failure::failed)?;
    let carried = std::fs::read(&target.exe).ok().and_then(|file| level_of(&file));
    let levels = args.level.levels(carried).map_err(Failure::usage)?;
    crate::os::process::write_no_core_files();
    let interrupt: Arc<AtomicBool> = super::stress::stop_on_signals()?;
    let search = Search {
        target: &target,
        jobs: args.jobs as usize,
        begun,
        until: begun + args.budget.saturating_sub(LAST_WORDS.min(args.budget / 4)),
        until_first: !args.all,
    };
    let mut plan = Portfolio::new(args.mix(), levels, args.seed, args.depth, args.trials);
    plan.share_processes(args.batch > 1);
    let mut throughput = Throughput::new(args.budget);
    let summary = search.run(plan, &interrupt, &mut |progress| throughput.show(progress));
    throughput.finish();
    let summary = summary.map_err(lost)?;
    // A program that reads the answer has a budget for all of it; a person reads what comes.
    let is_json = args.message_format == MessageFormat::Json;
    let until = is_json.then(|| begun + args.budget.saturating_sub(LAST_WORDS));
    let wanted = Wanted { minimise: args.minimise.0, confirm: args.confirm.0, until };
    let afters = aftermath(&target, &summary, wanted, &interrupt);
    Ok(Explored { target, subject, hash, summary, afters })
}

/// A command that is not there is the user's mistake.
pub(super) fn refused(error: TargetError) -> Failure {
    let is_usage = !matches!(error, TargetError::Uncontrollable(..));
    let sentence = anyhow!("failed to {error}");
    if is_usage { Failure::usage(sentence) } else { Failure::failed(sentence) }
}

pub(super) fn lost(error: ServerError) -> Failure {
    use ServerError::{NoReference, NotPrepared};
    let is_usage = matches!(error, NoReference(_) | NotPrepared { .. });
    let sentence = anyhow!("failed to {error}");
    if is_usage { Failure::usage(sentence) } else { Failure::failed(sentence) }
}

fn verdict(summary: &Summary) -> &'static str {
    match () {
        () if !summary.ledger.cases.is_empty() => "found",
        () if unclear(summary).is_some() => "inconclusive",
        () => "clean",
    }
}

/// Why nothing found does not mean that all is well.
fn unclear(summary: &Summary) -> Option<String> {
    let ledger = &summary.ledger;
    if let Some(why) = ledger.withheld() {
        return Some(why);
    }
    if let Some((why, times)) = ledger.unclear.iter().max_by_key(|(_, times)| **times) {
        let of = (*times).max(ledger.trials);
        return Some(format!("{times} of {of} trials say nothing: {why}"));
    }
    if ledger.clean > 0 && ledger.threads < 2 {
        let why = "it had one thread in all trials, so there was nothing to schedule; a program that it \
                   starts in turn is not controlled: name that one instead";
        return Some(why.to_owned());
    }
    (ledger.clean == 0).then(|| "no trial came to its end in the time that there was".to_owned())
}

/// A finding, its record, and why it was not minimised.
type Told<'a> = (&'a Case, &'a Record, Option<&'a String>);

/// The last line for programs.
fn answer(
    verdict: &str,
    why: Option<String>,
    cases: &[Told<'_>],
    summary: Option<&Summary>,
    begun: Instant,
) -> Value {
    let mut kinds: Vec<_> = cases.iter().map(|(case, ..)| case.finding.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let first = cases.first();
    let findings: Vec<Value> = cases
        .iter()
        .map(|(case, record, why_not)| {
            let mut finding = json!(case.finding);
            finding["token"] = record.token.as_str().into();
            finding["trial"] = (case.assignment.index + 1).into();
            finding["times"] = case.times.into();
            finding["steps"] = case.ended.numbers.steps.into();
            finding["schedule_hash"] = format!("{:016x}", case.ended.numbers.hash).into();
            if let Some(output) = &case.output {
                finding["output"] = json!(output);
            }
            if let Some(minimal) = &record.minimal {
                finding["minimal"] = json!(minimal);
            }
            if let Some(why) = why_not {
                finding["not_minimised"] = why.as_str().into();
            }
            finding["repeated"] = case
                .repeated
                .map(|r| r.same_schedule && r.same_end)
                .map_or(Value::Null, Value::from);
            finding
        })
        .collect();
    let ledger = summary.map(|summary| &summary.ledger);
    let minimal = first.and_then(|(_, record, _)| record.minimal.as_ref());
    json!({
        "event": "verdict",
        "verdict": verdict,
        "kinds": kinds,
        "trials": ledger.map_or(0, |ledger| ledger.trials),
        "steps": ledger.map_or(0, |ledger| ledger.steps),
        "threads": ledger.map_or(0, |ledger| ledger.threads),
        "seconds": (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        "first_failure_trial": first.map(|(case, ..)| case.assignment.index + 1),
        "token": first.map(|(_, record, _)| &record.token),
        "replay": first.map(|(_, record, _)| report::replay(&record.token)),
        "switches": minimal.map(|minimal| minimal.switches),
        "preemptions": minimal.map(|minimal| minimal.preemptions),
        "confirmed": minimal.and_then(|minimal| minimal.larger.as_ref().or(minimal.confirmed.as_ref())),
        "findings": findings,
        "proof": summary.and_then(|summary| summary.proof.as_ref()),
        "why": why,
        "unclear": ledger.map(|ledger| &ledger.unclear),
        "notes": ledger.map(|ledger| &ledger.notes),
    })
}

/// Writes the schedules and the reports of all findings, the first under the plain names.
fn write(dir: &Path, reports: &[String], records: &[Record]) -> Result<(), String> {
    for (nth, (report, record)) in reports.iter().zip(records).enumerate() {
        let name = |name: &str, end: &str| match nth {
            0 => dir.join(format!("{name}.{end}")),
            nth => dir.join(format!("{name}-{nth}.{end}")),
        };
        record.save(&name("schedule", "json")).map_err(|error| error.to_string())?;
        let path = name("report", "txt");
        std::fs::write(&path, report)
            .map_err(|error| format!("write {}: {error}", path.display()))?;
    }
    Ok(())
}
