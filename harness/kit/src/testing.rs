//! The scenarios as tests: `cargo test` and `cargo nextest run`.
//!
//! Each scenario with each of its thread counts is a test by name (`abba::t2`). It runs its trials
//! in processes of their own and passes when each was graded as expected. The environment stands in
//! for flags that test runners do not pass on: `STANDSTILL_TRIALS`, `STANDSTILL_THREADS` (`2,8`),
//! `STANDSTILL_SEED`, and `STANDSTILL_SET` (`model=PATH,key=value`).

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use libtest_mimic::{Arguments, Failed, Trial};
use standstill::event::{Event, Reporter, What};
use standstill::plan::{Plan, Unit, too_many_threads};
use standstill::protocol::Card;
use standstill::session::Session;
use standstill::supervise::Target;
use standstill::text::story;
use standstill::verdict::Grade;

use crate::Scenario;

pub(crate) fn main(scenarios: Vec<Scenario>) -> ExitCode {
    let arguments = Arguments::from_args();
    let wishes = match Wishes::from_environment() {
        Ok(wishes) => wishes,
        Err(why) => return crate::entry::fail(&why),
    };
    let tests = scenarios
        .into_iter()
        .flat_map(|scenario| {
            let card = scenario.card;
            let counts = wishes.threads.clone().unwrap_or_else(|| card.threads.clone());
            let wishes = wishes.clone();
            counts.into_iter().map(move |threads| {
                let (card, wishes) = (card.clone(), wishes.clone());
                let name = format!("{}::t{threads}", card.name);
                Trial::test(name, move || run(card, threads, &wishes))
            })
        })
        .collect();
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// What the environment asks for.
#[derive(Clone, Default)]
struct Wishes {
    trials: Option<u64>,
    threads: Option<Vec<u32>>,
    seed: Option<u64>,
    settings: BTreeMap<String, String>,
}

impl Wishes {
    fn from_environment() -> Result<Wishes, String> {
        Ok(Wishes {
            trials: read("STANDSTILL_TRIALS", "a number from 1", |v| {
                v.parse().ok().filter(|n| *n > 0)
            })?,
            threads: read("STANDSTILL_THREADS", "a list of numbers from 1, such as 2,8", |v| {
                v.split(',').map(|n| n.trim().parse().ok().filter(|n| *n > 0)).collect()
            })?,
            seed: read("STANDSTILL_SEED", "a number", |v| v.parse().ok())?,
            settings: read("STANDSTILL_SET", "a list such as key=value,model=PATH", |v| {
                let pair = |p: &str| p.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
                v.split(',').map(pair).collect()
            })?
            .unwrap_or_default(),
        })
    }
}

fn read<T>(name: &str, form: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, String> {
    match std::env::var(name) {
        Err(_) => Ok(None),
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => parse(&value).map(Some).ok_or_else(|| format!("{name}={value} is not {form}")),
    }
}

fn run(card: Card, threads: u32, wishes: &Wishes) -> Result<(), Failed> {
    if let Some(why) = too_many_threads(u64::from(threads), 1) {
        return Err(why.into());
    }
    let unit = Unit {
        scenario: card.name.clone(),
        threads,
        trials: wishes.trials.unwrap_or(u64::from(card.trials)),
        timeout_ms: card.timeout_ms,
        card,
    };
    let plan = Plan {
        units: vec![unit],
        seed: wishes.seed.unwrap_or(1),
        jobs: 1,
        settings: wishes.settings.clone(),
        isolation: None,
    };
    // This very binary is scenario and keeper at once.
    let exe = std::env::current_exe()?;
    let target = |_: &str| Target { exe: exe.clone(), keeper: exe.clone() };
    let (mut teller, stop, done) = (Teller::default(), AtomicBool::new(false), BTreeSet::new());
    let session = Session { plan: &plan, target: &target, done: &done, stop: &stop };
    let outcomes = session.run(&mut [&mut teller])?;
    let summary = outcomes.summaries.first().ok_or("no trial was run")?;
    teller.say(&format!("{}: {}", plan.units[0].title(), summary.sentence()));
    match summary.grade() {
        Grade::AsExpected => Ok(()),
        grade => {
            let expected = &plan.units[0].card.expectation;
            let told = teller.worst.map(|(_, story)| story).unwrap_or_default();
            let sum = summary.sentence();
            Err(format!("{grade} (expected: {expected})\n{sum}\n\nfirst such trial:\n{told}")
                .into())
        }
    }
}

/// Keeps the first trial that went against the expectation.
#[derive(Default)]
struct Teller {
    worst: Option<(Grade, String)>,
}

impl Teller {
    #[allow(clippy::print_stdout, reason = "a test may print; its runner shows it on request")]
    fn say(&self, line: &str) {
        println!("{line}");
    }
}

impl Reporter for Teller {
    fn report(&mut self, event: &Event<'_>) -> std::io::Result<()> {
        match &event.what {
            What::Noted { scenario, note } => self.say(&format!("note on {scenario}: {note}")),
            What::Trial(done) if done.grade != Grade::AsExpected => {
                let worse =
                    self.worst.as_ref().is_none_or(|(grade, _)| *grade == Grade::Inconclusive);
                if worse {
                    self.worst =
                        Some((done.grade, story(done.observation, done.verdict, done.grade)));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
