//! Scenarios whose actors make generated sequences of calls.
//!
//! A user says what a call is (a proptest [`Strategy`] for it), how an actor makes one, and what must
//! hold. Each trial then runs a program of its own, determined by the trial's seed: so it can be
//! repeated, and a failure that `standstill stress` has found `standstill shrink` makes smaller, down
//! to the least actors and calls.
//!
//! ```no_run
//! use std::sync::RwLock;
//! use standstill_kit::Scenario;
//! use standstill_kit::proptest::prelude::*;
//!
//! #[derive(Clone, Debug)]
//! enum Call {
//!     Push(u8),
//!     Len,
//! }
//!
//! fn pushes() -> Scenario {
//!     let call = || prop_oneof![any::<u8>().prop_map(Call::Push), Just(Call::Len)];
//!     Scenario::new("pushes")
//!         .setup(|_, _| RwLock::new(vec![]))
//!         .programs(call, 1..=6)
//!         .play(
//!             |_, _| (),
//!             |list, (), call| match call {
//!                 Call::Push(n) => list.write().unwrap().push(*n),
//!                 Call::Len => _ = list.read().unwrap().len(),
//!             },
//!         )
//!         .check(|list, played| {
//!             let pushes = |call: &&Call| matches!(call, Call::Push(_));
//!             let pushed = played.iter().flat_map(|p| p.calls).filter(pushes).count();
//!             let len = list.read().unwrap().len();
//!             if len == pushed { Ok(()) } else { Err(format!("{len} of {pushed} are there")) }
//!         })
//!         .build()
//! }
//! ```

mod alone;
mod deal;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::Arc;

use proptest::strategy::Strategy;
use standstill::board::Outcome;
use standstill::program::{Program, Wanted};
use standstill::protocol::Place;

use crate::scenario::Typed;
use crate::{Actor, Builder, NoActor, Preparation, Scenario, TrialInfo};
use alone::Alone;
use deal::{Dealer, Hands};

type Local<S, L> = Box<dyn Fn(&S, usize) -> L + Send + Sync>;
type Make<S, L, C, R> = Box<dyn Fn(&S, &mut L, &C) -> R + Send + Sync>;
type Judge<S, C, R> = Box<dyn Fn(&S, &[Played<'_, C, R>]) -> Result<(), String> + Send + Sync>;

/// A scenario in the making whose actors make generated calls; begun by [`Builder::programs`].
#[allow(missing_debug_implementations, reason = "it is made of closures")]
pub struct Programs<P: 'static, S, C> {
    builder: Builder<P, S, NoActor>,
    dealer: Dealer<C>,
}

/// What one actor did.
#[derive(Debug)]
pub struct Played<'a, C, R> {
    /// Its calls, in the order in which it made them.
    pub calls: &'a [C],
    /// What each of them returned.
    pub results: &'a [R],
}

impl<P: 'static, S: Sync + 'static> Builder<P, S, NoActor> {
    /// Lets each trial generate what its actors do: as many calls for each of them as `calls` says (at
    /// least one), each drawn from `strategy`. `--set program=s1f` asks for one program in the place of
    /// one a trial.
    pub fn programs<G: Strategy + 'static>(
        self,
        strategy: impl Fn() -> G + Send + Sync + 'static,
        calls: RangeInclusive<usize>,
    ) -> Programs<P, S, G::Value> {
        Programs { builder: self, dealer: Dealer::new(strategy, calls) }
    }
}

impl<P: 'static, S: Sync + 'static, C: Debug + Send + Sync + 'static> Programs<P, S, C> {
    /// How an actor makes its calls. `local` gives what it has for itself, and is told the actor's
    /// number; `call` makes one call on that and on what all share. A step is counted after each.
    pub fn play<L: 'static, R: Debug + Send + 'static>(
        self,
        local: impl Fn(&S, usize) -> L + Send + Sync + 'static,
        call: impl Fn(&S, &mut L, &C) -> R + Send + Sync + 'static,
    ) -> Play<P, S, C, L, R> {
        let Programs { builder, dealer } = self;
        let (local, call) = (Box::new(local), Box::new(call));
        Play { builder, dealer, local, call, equals_alone: false, judge: None }
    }
}

/// A scenario in the making whose actors know how to make their calls.
#[allow(missing_debug_implementations, reason = "it is made of closures")]
pub struct Play<P: 'static, S, C, L, R> {
    builder: Builder<P, S, NoActor>,
    dealer: Dealer<C>,
    local: Local<S, L>,
    call: Make<S, L, C, R>,
    equals_alone: bool,
    judge: Option<Judge<S, C, R>>,
}

impl<P, S, C, L, R> Play<P, S, C, L, R>
where
    P: Sync + 'static,
    S: Sync + 'static,
    C: Debug + Send + Sync + 'static,
    L: 'static,
    R: Debug + Send + 'static,
{
    /// Oracle: every call must return what it returns where its actor is alone, on what `setup` gives
    /// afresh, after the same calls of that actor. Compared are `Debug` texts, after all actors have
    /// ended. Results that differ even there from one run to the next make the trial inconclusive.
    ///
    /// [`Builder::results_equal_sequential`] means the same here.
    ///
    /// It is for calls that do not see what other actors do, as a library promises of handles of one's
    /// own. A call that waits for another actor would wait for ever.
    pub fn equal_alone(mut self) -> Self {
        self.equals_alone = true;
        self
    }

    /// Looks at what all actors did and at what they share, after all have ended; an `Err` is a wrong
    /// result.
    pub fn check(
        mut self,
        judge: impl Fn(&S, &[Played<'_, C, R>]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.judge = Some(Box::new(judge));
        self
    }

    /// The finished scenario.
    #[track_caller]
    pub fn build(self) -> Scenario {
        let at = Place::of_caller();
        let Play { builder, dealer, local, call, equals_alone, judge } = self;
        let Builder { mut card, prepare, setup, .. } = builder;
        card.places.push(at);
        card.generates = true;
        // The oracle of other scenarios knows one result for all trials, and here each has its own.
        let equals_alone = std::mem::take(&mut card.has_oracle) || equals_alone;
        let (dealer, setup) = (Arc::new(dealer), Arc::new(setup));
        let (local, call) = (Arc::new(local), Arc::new(call));
        let alone = Alone { setup: setup.clone(), local: local.clone(), call: call.clone() };

        let checks = dealer.clone();
        let prepare = move |preparation: &mut Preparation| {
            let wanted = checks.wanted(preparation)?;
            Ok(Ready { own: prepare(preparation)?, wanted })
        };
        let set_up = move |ready: &'static Ready<P>, info: TrialInfo| {
            let hands = dealer.deal(ready.wanted.as_ref(), info);
            Game { shared: setup(&ready.own, info), prepared: &ready.own, info, hands }
        };
        let act = move |game: &Game<P, S, C>, me: &Actor<'_>| {
            let Ok(hands) = &game.hands else { return vec![] };
            let number = hands.program.actors[me.index()].actor;
            let mut own = local(&game.shared, number as usize);
            let make = |one: &C| {
                let result = call(&game.shared, &mut own, one);
                me.step();
                result
            };
            hands.dealt[me.index()].iter().map(make).collect::<Vec<R>>()
        };
        let check = move |game: &Game<P, S, C>, results: &[Vec<R>]| {
            let Ok(hands) = &game.hands else { return Ok(()) };
            let played: Vec<Played<'_, C, R>> = (hands.dealt.iter().zip(results))
                .map(|(calls, results)| Played { calls, results })
                .collect();
            if let Some(judge) = &judge {
                judge(&game.shared, &played).map_err(|why| (Outcome::WrongResult, why))?;
            }
            if equals_alone { alone.compare(game, &played) } else { Ok(()) }
        };
        let script = Typed {
            prepare: Box::new(prepare),
            setup: Box::new(set_up),
            actor: Box::new(act),
            check: Some(Box::new(check)),
            tell: Some(Box::new(Game::program)),
        };
        Scenario { card, script: Box::new(script) }
    }
}

/// What is kept for the rest of the process: what the user has prepared, and the program that is
/// wanted, if it is one for all trials.
struct Ready<P> {
    own: P,
    wanted: Option<Wanted>,
}

/// What the actors of a trial share.
struct Game<P: 'static, S, C> {
    shared: S,
    prepared: &'static P,
    info: TrialInfo,
    /// An `Err` ends the trial before it begins.
    hands: Result<Hands<C>, String>,
}

impl<P, S, C> Game<P, S, C> {
    fn program(&self) -> Result<&Program, String> {
        self.hands.as_ref().map(|hands| &hands.program).map_err(Clone::clone)
    }

    /// The numbers of the actors, as they were generated.
    fn actors(&self) -> impl Iterator<Item = u32> {
        let parts = self.hands.iter().flat_map(|hands| &hands.program.actors);
        parts.map(|part| part.actor)
    }
}
