//! The oracle of one actor alone: its calls made again, on a fresh set-up, with nobody beside it.

use std::fmt::Debug;
use std::sync::Arc;

use standstill::board::Outcome;

use super::{Game, Local, Make, Played};
use crate::scenario::Setup;

/// What it takes to make an actor's calls again.
pub(super) struct Alone<P: 'static, S, C, L, R> {
    pub(super) setup: Arc<Setup<P, S>>,
    pub(super) local: Arc<Local<S, L>>,
    pub(super) call: Arc<Make<S, L, C, R>>,
}

impl<P: 'static, S, C: Debug, L, R: Debug> Alone<P, S, C, L, R> {
    /// Whether every call has returned what it returns alone. What differs is run alone once more, so
    /// that no result is called wrong which is another one each time.
    pub(super) fn compare(
        &self,
        game: &Game<P, S, C>,
        played: &[Played<'_, C, R>],
    ) -> Result<(), (Outcome, String)> {
        for (index, (played, actor)) in played.iter().zip(game.actors()).enumerate() {
            let alone = self.run(game, actor, played.calls);
            let here: Vec<String> = played.results.iter().map(|r| format!("{r:?}")).collect();
            let Some(at) = (0..here.len()).find(|at| here[*at] != alone[*at]) else { continue };
            let (call, again) = (&played.calls[at], self.run(game, actor, played.calls));
            if let Some(at) = (0..alone.len()).find(|at| alone[*at] != again[*at]) {
                let (call, one, other) = (&played.calls[at], short(&alone[at]), short(&again[at]));
                let why = format!(
                    "one actor alone is not deterministic: {call:?} returned {one}, then {other}"
                );
                return Err((Outcome::Undecided, why));
            }
            let (here, alone) = (short(&here[at]), short(&alone[at]));
            let why = format!(
                "actor {index}: its call {} returned something else than where the actor is alone\n  \
                 call:  {call:?}\n  alone: {alone}\n  here:  {here}",
                at + 1
            );
            return Err((Outcome::WrongResult, why));
        }
        Ok(())
    }

    /// What the calls of one actor return on a set-up of their own.
    fn run(&self, game: &Game<P, S, C>, actor: u32, calls: &[C]) -> Vec<String> {
        let shared = (self.setup)(game.prepared, game.info);
        let mut own = (self.local)(&shared, actor as usize);
        calls.iter().map(|call| format!("{:?}", (self.call)(&shared, &mut own, call))).collect()
    }
}

/// The beginning of a text, for a reader.
fn short(text: &str) -> String {
    const LONGEST: usize = 400;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}
