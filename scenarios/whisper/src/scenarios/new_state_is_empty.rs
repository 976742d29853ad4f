//! A state that was just created knows of no audio: not even where states are used again.

use standstill_kit::Scenario;

use super::prepare;
use crate::guard::{Guard, GuardedState, named};
use crate::transcribe;

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("new_state_is_empty"))
        .about(
            "each actor creates a state, counts its segments, transcribes and drops it, twice; no state \
             may begin with segments",
        )
        .contract(
            "Number of generated text segments [...] whisper_full_n_segments_from_state(struct \
             whisper_state * state)",
            "whisper.h:628 (0.16.0): what was generated with that state, and a new one has done nothing",
        )
        .threads([2, 8])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> [usize; 2] {
            std::array::from_fn(|_| {
                let mut state = context.create_state().expect("create a state");
                let segments = state.shared(|state| state.as_iter().count());
                state.exclusive(transcribe).expect("transcribe");
                me.step();
                segments
            })
        })
        .check(|_, results| match results.iter().flatten().filter(|segments| **segments > 0).count() {
            0 => Ok(()),
            old => Err(format!("{old} new states had segments before anything was transcribed")),
        })
        .build()
}
