//! `set_abort_callback_safe` calls a closure through a pointer to something else.
//!
//! It boxes the closure as `Box<dyn FnMut() -> bool>`, boxes that once more and gives whisper.cpp the
//! outer box, but for a function to call it takes `trampoline::<F>`, which reads the same pointer as
//! an `F` (src/whisper_params.rs:641 in 0.15.1, :645 in 0.16.0). So the closure's captures are read
//! from, and written to, the box's data and vtable pointers. The two setters beside it
//! (`set_progress_callback_safe`, :593 and :597) take `trampoline::<Box<dyn FnMut(i32)>>` and are right.
//!
//! With a closure that already is a `Box<dyn FnMut() -> bool>` both types are the same: that is the
//! look-alike, and a way around the defect.

use std::sync::Mutex;

use standstill_kit::{Builder, Kind, Scenario};
use whisper_rs::FullParams;

use super::super::{Model, prepare};
use super::{DEADLINE, all_done, full};
use crate::guard::{Guard, named};
use crate::parameters;

const CLAIM: &str = "Set the callback for abort conditions, potentially using a closure. Note that, for \
                     safety, the callback only accepts a function that returns a boolean indicating \
                     whether to abort or not.";
const SOURCE: &str =
    "whisper-rs, set_abort_callback_safe in src/whisper_params.rs (0.15.1:608, 0.16.0:612)";
const DEFECT: &str = "set_abort_callback_safe gives the trampoline for F a pointer to a Box<dyn FnMut>: \
                      whisper-rs src/whisper_params.rs, 0.15.1:641, 0.16.0:645";

/// What a closure asks before it says whether to abort.
const BUDGET: u64 = 1_000_000;

/// A lock that nobody else knows cannot be had: where its futex should be is half a pointer.
pub(in crate::scenarios) fn mutex<G: Guard>() -> Scenario {
    pattern::<G>("defect_abort_callback_with_mutex", |parameters| {
        let polls = Mutex::new(0_u64);
        parameters.set_abort_callback_safe(move || {
            *polls.lock().expect("nobody panics") += 1;
            false
        });
    })
    .about("full() with an abort callback that counts its calls in a mutex of its own")
    .reproducer(by_hand!("abort_callback.rs"))
    .may_find(Kind::SelfDeadlock, DEFECT)
    // Where all actors hang so, no thread can run, and that is what can be proven.
    .may_also_find(Kind::Deadlock)
    .build()
}

/// As [`mutex`], boxed.
pub(in crate::scenarios) fn mutex_look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_abort_callback_with_mutex_look_alike", |parameters| {
        let polls = Mutex::new(0_u64);
        let callback: Box<dyn FnMut() -> bool> = Box::new(move || {
            *polls.lock().expect("nobody panics") += 1;
            false
        });
        parameters.set_abort_callback_safe(callback);
    })
    .about("full() with the same abort callback, in a box that is its own type")
    .control_of(
        &named::<G>("defect_abort_callback_with_mutex"),
        "the closure is boxed by the caller",
    )
    .build()
}

/// A callback that never says "abort" aborts: it counts from where the pointer is.
pub(in crate::scenarios) fn budget<G: Guard>() -> Scenario {
    pattern::<G>("defect_abort_callback_with_budget", |parameters| {
        let mut polls = 0_u64;
        parameters.set_abort_callback_safe(move || {
            polls += 1;
            polls > BUDGET
        });
    })
    .about("full() with an abort callback that aborts after a million calls, which never come")
    .reproducer(by_hand!("abort_callback_budget.rs"))
    .may_find(Kind::WrongResult, DEFECT)
    .build()
}

/// As [`budget`], boxed.
pub(in crate::scenarios) fn budget_look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_abort_callback_with_budget_look_alike", |parameters| {
        let mut polls = 0_u64;
        let callback: Box<dyn FnMut() -> bool> = Box::new(move || {
            polls += 1;
            polls > BUDGET
        });
        parameters.set_abort_callback_safe(callback);
    })
    .about("full() with the same abort callback, in a box that is its own type")
    .control_of(
        &named::<G>("defect_abort_callback_with_budget"),
        "the closure is boxed by the caller",
    )
    .build()
}

fn pattern<G: Guard>(
    name: &str,
    set: fn(&mut FullParams<'static, 'static>),
) -> Builder<Model, G, Result<(), String>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, _| {
            let mut parameters = parameters();
            set(&mut parameters);
            full(context, parameters)
        })
        .check(all_done)
}
