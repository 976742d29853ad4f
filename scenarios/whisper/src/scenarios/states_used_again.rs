//! A state that has worked is used again, after other work and after other hands.

use std::sync::Mutex;

use standstill_kit::Scenario;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, audio, bridge, parameters, transcribe};

/// Times that a state changes hands, for each actor.
const HANDS: usize = 3;

/// One state an actor: between two equal runs another audio goes through it.
pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("states_used_again"))
        .about(
            "each actor transcribes three times with one state of its own, the second time something \
             quieter, and compares the first to the third",
        )
        .contract(SYNC, SYNC_SOURCE)
        .threads([2, 8])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> Transcript {
            let mut state = context.create_state().expect("create a state");
            me.step();
            let first = state.exclusive(transcribe).expect("transcribe");
            me.step();
            let quiet: Vec<f32> = audio::sweep(300).iter().map(|sample| sample * 0.1).collect();
            state.exclusive(|state| bridge::full(state, parameters(), &quiet)).expect("transcribe");
            me.step();
            let third = state.exclusive(transcribe).expect("transcribe");
            me.step();
            assert_eq!(first, third, "what a state computes depends on what it has computed before");
            third
        })
        .results_equal_sequential()
        .build()
}

/// States go from thread to thread, as in a pool: `WhisperState` is `Send`.
pub(super) fn handed_on<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("states_handed_on"))
        .about(
            "each actor creates a state and puts it among the others; then it takes any of them, \
             transcribes and puts it back, three times",
        )
        .contract(
            "unsafe impl Send for WhisperState {}",
            "whisper-rs, src/whisper_state.rs (0.15.1), src/whisper_state/mod.rs (0.16.0)",
        )
        .threads([2, 8])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| (model.guarded::<G>(), Mutex::new(Vec::new())))
        .actor(|(context, pool), me| -> [Transcript; HANDS] {
            let state = context.create_state().expect("create a state");
            pool.lock().expect("nobody panics").push(state);
            me.step();
            std::array::from_fn(|_| {
                // Each actor has put one in and holds at most one, so there is one to take.
                let place = |n: usize| me.random() as usize % n;
                let mut state = {
                    let mut pool = pool.lock().expect("nobody panics");
                    let n = pool.len();
                    pool.swap_remove(place(n))
                };
                let transcript = state.exclusive(transcribe).expect("transcribe");
                pool.lock().expect("nobody panics").push(state);
                me.step();
                transcript
            })
        })
        .results_equal_sequential()
        .build()
}
