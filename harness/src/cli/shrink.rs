//! `standstill shrink`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use anyhow::anyhow;
use clap::Args;

use super::stress::{create, not_had, stop_on_signals, target, unchanged, write_report};
use super::{Exit, Failure, MessageFormat, complain, duration, print, runs};
use crate::explore::target::quoted;
use crate::program::{PROGRAM, Wanted};
use crate::report::next::{self, Origin};
use crate::report::page::words::counted;
use crate::report::shrunk::{object, size, told};
use crate::report::style::Paint;
use crate::session::SessionError;
use crate::shrink::{Bench, Case, Lead, NoCase, Shrunk, shrink};
use crate::stats::Rate;
use crate::store::{Header, Run, Writer};
use crate::verdict::Grade;

const EXIT_CODES: &str = "\
Actors are left out first, then calls, then both again: each program is run in trials of its own
until it fails as the one that was found did, or has had --trials. How often the smallest one fails
is then measured in other trials, which are kept as a run: report, explore and stress go on from it.

Exit codes:
  0    what fails is what the scenario expects
  1    what fails is unexpected
  2    what was asked for does not exist or makes no sense
  3    the program did not fail again
  4    something that standstill needs failed: a build, a disk, a process limit
  130  interrupted; the smallest program so far is told";

/// `standstill shrink`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct ShrinkArgs {
    /// The run that holds the failure [default: the last one]
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,
    /// Only failures of these scenarios: `crate/scenario`, `crate`, or `scenario`; `*` stands for anything
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<String>,
    /// Trials of a program until it counts as not failing, and of the smallest to measure it
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..))]
    trials: u64,
    /// Time for the search; measuring takes at most as long again
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    budget: Duration,
    /// Deadline of a trial's actors, such as 30s [default: that of the run]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Keep the run of the smallest program here [default: a new directory below target/standstill]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    message_format: MessageFormat,
}

pub(super) fn main(args: &ShrinkArgs) -> Result<Exit, Failure> {
    let dir = args.run.clone().map_or_else(runs::last, Ok)?;
    let run = runs::load(&dir)?;
    runs::tell_damage(&run);
    let mut case = Case::of(&run, args.scenario.as_deref()).map_err(|why| refused(&dir, &why))?;
    unchanged(&run.header)?;
    // Nobody is to wait for a search and then learn that it cannot be kept.
    if let Some(kept) = &args.run_dir {
        Writer::check(kept).map_err(|error| not_had(kept, error, None))?;
    }
    let (target, stop) = (target(&run.header)?, stop_on_signals()?);
    if let Some(timeout) = args.timeout {
        case.unit.timeout_ms = timeout.as_millis() as u64;
    }
    let seed = case.program.seed;
    let mut tell = |lead: Lead<'_>| say(seed, &lead);
    let mut bench = Bench {
        plan: &run.header.plan,
        target: &target,
        case: &case,
        trials: args.trials,
        until: Instant::now() + args.budget,
        stop: &stop,
        tell: &mut tell,
        programs: 0,
        ran: 0,
    };
    let Some(mut shrunk) = shrink(&case, &mut bench).map_err(failed)? else {
        return Ok(not_again(args, &case, bench.ran, &stop));
    };
    let measured = match stop.load(SeqCst) {
        true => Ok(None),
        false => measure(args, &run, &bench, &mut shrunk).map(Some),
    };
    // What was found is told first, whatever became of its run.
    let kept = measured.as_ref().ok().and_then(Option::as_ref);
    match args.message_format {
        MessageFormat::Json => {
            print(&format!("{}\n", object(&shrunk, kept.map(|run| &*run.dir))));
        }
        MessageFormat::Human => print(&closing(&shrunk, kept)),
    }
    measured?;
    Ok(match case.grade {
        _ if stop.load(SeqCst) => Exit::Interrupted,
        Grade::AsExpected => Exit::AsExpected,
        _ => Exit::Unexpected,
    })
}

/// Runs the smallest program as a campaign of its own, which is kept.
fn measure(
    args: &ShrinkArgs,
    run: &Run,
    bench: &Bench<'_>,
    shrunk: &mut Shrunk,
) -> Result<Run, Failure> {
    let parts = shrunk.calls.wanted().kept.unwrap_or_default();
    // Trials other than those that have chosen this program: else its rate would be too high.
    let plan = bench.plan(&parts, run.header.plan.seed.wrapping_add(1));
    let origin = Origin::of(&Header { plan: plan.clone(), ..run.header.clone() });
    let mut words = origin.stress(&shrunk.scenario, parts.len() as u32, args.trials);
    words.extend(["--seed".to_owned(), plan.seed.to_string()]);
    let header = Header {
        began: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        command: words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
        plan: plan.clone(),
        ..run.header.clone()
    };
    let catalog = crate::catalog::Catalog::find(None).ok();
    let (dir, mut writer) = create(args.run_dir.as_deref(), &header, catalog.as_ref(), None)?;
    let until = Instant::now() + args.budget;
    let outcome = bench.measure(&plan, until, &mut [&mut writer]);
    drop(writer);
    shrunk.rate = outcome.map_err(failed)?;
    let run = Run::load(&dir)?;
    write_report(&run);
    Ok(run)
}

/// What a person reads last.
fn closing(shrunk: &Shrunk, measured: Option<&Run>) -> String {
    let mut out = told(shrunk);
    let Some(run) = measured else { return out };
    out += &format!("run: {}\n\n", run.dir.display());
    out + &next::lines(&next::shrunk(run, shrunk), Paint::stdout())
}

/// The program as it was found has not failed again, so there is nothing to go by.
fn not_again(args: &ShrinkArgs, case: &Case, ran: u64, stop: &AtomicBool) -> Exit {
    let rate = Rate { k: 0, n: ran };
    let (scenario, kind, program) = (&case.unit.scenario, case.kind, case.program.wanted());
    match args.message_format {
        MessageFormat::Json => {
            let line = serde_json::json!({
                "event": "shrunk", "verdict": "inconclusive", "kinds": [], "scenario": scenario,
                "kind": kind, "rate": rate, "from": program.to_string(),
            });
            print(&format!("{line}\n"));
        }
        MessageFormat::Human => print(&format!(
            "{scenario}: its program did not fail again as it had, by a {kind}, in {}; -n tries more \
             often\n  --set {PROGRAM}={program}\n",
            counted(ran, "trial")
        )),
    }
    if stop.load(SeqCst) { Exit::Interrupted } else { Exit::Inconclusive }
}

/// One line for each program that was tried, on standard error: many are as large as others.
fn say(seed: u64, lead: &Lead<'_>) {
    let Rate { k, n } = lead.rate;
    let calls = lead.parts.iter().map(|(_, calls)| calls.len()).sum();
    let size = size(crate::shrink::Size { threads: lead.parts.len(), calls });
    let program = Wanted { seed, kept: Some(lead.parts.clone()) };
    complain(&match k {
        0 => format!("{size}, {program}: 0 of {} failed", counted(n, "trial")),
        _ => format!("{size}, {program}: failed in trial {n}"),
    });
}

fn refused(dir: &Path, why: &NoCase) -> Failure {
    Failure::usage(anyhow!("failed to find a program to shrink in {}: {why}", dir.display()))
}

fn failed(error: SessionError) -> Failure {
    match &error {
        SessionError::NotPrepared { .. } => Failure::usage(anyhow!("{error}")),
        _ => Failure::failed(anyhow!("{error}")),
    }
}
