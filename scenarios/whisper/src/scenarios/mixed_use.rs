//! Different work at the same time: who creates states beside who transcribes beside who tokenises.

use standstill_kit::Scenario;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, transcribe};

/// What is done, in turn. Each actor does all of it and begins with another, so that at any moment
/// different work goes on and in the end all have the same to show.
const KINDS: usize = 3;

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("mixed_use"))
        .about(
            "each actor creates and drops states, transcribes, and tokenises; every third begins with \
             the same",
        )
        .contract(SYNC, SYNC_SOURCE)
        .threads([2, 8])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> (Option<Transcript>, Vec<Vec<i32>>) {
            let (mut transcript, mut tokens) = (None, vec![]);
            for turn in 0..KINDS {
                match (me.index() + turn) % KINDS {
                    0 => {
                        for _ in 0..3 {
                            drop(context.create_state().expect("create a state"));
                            me.step();
                        }
                    }
                    1 => {
                        let mut state = context.create_state().expect("create a state");
                        me.step();
                        transcript = Some(state.exclusive(transcribe).expect("transcribe"));
                    }
                    _ => {
                        // The whole vocabulary is searched for each piece: microseconds each.
                        for text in ["Hello, whisper!", "naïve café", "", "0123456789 !?"] {
                            let found = context.context(|context| context.tokenize(text, 64));
                            tokens.push(found.expect("64 tokens are enough"));
                        }
                    }
                }
                me.step();
            }
            (transcript, tokens)
        })
        .results_equal_sequential()
        .build()
}
