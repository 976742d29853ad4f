//! What each actor of a trial is dealt: calls drawn from the program's seed and the actor's number.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use standstill::program::{Call, PROGRAM, Part, Program, Wanted};
use standstill::trial::trial_seed;

use crate::{Preparation, TrialInfo};

/// All calls of one actor, from the seed of a program and the actor's number.
type Draw<C> = Box<dyn Fn(u64, u32) -> Result<Vec<C>, String> + Send + Sync>;

/// Deals programs.
pub(super) struct Dealer<C>(Draw<C>);

/// The calls of all actors of a trial, and how they are told.
pub(super) struct Hands<C> {
    pub(super) dealt: Vec<Vec<C>>,
    pub(super) program: Program,
}

impl<C: Debug> Dealer<C> {
    pub(super) fn new<G: Strategy<Value = C>>(
        strategy: impl Fn() -> G + Send + Sync + 'static,
        calls: RangeInclusive<usize>,
    ) -> Self {
        let least = (*calls.start()).max(1);
        let calls = least..=(*calls.end()).max(least);
        Dealer(Box::new(move |seed, actor| {
            let mut runner = runner(trial_seed(seed, u64::from(actor)));
            let list = proptest::collection::vec(strategy(), calls.clone());
            match list.new_tree(&mut runner) {
                Ok(tree) => Ok(tree.current()),
                Err(why) => Err(format!("failed to generate calls from the strategy: {why}")),
            }
        }))
    }

    /// The program that the user asks for, if any; an `Err` says what is wrong with it.
    pub(super) fn wanted(&self, preparation: &Preparation) -> Result<Option<Wanted>, String> {
        let Some(text) = preparation.setting(PROGRAM) else { return Ok(None) };
        let wanted = text.parse::<Wanted>().map_err(|error| error.to_string())?;
        for (actor, calls) in wanted.kept.iter().flatten() {
            let has = (self.0)(wanted.seed, *actor)?.len();
            if let Some(call) = calls.iter().find(|call| **call as usize >= has) {
                return Err(format!(
                    "the setting {PROGRAM}={text} asks for call {call} of actor {actor}, and this \
                     scenario generates {has} for it, numbered from 0"
                ));
            }
        }
        Ok(Some(wanted))
    }

    /// Deals to the actors of a trial: from its own seed, unless a program is wanted.
    pub(super) fn deal(
        &self,
        wanted: Option<&Wanted>,
        info: TrialInfo,
    ) -> Result<Hands<C>, String> {
        let seed = wanted.map_or(info.seed, |wanted| wanted.seed);
        let kept = wanted.and_then(|wanted| wanted.kept.as_ref());
        let parts: Vec<(u32, Option<&Vec<u32>>)> = match kept {
            Some(parts) => parts.iter().map(|(actor, calls)| (*actor, Some(calls))).collect(),
            None => (0..info.threads as u32).map(|actor| (actor, None)).collect(),
        };
        if parts.len() != info.threads {
            let (has, asked) = (parts.len(), info.threads);
            return Err(format!("its program takes -t {has}, and the trial has -t {asked}"));
        }
        let mut hands = Hands { dealt: vec![], program: Program { seed, actors: vec![] } };
        for (actor, calls) in parts {
            let all = (self.0)(seed, actor)?.into_iter().zip(0..);
            let is_kept = |number: &u32| calls.is_none_or(|calls| calls.contains(number));
            let kept: Vec<(C, u32)> = all.filter(|(_, number)| is_kept(number)).collect();
            let told =
                |(call, number): &(C, u32)| Call { number: *number, text: format!("{call:?}") };
            hands.program.actors.push(Part { actor, calls: kept.iter().map(told).collect() });
            hands.dealt.push(kept.into_iter().map(|(call, _)| call).collect());
        }
        Ok(hands)
    }
}

/// proptest's generator, seeded: what the same version of it draws from the same seed is the same.
fn runner(seed: u64) -> TestRunner {
    let words: Vec<u8> = (0..4).flat_map(|word| trial_seed(seed, word).to_le_bytes()).collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &words);
    // Nothing is to be written, and nothing read that an earlier failure has left.
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, rng)
}
