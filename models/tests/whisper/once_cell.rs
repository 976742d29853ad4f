//! The workaround: `Arc<OnceCell<Mutex<WhisperContext>>>`, loaded by whoever comes first.
//!
//! Property: one load, which all see whole; all threads create their states, one after the other.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::sync::atomic::Ordering::{Relaxed, Release};
use loom::sync::atomic::{AtomicBool, AtomicUsize};
use loom::thread::{self, Thread};
use standstill_models::Model;

use crate::logger::Plain;
use crate::whisper::Whisper;

use cell::{ONCE_CELL_1_21, OnceCell, RUNNING, Rules};

mod cell;

const ONCE_CELL: Model = Model::bounded("once-cell workaround", 2);

type Context = Mutex<Arc<Whisper<Plain>>>;

/// What threads have in common: the cell, and a count of loads.
struct Shared {
    cell: OnceCell<Context>,
    loads: AtomicUsize,
}

impl Shared {
    fn load(&self) -> Context {
        self.loads.fetch_add(1, Relaxed);
        Mutex::new(Whisper::loaded())
    }
}

fn create_state(context: &Context) {
    context.lock().unwrap().create_state();
}

/// So many threads do this with one cell, and then there was so many loads.
fn at_once(
    threads: usize,
    rules: Rules,
    each: fn(&Shared),
    loads: usize,
) -> impl Fn() + Sync + Send + 'static {
    move || {
        let shared = Arc::new(Shared { cell: OnceCell::new(rules), loads: AtomicUsize::new(0) });
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || each(&shared))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(shared.loads.load(Relaxed), loads, "loads of the context");
    }
}

fn use_the_workaround(shared: &Shared) {
    shared.cell.get_or_init(|| shared.load(), create_state);
}

#[test]
fn two_threads_share_one_load() {
    Model::bounded("once-cell workaround", 3).holds(
        "two threads: one load, seen whole; both create a state, and nothing races",
        at_once(2, ONCE_CELL_1_21, use_the_workaround, 1),
    );
}

#[test]
fn three_threads_share_one_load() {
    ONCE_CELL.holds(
        "three threads: one load, seen whole; all create a state, and nothing races",
        at_once(3, ONCE_CELL_1_21, use_the_workaround, 1),
    );
}

/// The first of three loads fails, as for a file that is not there yet.
fn load_at_the_second_attempt(shared: &Shared) {
    let load = || {
        let first = shared.loads.fetch_add(1, Relaxed) == 0;
        (!first).then(|| Mutex::new(Whisper::loaded()))
    };
    while shared.cell.get_or_try_init(load, create_state).is_none() {}
}

#[test]
fn a_load_that_fails_is_done_again() {
    ONCE_CELL.holds(
        "a load fails: another thread or attempt loads, nobody is left waiting",
        at_once(2, ONCE_CELL_1_21, load_at_the_second_attempt, 2),
    );
}

/// A hook that is called while the context is loaded wants the context.
#[test]
fn a_load_that_asks_for_the_context_hangs() {
    ONCE_CELL.finds(
        "a logger that uses the cell while it is loaded hangs",
        "deadlock",
        at_once(
            1,
            ONCE_CELL_1_21,
            |shared| {
                let logger = || shared.cell.get_or_init(|| shared.load(), create_state);
                let load = || {
                    logger();
                    shared.load()
                };
                shared.cell.get_or_init(load, create_state);
            },
            1,
        ),
    );
}

#[test]
fn a_twin_that_leaves_a_failed_load_running_hangs() {
    ONCE_CELL.rejects(
        "a load that fails leaves the cell as if it went on",
        "deadlock",
        at_once(2, Rules { failed: RUNNING, ..ONCE_CELL_1_21 }, load_at_the_second_attempt, 2),
    );
}

#[test]
fn a_twin_that_wakes_before_it_signals_hangs() {
    let signal = |signaled: &AtomicBool, thread: Thread| {
        thread.unpark();
        signaled.store(true, Release);
    };
    ONCE_CELL.rejects(
        "waiters are woken before they are signalled",
        "deadlock",
        at_once(2, Rules { signal, ..ONCE_CELL_1_21 }, use_the_workaround, 1),
    );
}

#[test]
fn a_twin_that_publishes_without_release_shows_half_a_context() {
    ONCE_CELL.rejects(
        "the end of the load is published with a relaxed write",
        "Causality violation",
        at_once(2, Rules { publish: Relaxed, ..ONCE_CELL_1_21 }, use_the_workaround, 1),
    );
}

/// `if CONTEXT.get().is_none() { CONTEXT.set(load()) }`
#[test]
fn a_twin_that_checks_first_loads_twice() {
    ONCE_CELL.rejects(
        "looks whether there is a context, and loads one if not",
        "loads of the context",
        at_once(
            2,
            ONCE_CELL_1_21,
            |shared| {
                if !shared.cell.is_initialized() {
                    let context = shared.load();
                    shared.cell.get_or_init(|| context, |_| ());
                }
                shared.cell.get_or_init(|| unreachable!("set above"), create_state);
            },
            1,
        ),
    );
}
