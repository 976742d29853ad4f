//! Bisection where a bad version fails seldom: what to test next, how often, and what may be said.
//!
//! A version that fails once is bad. A version that never failed may have been lucky, so "good" takes
//! as many trials as make that luck unlikely, and how many these are follows from how often the version
//! fails that is known to be bad.
//!
//! - One of the ends must fail. It is run until it has failed [`Rules::enough`] times; that gives a rate
//!   which it has at least, at confidence 1 - a.
//! - A version is *good* when it did not fail in so many trials that a version with this rate would
//!   have with probability of at least 1 - a. It is *bad* when it failed.
//! - a is the whole risk, shared equally by all steps that can err: the rate's bound, the end that does
//!   not fail, and as many in between as halving takes. Their sum bounds the risk of a wrong answer.
//!
//! It rests on two assumptions, which the report repeats: every bad version fails at least as often as
//! the bound says, and the versions change sides once.
//!
//! Pure: nothing here runs anything. [`Bisection::next`] asks, the caller answers.

pub mod bound;

use bound::{at_least, needed};

/// What a bisection is run by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The risk of a wrong answer, over all steps.
    pub alpha: f64,
    /// Failures after which the rate is known well enough.
    pub enough: u64,
    /// Trials that one version gets at most.
    pub most: u64,
    /// Trials at a time, at first. Later batches are as large as all before.
    pub first: u64,
    /// The smallest batch that makes sense.
    pub least: u64,
}

/// What the trials of a version came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that failed in the way that is looked for.
    pub k: u64,
    /// Those and the ones that ended well.
    pub n: u64,
    /// All, also those that say nothing.
    pub run: u64,
}

/// What a version was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It failed.
    Bad,
    /// It did not, in enough trials.
    Good,
    /// It did not, in too few; its trials or its time are over.
    Undecided,
    /// There is no program of it.
    Unbuildable,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run trials of the version at this place.
    Trials {
        /// The place in the list.
        at: usize,
        /// How many.
        trials: u64,
    },
    /// Nothing: this is the answer.
    Done(Answer),
}

/// How a bisection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The change lies between these two; nothing that could be tested is left between them, or
    /// nothing could be decided there.
    Between {
        /// Place of the nearest version that did not fail.
        good: usize,
        /// Place of the nearest one that failed.
        bad: usize,
    },
    /// Neither end failed, so there is no rate and nothing to look for.
    NeitherFails,
    /// Both ends failed.
    BothFail,
    /// One end failed, and of the other it could not be shown that it does not.
    EndUndecided,
    /// An end cannot be built.
    EndUnbuildable(usize),
}

/// A bisection under way.
#[derive(Clone, Debug)]
pub struct Bisection {
    rules: Rules,
    /// Where to look for failures first.
    suspect: usize,
    tallies: Vec<Tally>,
    sides: Vec<Option<Side>>,
    /// Versions whose time is over.
    is_late: Vec<bool>,
    /// The end that fails, once one did.
    failing: Option<usize>,
    /// What the first batch of each came to.
    firsts: Vec<Option<Tally>>,
    /// The rate that it has at least.
    rate: Option<f64>,
}

impl Bisection {
    /// Over `versions` versions in order, at least two; of the ends `suspect_last` says which is to be
    /// tried first.
    pub fn new(rules: Rules, versions: usize, suspect_last: bool) -> Bisection {
        let versions = versions.max(2);
        Bisection {
            rules,
            suspect: if suspect_last { versions - 1 } else { 0 },
            tallies: vec![Tally::default(); versions],
            sides: vec![None; versions],
            is_late: vec![false; versions],
            failing: None,
            firsts: vec![None; versions],
            rate: None,
        }
    }

    /// Steps that can err: the rate's bound, the good end, and what halving takes.
    pub fn steps(&self) -> u32 {
        let between = self.sides.len() - 2;
        2 + usize::BITS - between.leading_zeros()
    }

    /// The risk of one step.
    pub fn alpha(&self) -> f64 {
        self.rules.alpha / f64::from(self.steps())
    }

    /// The end that fails.
    pub fn failing(&self) -> Option<usize> {
        self.failing
    }

    /// The rate that it has at least.
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Trials without a failure that make a version good.
    pub fn needed(&self) -> Option<u64> {
        needed(self.rate?, self.alpha())
    }

    /// What the version at a place was found to be.
    pub fn side(&self, at: usize) -> Option<Side> {
        self.sides[at]
    }

    /// What its trials came to.
    pub fn tally(&self, at: usize) -> Tally {
        self.tallies[at]
    }

    /// Takes in what all trials of a version have come to so far.
    pub fn saw(&mut self, at: usize, tally: Tally) {
        self.tallies[at] = tally;
        self.firsts[at].get_or_insert(tally);
        if self.failing.is_none() && tally.k > 0 {
            self.failing = Some(at);
            self.sides[at] = Some(Side::Bad);
        }
        if self.failing == Some(at) {
            let is_enough = tally.k >= self.rules.enough || tally.run >= self.rules.most;
            if self.rate.is_none() && is_enough {
                self.seal();
            }
            return;
        }
        self.decide(at);
    }

    /// There is no program of this version.
    pub fn is_unbuildable(&mut self, at: usize) {
        self.sides[at] = Some(Side::Unbuildable);
    }

    /// The version counts as this without a trial, because the user said so.
    pub fn is_taken_as(&mut self, at: usize, side: Side) {
        self.sides[at] = Some(side);
    }

    /// The time for a version is over.
    pub fn is_late(&mut self, at: usize) {
        self.is_late[at] = true;
        if self.failing == Some(at) && self.rate.is_none() {
            self.seal();
        } else {
            self.decide(at);
        }
    }

    /// What to do next.
    pub fn next(&self) -> Next {
        let last = self.sides.len() - 1;
        for end in [self.suspect, last - self.suspect] {
            if self.sides[end] == Some(Side::Unbuildable) {
                return Next::Done(Answer::EndUnbuildable(end));
            }
        }
        let Some(failing) = self.failing else { return self.seek() };
        let Some(rate) = self.rate else { return self.batch(failing, None) };
        let Some(needed) = needed(rate, self.alpha()) else {
            return Next::Done(Answer::EndUndecided);
        };
        let other = last - failing;
        match self.sides[other] {
            None => return self.batch(other, Some(needed)),
            Some(Side::Bad) => return Next::Done(Answer::BothFail),
            Some(Side::Good) => {}
            Some(_) => return Next::Done(Answer::EndUndecided),
        }
        self.halve(failing, needed)
    }

    /// Looks for a failure at both ends in turns.
    fn seek(&self) -> Next {
        let last = self.sides.len() - 1;
        let is_open = |end: &usize| {
            self.sides[*end].is_none()
                && !self.is_late[*end]
                && self.tallies[*end].run < self.rules.most
        };
        let ends = [self.suspect, last - self.suspect].into_iter().filter(is_open);
        match ends.min_by_key(|end| self.tallies[*end].run) {
            Some(end) => self.batch(end, None),
            None => Next::Done(Answer::NeitherFails),
        }
    }

    /// Tests the median of what can be tested between the nearest known ones; so each decision halves
    /// their number, whatever could not be built.
    fn halve(&self, failing: usize, needed: u64) -> Next {
        let last = self.sides.len() - 1;
        let places = || 0..=last;
        let is = |at: &usize, side| self.sides[*at] == Some(side);
        let (good, bad) = if failing == last {
            let bad = places().find(|at| is(at, Side::Bad)).unwrap_or(last);
            (places().take_while(|at| *at < bad).filter(|at| is(at, Side::Good)).last(), bad)
        } else {
            let bad = places().rfind(|at| is(at, Side::Bad)).unwrap_or(0);
            (places().skip(bad + 1).find(|at| is(at, Side::Good)), bad)
        };
        let good = good.unwrap_or(last - failing);
        let inside = good.min(bad) + 1..good.max(bad);
        let is_stuck = inside.clone().any(|at| self.sides[at] == Some(Side::Undecided));
        let open: Vec<usize> = inside.filter(|at| self.sides[*at].is_none()).collect();
        // Who is at it goes on: a step is one version at a time.
        let begun = open.iter().copied().find(|at| self.tallies[*at].run > 0);
        match begun.or_else(|| open.get(open.len() / 2).copied()) {
            Some(at) if !is_stuck => self.batch(at, Some(needed)),
            _ => Next::Done(Answer::Between { good, bad }),
        }
    }

    fn batch(&self, at: usize, needed: Option<u64>) -> Next {
        let Tally { k, n, run } = self.tallies[at];
        let Rules { first, least, most, enough, .. } = self.rules;
        let missing = match needed {
            Some(needed) => needed.saturating_sub(n),
            // About as many as the missing failures take: more of them than enough are of no use.
            None if k > 0 => run.saturating_mul(enough.saturating_sub(k)).div_ceil(k),
            None => u64::MAX,
        };
        let trials = first.max(run).min(missing).max(least).min(most.saturating_sub(run)).max(1);
        Next::Trials { at, trials }
    }

    fn decide(&mut self, at: usize) {
        let tally = self.tallies[at];
        let is_over = self.is_late[at] || tally.run >= self.rules.most;
        let side = match self.needed() {
            _ if self.sides[at].is_some() => return,
            _ if tally.k > 0 => Side::Bad,
            None => return,
            Some(needed) if tally.n >= needed => Side::Good,
            Some(_) if is_over => Side::Undecided,
            Some(_) => return,
        };
        self.sides[at] = Some(side);
    }

    /// Fixes the rate's bound. When trials go on until enough have failed, the number of failures is
    /// no longer free to speak for itself: only that so many came within so many trials. The first
    /// batch was of a size fixed before, so its own number may be used; each gets half of the risk.
    fn seal(&mut self) {
        let Some(at) = self.failing else { return };
        let tally = self.tallies[at];
        let alpha = self.alpha() / 2.0;
        let first = self.firsts[at].unwrap_or_default();
        let whole = at_least(tally.k.min(self.rules.enough), tally.n, alpha);
        self.rate = Some(whole.max(at_least(first.k, first.n, alpha)));
        let last = self.sides.len() - 1;
        self.decide(last - at);
    }
}

#[cfg(test)]
mod tests;
