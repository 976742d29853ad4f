//! Two runs side by side: whether B was shown to fail more often than A, or less, or neither.
//!
//! What is compared is a [`Pair`]: two units of equal thread count, by default of the same scenario.
//! Rates are tested exactly, over all pairs at once ([`holm`]); what no test has shown is told with
//! the difference that remains possible ([`newcombe`]). The numbers are here, their words in
//! [`report::compare`](crate::report::compare).

pub mod kinds;
pub mod pairing;
pub mod side;
pub mod unlike;

use serde::Serialize;

use crate::redact::Redactor;
use crate::stats::bootstrap::{self, Ratio};
use crate::stats::{fisher, holm, newcombe};
use crate::store::Run;
use kinds::KindPair;
use pairing::{Alone, Matched, Rule};
use side::Side;
use unlike::{CrateDiff, Unlike};

/// Raised whenever a field changes so that older readers would misread it.
pub const SCHEMA: u32 = 1;
/// Below this an adjusted p-value counts as shown.
pub const ALPHA: f64 = 0.05;

/// Two runs, compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The [`SCHEMA`].
    pub schema: u32,
    /// Over all pairs, the worst first.
    pub verdict: Outcome,
    /// The run that is judged against.
    pub a: Origin,
    /// The run that is judged.
    pub b: Origin,
    /// In the order of A's plan.
    pub pairs: Vec<Pair>,
    /// Units without a partner.
    pub alone: Vec<Alone>,
    /// Units that no rule speaks of; 0 without rules.
    pub unasked: usize,
    /// What should be equal and is not.
    pub unlike: Vec<Unlike>,
    /// Crates whose version differs: as a rule what the comparison is about.
    pub crates: Vec<CrateDiff>,
    /// Books of which a scenario is compared with itself in one and the same binary.
    pub same_binary: Vec<String>,
}

impl Comparison {
    /// Takes out of it what is nobody's business. What differs was found before, so that two passwords
    /// are still told to be two.
    pub fn redact(&mut self, redactor: &mut Redactor) {
        let differences = self.unlike.iter_mut().flat_map(|unlike| [&mut unlike.a, &mut unlike.b]);
        let commands = [&mut self.a.command, &mut self.b.command];
        for text in commands.into_iter().chain(differences) {
            *text = redactor.redact(text);
        }
    }
}

/// Where one side comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The run directory.
    pub dir: std::path::PathBuf,
    /// When it began.
    pub began: String,
    /// The command that made it.
    pub command: String,
    /// Version of standstill that did.
    pub standstill: String,
    /// Trials that it holds.
    pub trials: usize,
    /// Trials that it planned.
    pub planned: u64,
    /// Searches of schedules that it holds, which are not compared.
    pub searches: usize,
    /// Lines of it that could not be read.
    pub damaged: usize,
}

/// What a pair comes to, about failures alone: times are never held against a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// B was shown to fail more often, altogether or in one kind.
    Worse,
    /// B was shown to fail less often, and in no kind more often.
    Better,
    /// No difference was shown, which does not say that there is none.
    NotShown,
    /// A side has no judged trial, or there is no pair.
    Inconclusive,
}

/// Two units side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Actors, the same on both sides.
    pub threads: u32,
    /// The unit that is judged against.
    pub a: Side,
    /// The unit that is judged.
    pub b: Side,
    /// What it comes to.
    pub verdict: Outcome,
    /// The rates of all failures; `None` if a side has no judged trial.
    pub rates: Option<Test>,
    /// The same for each kind, where there are several.
    pub kinds: Vec<KindPair>,
    /// Median time from gate to last actor, B / A; `None` with too few samples.
    pub time: Option<Ratio>,
    /// Actors ended a second of acting, B / A; `None` with too few samples.
    pub throughput: Option<Ratio>,
}

/// One exact test of two rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Test {
    /// Fisher's two-sided p-value.
    pub p: f64,
    /// The same after Holm's adjustment over `tests`.
    pub p_adjusted: f64,
    /// How many tests were made of this sort: of whole rates, or of kinds.
    pub tests: usize,
    /// The rate of B less that of A.
    pub difference: f64,
    /// Newcombe's 95 % interval of the difference, for this test alone.
    pub interval: (f64, f64),
}

impl Test {
    /// Tests one pair of rates, not yet adjusted.
    fn of(a: crate::stats::Rate, b: crate::stats::Rate) -> Option<Test> {
        let (difference, low, high) = newcombe::difference(a, b)?;
        let p = fisher::two_sided(a.k, a.n, b.k, b.n);
        Some(Test { p, p_adjusted: p, tests: 1, difference, interval: (low, high) })
    }

    /// Whether the rates were shown to differ.
    pub fn is_shown(self) -> bool {
        self.p_adjusted < ALPHA
    }

    /// Whether B was shown to have more.
    pub fn shows_more(self) -> bool {
        self.is_shown() && self.difference > 0.0
    }

    /// Whether B was shown to have less.
    pub fn shows_less(self) -> bool {
        self.is_shown() && self.difference < 0.0
    }
}

/// Judges `b` against `a`. Without rules each scenario meets itself; with them the scenarios that
/// they name meet each other, also within one run (`a` and `b` are then the same).
pub fn compare(a: &Run, b: &Run, rules: &[Rule]) -> Comparison {
    let Matched { pairs: matched, alone, unasked } = pairing::pairs(a, b, rules);
    let mut pairs: Vec<Pair> = matched.iter().map(|(of_a, of_b)| Pair::of(of_a, of_b)).collect();
    adjust(pairs.iter_mut().filter_map(|p| p.rates.as_mut()).collect());
    adjust(pairs.iter_mut().flat_map(|p| &mut p.kinds).map(|k| &mut k.test).collect());
    pairs.iter_mut().for_each(|pair| pair.verdict = pair.judge());
    let (crates, same_binary) = unlike::books(a, b, &pairs);
    Comparison {
        schema: SCHEMA,
        verdict: overall(&pairs),
        a: Origin::of(a),
        b: Origin::of(b),
        unlike: unlike::all(a, b, &pairs),
        crates,
        same_binary,
        pairs,
        alone,
        unasked,
    }
}

/// Makes up for the number of tests.
fn adjust(tests: Vec<&mut Test>) {
    let p: Vec<f64> = tests.iter().map(|test| test.p).collect();
    for (test, adjusted) in tests.into_iter().zip(holm::adjusted(&p)) {
        (test.p_adjusted, test.tests) = (adjusted, p.len());
    }
}

/// The worst of what the pairs come to; pairs that say nothing hide none that do.
fn overall(pairs: &[Pair]) -> Outcome {
    let has = |outcome| pairs.iter().any(|pair| pair.verdict == outcome);
    [Outcome::Worse, Outcome::Better, Outcome::NotShown]
        .into_iter()
        .find(|outcome| has(*outcome))
        .unwrap_or(Outcome::Inconclusive)
}

impl Pair {
    fn of(a: &side::Units<'_>, b: &side::Units<'_>) -> Pair {
        let ((a, mut times_a), (b, mut times_b)) = (a.tally(), b.tally());
        // In order, so that the same trials give the same intervals, however they came to be stored.
        times_a.sort_unstable();
        times_b.sort_unstable();
        Pair {
            threads: a.threads,
            verdict: Outcome::Inconclusive,
            rates: Test::of(a.rate, b.rate),
            kinds: kinds::pairs(&a, &b),
            time: bootstrap::ratio(&times_a, &times_b, bootstrap::median),
            throughput: bootstrap::ratio(&times_a, &times_b, bootstrap::pace),
            a,
            b,
        }
    }

    fn judge(&self) -> Outcome {
        let Some(rates) = self.rates else { return Outcome::Inconclusive };
        let more_of_a_kind = self.kinds.iter().any(|kind| kind.test.shows_more());
        match () {
            () if rates.shows_more() || more_of_a_kind => Outcome::Worse,
            () if rates.shows_less() => Outcome::Better,
            () => Outcome::NotShown,
        }
    }

    /// `bank/transfer`, or `bank/plain -> bank/locked` where the sides differ.
    pub fn title(&self) -> String {
        match (&self.a.scenario, &self.b.scenario) {
            (a, b) if a == b => a.clone(),
            (a, b) => format!("{a} -> {b}"),
        }
    }
}

impl Origin {
    fn of(run: &Run) -> Origin {
        Origin {
            dir: run.dir.clone(),
            began: run.header.began.clone(),
            command: run.header.command.clone(),
            standstill: run.header.standstill.clone(),
            trials: run.trials.len(),
            planned: run.planned(),
            searches: run.searches.len(),
            damaged: run.damaged.len(),
        }
    }
}

#[cfg(test)]
mod tests;
