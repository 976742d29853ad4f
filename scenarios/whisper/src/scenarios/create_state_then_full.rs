//! Do states that were created at the same time compute what one alone computes?

use standstill_kit::Scenario;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::transcribe;

pub(super) fn scenario() -> Scenario {
    Scenario::new("create_state_then_full")
        .about("each actor creates a state on the shared context and transcribes with it at once")
        .contract(SYNC, SYNC_SOURCE)
        .threads([2, 8, 64])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| &model.context)
        .actor(|context, me| {
            let mut state = context.create_state().expect("create a state");
            me.step();
            let transcript = transcribe(&mut state).expect("transcribe");
            me.step();
            transcript
        })
        .results_equal_sequential()
        .build()
}
