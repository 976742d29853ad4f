//! What looks like a hang and is none: more computing threads than cores.
//!
//! Without OpenMP, ggml's threads wait for one another by spinning, some fifty times for each token,
//! and do not yield. A spinner that has a core keeps it from the thread that it waits for until the
//! scheduler's slice is over. It always ends; it may take a hundred times as long. A mutex around
//! `create_state` does nothing for it, one thread for each call does everything.

use std::thread::available_parallelism;
use std::time::Duration;

use standstill_kit::{Builder, Kind, Scenario};

use super::{Model, SYNC, SYNC_SOURCE, prepare};
use crate::audio;
use crate::guard::{Guard, GuardedState, named};

/// Tokens that each actor decodes, each a step.
const TOKENS: usize = 100;
/// With one thread each, the tokens take a small part of it. A quarter of it should see a step of each.
const DEADLINE: Duration = Duration::from_secs(8);

/// As many threads for each caller as there are cores, and several callers.
pub(super) fn oversubscribed<G: Guard>() -> Scenario {
    scenario::<G>("oversubscribed_spin_barrier", || {
        available_parallelism().map_or(2, |cores| cores.get().max(2))
    })
    .about(
        "each actor decodes a hundred tokens with as many threads as there are cores, so that together \
         they want several times the cores",
    )
    .may_find(
        Kind::Slow,
        "no deadlock: ggml_barrier spins without yielding (ggml-cpu.c), and OpenMP is off unless the \
         feature openmp is on",
    )
    .trials(1)
    .build()
}

/// One thread for each caller.
pub(super) fn look_alike<G: Guard>() -> Scenario {
    scenario::<G>("oversubscribed_spin_barrier_look_alike", || 1)
        .about("each actor decodes a hundred tokens with one thread")
        .build()
}

fn scenario<G: Guard>(name: &str, threads: fn() -> usize) -> Builder<Model, G, ()> {
    Scenario::new(&named::<G>(name))
        .contract(SYNC, SYNC_SOURCE)
        .threads([2, 8])
        .timeout(DEADLINE)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, me| {
            let threads = threads();
            let token = context.context(|context| context.token_sot());
            let mut state = context.create_state().expect("create a state");
            me.step();
            let audio = audio::sweep(300);
            state.exclusive(|state| state.pcm_to_mel(&audio, 1)).expect("make a spectrogram");
            state.exclusive(|state| state.encode(0, 1)).expect("encode");
            me.step();
            for past in 0..TOKENS {
                state.exclusive(|state| state.decode(&[token], past, threads)).expect("decode");
                me.step();
            }
        })
}
