//! A state keeps what it needs of its context: the context may be dropped while states work.

use std::sync::{Barrier, Mutex};

use standstill_kit::Scenario;

use super::prepare;
use crate::transcribe;

pub(super) fn scenario() -> Scenario {
    Scenario::new("drop_context_while_states_live")
        .about("when all actors have a state, one drops the context and all transcribe")
        .contract(
            "pub struct WhisperState { ctx: Arc<WhisperInnerContext>, .. }: a state owns a share of \
             what it was created on",
            "whisper-rs, src/whisper_state.rs (0.15.1), src/whisper_state/mod.rs (0.16.0)",
        )
        .threads([2, 8])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, trial| {
            let context = Mutex::new(Some(model.load_again()));
            (context, Barrier::new(trial.threads))
        })
        .actor(|(context, all_created), me| {
            let created = match &*context.lock().expect("nobody panics") {
                Some(context) => context.create_state(),
                None => unreachable!("it is dropped after the barrier"),
            };
            let mut state = created.expect("create a state");
            me.step();
            all_created.wait();
            if me.index() == 0 {
                drop(context.lock().expect("nobody panics").take());
            }
            let transcript = transcribe(&mut state).expect("transcribe");
            me.step();
            transcript
        })
        .results_equal_sequential()
        .build()
}
