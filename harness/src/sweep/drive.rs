//! Runs the trials that a sweep asks for, look by look, and keeps count of them.
//!
//! Each look is a session over the sweep's own plan, in which all units but one are to have no trials:
//! unit indices, seeds and records are those of the plan that the run's header holds, so a stored sweep
//! is a run like any other. What was seen before is not run again; so a resumed sweep takes the same
//! looks at the same trials.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use super::looks::{Looks, Says};
use super::search::search;
use super::tally::Tally;
use super::{Count, Swept};
use crate::event::{Event, Reporter, Summary, What};
use crate::plan::Plan;
use crate::session::{Session, SessionError};
use crate::store::TrialRecord;
use crate::supervise::Target;
use crate::verdict::Kind;

/// A sweep over the units of a plan, all of one scenario, one for each thread count, ascending.
pub struct Drive<'a> {
    /// What the header holds.
    pub plan: &'a Plan,
    /// Where the scenario lives.
    pub target: &'a (dyn Fn(&str) -> Target + Sync),
    /// When to say what of a count.
    pub looks: &'a Looks,
    /// The failure that is swept for; none: the one that is found first.
    pub kind: Option<Kind>,
    /// Set to stop after killing what runs.
    pub stop: &'a AtomicBool,
}

impl Drive<'_> {
    /// Sweeps. `before` are the trials of earlier sessions.
    pub fn run(
        &self,
        before: &[TrialRecord],
        reporters: &mut [&mut dyn Reporter],
    ) -> Result<Swept, SessionError> {
        let units = self.plan.units.iter().enumerate();
        let tallies = units.map(|(i, unit)| Tally::new(i, &unit.scenario, unit.threads)).collect();
        let (begun, kind) = (Instant::now(), self.kind);
        let mut books = Books { tallies, begun, told: BTreeSet::new(), reporters };
        for t in before {
            books.tallies[t.unit].add(t.index, &t.observation, &t.verdict, t.grade);
        }
        books.tell(What::Began { plan: self.plan, done: before.len() as u64 })?;
        let mut state = State { drive: self, books, kind, counts: Vec::new() };
        let asked: Vec<u32> = self.plan.units.iter().map(|unit| unit.threads).collect();
        let answer = search(&asked, &mut |threads| state.test(threads))?;
        let State { mut books, kind, mut counts, .. } = state;
        counts.sort_by_key(|count| count.threads);
        let mut summaries: Vec<Summary> = books.tallies.iter().map(|t| t.summary.clone()).collect();
        summaries.retain(|summary| summary.trials() > 0);
        summaries.iter_mut().for_each(Summary::seal);
        books.tell(What::Ended { interrupted: answer.stopped, summaries: &summaries })?;
        let scenario = self.plan.units.first().map_or("", |unit| &unit.scenario);
        Ok(Swept::new(scenario, self.looks, kind, counts, asked, &answer))
    }

    /// Runs what is missing of the first `until` trials of a unit.
    fn run_trials(
        &self,
        unit: usize,
        until: u64,
        books: &mut Books<'_, '_>,
    ) -> Result<(), SessionError> {
        if books.tallies[unit].has(until) {
            return Ok(());
        }
        let mut plan = self.plan.clone();
        for (i, at) in plan.units.iter_mut().enumerate() {
            at.trials = if i == unit { until } else { 0 };
        }
        let done = books.tallies[unit].indices().map(|index| (unit, index)).collect();
        let Drive { target, stop, .. } = *self;
        Session { plan: &plan, target, done: &done, stop }.run(&mut [books])?;
        Ok(())
    }
}

/// A sweep that is under way.
struct State<'a, 'r, 'w> {
    drive: &'a Drive<'a>,
    books: Books<'r, 'w>,
    kind: Option<Kind>,
    counts: Vec<Count>,
}

impl State<'_, '_, '_> {
    /// Takes looks at one count until it says something; `None` if it was stopped.
    fn test(&mut self, threads: u32) -> Result<Option<Says>, SessionError> {
        let Drive { plan, looks, stop, .. } = *self.drive;
        let at = plan.units.iter().position(|unit| unit.threads == threads);
        let unit = at.expect("only the plan's own counts are asked for");
        let mut count = None;
        for (nth, size) in looks.sizes().iter().enumerate() {
            self.drive.run_trials(unit, *size, &mut self.books)?;
            let tally = &self.books.tallies[unit];
            self.kind = self.kind.or_else(|| tally.commonest(*size));
            let rate = tally.rate(self.kind, *size);
            let ends = looks.ends(nth, rate);
            let seen = count.insert(Count {
                threads,
                rate,
                low: ends.low,
                high: ends.high,
                says: looks.says(nth, rate),
                others: tally.others(self.kind, *size),
                inconclusive: tally.inconclusive(*size),
            });
            let is_stopped = stop.load(Relaxed) && !tally.has(*size);
            if is_stopped {
                // A look that was cut short is none: its size would follow from what was seen.
                (seen.says, seen.low, seen.high) = (Says::Undecided, None, None);
                if tally.summary.trials() > 0 {
                    self.counts.push(seen.clone());
                }
                return Ok(None);
            }
            // Where nothing at all can be judged, more of it cannot either.
            if seen.says != Says::Undecided || rate.n == 0 {
                break;
            }
        }
        let Some(count) = count else { return Ok(Some(Says::Undecided)) };
        let scenario = &plan.units[unit].scenario;
        self.books.show(What::Noted { scenario, note: &count.sentence() })?;
        let says = count.says;
        self.counts.push(count);
        Ok(Some(says))
    }
}

/// Stands between the sessions of a sweep and its reporters, the first of which keeps the records: to
/// them the sweep is one campaign.
struct Books<'r, 'w> {
    tallies: Vec<Tally>,
    begun: Instant,
    /// What was told of the scenario already: each session prepares it anew.
    told: BTreeSet<String>,
    reporters: &'r mut [&'w mut dyn Reporter],
}

impl Books<'_, '_> {
    fn pass(&mut self, what: What<'_>, from: usize) -> io::Result<()> {
        let event = Event { at_ms: self.begun.elapsed().as_millis() as u64, what };
        self.reporters[from..].iter_mut().try_for_each(|reporter| reporter.report(&event))
    }

    /// To all.
    fn tell(&mut self, what: What<'_>) -> Result<(), SessionError> {
        self.pass(what, 0).map_err(SessionError::Report)
    }

    /// To all but who keeps the records: what they imply is not stored.
    fn show(&mut self, what: What<'_>) -> Result<(), SessionError> {
        self.pass(what, 1).map_err(SessionError::Report)
    }
}

impl Reporter for Books<'_, '_> {
    fn report(&mut self, event: &Event<'_>) -> io::Result<()> {
        let is_news = match &event.what {
            What::Probed { .. } => self.told.insert(String::new()),
            What::Noted { note, .. } => self.told.insert((*note).to_owned()),
            What::Trial(done) => {
                let tally = &mut self.tallies[done.unit];
                tally.add(done.index, done.observation, done.verdict, done.grade);
                true
            }
            What::Began { .. } | What::Unit { .. } | What::Ended { .. } => false,
        };
        if is_news { self.pass(event.what.clone(), 0) } else { Ok(()) }
    }
}
