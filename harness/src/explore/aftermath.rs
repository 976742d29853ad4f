//! What is done with a finding once the search is over: its schedule is made as short as it gets,
//! looked for in smaller runs, drawn as a table, and tried without control.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use standstill_scheduler::abi::{Event, Order};

use super::confirm::{self, Confirmed, confirm};
use super::interleaving::{self, Table};
use super::judge::Baseline;
use super::ledger::Case;
use super::minimise::{self, Minimised, minimise};
use super::output::Printed;
use super::places::Place;
use super::record::Bounds;
use super::rerun::Rerun;
use super::search::Summary;
use super::smaller::{Seeker, Smaller, smaller};
use super::target::Target;
use crate::os::control::cpus;
use crate::verdict::Kind;

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
    /// Whether fewer threads and iterations do; none for programs of which they cannot be chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smaller: Option<Smaller>,
    /// What it printed, where that is what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<Printed>,
    /// What it looks like.
    pub table: Table,
    /// Whether it appears without control; none if that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
    /// The same of the run that a smaller one took the place of, if that appears nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub larger: Option<Confirmed>,
    /// Why something was not done, each a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A finding as it is told, which may be of a smaller run than the one that the search made.
#[derive(Debug)]
pub struct After {
    /// The finding and its trial.
    pub case: Case,
    /// What the trial is one of.
    pub target: Target,
    /// What came of it, or why nothing did.
    pub minimal: Result<Minimal, String>,
}

/// Does it for all cases of a search, in their order.
pub fn aftermath(
    target: &Target,
    summary: &Summary,
    wanted: Wanted,
    stop: &AtomicBool,
) -> Vec<After> {
    let cpu = cpus().first().copied().unwrap_or(0);
    let work = Work { baseline: &summary.ledger.baseline, wanted, cpu, stop };
    let of_case = |case: &Case| {
        // As the trial had it that found it.
        let level = case.assignment.level;
        let target = Target { level, chosen: summary.chosen.clone(), ..target.clone() };
        let short = match wanted.minimise.is_none() && wanted.confirm.is_none() {
            true => Err("it was not wanted".to_owned()),
            false => work.short(&target, case),
        };
        match short {
            Ok(short) => work.tell(short),
            Err(why) => {
                let why = format!("{why}{}", work.plainly(&target, case));
                After { case: case.clone(), target, minimal: Err(why) }
            }
        }
    };
    summary.ledger.cases.iter().map(of_case).collect()
}

/// What is the same for all cases.
struct Work<'a> {
    baseline: &'a Baseline,
    wanted: Wanted,
    cpu: usize,
    stop: &'a AtomicBool,
}

/// A case whose schedule is short.
struct Short {
    case: Case,
    target: Target,
    minimised: Minimised,
    places: BTreeMap<u64, Place>,
    smaller: Option<Smaller>,
    /// What it took the place of.
    larger: Option<Box<Short>>,
    notes: Vec<String>,
}

impl Work<'_> {
    fn end(&self, patience: Duration) -> Instant {
        let mine = Instant::now() + patience;
        self.wanted.until.map_or(mine, |until| until.min(mine))
    }

    fn left(&self) -> Duration {
        self.end(Duration::MAX / 4).saturating_duration_since(Instant::now())
    }

    fn has_no_time(&self) -> bool {
        self.wanted.until.is_some() && self.left() < LEAST
    }

    /// Makes the schedule short, looks for the same finding in a smaller run, and makes its schedule
    /// short.
    fn short(&self, target: &Target, case: &Case) -> Result<Short, String> {
        if self.has_no_time() {
            return Err("there was no time left for it".to_owned());
        }
        // The larger part is for the confirmation, whose runs are in real time.
        let all = self.wanted.minimise.unwrap_or(LEAST);
        let share = if self.wanted.until.is_some() { all.min(self.left() / 3) } else { all };
        let size = target.size.filter(|_| self.wanted.minimise.is_some());
        let Some(was) = size else { return self.minimised(target, case, share) };
        // Three such parts, where that delays an answer that is due; else each has all of it.
        let share = if self.wanted.until.is_some() { all.min(self.left() / 9) } else { share };
        let short = self.minimised(target, case, share)?;
        let seeker = Seeker {
            target,
            case,
            goal: &short.minimised.goal,
            baseline: self.baseline,
            cpu: self.cpu,
            until: self.end(share),
            stop: self.stop,
        };
        let (mut told, found) = smaller(was, &mut |size| seeker.seek(size));
        let small = found.map(|found| self.minimised(&found.target, &found.case, share));
        let mut short = match small {
            Some(Ok(small)) => Short { larger: Some(Box::new(short)), ..small },
            Some(Err(why)) => {
                told.now = was;
                let notes = vec![format!("a smaller run failed, and is not shown: {why}")];
                Short { notes, ..short }
            }
            None => short,
        };
        short.smaller = Some(told);
        Ok(short)
    }

    /// Makes a schedule short in so much time.
    fn minimised(&self, target: &Target, case: &Case, share: Duration) -> Result<Short, String> {
        let runs = if self.wanted.minimise.is_some() { RUNS } else { 1 };
        let loaded = self.end(Duration::from_secs(30));
        let mut rerun = Rerun::start(target, self.baseline, self.cpu, loaded, self.stop)
            .map_err(|error| format!("failed to {error}"))?;
        let until = self.end(share);
        let verified = self.end(share + Duration::from_secs(10));
        let bounds = minimise::Bounds { until, verified, runs };
        let minimised = minimise(&mut rerun, case, bounds)?;
        let places = rerun.name(&minimised.ended.events);
        let (case, target) = (case.clone(), target.clone());
        Ok(Short { case, target, minimised, places, smaller: None, larger: None, notes: vec![] })
    }

    /// Draws it, and tries it without control.
    fn tell(&self, mut short: Short) -> After {
        let case = &short.case;
        let verdict = format!("{}: {}", case.finding.kind, case.finding.summary);
        let table = interleaving::table(&short.minimised.ended, &short.places, Some(&verdict));
        let mut minimal = Minimal::new(&short.minimised, table);
        minimal.smaller = short.smaller.take();
        minimal.printed = short.minimised.ended.printed.clone().filter(|_| case.output.is_some());
        if self.wanted.minimise.is_none() {
            minimal.runs = 0;
        }
        let mut notes = std::mem::take(&mut short.notes);
        minimal.confirmed = self.confirmed(&short, &mut notes);
        let is_native = minimal.confirmed.as_ref().is_some_and(Confirmed::is_native);
        // A smaller run may have less of a chance.
        if let Some(larger) = short.larger.take().filter(|_| !is_native) {
            minimal.larger = self.confirmed(&larger, &mut notes).filter(Confirmed::is_native);
        }
        minimal.notes = notes;
        let Short { case, target, .. } = short;
        After { case, target, minimal: Ok(minimal) }
    }

    /// How often a finding whose schedule is not short appears in plain runs, as the rest of a sentence;
    /// empty if that is not wanted.
    fn plainly(&self, target: &Target, case: &Case) -> String {
        let Some(attempts) = self.wanted.confirm else { return String::new() };
        let kind = case.finding.kind;
        match self.natively(attempts, target, (kind, &[]), &case.assignment.order) {
            Err(why) => format!("; {why}"),
            Ok(Confirmed { plain: (k, n), late, cut_short, .. }) => {
                let late = if late > 0 { format!(", and {late} were late") } else { String::new() };
                let fewer = cut_short.map(|why| format!(" ({attempts} were asked for: {why})"));
                let late = late + &fewer.unwrap_or_default();
                match k {
                    0 => format!("; controlled only: no {kind} in {n} plain runs{late}"),
                    _ => format!("; appears natively: {kind} in {k} of {n} plain runs{late}"),
                }
            }
        }
    }

    /// Runs without control, if they are wanted and there is time for them.
    fn confirmed(&self, short: &Short, notes: &mut Vec<String>) -> Option<Confirmed> {
        let attempts = self.wanted.confirm?;
        let Short { case, target, minimised, .. } = short;
        let what = (case.finding.kind, &minimised.ended.events[..]);
        let note = |why: String| {
            if !notes.contains(&why) {
                notes.push(why);
            }
        };
        self.natively(attempts, target, what, &minimised.order).map_err(note).ok()
    }

    /// Runs without control, or why there were none.
    fn natively(
        &self,
        attempts: u32,
        target: &Target,
        what: (Kind, &[Event]),
        order: &Order,
    ) -> Result<Confirmed, String> {
        if self.has_no_time() {
            return Err("there was no time left for runs without control".to_owned());
        }
        let bounds = confirm::Bounds { attempts, until: self.end(CONFIRMING) };
        confirm(target, self.baseline, what, order, bounds, self.stop)
            .map_err(|error| format!("no runs without control: failed to {error}"))
    }
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
            smaller: None,
            printed: None,
            table,
            confirmed: None,
            larger: None,
            notes: vec![],
        }
    }
}
