//! The progress callback: each run calls its own closure, as often as it would alone.

use std::sync::{Arc, Mutex};

use standstill_kit::Scenario;

use super::prepare;
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, parameters, transcribe_with};

/// What one run told its callback, in percent, and what it transcribed.
type Told = (Vec<i32>, Transcript);

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("progress_callbacks"))
        .about("each actor transcribes twice with a progress callback of its own, and counts its calls")
        .contract(
            "Set the callback for progress updates, potentially using a closure. Note that, in order \
             to ensure safety, the callback only accepts the progress in percent.",
            "whisper-rs, FullParams::set_progress_callback_safe (0.15.1 and 0.16.0)",
        )
        .threads([2, 8])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> [Told; 2] {
            let mut state = context.create_state().expect("create a state");
            me.step();
            std::array::from_fn(|_| {
                let told = Arc::new(Mutex::new(vec![]));
                let mut parameters = parameters();
                parameters.set_progress_callback_safe({
                    let told = Arc::clone(&told);
                    move |percent: i32| told.lock().expect("nobody panics").push(percent)
                });
                let transcript = state
                    .exclusive(|state| transcribe_with(state, parameters))
                    .expect("transcribe");
                me.step();
                let told = told.lock().expect("nobody panics").clone();
                (told, transcript)
            })
        })
        .results_equal_sequential()
        .check(|_, all| match all.iter().flatten().find(|(told, _)| told.is_empty()) {
            Some(_) => Err("a run has not called its progress callback".to_owned()),
            None => Ok(()),
        })
        .build()
}
