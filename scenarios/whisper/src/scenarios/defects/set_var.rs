//! `std::env::set_var`, which is safe through edition 2021, beside `create_state`.
//!
//! Every `create_state` asks `getenv` for `GGML_SCHED_DEBUG` and, from 1.8 on, for
//! `GGML_SCHED_DEBUG_REALLOC` (ggml-backend.cpp:1458 in whisper.cpp 1.7.6, :1642 and :1649 in 1.8.3).
//! The C standard lets `getenv` run beside `setenv` only if neither runs beside the other; std's lock
//! is around its own calls alone. whisper-rs could read the variable once, or say that it is read.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use standstill_kit::{Builder, Kind, Scenario};
use standstill_whisper_edition_2021::set_var;

use super::super::{Model, SYNC, SYNC_SOURCE, prepare_model};
use super::DEADLINE;
use crate::guard::{Guard, named};

/// States that each creator makes, at least.
const STATES: usize = 3;

/// Variables that each setter sets. The array of all moves as it grows.
const VARIABLES: usize = 3_000;

/// Bytes of a value. It is soon less than the array, and takes the place that the array has left.
const BYTES: usize = 8_000;

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_set_var_beside_create_state", true)
        .about("every other actor calls create_state(), and the rest set environment variables")
        .may_find(
            Kind::Crash,
            "create_state calls getenv without a lock that std::env knows: ggml-backend.cpp:1458 in \
             whisper.cpp 1.7.6 (whisper-rs 0.15.1), :1642 and :1649 in 1.8.3 (0.16.0)",
        )
        .reproducer(by_hand!("set_var.rs"))
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_set_var_beside_create_state_look_alike", false)
        .about("every other actor calls create_state(), and the rest note variables of their own")
        .control_of(
            &named::<G>("defect_set_var_beside_create_state"),
            "the environment is left alone while states are created",
        )
        .build()
}

fn pattern<G: Guard>(name: &str, sets: bool) -> Builder<Model, (G, AtomicUsize), ()> {
    Scenario::new(&named::<G>(name))
        .contract(SYNC, SYNC_SOURCE)
        .threads([2, 8])
        .trials(3)
        .timeout(DEADLINE)
        // Else the first variable, and the array with it, would be in the main thread's part of the heap,
        // where nothing else is written while the actors run.
        .prepare(prepare_model)
        .setup(|model, trial| (model.guarded::<G>(), AtomicUsize::new(trial.threads / 2)))
        .actor(move |(context, setting), me| {
            if me.index() % 2 == 0 {
                let mut created = 0;
                while created < STATES || setting.load(Relaxed) > 0 {
                    drop(context.create_state().expect("create a state"));
                    created += 1;
                }
                return;
            }
            let value = "x".repeat(BYTES);
            let mut noted = vec![];
            for nth in 0..VARIABLES {
                let name = format!("STANDSTILL_{}_{nth}", me.index());
                if sets {
                    set_var(&name, &value);
                } else {
                    noted.push(name);
                }
            }
            setting.fetch_sub(1, Relaxed);
        })
}
