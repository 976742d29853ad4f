//! The logging hooks, installed in the middle of everything: they may be, and only the first counts.
//!
//! whisper.cpp writes its logger without a lock and create_state reads it, so this is a data race by
//! the letter. Both old and new logger may be called at any time, so nothing is to come of it.

use standstill_kit::{Preparation, Scenario};

use super::{Model, prepare_with};
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, load_loudly, transcribe};

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("logging_hooks_beside"))
        .about(
            "every other actor installs the logging hooks between two states that it creates, while \
             the rest create states and transcribe",
        )
        .contract(
            "Safe to call multiple times. Only has an effect the first time.",
            "whisper-rs, install_logging_hooks in src/lib.rs (0.15.1 and 0.16.0)",
        )
        .threads([2, 8, 64])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> Transcript {
            drop(context.create_state().expect("create a state"));
            me.step();
            if me.index() % 2 == 1 {
                whisper_rs::install_logging_hooks();
            }
            let mut state = context.create_state().expect("create a state");
            me.step();
            let transcript = state.exclusive(transcribe).expect("transcribe");
            me.step();
            transcript
        })
        .results_equal_sequential()
        .build()
}

/// The model, in a process that has installed no hooks: that is for the actors to do.
fn prepare(preparation: &mut Preparation) -> Result<Model, String> {
    prepare_with(preparation, load_loudly)
}
