//! What a fix can add: a callback in the middle of `full` that creates a state on the same context.
//!
//! whisper.cpp calls the progress callback at the start of each window of audio (`whisper_full_with_state`,
//! whisper.cpp:6999 in 0.15.1 and :7003 in 0.16.0), on the thread that called `full`, which at that
//! moment is deep inside whatever a fix has locked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use standstill_kit::Scenario;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, audio, bridge, parameters, read};

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("reentrant_callback"))
        .about(
            "each actor transcribes, and its progress callback creates and drops a state on the same \
             context",
        )
        .contract(SYNC, SYNC_SOURCE)
        .threads([1, 2, 8])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| Arc::new(model.guarded::<G>()))
        .actor(|context, me| -> (usize, Transcript) {
            let mut state = context.create_state().expect("create a state");
            me.step();
            let created = Arc::new(AtomicUsize::new(0));
            let mut parameters = parameters();
            parameters.set_progress_callback_safe({
                // whisper-rs never frees a callback, so it keeps this context and counter for good.
                let (context, created) = (Arc::clone(context), Arc::clone(&created));
                move |_| {
                    drop(context.create_state().expect("create a state in a callback"));
                    created.fetch_add(1, Relaxed);
                }
            });
            let done = state
                .exclusive(|state| bridge::full(state, parameters, &audio::sweep(300)));
            done.expect("transcribe");
            me.step();
            let transcript = state.shared(read).expect("read the result");
            (created.load(Relaxed), transcript)
        })
        .check(|_, results: &[(usize, Transcript)]| {
            // No oracle: one actor alone is what some fixes stop for good.
            let silent = results.iter().filter(|(created, _)| *created == 0).count();
            let other = results.iter().filter(|result| **result != results[0]).count();
            match (silent, other) {
                (0, 0) => Ok(()),
                (0, other) => Err(format!("{other} actors have another transcript than the first")),
                (silent, _) => Err(format!("{silent} actors were never called back")),
            }
        })
        .build()
}
