//! What is done with a finding once the search is over: its schedule is made as short as it gets,
//! drawn as a table, and tried without control.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::confirm::{self, Confirmed, confirm};
use super::interleaving::{self, Table};
use super::ledger::Case;
use super::minimise::{self, Minimised, minimise};
use super::output::Printed;
use super::record::Bounds;
use super::rerun::Rerun;
use super::search::Summary;
use super::target::Target;
use crate::os::control::cpus;

/// Runs of a minimisation, at most.
const RUNS: u32 = 500;
/// Time for a confirmation where nobody waits for an answer.
const CONFIRMING: Duration = Duration::from_secs(20);
/// With less than this nothing is begun.
const LEAST: Duration = Duration::from_secs(1);

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Time for minimising; none: the schedule stays as it was found.
    pub minimise: Option<Duration>,
    /// Runs of each sort without control; none: no confirmation.
    pub confirm: Option<u32>,
    /// When all must be told; none if nobody waits for it.
    pub until: Option<Instant>,
}

/// The short schedule of a finding, and what is known of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Minimal {
    /// What its trial begins with besides its decisions.
    pub order: Bounds,
    /// Departures from the default rule: step and thread.
    pub decisions: Vec<(u32, u32)>,
    /// Hash of the schedule.
    pub hash: u64,
    /// Its steps.
    pub steps: u64,
    /// Its switches.
    pub switches: u64,
    /// Those among them away from a thread that could have gone on.
    pub preemptions: u32,
    /// Switches and preemptions of the schedule that was found.
    pub was: (u64, u32),
    /// Runs that it took; 0 if minimisation was not wanted.
    pub runs: u32,
    /// Whether time or runs were over before nothing more could be left out.
    pub cut_short: bool,
    /// What it printed, where that is what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<Printed>,
    /// What it looks like.
    pub table: Table,
    /// Whether it appears without control; none if that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
    /// Why something was not done, each a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Does it for all cases of a search, in their order; for each, what came of it or why nothing did.
pub fn aftermath(
    target: &Target,
    summary: &Summary,
    wanted: Wanted,
    stop: &AtomicBool,
) -> Vec<Result<Minimal, String>> {
    if wanted.minimise.is_none() && wanted.confirm.is_none() {
        return summary.ledger.cases.iter().map(|_| Err("it was not wanted".to_owned())).collect();
    }
    summary.ledger.cases.iter().map(|case| of_case(target, summary, case, wanted, stop)).collect()
}

fn of_case(
    target: &Target,
    summary: &Summary,
    case: &Case,
    wanted: Wanted,
    stop: &AtomicBool,
) -> Result<Minimal, String> {
    let baseline = &summary.ledger.baseline;
    let end = |patience: Duration| {
        let mine = Instant::now() + patience;
        wanted.until.map_or(mine, |until| until.min(mine))
    };
    let left = || end(Duration::MAX / 4).saturating_duration_since(Instant::now());
    let no_time = || wanted.until.is_some() && left() < LEAST;
    if no_time() {
        return Err("there was no time left for it".to_owned());
    }
    let cpu = cpus().first().copied().unwrap_or(0);
    let runs = if wanted.minimise.is_some() { RUNS } else { 1 };
    // The larger part is for the confirmation, whose runs are in real time.
    let all = wanted.minimise.unwrap_or(LEAST);
    let share = if wanted.until.is_some() { all.min(left() / 3) } else { all };
    let loaded = end(Duration::from_secs(30));
    // As the trial had it that found it.
    let target =
        &Target { level: case.assignment.level, chosen: summary.chosen.clone(), ..target.clone() };
    let mut rerun = Rerun::start(target, baseline, cpu, loaded, stop)
        .map_err(|error| format!("failed to {error}"))?;
    let until = end(share);
    let verified = end(share + Duration::from_secs(10));
    let bounds = minimise::Bounds { until, verified, runs };
    let minimised = minimise(&mut rerun, case, bounds)?;
    let places = rerun.name(&minimised.ended.events);
    drop(rerun);
    let verdict = format!("{}: {}", case.finding.kind, case.finding.summary);
    let table = interleaving::table(&minimised.ended, &places, Some(&verdict));
    let mut minimal = Minimal::new(&minimised, table);
    minimal.printed = minimised.ended.printed.clone().filter(|_| case.output.is_some());
    minimal.runs = if wanted.minimise.is_some() { minimised.runs } else { 0 };
    let Some(attempts) = wanted.confirm else { return Ok(minimal) };
    if no_time() {
        minimal.notes.push("there was no time left for runs without control".to_owned());
        return Ok(minimal);
    }
    let bounds = confirm::Bounds { attempts, until: end(CONFIRMING) };
    let ended = &minimised.ended;
    let what = (case.finding.kind, &ended.events[..]);
    match confirm(target, baseline, what, &minimised.order, bounds, stop) {
        Ok(confirmed) => minimal.confirmed = Some(confirmed),
        Err(error) => minimal.notes.push(format!("no runs without control: failed to {error}")),
    }
    Ok(minimal)
}

impl Minimal {
    fn new(minimised: &Minimised, table: Table) -> Minimal {
        let (numbers, order) = (&minimised.ended.numbers, &minimised.order);
        Minimal {
            order: Bounds::of(order),
            decisions: minimised.ended.decisions.iter().map(|d| (d.step, d.thread)).collect(),
            hash: numbers.hash,
            steps: numbers.steps,
            switches: numbers.switches,
            preemptions: numbers.preemptions,
            was: (minimised.before.switches, minimised.before.preemptions),
            runs: minimised.runs,
            cut_short: minimised.cut_short,
            printed: None,
            table,
            confirmed: None,
            notes: vec![],
        }
    }
}
