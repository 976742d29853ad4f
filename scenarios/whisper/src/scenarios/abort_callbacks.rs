//! The abort callback, in the one form in which whisper-rs gets its type right.
//!
//! `set_abort_callback_safe` hands the trampoline for `F` a pointer to a `Box<dyn FnMut() -> bool>`.
//! Where `F` is that very type the pointer is what it is taken for; any other closure is read through
//! a pointer of the wrong type, a defect with a scenario of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use standstill_kit::Scenario;

use super::prepare;
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, audio, bridge, parameters, transcribe};

/// The only `F` that is not type-confused.
type Abort = Box<dyn FnMut() -> bool>;

/// What came of a run, how often its callback was asked, and what the state transcribes afterwards.
type Outcome = (Result<(), String>, u32, Transcript);

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("abort_callbacks"))
        .about(
            "each actor aborts a run at the first, third and fifth question whether to, and \
             transcribes with the same state after each",
        )
        .contract(
            "Set the callback for abort conditions, potentially using a closure. [...] a function that \
             returns a boolean indicating whether to abort or not.",
            "whisper-rs, FullParams::set_abort_callback_safe (0.15.1 and 0.16.0)",
        )
        .threads([2, 8])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> [Outcome; 3] {
            let mut state = context.create_state().expect("create a state");
            me.step();
            [1, 3, 5].map(|last| {
                let asked = Arc::new(AtomicU32::new(0));
                let mut parameters = parameters();
                parameters.set_abort_callback_safe::<Abort, Abort>({
                    let asked = Arc::clone(&asked);
                    Box::new(move || asked.fetch_add(1, Relaxed) + 1 >= last)
                });
                let ended = state
                    .exclusive(|state| bridge::full(state, parameters, &audio::sweep(300)))
                    .map_err(|error| error.to_string());
                me.step();
                let after = state.exclusive(transcribe).expect("transcribe");
                me.step();
                (ended, asked.load(Relaxed), after)
            })
        })
        .results_equal_sequential()
        .check(|_, all| match all.iter().flatten().find(|(ended, ..)| ended.is_ok()) {
            Some(_) => Err("a run that was to be aborted went on to its end".to_owned()),
            None => Ok(()),
        })
        .build()
}
