//! Do states that were created at the same time compute what one alone computes?

use standstill_kit::Scenario;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::guard::{Guard, GuardedState, named};
use crate::transcribe;

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("create_state_then_full"))
        .about("each actor creates a state on the shared context and transcribes with it at once")
        .contract(SYNC, SYNC_SOURCE)
        .threads([2, 8, 64])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| {
            let mut state = context.create_state().expect("create a state");
            me.step();
            let transcript = state.exclusive(transcribe).expect("transcribe");
            me.step();
            transcript
        })
        .results_equal_sequential()
        .build()
}
