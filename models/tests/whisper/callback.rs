//! The fix that adds a hang: callbacks run in the thread that called `full`, under whatever lock that
//! holds, and may call the context again.
//!
//! Property: a program that ends without the lock ends with it, too.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;
use standstill_models::Model;

use crate::guards::{Around, Context};
use crate::logger::Words;

const CALLBACK: Model = Model::bounded("re-entrant callback", 3);

type Shared = Arc<Context<Words>>;

/// So many threads infer, and each creates a state from a callback.
fn create_from_callbacks(around: Around, threads: usize) -> impl Fn() + Sync + Send + 'static {
    move || {
        let context: Shared = Context::loaded(around);
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                let context = Arc::clone(&context);
                thread::spawn(move || context.full(|| context.create_state()))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// A callback waits for another thread, which creates a state: as one does that hands segments on.
fn wait_in_a_callback(around: Around) -> impl Fn() + Sync + Send + 'static {
    move || {
        let context: Shared = Context::loaded(around);
        let other = Arc::clone(&context);
        let consumer = thread::spawn(move || other.create_state());
        context.full(|| consumer.join().unwrap());
    }
}

/// The program's logger has a lock, under which the context is asked something elsewhere.
fn log_under_a_lock(around: Around) -> impl Fn() + Sync + Send + 'static {
    move || {
        let (context, sink): (Shared, _) = (Context::loaded(around), Arc::new(Mutex::new(())));
        let (other, others_sink) = (Arc::clone(&context), Arc::clone(&sink));
        let thread = thread::spawn(move || {
            let _sink = others_sink.lock().unwrap();
            other.ask();
        });
        context.create_state_and_log(|| drop(sink.lock().unwrap()));
        thread.join().unwrap();
    }
}

#[test]
fn without_a_lock_callbacks_may_create_states() {
    let property = "no lock: two inferences whose callbacks create states end";
    CALLBACK.holds(property, create_from_callbacks(Around::Nothing, 2));
}

#[test]
fn with_a_lock_on_create_alone_callbacks_may_create_states() {
    let property = "lock on create_state alone: two inferences whose callbacks create states end";
    CALLBACK.holds(property, create_from_callbacks(Around::Create, 2));
}

#[test]
fn with_a_lock_on_all_calls_a_callback_waits_for_itself() {
    CALLBACK.finds(
        "lock on all calls: one inference whose callback creates a state hangs",
        "deadlock",
        create_from_callbacks(Around::All, 1),
    );
}

#[test]
fn without_a_lock_or_with_one_on_create_alone_callbacks_may_wait() {
    let property = "no lock: a callback that waits for a thread that creates a state ends";
    CALLBACK.holds(property, wait_in_a_callback(Around::Nothing));
    let property =
        "lock on create_state alone: a callback that waits for a thread that creates a state ends";
    CALLBACK.holds(property, wait_in_a_callback(Around::Create));
}

/// A lock that its owner may take again would be no help here: it is another thread that waits.
#[test]
fn with_a_lock_on_all_calls_a_callback_that_waits_hangs() {
    CALLBACK.finds(
        "lock on all calls: a callback that waits for a thread that creates a state hangs",
        "deadlock",
        wait_in_a_callback(Around::All),
    );
}

#[test]
fn without_a_lock_or_with_one_on_create_alone_the_logger_may_have_a_lock() {
    let property = "no lock: a logger's lock, under which the context is asked, is safe";
    CALLBACK.holds(property, log_under_a_lock(Around::Nothing));
    let property =
        "lock on create_state alone: a logger's lock, under which the context is asked, is safe";
    CALLBACK.holds(property, log_under_a_lock(Around::Create));
}

#[test]
fn with_a_lock_on_all_calls_the_loggers_lock_closes_a_ring() {
    CALLBACK.finds(
        "lock on all calls: a logger's lock, under which the context is asked, deadlocks with it",
        "deadlock",
        log_under_a_lock(Around::All),
    );
}

/// The lock on `create_state` alone is safe because no callback of `full` runs under it. Its logger
/// does.
#[test]
fn a_twin_that_calls_back_under_the_lock_on_create_hangs() {
    CALLBACK.rejects("the logger within create_state creates a state", "deadlock", || {
        let context: Shared = Context::loaded(Around::Create);
        context.create_state_and_log(|| context.create_state());
    });
}
