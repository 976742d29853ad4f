//! A hang that a harness makes itself: a fork after OpenMP has run.
//!
//! libgomp keeps the threads of a parallel region for the next one. A fork copies its books and none of
//! its threads, so that the child's first parallel region waits for threads that are not there. No
//! defect of whisper-rs; a child that computes with one thread needs none of them.

use std::time::Duration;

use standstill_kit::{Kind, Scenario};

use super::prepare;
use crate::fork::in_a_child;
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, parameters, transcribe_with};

const CLAIM: &str = "If a multi-threaded process calls fork(), [...] the child process may only execute \
                     async-signal-safe operations until such time as one of the exec functions is \
                     called.";
const SOURCE: &str = "POSIX.1-2017, fork()";

/// Enough for ggml to open a parallel region; with one it does without.
const PARALLEL: i32 = 2;

/// The child computes in parallel, too.
pub(super) fn parallel<G: Guard>() -> Scenario {
    scenario::<G>("fork_after_openmp", PARALLEL)
        .about(
            "each actor transcribes with two threads of OpenMP, forks, and its child does the same \
             with a state that was created before",
        )
        .finds(Kind::Hang)
        // Each trial takes that long.
        .timeout(Duration::from_secs(4))
        .trials(1)
        .build()
}

/// The child computes with one thread.
pub(super) fn look_alike<G: Guard>() -> Scenario {
    scenario::<G>("fork_after_openmp_look_alike", 1)
        .about(
            "each actor transcribes with two threads of OpenMP, forks, and its child transcribes with \
             one, on a state that was created before",
        )
        .build()
}

fn scenario<G: Guard>(
    name: &str,
    threads_of_child: i32,
) -> standstill_kit::Builder<super::Model, (G, std::sync::Barrier), ()> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1, 2])
        .trials(3)
        // libgomp's own, which it keeps for the next region.
        .keeps_threads()
        .prepare(prepare)
        .setup(|model, trial| (model.guarded::<G>(), std::sync::Barrier::new(trial.threads)))
        .actor(move |(context, all), _| {
            let mut own = context.create_state().expect("create a state");
            let mut childs = context.create_state().expect("create a state");
            let alone = own.exclusive(|state| transcribe_in(state, PARALLEL)).expect("transcribe");
            // Nobody is in the middle of anything when the first one forks.
            all.wait();
            let end = in_a_child(|| {
                let here = childs.exclusive(|state| transcribe_in(state, threads_of_child))?;
                if here == alone { Ok(()) } else { Err("the child computes other bits".to_owned()) }
            });
            // Not left to a check, which nobody comes to while another child hangs.
            end.expect("a child that computes the same");
        })
}

fn transcribe_in(state: &mut whisper_rs::WhisperState, threads: i32) -> Result<Transcript, String> {
    let mut parameters = parameters();
    parameters.set_n_threads(threads);
    transcribe_with(state, parameters)
}
