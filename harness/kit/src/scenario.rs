//! A scenario in the making and made.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use standstill::board::Outcome;
use standstill::program::Program;
use standstill::protocol::{Card, Contract, Control, Place};
use standstill::verdict::{Expectation, Kind};

use crate::Actor;

/// What the actors do to the library under test, with its claimed contract and its expectation.
pub struct Scenario {
    pub(crate) card: Card,
    pub(crate) script: Box<dyn Script>,
}

impl Scenario {
    /// Begins a scenario. The name is unique within its crate and made of `a-z`, `0-9` and `_`.
    ///
    /// Unless told otherwise it is expected to be clean, runs with 2 and 8 actors, takes 10 trials
    /// for each under `cargo test`, and has a deadline of 30 s.
    #[allow(clippy::new_ret_no_self, reason = "a builder is what there is to begin with")]
    #[track_caller]
    pub fn new(name: &str) -> Builder<(), (), NoActor> {
        let card = Card {
            name: name.to_owned(),
            about: String::new(),
            contract: Contract::default(),
            expectation: Expectation::Clean,
            control_of: None,
            threads: vec![2, 8],
            iterations: None,
            trials: 10,
            timeout_ms: 30_000,
            counts_steps: false,
            has_oracle: false,
            keeps_threads: false,
            zygote: true,
            generates: false,
            places: vec![Place::of_caller()],
            reproducer: None,
        };
        Builder {
            card,
            prepare: Box::new(|_| Ok(())),
            setup: Box::new(|_, _| ()),
            actor: Box::new(|_, _| NoActor),
            check: None,
        }
    }
}

/// For scenarios that are made of others, as one over a candidate fix is: what they are told is no
/// longer to be written where their bodies are.
impl Scenario {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.card.name
    }

    /// As [`Builder::control_of`].
    pub fn control_of(mut self, scenario: &str, what: &str) -> Self {
        self.card.control_of = Some(Control { of: scenario.to_owned(), what: what.to_owned() });
        self
    }

    /// As [`Builder::may_find`]; what it may find already it may find still.
    pub fn may_find(mut self, kind: Kind, issue: &str) -> Self {
        match &mut self.card.expectation {
            Expectation::Known { kind: known, also, .. } => {
                if *known != kind && !also.contains(&kind) {
                    also.push(kind);
                }
            }
            other => *other = Expectation::Known { issue: issue.to_owned(), kind, also: vec![] },
        }
        self
    }

    /// Forgets what [`Builder::reproducer`] named: it fails as the scenario did before something was
    /// put around it.
    pub fn without_reproducer(mut self) -> Self {
        self.card.reproducer = None;
        self
    }

    /// As [`Builder::trials`].
    pub fn trials(mut self, trials: u32) -> Self {
        self.card.trials = trials;
        self
    }
}

/// What a trial's setup is told.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TrialInfo {
    /// How many actors the trial has.
    pub threads: usize,
    /// How often each actor is to repeat what it does; 1 unless the scenario
    /// [says otherwise](Builder::iterations).
    pub iterations: u32,
    /// The trial's seed.
    pub seed: u64,
}

/// What `prepare` is told, and where it notes what it used.
#[derive(Debug, Default)]
pub struct Preparation {
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) inputs: BTreeMap<String, PathBuf>,
    pub(crate) notes: BTreeMap<String, String>,
}

impl Preparation {
    /// A value that the user gave with `--set KEY=VALUE` (`--model PATH` is `model`).
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    /// Notes a file that the scenario reads: the report names it with its hash.
    pub fn input(&mut self, name: &str, path: &Path) {
        self.inputs.insert(name.to_owned(), path.to_owned());
    }

    /// Notes a fact for the report, for instance the version of the library under test.
    pub fn note(&mut self, name: &str, value: impl Into<String>) {
        self.notes.insert(name.to_owned(), value.into());
    }
}

pub(crate) type Prepare<P> = Box<dyn Fn(&mut Preparation) -> Result<P, String> + Send + Sync>;
pub(crate) type Setup<P, S> = Box<dyn Fn(&'static P, TrialInfo) -> S + Send + Sync>;
type Act<S, R> = Box<dyn Fn(&S, &Actor<'_>) -> R + Send + Sync>;
/// An `Err` says what the trial comes to, and why.
type CheckFn<S, R> = dyn Fn(&S, &[R]) -> Result<(), (Outcome, String)> + Send + Sync;
type Check<S, R> = Box<CheckFn<S, R>>;
/// What the actors were dealt; an `Err` says why they cannot begin.
type TellFn<S> = dyn Fn(&S) -> Result<&Program, String> + Send + Sync;
type Tell<S> = Box<TellFn<S>>;

/// In the place of a result while [`Builder::actor`] has not been called: there is nothing to build.
#[allow(missing_debug_implementations, reason = "what is built must have a result to print")]
pub struct NoActor;

/// A scenario in the making: `P` is prepared once a process, `S` is set up for each trial and shared
/// by its actors, `R` is what an actor returns.
pub struct Builder<P: 'static, S, R> {
    pub(crate) card: Card,
    pub(crate) prepare: Prepare<P>,
    pub(crate) setup: Setup<P, S>,
    actor: Act<S, R>,
    check: Option<Check<S, R>>,
}

impl<P: 'static, S, R> Builder<P, S, R> {
    /// What it is about, in one sentence.
    pub fn about(mut self, about: &str) -> Self {
        self.card.about = about.to_owned();
        self
    }

    /// The promise that the actors rely on, quoted, and where it stands.
    pub fn contract(mut self, claim: &str, source: &str) -> Self {
        self.card.contract = Contract { claim: claim.to_owned(), source: source.to_owned() };
        self
    }

    /// Every trial must find this: the scenario is a positive control.
    pub fn finds(mut self, kind: Kind) -> Self {
        self.card.expectation = Expectation::Finds { kind };
        self
    }

    /// Trials may find this, a known bug; `issue` says where it is tracked.
    pub fn may_find(mut self, kind: Kind, issue: &str) -> Self {
        self.card.expectation = Expectation::Known { issue: issue.to_owned(), kind, also: vec![] };
        self
    }

    /// The same known bug may show as this, too: what corrupts memory is a crash in one trial and a
    /// wrong result in the next. To be called after [`may_find`](Self::may_find), and means nothing
    /// without it.
    pub fn may_also_find(mut self, kind: Kind) -> Self {
        if let Expectation::Known { also, .. } = &mut self.card.expectation {
            also.push(kind);
        }
        self
    }

    /// This is the scenario of that name in the same crate, with something different that should help:
    /// `an external mutex`, `the candidate fix`. A report of both tests the difference of their rates.
    pub fn control_of(mut self, scenario: &str, what: &str) -> Self {
        self.card.control_of = Some(Control { of: scenario.to_owned(), what: what.to_owned() });
        self
    }

    /// Thread counts that are run unless others are asked for.
    pub fn threads(mut self, counts: impl IntoIterator<Item = u32>) -> Self {
        self.card.threads = counts.into_iter().collect();
        self
    }

    /// How often each actor repeats what it does, unless `--set iterations=N` asks for another number:
    /// its body loops [`Actor::iterations`] times. A failure that `standstill explore` has found it
    /// looks for with fewer, too.
    pub fn iterations(mut self, iterations: u32) -> Self {
        self.card.iterations = Some(iterations.max(1));
        self
    }

    /// Trials for each thread count under `cargo test`.
    pub fn trials(mut self, trials: u32) -> Self {
        self.card.trials = trials;
        self
    }

    /// How long the actors may take, from the opening of the gate.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.card.timeout_ms = timeout.as_millis().try_into().unwrap_or(u64::MAX);
        self
    }

    /// Promises that a healthy actor calls [`Actor::step`] at least once in every quarter of the
    /// timeout until it returns.
    pub fn counts_steps(mut self) -> Self {
        self.card.counts_steps = true;
        self
    }

    /// Threads started in a trial may outlive it on purpose: a pool that the library keeps.
    pub fn keeps_threads(mut self) -> Self {
        self.card.keeps_threads = true;
        self
    }

    /// Oracle: every actor must return what one actor returns alone. Results are compared by their
    /// `Debug` text; that one actor alone gives the same twice is verified first.
    pub fn results_equal_sequential(mut self) -> Self {
        self.card.has_oracle = true;
        self
    }

    /// Never fork this scenario from a prepared process: every trial prepares for itself.
    pub fn fresh_process(mut self) -> Self {
        self.card.zygote = false;
        self
    }

    /// A reproducer that was written by hand, for `standstill reproducer` to take instead of cutting
    /// the scenario out of its crate: a `main` in Rust, or one C or C++ file. The path is relative to
    /// the crate's manifest. Rust is of the crate's edition, unless its first line is of the form
    /// `// edition: 2021`.
    pub fn reproducer(mut self, path: &'static str) -> Self {
        self.card.reproducer = Some(path.to_owned());
        self
    }
}

impl<P: 'static, S: Sync + 'static, R: Debug + Send + 'static> Builder<P, S, R> {
    /// Looks at what the actors returned, after all of them have; an `Err` is a wrong result.
    pub fn check(
        mut self,
        check: impl Fn(&S, &[R]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let check = move |shared: &S, results: &[R]| {
            check(shared, results).map_err(|why| (Outcome::WrongResult, why))
        };
        self.check = Some(Box::new(check));
        self
    }

    /// The finished scenario.
    #[track_caller]
    pub fn build(self) -> Scenario {
        let Builder { mut card, prepare, setup, actor, check } = self;
        card.places.push(Place::of_caller());
        Scenario { card, script: Box::new(Typed { prepare, setup, actor, check, tell: None }) }
    }
}

impl Builder<(), (), NoActor> {
    /// What is done once a process, before any trial: load the model. It must start no thread, or
    /// trials cannot be forked. What it returns is never dropped. An `Err` is the user's to mend (a
    /// missing file), said in one sentence.
    pub fn prepare<P: 'static>(
        self,
        prepare: impl Fn(&mut Preparation) -> Result<P, String> + Send + Sync + 'static,
    ) -> Builder<P, (), NoActor> {
        Builder {
            card: self.card,
            prepare: Box::new(prepare),
            setup: Box::new(|_, _| ()),
            actor: self.actor,
            check: None,
        }
    }
}

impl<P: 'static> Builder<P, (), NoActor> {
    /// What each trial begins with, before its actors run. They share it by reference; it is dropped
    /// when they have ended.
    pub fn setup<S: Sync + 'static>(
        self,
        setup: impl Fn(&'static P, TrialInfo) -> S + Send + Sync + 'static,
    ) -> Builder<P, S, NoActor> {
        Builder {
            card: self.card,
            prepare: self.prepare,
            setup: Box::new(setup),
            actor: Box::new(|_, _| NoActor),
            check: None,
        }
    }
}

impl<P: 'static, S: Sync + 'static> Builder<P, S, NoActor> {
    /// What each actor does when the gate opens.
    pub fn actor<R: Debug + Send + 'static>(
        self,
        actor: impl Fn(&S, &Actor<'_>) -> R + Send + Sync + 'static,
    ) -> Builder<P, S, R> {
        Builder {
            card: self.card,
            prepare: self.prepare,
            setup: self.setup,
            actor: Box::new(actor),
            check: None,
        }
    }
}

/// A [`Builder`]'s closures with their types forgotten.
pub(crate) trait Script: Send + Sync {
    fn prepare(&self, preparation: &mut Preparation) -> Result<Prepared, String>;
    fn set_up(&self, prepared: Prepared, info: TrialInfo) -> Box<dyn Stage + '_>;
}

/// What `prepare` returned, kept for the rest of the process.
pub(crate) type Prepared = &'static dyn Any;

/// One trial, set up.
pub(crate) trait Stage: Sync {
    /// Runs one actor and keeps its result; gives the result's `Debug` text if it is wanted.
    fn act(&self, actor: &Actor<'_>, wants_text: bool) -> Option<String>;
    /// What its actors were dealt, where that was generated; an `Err` says why they cannot begin.
    fn program(&self) -> Result<Option<&Program>, String>;
    /// Runs the scenario's own check over the results in the order of the actors.
    fn check(&mut self) -> Result<(), (Outcome, String)>;
}

pub(crate) struct Typed<P: 'static, S, R> {
    pub(crate) prepare: Prepare<P>,
    pub(crate) setup: Setup<P, S>,
    pub(crate) actor: Act<S, R>,
    pub(crate) check: Option<Check<S, R>>,
    pub(crate) tell: Option<Tell<S>>,
}

impl<P: 'static, S: Sync + 'static, R: Debug + Send + 'static> Script for Typed<P, S, R> {
    fn prepare(&self, preparation: &mut Preparation) -> Result<Prepared, String> {
        (self.prepare)(preparation).map(|prepared| Box::leak(Box::new(prepared)) as Prepared)
    }

    fn set_up(&self, prepared: Prepared, info: TrialInfo) -> Box<dyn Stage + '_> {
        let prepared = prepared.downcast_ref().expect("prepared by this very script");
        let results = (0..info.threads).map(|_| Mutex::new(None)).collect();
        let shared = (self.setup)(prepared, info);
        let (check, tell) = (self.check.as_deref(), self.tell.as_deref());
        Box::new(Set { shared, actor: &*self.actor, check, tell, results })
    }
}

struct Set<'a, S, R> {
    shared: S,
    actor: &'a (dyn Fn(&S, &Actor<'_>) -> R + Send + Sync),
    check: Option<&'a CheckFn<S, R>>,
    tell: Option<&'a TellFn<S>>,
    /// A lock each, touched by its own actor alone and never while the body runs.
    results: Vec<Mutex<Option<R>>>,
}

impl<S: Sync, R: Debug + Send> Stage for Set<'_, S, R> {
    fn act(&self, actor: &Actor<'_>, wants_text: bool) -> Option<String> {
        let result = (self.actor)(&self.shared, actor);
        let text = wants_text.then(|| format!("{result:?}"));
        *self.results[actor.index()].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        text
    }

    fn program(&self) -> Result<Option<&Program>, String> {
        self.tell.map(|tell| tell(&self.shared)).transpose()
    }

    fn check(&mut self) -> Result<(), (Outcome, String)> {
        let Some(check) = self.check else { return Ok(()) };
        let taken = self.results.iter_mut().map(|slot| slot.get_mut().ok()?.take());
        match taken.collect::<Option<Vec<R>>>() {
            Some(results) => check(&self.shared, &results),
            // An actor panicked: that is the finding, and there is nothing to compare.
            None => Ok(()),
        }
    }
}
