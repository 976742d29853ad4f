//! The fix "a mutex within the context": around all calls, or around `create_state` alone.
//!
//! Property: all calls end, and what races without it (`ggml_log_set`) no longer does. The logger is
//! plain memory here, as the sources have it (ggml.c:7022 / 7576; the calls are in `whisper.rs`).

use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;
use standstill_models::Model;

use crate::guards::{Around, Context};
use crate::logger::{Plain, Target};
use crate::whisper::Whisper;

const INTERNAL_MUTEX: Model = Model::bounded("internal mutex", 3);

type Shared = Context<Plain>;

/// What one thread does with its context.
type Use = fn(&Whisper<Plain>, &Shared);

const CREATE: Use = |_, context| context.create_state();
const CREATE_AND_FULL: Use = |_, context| {
    context.create_state();
    context.full(|| ());
};
/// An inference in which ggml has something to say.
const FULL_THAT_TELLS: Use = |whisper, context| {
    context.full(|| {
        whisper.ggml_says_something();
    });
};

/// All uses at once, of one context or of as many.
fn at_once<const N: usize>(
    around: Around,
    contexts: Contexts,
    uses: [Use; N],
) -> impl Fn() + Sync + Send + 'static {
    move || {
        let whisper = Whisper::loaded();
        let first = Context::of(&whisper, around);
        let threads = uses.map(|each| {
            let whisper = Arc::clone(&whisper);
            let context = match contexts {
                Contexts::One => Arc::clone(&first),
                Contexts::OneEach => Context::of(&whisper, around),
            };
            thread::spawn(move || each(&whisper, &context))
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

#[derive(Clone, Copy)]
enum Contexts {
    One,
    OneEach,
}

#[test]
fn around_all_calls_two_threads_end_and_nothing_races() {
    INTERNAL_MUTEX.holds(
        "around all calls: two threads create and infer, end, and nothing races",
        at_once(Around::All, Contexts::One, [CREATE_AND_FULL; 2]),
    );
}

#[test]
fn around_all_calls_three_threads_end_and_nothing_races() {
    Model::bounded("internal mutex", 2).holds(
        "around all calls: three threads create, end, and nothing races",
        at_once(Around::All, Contexts::One, [CREATE; 3]),
    );
}

#[test]
fn around_create_state_two_threads_end_and_nothing_races() {
    INTERNAL_MUTEX.holds(
        "around create_state alone: two threads create and infer, end, and nothing races",
        at_once(Around::Create, Contexts::One, [CREATE_AND_FULL; 2]),
    );
}

#[test]
fn around_all_calls_an_inference_may_tell_something() {
    INTERNAL_MUTEX.holds(
        "around all calls: ggml's messages do not race with create_state",
        at_once(Around::All, Contexts::One, [CREATE, FULL_THAT_TELLS]),
    );
}

#[test]
fn around_create_state_an_inference_that_tells_something_races() {
    INTERNAL_MUTEX.finds(
        "around create_state alone: a message of ggml's in an inference races with it",
        "Causality violation",
        at_once(Around::Create, Contexts::One, [CREATE, FULL_THAT_TELLS]),
    );
}

/// The logger is the process's, the lock the context's.
#[test]
fn two_contexts_race_as_before() {
    INTERNAL_MUTEX.finds(
        "around all calls: states of two contexts race as without it",
        "Causality violation",
        at_once(Around::All, Contexts::OneEach, [CREATE; 2]),
    );
}

#[test]
fn hooks_that_are_installed_beside_race_as_before() {
    let hook: Use = |whisper, _| whisper.log_set(Target { callback: 1, user_data: 0 });
    INTERNAL_MUTEX.finds(
        "around all calls: hooks installed beside create_state race as without it",
        "Causality violation",
        at_once(Around::All, Contexts::One, [CREATE, hook]),
    );
}

#[test]
fn a_twin_without_a_lock_races() {
    INTERNAL_MUTEX.rejects(
        "there is no lock",
        "Causality violation",
        at_once(Around::Nothing, Contexts::One, [CREATE; 2]),
    );
}

/// `let _ = self.lock.lock();`
#[test]
fn a_twin_that_drops_its_guard_at_once_races() {
    INTERNAL_MUTEX.rejects(
        "the guard is dropped at once",
        "Causality violation",
        at_once(Around::AllForAMoment, Contexts::One, [CREATE; 2]),
    );
}

/// The context has a lock and each state has one, and the two are not always taken in one order.
#[test]
fn a_twin_with_a_lock_for_contexts_and_one_for_states_deadlocks() {
    INTERNAL_MUTEX.rejects("context and state have a lock each, in two orders", "deadlock", || {
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        let other = Arc::clone(&locks);
        // Creates a state, and initialises it.
        let thread = thread::spawn(move || {
            let _context = other.0.lock().unwrap();
            drop(other.1.lock().unwrap());
        });
        // Infers, and asks the context meanwhile.
        let state = locks.1.lock().unwrap();
        drop(locks.0.lock().unwrap());
        drop(state);
        thread.join().unwrap();
    });
}
