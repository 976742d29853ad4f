//! What whisper.cpp recommends: one context for all, one state for each thread, used again and again.

use standstill_kit::Scenario;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, transcribe};

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("recommended_usage_pattern"))
        .about("each actor creates one state on the shared context and transcribes with it twice")
        .contract(SYNC, SYNC_SOURCE)
        .threads([2, 8, 64])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> [Transcript; 2] {
            let mut state = context.create_state().expect("create a state");
            me.step();
            std::array::from_fn(|_| {
                let transcript = state.exclusive(transcribe).expect("transcribe");
                me.step();
                transcript
            })
        })
        .results_equal_sequential()
        .build()
}
