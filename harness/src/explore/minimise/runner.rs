//! Minimisation of a case: its trials are real, and what comes out is verified twice.

use std::time::Instant;

use standstill_scheduler::abi::{Decision, MAX_DECISIONS, Order};
use standstill_scheduler::strategy::{GIVEN, PCT, SEGMENTS};

use super::segments::{of_events, script};
use super::{Attempt, Cost, Segment, Trials, cheapest};
use crate::explore::ended::{Ended, How, Stand};
use crate::explore::ledger::Case;
use crate::explore::rerun::{Look, Ran, Rerun};
use crate::explore::worker::repetition;
use crate::trial::trial_seed;
use crate::verdict::{Finding, Kind};

/// How often a run is tried that must come: on a busy machine the monitor may pass over a thread that
/// only computes, and then the steps are others.
const TRIES: u32 = 3;

/// What bounds a minimisation.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// No run is begun later but those that verify.
    pub until: Instant,
    /// Nor those.
    pub verified: Instant,
    /// Runs at most, verification not included.
    pub runs: u32,
}

/// What came of it.
#[derive(Debug)]
pub struct Minimised {
    /// The cost of the schedule that was found.
    pub before: Cost,
    /// The verified run: it has events, and the stacks of a standstill.
    pub ended: Ended,
    /// The order that repeats it, with `ended.decisions` for a script.
    pub order: Order,
    /// Runs that were made.
    pub runs: u32,
    /// Whether time or runs were over before nothing more could be left out.
    pub cut_short: bool,
    /// What every run of it shows whose stacks are not read.
    pub goal: Finding,
}

/// Runs candidates and compares.
struct Runner<'a, 'b> {
    rerun: &'a mut Rerun<'b>,
    order: Order,
    goal: Finding,
    bounds: Bounds,
    runs: u32,
    /// The cheapest so far.
    best: Option<(Cost, Ended)>,
    failed: bool,
}

impl Trials for Runner<'_, '_> {
    fn run(&mut self, segments: &[Segment]) -> Option<Attempt> {
        let order = Order { strategy: SEGMENTS, ..self.order };
        if segments.len() > MAX_DECISIONS {
            return None;
        }
        self.attempt(&order, &script(segments))
    }

    fn sparse(&mut self, number: u32) -> Option<Attempt> {
        // Changes of priority among the first steps as well as among all.
        let steps = self.best.as_ref().map_or(1, |(cost, _)| cost.steps);
        let length = (steps >> (number / 2 % 4)).max(16);
        let seed = trial_seed(self.order.seed, u64::from(number));
        let order = Order { strategy: PCT, depth: 2 + number % 2, length, seed, ..self.order };
        self.attempt(&order, &[])
    }

    fn is_over(&self) -> bool {
        self.failed || self.runs >= self.bounds.runs || Instant::now() >= self.bounds.until
    }
}

impl Runner<'_, '_> {
    fn attempt(&mut self, order: &Order, script: &[Decision]) -> Option<Attempt> {
        if self.is_over() {
            return None;
        }
        self.runs += 1;
        let ran = self.rerun.record(order, script, Look::Places, self.bounds.until);
        let Ok(ran) = ran else {
            self.failed = true;
            return None;
        };
        let cost = cost(&ran.ended);
        if !gives(&ran, &self.goal) || !is_exact(&ran.ended) {
            return None;
        }
        let segments = of_events(&ran.ended.events, ran.ended.numbers.steps);
        if self.best.as_ref().is_none_or(|(best, _)| cost < *best) {
            // The seed is that of the program's random bytes, too: it goes with the schedule.
            self.order.seed = order.seed;
            self.best = Some((cost, ran.ended));
        }
        Some(Attempt { segments, cost })
    }
}

/// The cheapest schedule that gives a case's finding, or why there is none. Not said of one that did
/// not give it twice, the same step for step.
pub fn minimise(rerun: &mut Rerun<'_>, case: &Case, bounds: Bounds) -> Result<Minimised, String> {
    match case.ended.how {
        // Half of its steps are drawn at random on purpose, so that no schedule is what it hangs on.
        How::Stood(Stand::Endless) => {
            return Err("half the steps of an endless trial are fair choices, which are not the \
                        schedule's to leave out"
                .to_owned());
        }
        How::Silent => {
            return Err("the model did not see why it stood still, so it cannot say which \
                        schedules do"
                .to_owned());
        }
        _ => {}
    }
    let again = repetition(case);
    let failed = |error: crate::explore::server::ServerError| format!("failed to {error}");
    // Without stacks a finding may be called otherwise; what counts is that it is the same each time.
    let mut why = "its schedule did not repeat";
    let mut begun = None;
    for _ in 0..TRIES {
        let ran = rerun.record(&again.order, &again.script, Look::Places, bounds.until);
        let ran = ran.map_err(failed)?;
        match ran.finding {
            _ if ran.ended.how == How::Cut => return Err("there was no time for it".to_owned()),
            Some(goal) if ran.ended.how == case.ended.how && is_exact(&ran.ended) => {
                begun = Some((goal, ran.ended));
                break;
            }
            Some(_) => why = "its steps were not all under control, or too many to be recorded",
            None => {}
        }
    }
    let Some((goal, first)) = begun else { return Err(why.to_owned()) };
    let before = cost(&first);
    let segments = of_events(&first.events, first.numbers.steps);
    let order = Order { strategy: GIVEN, ..again.order };
    let best = Some((before, first));
    let mut runner = Runner { rerun, order, goal, bounds, runs: 1, best, failed: false };
    cheapest(Attempt { segments, cost: before }, &mut runner);
    let (cut_short, runs) = (runner.is_over(), runner.runs);
    let Runner { best, rerun, goal, order, .. } = runner;
    let Some((_, best)) = best else { return Err("no run gave it".to_owned()) };
    let ended = verified(rerun, case, &goal, (&order, &best), bounds.verified)?;
    Ok(Minimised { before, ended, order, runs: runs + 2, cut_short, goal })
}

/// Runs a schedule by its decisions twice; the run whose stacks were read.
fn verified(
    rerun: &mut Rerun<'_>,
    case: &Case,
    goal: &Finding,
    (order, best): (&Order, &Ended),
    until: Instant,
) -> Result<Ended, String> {
    let is_alike =
        |ran: &Ran| ran.ended.numbers.hash == best.numbers.hash && ran.ended.how == best.how;
    let mut run = |look| {
        let runs = (0..TRIES).map(|_| rerun.record(order, &best.decisions, look, until).ok());
        runs.flatten().find(is_alike)
    };
    let (places, stacks) = (run(Look::Places), run(Look::Stacks));
    let (Some(places), Some(stacks)) = (places, stacks) else {
        return Err("the shorter schedule did not repeat".to_owned());
    };
    let kind: Option<Kind> = stacks.finding.as_ref().map(|finding| finding.kind);
    if gives(&places, goal) && kind == Some(case.finding.kind) {
        return Ok(stacks.ended);
    }
    Err("the shorter schedule did not show it again".to_owned())
}

/// Whether a run shows the finding that was looked for.
pub(in crate::explore) fn gives(ran: &Ran, goal: &Finding) -> bool {
    let found = ran.finding.as_ref();
    found.is_some_and(|f| f.kind == goal.kind && f.fingerprint == goal.fingerprint)
}

/// Whether the run can be repeated by its decisions and all of it was recorded.
fn is_exact(ended: &Ended) -> bool {
    let numbers = &ended.numbers;
    let recorded = ended.events.len() as u64 == u64::from(numbers.events);
    numbers.seized == 0 && numbers.strays == 0 && ended.has_all_decisions() && recorded
}

/// What a run cost.
pub(super) fn cost(ended: &Ended) -> Cost {
    let numbers = &ended.numbers;
    Cost { preemptions: numbers.preemptions, switches: numbers.switches, steps: numbers.steps }
}
