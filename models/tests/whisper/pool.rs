//! The fix "a pool of states": at most so many, each lent to one caller at a time, made without the
//! lock when one is first needed, and handed back when dropped. Upstream has none.
//!
//! Property: nobody uses a state that another uses, there are never more than the pool may have, and
//! all callers get one.

use std::sync::Arc;

use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use standstill_models::Model;

use crate::whisper::Whisper;

use steps::{Make, Pool, Rules, STATE_POOL};

mod steps;

const POOL: Model = Model::bounded("pool of states", 3);

/// Makes a state, and never fails.
const MAKE: Make = |pool| Some(pool.attempts.fetch_add(1, Relaxed));

/// Fails at the first attempt.
const FAIL_ONCE: Make = |pool| pool.attempts.fetch_add(1, Relaxed).checked_sub(1);

/// So many callers of a pool of that size, each of whom does this; states are used so many times.
fn callers(
    callers: u32,
    at_most: usize,
    rules: Rules,
    each: fn(&Pool),
    uses: u32,
) -> impl Fn() + Sync + Send + 'static {
    move || run(callers, Pool::new(at_most, rules, None), each, uses)
}

fn run(callers: u32, pool: Arc<Pool>, each: fn(&Pool), uses: u32) {
    let threads: Vec<_> = (0..callers)
        .map(|_| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || each(&pool))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(pool.times_used(), uses, "uses");
}

fn use_one(pool: &Pool) {
    use_one_of(pool, MAKE);
}

fn use_one_of(pool: &Pool, make: Make) {
    if let Some(state) = pool.lend(make) {
        pool.use_state(state);
        pool.hand_back(Some(state));
    }
}

/// As a callback of `full` does that creates a state.
fn use_two(pool: &Pool) {
    let first = pool.lend(MAKE);
    use_one(pool);
    pool.hand_back(first);
}

#[test]
fn two_callers_share_one_state() {
    let property = "two callers, one state: one uses it at a time, both get it";
    POOL.holds(property, callers(2, 1, STATE_POOL, use_one, 2));
}

#[test]
fn three_callers_share_one_state() {
    let property = "three callers, one state: one uses it at a time, all get it";
    POOL.holds(property, callers(3, 1, STATE_POOL, use_one, 3));
}

#[test]
fn three_callers_share_two_states() {
    let property = "three callers, two states: nobody shares one, all get one";
    POOL.holds(property, callers(3, 2, STATE_POOL, use_one, 3));
}

#[test]
fn whoever_cannot_make_a_state_leaves_room_for_the_next() {
    POOL.holds(
        "three callers, one state, which cannot be made once: the other two get it",
        callers(3, 1, STATE_POOL, |pool| use_one_of(pool, FAIL_ONCE), 2),
    );
}

#[test]
fn states_that_are_made_at_once_race_as_before() {
    POOL.finds(
        "two states made at once race in ggml_log_set as without it",
        "Causality violation",
        || {
            let make: fn(&Pool) = |pool| {
                use_one_of(pool, |pool| {
                    pool.whisper.as_ref().unwrap().create_state();
                    MAKE(pool)
                });
            };
            run(2, Pool::new(2, STATE_POOL, Some(Whisper::loaded())), make, 2);
        },
    );
}

/// Without the pool this ends.
#[test]
fn a_caller_that_needs_two_states_of_one_hangs() {
    POOL.finds(
        "a callback takes a second state of a pool of one: hangs",
        "deadlock",
        callers(1, 1, STATE_POOL, use_two, 1),
    );
}

/// Each has one, and waits for the other's.
#[test]
fn callers_that_need_two_states_each_of_two_hang() {
    POOL.finds(
        "two callers take two states each of a pool of two: may hang",
        "deadlock",
        callers(2, 2, STATE_POOL, use_two, 2),
    );
}

#[test]
fn a_twin_that_hands_back_without_a_word_hangs() {
    let hand_back = |pool: &Pool, state| pool.take_back(state);
    POOL.rejects(
        "a state is handed back without waking anybody",
        "deadlock",
        callers(2, 1, Rules { hand_back, ..STATE_POOL }, use_one, 2),
    );
}

#[test]
fn a_twin_that_keeps_the_room_of_what_it_cannot_make_hangs() {
    let hand_back = |pool: &Pool, state: Option<usize>| {
        if state.is_some() {
            (STATE_POOL.hand_back)(pool, state);
        }
    };
    POOL.rejects(
        "a state that could not be made keeps its room",
        "deadlock",
        callers(2, 1, Rules { hand_back, ..STATE_POOL }, |pool| use_one_of(pool, FAIL_ONCE), 1),
    );
}

/// Between its look and its wait the state may be handed back, and nobody is there to be woken.
#[test]
fn a_twin_that_waits_without_looking_again_hangs() {
    let lend = |pool: &Pool, make: Make| {
        while pool.all_are_out(&pool.stock.lock().unwrap()) {
            drop(pool.changed.wait(pool.stock.lock().unwrap()).unwrap());
        }
        (STATE_POOL.lend)(pool, make)
    };
    POOL.rejects(
        "the lock is given up between the look and the wait",
        "deadlock",
        callers(2, 1, Rules { lend, ..STATE_POOL }, use_one, 2),
    );
}

/// Whoever comes in between takes what the one that was woken was woken for.
#[test]
fn a_twin_that_takes_a_wake_for_a_state_makes_too_many() {
    let lend = |pool: &Pool, make: Make| {
        let mut stock = pool.stock.lock().unwrap();
        if pool.all_are_out(&stock) {
            stock = pool.changed.wait(stock).unwrap();
        }
        stock.out += 1;
        let idle = stock.idle.pop();
        drop(stock);
        pool.made(idle.or_else(|| make(pool)))
    };
    POOL.rejects(
        "whoever was woken takes it for granted that there is room",
        "more states than",
        callers(3, 1, Rules { lend, ..STATE_POOL }, use_one, 3),
    );
}

#[test]
fn a_twin_that_counts_too_late_makes_too_many() {
    let lend = |pool: &Pool, make: Make| {
        let mut stock = pool.stock.lock().unwrap();
        while pool.all_are_out(&stock) {
            stock = pool.changed.wait(stock).unwrap();
        }
        let idle = stock.idle.pop();
        drop(stock);
        let state = idle.or_else(|| make(pool));
        pool.stock.lock().unwrap().out += 1;
        pool.made(state)
    };
    POOL.rejects(
        "a state counts once it was made, not before",
        "more states than",
        callers(2, 1, Rules { lend, ..STATE_POOL }, use_one, 2),
    );
}

#[test]
fn a_twin_that_hands_back_too_early_shares_a_state() {
    let too_early = |pool: &Pool| {
        let state = pool.lend(MAKE);
        pool.hand_back(state);
        pool.use_state(state.unwrap());
    };
    POOL.rejects(
        "a state is handed back before its last use",
        "Causality violation",
        callers(2, 1, STATE_POOL, too_early, 2),
    );
}
