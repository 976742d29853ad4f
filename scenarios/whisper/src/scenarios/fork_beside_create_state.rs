//! A hang that a harness makes itself: a fork while other threads create states.
//!
//! ggml guards its initialisation by a mutex that every `create_state` takes. Who forks while another
//! thread has it gives the child a mutex that nobody will ever release, and the child's own
//! `create_state` waits for it. No defect of whisper-rs: POSIX allows the child of a process with
//! threads hardly anything. Where nobody creates a state at that moment all is well.

use std::sync::Barrier;
use std::time::Duration;

use standstill_kit::{Kind, Scenario};

use super::prepare;
use crate::fork::in_a_child;
use crate::guard::{Guard, named};

const CLAIM: &str = "If a multi-threaded process calls fork(), the new process shall contain a replica \
                     of the calling thread and its entire address space, possibly including the states \
                     of mutexes and other resources. Consequently [...] the child process may only \
                     execute async-signal-safe operations until such time as one of the exec functions \
                     is called.";
const SOURCE: &str = "POSIX.1-2017, fork()";

/// Forks that each forking actor makes.
const FORKS: usize = 2;
/// States that each other actor creates: they take longer than the forks do.
const STATES: usize = 12;
/// From the opening of the gate. A child needs milliseconds, and a busy machine makes them seconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// Every other actor forks while the rest are in `create_state`.
pub(super) fn beside<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("fork_beside_create_state"))
        .about(
            "every other actor forks twice, each child creates a state and exits, and the rest \
             create states all the while",
        )
        .contract(CLAIM, SOURCE)
        .may_find(
            Kind::Hang,
            "no defect of whisper-rs: a child inherits ggml's critical section as it was, locked, if \
             some thread was inside",
        )
        .threads([2, 8])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> Result<(), String> {
            if me.index() % 2 == 0 {
                for _ in 0..STATES {
                    drop(context.create_state().expect("create a state"));
                }
                return Ok(());
            }
            fork_and_create(context)
        })
        .check(|_, ends: &[Result<(), String>]| ends.iter().cloned().collect())
        .build()
}

/// The same forks, while the others have created all of their states and wait.
pub(super) fn look_alike<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("fork_beside_create_state_look_alike"))
        .about(
            "when nobody is in create_state, every other actor forks twice, and each child \
             creates a state and exits",
        )
        .contract(CLAIM, SOURCE)
        .threads([2, 8])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, trial| (model.guarded::<G>(), Barrier::new(trial.threads)))
        .actor(|(context, all), me| -> Result<(), String> {
            drop(context.create_state().expect("create a state"));
            all.wait();
            let end = if me.index() % 2 == 1 { fork_and_create(context) } else { Ok(()) };
            all.wait();
            drop(context.create_state().expect("create a state"));
            end
        })
        .check(|_, ends: &[Result<(), String>]| ends.iter().cloned().collect())
        .build()
}

fn fork_and_create<G: Guard>(context: &G) -> Result<(), String> {
    (0..FORKS).try_for_each(|_| {
        in_a_child(|| context.create_state().map(drop).map_err(|error| error.to_string()))
    })
}
