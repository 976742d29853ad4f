//! A bisection as it is run: it builds versions, makes batches of trials, and keeps what they show.

mod bisected;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::bisect::{Answer, Bisection, Next, Rules, Side, Tally};
use super::lab::{Explore, Lab, LabError, Stress};
use super::record::{Lane, Shown, Tried};
use super::source::Source;
use super::workshop::{Built, Program, WorkshopError};
use crate::verdict::Kind;
pub use bisected::{Bisected, End, Tested};

/// What is bisected, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The versions, in order.
    pub sources: Vec<Source>,
    /// Whether the last one is the one to be suspected first.
    pub suspect_last: bool,
    /// Rules of the bisection.
    pub rules: Rules,
    /// How trials are made.
    pub lane: Lane,
    /// None: the program.
    pub scenario: Option<(String, u32)>,
    /// What it is called.
    pub what: String,
    /// Of the first batch; later ones count up.
    pub seed: u64,
    /// Time for the trials of one version.
    pub budget: Duration,
    /// The kinds that are looked for; empty: what the failing end shows.
    pub kinds: BTreeSet<Kind>,
    /// What a version counts as that cannot be built, if it counts.
    pub unbuildable: Option<Side>,
}

/// What was seen of one version.
#[derive(Clone, Debug, Default)]
struct Seen {
    built: Option<Built>,
    shown: Vec<Shown>,
    clean: u64,
    run: u64,
    batches: u64,
    spent: Duration,
    runs: Vec<PathBuf>,
    why: Option<String>,
}

/// A bisection under way.
pub struct Search<'a> {
    plan: &'a Plan,
    lab: &'a Lab<'a>,
    bisection: Bisection,
    seen: Vec<Seen>,
    order: Vec<usize>,
    kinds: BTreeSet<Kind>,
    tell: &'a mut dyn FnMut(&str),
}

impl<'a> Search<'a> {
    /// `tell` is told what happens, in lines for people.
    pub fn new(plan: &'a Plan, lab: &'a Lab<'a>, tell: &'a mut dyn FnMut(&str)) -> Search<'a> {
        let bisection = Bisection::new(plan.rules, plan.sources.len(), plan.suspect_last);
        let seen = vec![Seen::default(); plan.sources.len()];
        Search { plan, lab, bisection, seen, order: vec![], kinds: plan.kinds.clone(), tell }
    }

    /// Runs it to its end, or until somebody wants that.
    pub fn run(mut self) -> Result<Bisected, WorkshopError> {
        loop {
            let (at, trials) = match self.bisection.next() {
                Next::Done(answer) => return Ok(self.ended(Some(answer))),
                Next::Trials { at, trials } => (at, trials),
            };
            if !self.order.contains(&at) {
                self.order.push(at);
            }
            match self.step(at, trials) {
                Ok(()) => {}
                Err(WorkshopError::Interrupted) => return Ok(self.ended(None)),
                Err(error) => return Err(error),
            }
        }
    }

    fn title(&self, at: usize) -> String {
        format!("{} {}", self.lab.workshop.name, self.plan.sources[at].title())
    }

    fn step(&mut self, at: usize, trials: u64) -> Result<(), WorkshopError> {
        let title = self.title(at);
        if self.seen[at].built.is_none() {
            (self.tell)(&format!("{title}: building"));
            let mut source = self.plan.sources[at].clone();
            self.seen[at].built = Some(self.lab.workshop.build(&mut source)?);
        }
        let program = match self.seen[at].built.clone() {
            Some(Built::Program(program)) => program,
            Some(Built::Not { why }) => {
                (self.tell)(&format!("{title}: does not build: {why}"));
                self.seen[at].why = Some(format!("does not build: {why}"));
                match self.plan.unbuildable {
                    Some(side) => self.bisection.is_taken_as(at, side),
                    None => self.bisection.is_unbuildable(at),
                }
                return Ok(());
            }
            None => return Ok(()),
        };
        let began = Instant::now();
        match self.batch(at, &program, trials) {
            Ok(tried) => self.enter(at, &tried, trials, began.elapsed()),
            Err(LabError::Workshop(error)) => return Err(error),
            Err(LabError::NotTried(why)) => {
                (self.tell)(&format!("{title}: its trials cannot be run: {why}"));
                self.seen[at].why = Some(why);
                self.bisection.is_late(at);
            }
        }
        Ok(())
    }

    fn batch(&self, at: usize, program: &Program, trials: u64) -> Result<Tried, LabError> {
        let Plan { sources, lane, scenario, seed, budget, .. } = self.plan;
        // Every batch has a seed of its own, and every version the same ones.
        let seed = seed + self.seen[at].batches;
        if let (Lane::Native, Some((scenario, threads))) = (lane, scenario) {
            let order = Stress {
                patterns: vec![scenario.clone()],
                threads: vec![u64::from(*threads)],
                trials: Some(trials),
                seed: Some(seed),
            };
            let units = self.lab.stress(&sources[at], program, &order)?;
            let unit = units.into_iter().next();
            return unit
                .map(|(_, _, tried)| tried)
                .ok_or_else(|| LabError::NotTried("the run has no trials".to_owned()));
        }
        let least = Duration::from_secs(5);
        let budget = budget.saturating_sub(self.seen[at].spent).max(least);
        let order = Explore { scenario: scenario.clone(), trials, seed, budget };
        self.lab.explore(&sources[at], program, &order)
    }

    fn enter(&mut self, at: usize, tried: &Tried, trials: u64, took: Duration) {
        let seen = &mut self.seen[at];
        seen.batches += 1;
        seen.spent += took;
        seen.runs.push(tried.run.clone());
        seen.clean += tried.rate.n - tried.rate.k;
        let run = tried.rate.n + tried.inconclusive;
        seen.run += run;
        if tried.rate.n == 0 {
            seen.why.clone_from(&tried.why);
        }
        tried.shown.iter().for_each(|shown| add(&mut seen.shown, shown));
        let failed = self.bisection.failing();
        self.bisection.saw(at, self.tally(at));
        if failed.is_none() && self.bisection.failing() == Some(at) {
            if self.kinds.is_empty() {
                self.kinds = alike(self.seen[at].shown.iter().map(|shown| shown.kind));
            }
            // What the other end has shown counts only if it is the same.
            let other = self.seen.len() - 1 - at;
            if self.seen[other].run > 0 {
                self.bisection.saw(other, self.tally(other));
            }
        }
        let Tally { k, n, .. } = self.tally(at);
        let words = self.plan.lane.trials();
        let needed = match self.bisection.needed() {
            Some(needed) if k == 0 && Some(at) != self.bisection.failing() => {
                format!(" (needs {needed} to be called good)")
            }
            _ => String::new(),
        };
        let line = format!("{}: failed in {k} of {n} {words}{needed}", self.title(at));
        (self.tell)(&line);
        // A search that was given no more trials than it could run in no time gets nowhere.
        let is_slow = run == 0 && trials > 0;
        if self.seen[at].spent >= self.plan.budget || is_slow {
            self.bisection.is_late(at);
        }
    }

    /// What all trials of a version have come to, as far as the kinds go that are looked for.
    fn tally(&self, at: usize) -> Tally {
        let seen = &self.seen[at];
        let fits = |shown: &&Shown| self.kinds.is_empty() || self.kinds.contains(&shown.kind);
        let k = seen.shown.iter().filter(fits).map(|shown| shown.times).sum();
        Tally { k, n: seen.clean + k, run: seen.run }
    }

    fn ended(&self, answer: Option<Answer>) -> Bisected {
        let Plan { sources, lane, scenario, rules, .. } = self.plan;
        let title = |at: usize| sources[at].title();
        let (good, bad) = match answer {
            Some(Answer::Between { good, bad }) => (Some(good), Some(bad)),
            _ => (None, self.bisection.failing()),
        };
        let end = match answer {
            None => End::Interrupted,
            Some(Answer::Between { good, bad }) if good.abs_diff(bad) == 1 => End::Found,
            Some(Answer::Between { .. }) => End::Between,
            Some(Answer::NeitherFails) => End::NeitherFails,
            Some(Answer::BothFail) => End::BothFail,
            Some(Answer::EndUndecided) => End::EndUndecided,
            Some(Answer::EndUnbuildable(_)) => End::EndNotBuilt,
        };
        Bisected {
            lane: *lane,
            what: self.plan.what.clone(),
            threads: scenario.as_ref().map(|(_, threads)| *threads),
            kinds: self.kinds.clone(),
            shown: self.shown(),
            alpha: rules.alpha,
            steps: self.bisection.steps(),
            alpha_each: self.bisection.alpha(),
            rate_at_least: self.bisection.rate(),
            needed: self.bisection.needed(),
            versions: sources.iter().map(Source::title).collect(),
            tested: self.order.iter().map(|at| self.tested(*at)).collect(),
            good: good.map(title),
            bad: bad.map(title),
            end,
        }
    }

    /// What the failing end has shown of what was looked for.
    fn shown(&self) -> BTreeSet<Kind> {
        let shown = self.bisection.failing().map(|at| self.seen[at].shown.iter());
        let kinds = shown.into_iter().flatten().map(|shown| shown.kind);
        kinds.filter(|kind| self.kinds.contains(kind)).collect()
    }

    fn tested(&self, at: usize) -> Tested {
        let (seen, Tally { k, n, run }) = (&self.seen[at], self.tally(at));
        let side = self.bisection.side(at).map(|side| match side {
            Side::Bad => "bad",
            Side::Good => "good",
            Side::Undecided => "undecided",
            Side::Unbuildable => "not-built",
        });
        let ours = |shown: &&Shown| self.kinds.contains(&shown.kind);
        let prints = |seen: &Seen| -> BTreeSet<String> {
            seen.shown.iter().filter(ours).flat_map(|s| s.fingerprints.keys().cloned()).collect()
        };
        let here = prints(seen);
        let reference = self.bisection.failing().filter(|failing| *failing != at);
        let same_place = reference
            .filter(|_| !here.is_empty())
            .map(|failing| !prints(&self.seen[failing]).is_disjoint(&here));
        Tested {
            version: self.plan.sources[at].title(),
            k,
            n,
            run,
            side: side.map(str::to_owned),
            why: seen.why.clone(),
            same_place,
            others: seen.shown.iter().filter(|shown| !ours(shown)).cloned().collect(),
            runs: seen.runs.clone(),
        }
    }
}

/// The kinds, and those that the same bug may be called another time: which kind of standstill it is
/// follows from owners that are mostly inferred.
fn alike(kinds: impl Iterator<Item = Kind>) -> BTreeSet<Kind> {
    const STANDSTILLS: [Kind; 3] = [Kind::Deadlock, Kind::SelfDeadlock, Kind::LostWakeup];
    let mut kinds: BTreeSet<Kind> = kinds.collect();
    if STANDSTILLS.iter().any(|kind| kinds.contains(kind)) {
        kinds.extend(STANDSTILLS);
    }
    kinds
}

fn add(all: &mut Vec<Shown>, more: &Shown) {
    let is_same =
        |known: &&mut Shown| (known.kind, known.confidence) == (more.kind, more.confidence);
    let Some(known) = all.iter_mut().find(is_same) else {
        all.push(more.clone());
        return;
    };
    known.times += more.times;
    for (print, times) in &more.fingerprints {
        *known.fingerprints.entry(print.clone()).or_default() += times;
    }
}
