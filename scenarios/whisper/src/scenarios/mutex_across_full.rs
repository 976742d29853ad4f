//! A hang that a fix makes itself: the user's mutex around the context, held across `full`.
//!
//! `full` calls back into the program. If that program creates a state in its progress callback, by
//! the same mutex, it waits for itself. The look-alike lets go of the mutex before. whisper-rs does
//! nothing wrong in either.

use std::sync::{Arc, Mutex};

use standstill_kit::{Builder, Kind, Scenario};
use whisper_rs::WhisperContext;

use super::{Model, prepare};
use crate::{parameters, transcribe_with};

type Shared = Arc<Mutex<&'static WhisperContext>>;

/// Holds the mutex across `full`.
pub(super) fn held() -> Scenario {
    pattern("mutex_across_full_with_callback", |context| {
        let guard = context.lock().expect("nobody panics");
        run(*guard, context);
    })
    .about(
        "each actor locks the user's mutex around the context, creates a state and transcribes, still \
         under the mutex, and its progress callback creates a state through the same mutex",
    )
    .finds(Kind::SelfDeadlock)
    .build()
}

/// Lets go of the mutex before `full`.
pub(super) fn look_alike() -> Scenario {
    pattern("mutex_across_full_with_callback_look_alike", |context| {
        let plain = *context.lock().expect("nobody panics");
        run(plain, context);
    })
    .about(
        "each actor takes the context out of the user's mutex and transcribes without it, and its \
         progress callback creates a state through the mutex",
    )
    .build()
}

fn pattern(name: &str, act: fn(&Shared)) -> Builder<Model, Shared, ()> {
    Scenario::new(name)
        .contract(
            "The exact behavior on locking a mutex in the thread which already holds the lock is left \
             unspecified. However, this function will not return on the second call (it might panic \
             or deadlock, for example).",
            "std::sync::Mutex::lock",
        )
        .threads([2, 8, 64])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| Arc::new(Mutex::new(&model.context)))
        .actor(move |context, me| {
            act(context);
            me.step();
        })
}

fn run(context: &WhisperContext, shared: &Shared) {
    let mut state = context.create_state().expect("create a state");
    let mut parameters = parameters();
    parameters.set_progress_callback_safe({
        let shared = Arc::clone(shared);
        move |_: i32| {
            let created = shared.lock().expect("nobody panics").create_state();
            drop(created.expect("create a state"));
        }
    });
    transcribe_with(&mut state, parameters).expect("transcribe");
}
