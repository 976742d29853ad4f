//! What a fix can add: a callback in the middle of `full` that transcribes on a state of its own.
//!
//! Two states, one thread, one `full` within another: nothing that whisper.cpp shares between them. But
//! whatever a fix makes callers of `full` wait for, this one has already.

use std::sync::{Arc, Mutex};

use standstill_kit::Scenario;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, audio, bridge, parameters, read, transcribe};

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("full_in_callback"))
        .about(
            "each actor transcribes, and its progress callback creates a state on the same context and \
             transcribes the same audio with it",
        )
        .contract(SYNC, SYNC_SOURCE)
        .threads([1, 2, 8])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| Arc::new(model.guarded::<G>()))
        .actor(|context, me| -> (Transcript, Vec<Transcript>) {
            let mut state = context.create_state().expect("create a state");
            me.step();
            let within = Arc::new(Mutex::new(vec![]));
            let mut parameters = parameters();
            parameters.set_progress_callback_safe({
                // whisper-rs never frees a callback, so it keeps this context and list for good.
                let (context, within) = (Arc::clone(context), Arc::clone(&within));
                move |_| {
                    let mut state = context.create_state().expect("create a state in a callback");
                    let transcript = state.exclusive(transcribe).expect("transcribe in a callback");
                    within.lock().expect("nobody panics").push(transcript);
                }
            });
            let done =
                state.exclusive(|state| bridge::full(state, parameters, &audio::sweep(300)));
            done.expect("transcribe");
            me.step();
            let transcript = state.shared(read).expect("read the result");
            (transcript, std::mem::take(&mut *within.lock().expect("nobody panics")))
        })
        .check(|_, results: &[(Transcript, Vec<Transcript>)]| {
            // No oracle: one actor alone is what some fixes stop for good.
            let first = &results[0].0;
            let all = results.iter().flat_map(|(own, within)| within.iter().chain([own]));
            let other = all.filter(|transcript| *transcript != first).count();
            let silent = results.iter().filter(|(_, within)| within.is_empty()).count();
            match (silent, other) {
                (0, 0) => Ok(()),
                (0, other) => Err(format!("{other} transcripts are not as the first actor's")),
                (silent, _) => Err(format!("{silent} actors were never called back")),
            }
        })
        .build()
}
