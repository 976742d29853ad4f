//! Runs trials of one program after the other, each until it fails or has had its trials.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use super::case::Case;
use super::seek::Tries;
use crate::event::{Event, Reporter, What};
use crate::plan::{Plan, Unit};
use crate::program::{PROGRAM, Parts, Wanted};
use crate::session::{Session, SessionError};
use crate::stats::Rate;
use crate::supervise::Target;
use crate::verdict::{Kind, Verdict};

/// Where programs are tried.
pub struct Bench<'a> {
    /// The plan of the run that the case is of, for its settings and how its trials are made.
    pub plan: &'a Plan,
    /// Where the scenario lives.
    pub target: &'a (dyn Fn(&str) -> Target + Sync),
    /// What is looked for.
    pub case: &'a Case,
    /// Trials of a program until it counts as not failing.
    pub trials: u64,
    /// When to stop looking.
    pub until: Instant,
    /// Set to stop after killing what runs.
    pub stop: &'a AtomicBool,
    /// Hears of every program that was tried.
    pub tell: &'a mut dyn FnMut(Lead<'_>),
    /// Programs that were tried.
    pub programs: u64,
    /// Their trials.
    pub ran: u64,
}

/// A program that was tried.
#[derive(Debug)]
pub struct Lead<'a> {
    /// What is left of the one that was found.
    pub parts: &'a Parts,
    /// In how many trials it failed alike: one at most, as that is enough.
    pub rate: Rate,
}

impl Bench<'_> {
    /// Whether this part of the program is seen to fail.
    ///
    /// # Errors
    /// When it cannot be tried.
    pub fn fails(&mut self, parts: &Parts) -> Result<bool, SessionError> {
        let plan = self.plan(parts, self.plan.seed);
        let mut tally = Tally::new(self.case.kind, Some(1), self.until);
        run(&plan, self.target, self.stop, &mut [], &mut tally)?;
        self.programs += 1;
        self.ran += tally.seen;
        (self.tell)(Lead { parts, rate: tally.rate });
        Ok(tally.rate.k > 0)
    }

    /// How often this part of the program fails, in trials with seeds of their own, which `reporters`
    /// hear of; no more of them than there is time for until `until`.
    ///
    /// # Errors
    /// When it cannot be run, or a reporter fails.
    pub fn measure(
        &self,
        plan: &Plan,
        until: Instant,
        reporters: &mut [&mut dyn Reporter],
    ) -> Result<Rate, SessionError> {
        let mut tally = Tally::new(self.case.kind, None, until);
        run(plan, self.target, self.stop, reporters, &mut tally)?;
        Ok(tally.rate)
    }

    /// A plan of trials of this part of the program alone.
    pub fn plan(&self, parts: &Parts, seed: u64) -> Plan {
        let unit =
            Unit { threads: parts.len() as u32, trials: self.trials, ..self.case.unit.clone() };
        let wanted = Wanted { seed: self.case.program.seed, kept: Some(parts.clone()) };
        let mut plan = Plan { units: vec![unit], seed, ..self.plan.clone() };
        plan.settings.insert(PROGRAM.to_owned(), wanted.to_string());
        plan
    }
}

impl Tries for Bench<'_> {
    fn fails(&mut self, parts: &Parts) -> Result<bool, SessionError> {
        Bench::fails(self, parts)
    }

    fn is_over(&self) -> bool {
        self.stop.load(Relaxed) || Instant::now() >= self.until
    }
}

/// Runs a plan until it is through or the tally has enough.
fn run(
    plan: &Plan,
    target: &(dyn Fn(&str) -> Target + Sync),
    stop: &AtomicBool,
    reporters: &mut [&mut dyn Reporter],
    tally: &mut Tally,
) -> Result<(), SessionError> {
    let done = BTreeSet::new();
    let mut all: Vec<&mut dyn Reporter> = Vec::new();
    for reporter in reporters.iter_mut() {
        all.push(&mut **reporter);
    }
    all.push(tally);
    let outcome = Session { plan, target, done: &done, stop }.run(&mut all);
    match outcome {
        // A session ends when nobody wants to hear more of it.
        Err(SessionError::Report(_)) if tally.has_enough => Ok(()),
        other => other.map(drop),
    }
}

/// Counts failures of one kind, and says when it has enough.
struct Tally {
    kind: Kind,
    enough: Option<u64>,
    until: Instant,
    rate: Rate,
    /// Those that nobody could judge as well.
    seen: u64,
    has_enough: bool,
}

impl Tally {
    fn new(kind: Kind, enough: Option<u64>, until: Instant) -> Tally {
        Tally { kind, enough, until, rate: Rate::default(), seen: 0, has_enough: false }
    }
}

impl Reporter for Tally {
    fn report(&mut self, event: &Event<'_>) -> io::Result<()> {
        let What::Trial(done) = &event.what else { return Ok(()) };
        self.seen += 1;
        self.rate.n += u64::from(!matches!(done.verdict, Verdict::Inconclusive { .. }));
        self.rate.k += u64::from(done.verdict.findings().iter().any(|f| f.kind == self.kind));
        let is_late = Instant::now() >= self.until;
        self.has_enough = is_late || self.enough.is_some_and(|enough| self.rate.k >= enough);
        match self.has_enough {
            true => Err(io::Error::other("enough was seen")),
            false => Ok(()),
        }
    }
}
