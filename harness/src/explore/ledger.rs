//! What a search has seen so far: how the program usually ends, what was found, what is held back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ended::{Ended, How};
use super::judge::{Baseline, Judgement, Native, judge};
use super::level::Level;
use super::output::Difference;
use super::portfolio::Assignment;
use crate::verdict::Finding;

/// Findings that are held back, at most: they are mostly one and the same.
const HELD: usize = 32;

/// A finding, and the trial that showed it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is.
    pub finding: Finding,
    /// How its trial ended.
    pub ended: Ended,
    /// What it printed otherwise, if that is what was found.
    pub output: Option<Difference>,
    /// What was ordered.
    pub assignment: Assignment,
    /// When, since the search began.
    pub at: Duration,
    /// Trials that showed it.
    pub times: u64,
    /// What came of running the same schedule again; none if there was no time.
    pub repeated: Option<Repeated>,
}

/// How the same schedule went once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated {
    /// Whether the schedule was the same step for step.
    pub same_schedule: bool,
    /// Whether it ended alike.
    pub same_end: bool,
}

/// Everything that workers add to.
#[derive(Debug, Default)]
pub struct Ledger {
    /// How the program ends.
    pub baseline: Baseline,
    /// What was found, in the order in which it was.
    pub cases: Vec<Case>,
    held: Vec<Case>,
    /// Trials that ended.
    pub trials: u64,
    /// Where their scheduling points were.
    pub levels: BTreeSet<Level>,
    /// Steps of all of them.
    pub steps: u64,
    /// Most threads of one of them.
    pub threads: u32,
    /// Trials that ended as they should.
    pub clean: u64,
    /// Why others say nothing, and how often.
    pub unclear: BTreeMap<String, u64>,
    /// A trial that ended as it should.
    pub good: Option<Assignment>,
    /// Trials at which control was not complete.
    pub doubtful: u64,
    /// What control had to do without.
    pub notes: Vec<String>,
    /// Whether no process ran more than one trial, although they were to.
    pub is_unshared: bool,
    /// Trials that failed in a process that had run others, and ended well in one of their own.
    pub leaks: u64,
}

impl Ledger {
    /// Takes the run without control into account.
    pub fn native(&mut self, native: Option<Native>) {
        let before = std::mem::replace(&mut self.baseline, Baseline::new(native));
        self.baseline.default_rule = before.default_rule;
    }

    /// Enters a trial that ended, and says what it amounts to.
    pub fn enter(&mut self, assignment: &Assignment, ended: &Ended) -> Judgement {
        if ended.how == How::Cut {
            return Judgement::Inconclusive("it was cut short".to_owned());
        }
        self.trials += 1;
        self.levels.insert(assignment.level);
        self.steps += ended.numbers.steps;
        self.threads = self.threads.max(ended.numbers.threads);
        self.doubtful += u64::from(!ended.numbers.doubts().is_empty());
        let good = self.baseline.good;
        self.baseline.add(ended, assignment.is_default_rule());
        if self.baseline.good > good {
            self.good.get_or_insert_with(|| assignment.clone());
        }
        let judgement = judge(ended, &self.baseline);
        match &judgement {
            Judgement::Clean => self.clean += 1,
            Judgement::Inconclusive(why) => self.unclear(why),
            _ => {}
        }
        judgement
    }

    /// Counts a trial that says nothing.
    pub fn unclear(&mut self, why: &str) {
        *self.unclear.entry(why.to_owned()).or_default() += 1;
    }

    /// Counts a trial that failed only where others had run before. Returns how many there are.
    pub fn leaked(&mut self) -> u64 {
        self.leaks += 1;
        if self.leaks == 1 {
            self.note(
                "a schedule failed only in a process that had run others before, and ended well in a \
                 new one: the program keeps something from one run of main to the next",
            );
        }
        self.leaks
    }

    /// Adds what control had to do without, once.
    pub fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Whether this was found before; if so, it is counted.
    pub fn knows(&mut self, finding: &Finding) -> bool {
        let known = self.cases.iter_mut().find(|c| c.finding.fingerprint == finding.fingerprint);
        known.map(|case| case.times += 1).is_some()
    }

    /// Adds what was found.
    pub fn found(&mut self, case: Case) {
        if !self.knows(&case.finding) {
            self.cases.push(case);
        }
    }

    /// Keeps what cannot be said yet.
    pub fn hold(&mut self, case: Case) {
        let print = &case.finding.fingerprint;
        let same = self.held.iter_mut().find(|held| held.finding.fingerprint == *print);
        if let Some(held) = same {
            held.times += 1;
        } else if self.held.len() < HELD {
            self.held.push(case);
        }
    }

    /// What was held back and can be said now.
    pub fn released(&mut self) -> Vec<Case> {
        let baseline = &self.baseline;
        let held = std::mem::take(&mut self.held);
        let mut released = vec![];
        for mut case in held {
            match judge(&case.ended, baseline) {
                Judgement::Found(finding) => {
                    case.finding = finding;
                    released.push(case);
                }
                Judgement::Held(_) => self.held.push(case),
                _ => {}
            }
        }
        released
    }

    /// Why nothing is said although trials failed, if so.
    pub fn withheld(&self) -> Option<String> {
        let first = self.held.first()?;
        let native = match &self.baseline.native {
            Some(native) => format!("the run without control {}", native.how),
            None => "nothing is known of a run without control".to_owned(),
        };
        Some(format!(
            "no controlled trial ended as it should (the first: {}), while {native}: control itself \
             may be what changes the program",
            first.finding.summary
        ))
    }
}
