//! A campaign: probes every scenario, runs every trial of the plan, and tells what happens.
//!
//! Trials come to results in whatever order the workers finish; each is judged as it comes, and its
//! event goes to every reporter before the next is taken. Workers never talk to reporters.

mod work;
mod worker;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::board::Outcome;
use crate::capture::Capturer;
use crate::detect::judge;
use crate::event::{Event, Reporter, Summary, TrialDone, What};
use crate::observation::{Isolation, Observation};
use crate::plan::{Plan, Unit};
use crate::protocol::{Digest, Order, PROTOCOL, Probe, Task};
use crate::supervise::watchdog::Deadlines;
use crate::supervise::{Cell, CellError, Request, Target};
use crate::text::story;
use crate::trial::{Lane, Trial};
use crate::verdict::{Expectation, Grade, Verdict};
use work::Work;
use worker::FromWorker;

/// The deadline of everything but the actors: loading a model of some gigabytes is no hang.
const OTHER_DEADLINE: Duration = Duration::from_secs(120);

/// Why a campaign ended early. What was run until then was reported.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A scenario could not be prepared: the user's to mend, a missing file as a rule.
    #[error("failed to prepare {scenario}: {why}")]
    NotPrepared {
        /// `crate/scenario`.
        scenario: String,
        /// The scenario's own sentence.
        why: String,
    },
    /// Preparing stood still or died: a finding about the library, on one thread.
    #[error("preparing {scenario} did not come to its end\n{story}")]
    SickPreparation {
        /// `crate/scenario`.
        scenario: String,
        /// Verdict, evidence and stacks.
        story: String,
    },
    /// Processes could not be had.
    #[error("failed to run {scenario}: {source}")]
    Cell {
        /// `crate/scenario`.
        scenario: String,
        /// Why.
        source: CellError,
    },
    /// A reporter could not keep what was seen.
    #[error("failed to keep the results: {0}")]
    Report(#[source] std::io::Error),
}

/// Runs campaigns.
pub struct Session<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// Where each scenario of the plan lives.
    pub target: &'a (dyn Fn(&str) -> Target + Sync),
    /// Trials that an earlier session has run: unit and index.
    pub done: &'a BTreeSet<(usize, u64)>,
    /// Set to stop after killing what runs.
    pub stop: &'a AtomicBool,
}

/// What became of a campaign.
#[derive(Debug)]
pub struct Outcomes {
    /// One for each unit that had a trial in this session, in the plan's order.
    pub summaries: Vec<Summary>,
    /// Whether it was stopped.
    pub interrupted: bool,
}

impl Session<'_> {
    /// Runs the plan.
    pub fn run(&self, reporters: &mut [&mut dyn Reporter]) -> Result<Outcomes, SessionError> {
        let begun = Instant::now();
        let mut tell = |what: What<'_>| -> Result<(), SessionError> {
            let event = Event { at_ms: begun.elapsed().as_millis() as u64, what };
            reporters.iter_mut().try_for_each(|r| r.report(&event)).map_err(SessionError::Report)
        };
        tell(What::Began { plan: self.plan, done: self.done.len() as u64 })?;
        let mut ready = Vec::new();
        for group in groups(&self.plan.units) {
            if self.stop.load(Relaxed) {
                break;
            }
            ready.push(self.probe(group, &mut tell)?);
        }
        let mut summaries = Vec::new();
        for group in ready.iter().flatten() {
            if self.stop.load(Relaxed) {
                break;
            }
            summaries.extend(self.run_group(group, &mut tell)?);
        }
        let interrupted = self.stop.load(Relaxed);
        tell(What::Ended { interrupted, summaries: &summaries })?;
        Ok(Outcomes { summaries, interrupted })
    }

    /// Prepares a scenario in a process of its own, to learn whether it can be prepared at all,
    /// whether it may be forked, and what one actor alone returns.
    fn probe<'u>(
        &self,
        group: Group<'u>,
        tell: &mut dyn FnMut(What<'_>) -> Result<(), SessionError>,
    ) -> Result<Option<Ready<'u>>, SessionError> {
        let unit = group.first();
        let scenario = unit.scenario.as_str();
        let fail = |source| SessionError::Cell { scenario: scenario.to_owned(), source };
        let order = self.order(unit, Task::Probe, self.plan.seed, None);
        let mut digests: Vec<Digest> = Vec::new();
        let mut first: Option<Probe> = None;
        let mut oracle_fault = None;
        // What is the same twice in one process may still differ between two.
        for _ in 0..if unit.card.has_oracle { 2 } else { 1 } {
            let mut cell = Cell::start(&(self.target)(scenario)).map_err(fail)?;
            let trial = self.trial(unit, self.plan.seed);
            let request = self.request(unit, &trial, &order);
            let Some(seen) = cell.run(&request, &mut Capturer::new(), self.stop).map_err(fail)?
            else {
                return Ok(None);
            };
            match self.read_probe(scenario, &seen)? {
                Ok(probe) => {
                    digests.extend(probe.digests.iter().cloned());
                    first.get_or_insert(probe);
                }
                Err(fault) => {
                    let note = format!("one actor alone: {}", probe_story(&seen, &judge(&seen)));
                    tell(What::Noted { scenario, note: &note })?;
                    oracle_fault = Some(fault);
                    break;
                }
            }
        }
        if unit.card.has_oracle && oracle_fault.is_none() {
            oracle_fault = unlike(&digests);
        }
        let probe = first.unwrap_or_default();
        let isolation = match self.plan.isolation {
            Some(isolation) => isolation,
            None if unit.card.zygote => Isolation::Zygote,
            None => Isolation::Fresh,
        };
        tell(What::Probed {
            scenario,
            probe: &probe,
            isolation,
            oracle_fault: oracle_fault.as_deref(),
        })?;
        let expected = match (&oracle_fault, unit.card.has_oracle) {
            (None, true) => digests.into_iter().next(),
            _ => None,
        };
        Ok(Some(Ready { group, isolation, expected, oracle_fault }))
    }

    /// The probe's answer; inside, why the oracle cannot be used.
    fn read_probe(
        &self,
        scenario: &str,
        seen: &Observation,
    ) -> Result<Result<Probe, String>, SessionError> {
        let not_prepared =
            |why: String| SessionError::NotPrepared { scenario: scenario.to_owned(), why };
        match (seen.outcome, judge(seen)) {
            (Outcome::Probed, _) => serde_json::from_str(&seen.message)
                .map(Ok)
                .map_err(|e| not_prepared(format!("its answer cannot be read: {e}"))),
            (Outcome::NotPrepared, _) => Err(not_prepared(seen.message.clone())),
            // The board knows an actor as soon as preparing is over.
            (_, verdict) if !seen.actors.is_empty() => {
                Ok(Err(format!("one actor alone does not get to its end: {verdict}")))
            }
            (_, verdict @ Verdict::Found { .. }) => {
                let story = probe_story(seen, &verdict);
                Err(SessionError::SickPreparation { scenario: scenario.to_owned(), story })
            }
            (_, verdict) => {
                let words = seen.stderr.to_string();
                let last = words.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("");
                Err(not_prepared(format!("{verdict} {last}").trim().to_owned()))
            }
        }
    }

    fn run_group(
        &self,
        ready: &Ready<'_>,
        tell: &mut dyn FnMut(What<'_>) -> Result<(), SessionError>,
    ) -> Result<Vec<Summary>, SessionError> {
        let group = &ready.group;
        let (from, units) = (group.from, group.units);
        let work = Work::new(from, units, self.done);
        let mut left = work.left();
        let mut summaries: Vec<Summary> = units
            .iter()
            .enumerate()
            .map(|(i, unit)| Summary::new(from + i, &unit.scenario, unit.threads))
            .collect();

        // A worker stops for the user, or because another one failed.
        let halt = AtomicBool::new(false);
        let (sender, results) = mpsc::sync_channel(64);
        let outcome = std::thread::scope(|scope| {
            let trials = left.iter().fold(0, |sum: u64, unit| sum.saturating_add(*unit));
            let jobs =
                self.plan.jobs.clamp(1, usize::try_from(trials).unwrap_or(usize::MAX).max(1));
            for number in 0..jobs {
                let (sender, halt, work) = (sender.clone(), &halt, &work);
                let name = format!("worker-{number}");
                let body = move || self.work(ready, work, halt, &sender);
                if let Err(error) = std::thread::Builder::new().name(name).spawn_scoped(scope, body)
                {
                    let scenario = group.first().scenario.clone();
                    let source = CellError::SetUp(error);
                    return Err(SessionError::Cell { scenario, source });
                }
            }
            drop(sender);
            for message in results {
                let told = self.take(message, from, ready, &mut summaries, &mut left, tell);
                if let Err(error) = told {
                    halt.store(true, Relaxed);
                    return Err(error);
                }
            }
            Ok(())
        });
        outcome?;
        summaries.retain(|summary| summary.trials() > 0);
        summaries.iter_mut().for_each(Summary::seal);
        Ok(summaries)
    }

    /// Judges one result and passes it on.
    fn take(
        &self,
        message: FromWorker,
        from: usize,
        ready: &Ready<'_>,
        summaries: &mut [Summary],
        left: &mut [u64],
        tell: &mut dyn FnMut(What<'_>) -> Result<(), SessionError>,
    ) -> Result<(), SessionError> {
        let scenario = ready.group.first().scenario.as_str();
        let (unit, index, observation) = match message {
            FromWorker::Note(note) => return tell(What::Noted { scenario, note: &note }),
            FromWorker::Failed(source) => {
                return Err(SessionError::Cell { scenario: scenario.to_owned(), source });
            }
            FromWorker::Done { unit, index, observation } => (unit, index, observation),
        };
        let observation = &*observation;
        let verdict = match (judge(observation), &ready.oracle_fault) {
            // Without its oracle a scenario cannot say that the results were right.
            (Verdict::Clean, Some(why)) => Verdict::Inconclusive { why: why.clone() },
            (verdict, _) => verdict,
        };
        let grade = Grade::of(&self.plan.units[unit].card.expectation, &verdict);
        let at = unit - from;
        summaries[at].add(observation, &verdict, grade);
        tell(What::Trial(TrialDone { unit, index, observation, verdict: &verdict, grade }))?;
        left[at] -= 1;
        if left[at] == 0 {
            summaries[at].seal();
            tell(What::Unit { summary: &summaries[at] })?;
        }
        Ok(())
    }

    fn trial(&self, unit: &Unit, seed: u64) -> Trial {
        let scenario = unit.scenario.clone();
        Trial { scenario, threads: unit.threads, seed, lane: Lane::Native }
    }

    fn order(&self, unit: &Unit, task: Task, seed: u64, expected: Option<Digest>) -> Order {
        Order {
            protocol: PROTOCOL,
            scenario: unit.card.name.clone(),
            task,
            threads: unit.threads,
            seed,
            settings: self.plan.settings.clone(),
            expected,
        }
    }

    fn request<'r>(&self, unit: &Unit, trial: &'r Trial, order: &'r Order) -> Request<'r> {
        let acting = unit.timeout();
        let deadlines = Deadlines { acting, other: OTHER_DEADLINE.max(acting) };
        Request { trial, order, deadlines, counts_steps: unit.card.counts_steps }
    }
}

/// Units of one scenario, which share a prepared process.
#[derive(Clone, Copy, Debug)]
struct Group<'u> {
    from: usize,
    units: &'u [Unit],
}

impl<'u> Group<'u> {
    fn first(&self) -> &'u Unit {
        &self.units[0]
    }
}

/// A group that was probed.
struct Ready<'u> {
    group: Group<'u>,
    isolation: Isolation,
    expected: Option<Digest>,
    oracle_fault: Option<String>,
}

fn groups(units: &[Unit]) -> Vec<Group<'_>> {
    let mut from = 0;
    units
        .chunk_by(|a, b| a.scenario == b.scenario)
        .map(|units| {
            let group = Group { from, units };
            from += units.len();
            group
        })
        .collect()
}

/// A probe that went wrong, told: whatever its trials are expected to show, one actor alone is to be
/// clean.
fn probe_story(seen: &Observation, verdict: &Verdict) -> String {
    story(seen, verdict, Grade::of(&Expectation::Clean, verdict))
}

/// Why results of one actor alone cannot serve as an oracle, if they differ.
fn unlike(digests: &[Digest]) -> Option<String> {
    let first = digests.first()?;
    let other = digests.iter().find(|d| d.hash != first.hash)?;
    let (first, other) = (&first.text, &other.text);
    Some(format!("one actor alone is not deterministic: it returned {first}, then {other}"))
}

// The fixture is a stored run, and the store is part of the command line.
#[cfg(all(test, feature = "cli"))]
mod tests;
