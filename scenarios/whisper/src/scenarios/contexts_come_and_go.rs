//! Contexts that are loaded, used and dropped again and again, beside states that work.

use standstill_kit::Scenario;

use super::{Model, prepare};
use crate::guard::{Guard, GuardedState, Loaded, named};
use crate::{Transcript, transcribe};

/// Contexts that each actor loads and drops.
const CONTEXTS: usize = 2;

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("contexts_come_and_go"))
        .about(
            "each actor loads two contexts in turn, creates a state on each and drops both, and \
             transcribes on the shared context; every other one transcribes first",
        )
        .contract(
            "impl Drop for WhisperInnerContext { fn drop(&mut self) { unsafe { \
             whisper_rs_sys::whisper_free(self.ctx) }; } }: a context frees its own and nothing else",
            "whisper-rs, src/whisper_ctx.rs (0.15.1 and 0.16.0)",
        )
        .threads([2, 8])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| (model, model.guarded::<G>()))
        .actor(|(model, context), me| -> Transcript {
            let transcript = |me: &standstill_kit::Actor<'_>| {
                let mut state = context.create_state().expect("create a state");
                me.step();
                let transcript = state.exclusive(transcribe).expect("transcribe");
                me.step();
                transcript
            };
            let early = (me.index() % 2 == 1).then(|| transcript(me));
            for _ in 0..CONTEXTS {
                come_and_go::<G>(model);
                me.step();
            }
            early.unwrap_or_else(|| transcript(me))
        })
        .results_equal_sequential()
        .build()
}

/// One state goes before its context does, the other after it.
fn come_and_go<G: Guard>(model: &'static Model) {
    let context = G::around(move || Loaded::Own(model.load_again()));
    let first = context.create_state().expect("create a state");
    drop(first);
    let last = context.create_state().expect("create a state");
    drop(context);
    drop(last);
}
