//! A small search for a finding that is known, in a run of another size.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::{Size, Tried, half};
use crate::explore::ended::{Ended, How};
use crate::explore::judge::Baseline;
use crate::explore::ledger::{Case, Repeated};
use crate::explore::level::Level;
use crate::explore::minimise::gives;
use crate::explore::portfolio::{Assignment, Mix, Next, Portfolio};
use crate::explore::profile;
use crate::explore::rerun::{Look, Rerun};
use crate::explore::server::ServerError;
use crate::explore::target::Target;
use crate::explore::worker::repetition;
use crate::verdict::Finding;

/// Schedules of a size, at most.
const TRIALS: u64 = 300;
/// How often the schedule of a candidate is run that must fail again.
const TRIES: u32 = 3;

/// Where points are put, in this order. With those of atomics alone a schedule has fewer steps to go
/// wrong at, and so few trials are soonest enough.
fn levels(of_case: Level) -> Vec<Level> {
    match of_case {
        Level::Accesses => vec![Level::Atomics, Level::Accesses],
        level => vec![level],
    }
}

/// Looks for a case's finding in runs of other sizes.
pub(in crate::explore) struct Seeker<'a> {
    /// As it was when the case was found, its level included.
    pub(in crate::explore) target: &'a Target,
    pub(in crate::explore) case: &'a Case,
    /// What a run shows whose stacks are not read.
    pub(in crate::explore) goal: &'a Finding,
    pub(in crate::explore) baseline: &'a Baseline,
    pub(in crate::explore) cpu: usize,
    pub(in crate::explore) until: Instant,
    pub(in crate::explore) stop: &'a AtomicBool,
}

/// The case in a smaller run.
#[derive(Debug)]
pub(in crate::explore) struct Found {
    pub(in crate::explore) target: Target,
    pub(in crate::explore) case: Case,
}

impl Seeker<'_> {
    /// Searches one size; none if there was no time for it.
    pub(in crate::explore) fn seek(&self, size: Size) -> Option<(Tried, Option<Found>)> {
        if Instant::now() >= self.until {
            return None;
        }
        let mut tried = Tried { size, trials: 0, failed: false, always: false };
        let found = self.search(size, &mut tried).ok().flatten();
        tried.failed = found.is_some();
        (tried.trials > 0).then_some((tried, found))
    }

    fn search(&self, size: Size, tried: &mut Tried) -> Result<Option<Found>, ServerError> {
        let Some(target) = self.target.of_size(size) else { return Ok(None) };
        let until = half(self.until);
        let mut failures = 0;
        let levels = levels(self.case.assignment.level);
        for (nth, level) in levels.iter().enumerate() {
            let left = levels.len() - nth;
            let until = if left > 1 { half(until) } else { until };
            let most = TRIALS / levels.len() as u64;
            let mut target = Target { level: *level, chosen: None, ..target.clone() };
            if *level == Level::Accesses {
                let chosen = profile::choose(&target, self.cpu, half(until), self.stop)?;
                target.chosen = Some(Arc::new(chosen));
            }
            let case = self.search_level(&target, most, until, tried, &mut failures)?;
            if let Some(case) = case {
                return Ok(Some(Found { target, case }));
            }
        }
        tried.always = failures > 0 && failures == tried.trials;
        Ok(None)
    }

    fn search_level(
        &self,
        target: &Target,
        most: u64,
        until: Instant,
        tried: &mut Tried,
        failures: &mut u64,
    ) -> Result<Option<Case>, ServerError> {
        let chosen = target.chosen.as_ref().map_or(0, |chosen| chosen.hash());
        // What is known of the run without control is known of another size.
        let baseline =
            Baseline { native: None, tried: false, default_rule: None, ..self.baseline.clone() };
        let mut rerun = Rerun::start(target, &baseline, self.cpu, until, self.stop)?;
        let seed = self.case.assignment.order.seed;
        let mut plan = Portfolio::new(Mix::Portfolio, &[target.level], seed, 0, Some(most));
        let mut has_good = baseline.good == 0;
        let mut first: Option<(Assignment, Ended)> = None;
        while let Next::Trial(assignment) = plan.assign() {
            let Assignment { order, script, .. } = &assignment;
            let ran = rerun.run(order, script, Look::Places, until)?;
            if ran.ended.how == How::Cut {
                break;
            }
            tried.trials += 1;
            plan.ended(&assignment, &ran.ended);
            has_good |= baseline.is_good(&ran.ended);
            if gives(&ran, self.goal) {
                *failures += 1;
                let assignment = Assignment { chosen, ..assignment };
                first.get_or_insert((assignment, ran.ended));
            }
            if has_good && let Some((assignment, ended)) = first.take() {
                let case = Case { assignment, ended, ..self.case.clone() };
                if let Some(case) = self.repeated(&mut rerun, case) {
                    return Ok(Some(case));
                }
            }
        }
        Ok(None)
    }

    /// The case with its stacks, if its schedule gives the finding again, step for step.
    fn repeated(&self, rerun: &mut Rerun<'_>, case: Case) -> Option<Case> {
        let again = repetition(&case);
        for _ in 0..TRIES {
            let ran = rerun.run(&again.order, &again.script, Look::Stacks, self.until).ok()?;
            let is_same = ran.ended.numbers.hash == case.ended.numbers.hash;
            let finding = ran.finding.filter(|finding| finding.kind == self.case.finding.kind);
            if let (true, Some(finding)) = (is_same, finding) {
                let repeated = Some(Repeated { same_schedule: true, same_end: true });
                // Its number is that of the search's trial, which is when it was found.
                let index = self.case.assignment.index;
                let assignment = Assignment { index, ..case.assignment };
                // A repetition's departures are those of its script.
                let ended = Ended { decisions: case.ended.decisions, ..ran.ended };
                return Some(Case { finding, ended, assignment, repeated, ..self.case.clone() });
            }
        }
        None
    }
}
