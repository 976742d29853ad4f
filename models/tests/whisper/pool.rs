//! The fix "a pool of states": at most so many, each used by one caller at a time, made when one is
//! first needed, and handed back. Upstream has none: this is a pool as one would write it.
//!
//! Property: nobody uses a state that another uses, there are never more than the pool may hold, and
//! all callers get one.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex};
use loom::thread;
use standstill_models::Model;

const POOL: Model = Model::bounded("pool of states", 3);
const MAX: usize = 3;

/// What a pool's lock is around.
struct Shelf {
    free: Vec<usize>,
    made: usize,
}

struct Pool {
    shelf: Mutex<Shelf>,
    handed_back: Condvar,
    size: usize,
    /// What `full` writes to.
    states: [UnsafeCell<u32>; MAX],
    rules: Rules,
}

// SAFETY: a state is touched by whoever has it from the pool: what the model is to show, and what
// loom's cells check.
unsafe impl Sync for Pool {}
// SAFETY: nothing of it belongs to one thread.
unsafe impl Send for Pool {}

/// The steps that broken twins do otherwise.
#[derive(Clone, Copy)]
struct Rules {
    take: fn(&Pool) -> usize,
    hand_back: fn(&Pool, usize),
}

const SOUND: Rules = Rules {
    take: |pool| {
        let mut shelf = pool.shelf.lock().unwrap();
        loop {
            if let Some(state) = pool.find(&mut shelf) {
                return state;
            }
            shelf = pool.handed_back.wait(shelf).unwrap();
        }
    },
    hand_back: |pool, state| {
        pool.shelf.lock().unwrap().free.push(state);
        pool.handed_back.notify_one();
    },
};

impl Pool {
    fn of(size: usize, rules: Rules) -> Arc<Pool> {
        Arc::new(Pool {
            shelf: Mutex::new(Shelf { free: Vec::new(), made: 0 }),
            handed_back: Condvar::new(),
            size,
            states: std::array::from_fn(|_| UnsafeCell::new(0)),
            rules,
        })
    }

    /// A state that is free, or a place for a new one.
    fn find(&self, shelf: &mut Shelf) -> Option<usize> {
        shelf.free.pop().or_else(|| {
            (shelf.made < self.size).then(|| {
                shelf.made += 1;
                shelf.made - 1
            })
        })
    }

    /// `create_state`.
    fn take(&self) -> usize {
        (self.rules.take)(self)
    }

    /// The drop of a state.
    fn hand_back(&self, state: usize) {
        (self.rules.hand_back)(self, state);
    }

    /// `full`.
    fn use_state(&self, state: usize) {
        assert!(state < self.size, "more states than the pool may hold");
        // SAFETY: as loom's cell checks.
        self.states[state].with_mut(|used| unsafe { *used += 1 });
    }

    fn times_used(&self) -> u32 {
        // SAFETY: as loom's cell checks.
        self.states.iter().map(|state| state.with(|used| unsafe { *used })).sum()
    }
}

/// So many callers with a pool of this size, each of whom does `each`.
fn callers(
    callers: usize,
    size: usize,
    rules: Rules,
    each: fn(&Pool),
) -> impl Fn() + Sync + Send + 'static {
    move || {
        let pool = Pool::of(size, rules);
        let threads: Vec<_> = (0..callers)
            .map(|_| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || each(&pool))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(pool.times_used() as usize, callers, "uses");
    }
}

fn use_one(pool: &Pool) {
    let state = pool.take();
    pool.use_state(state);
    pool.hand_back(state);
}

#[test]
fn two_callers_share_one_state() {
    let property = "two callers, one state: one uses it at a time, both get it";
    POOL.holds(property, callers(2, 1, SOUND, use_one));
}

#[test]
fn three_callers_share_one_state_or_two() {
    let property = "three callers, one state: one uses it at a time, all get it";
    POOL.holds(property, callers(3, 1, SOUND, use_one));
    let property = "three callers, two states: nobody shares one, all get one";
    POOL.holds(property, callers(3, 2, SOUND, use_one));
}

/// As a callback of `full` does that creates a state. Without the pool this ends.
#[test]
fn a_caller_that_needs_two_states_of_one_hangs() {
    POOL.finds("a callback takes a second state of a pool of one: hangs", "deadlock", {
        callers(1, 1, SOUND, |pool| {
            let first = pool.take();
            let second = pool.take();
            pool.use_state(second);
            pool.hand_back(second);
            pool.hand_back(first);
        })
    });
}

/// Each has one, and waits for the other's.
#[test]
fn callers_that_need_two_states_each_of_two_hang() {
    POOL.finds("two callers take two states each of a pool of two: may hang", "deadlock", {
        callers(2, 2, SOUND, |pool| {
            let first = pool.take();
            let second = pool.take();
            pool.use_state(second);
            pool.hand_back(second);
            pool.hand_back(first);
        })
    });
}

#[test]
fn a_twin_that_hands_back_without_a_word_hangs() {
    let hand_back = |pool: &Pool, state| pool.shelf.lock().unwrap().free.push(state);
    POOL.rejects(
        "a state is handed back without waking anybody",
        "deadlock",
        callers(2, 1, Rules { hand_back, ..SOUND }, use_one),
    );
}

/// Between its look and its wait the state may be handed back, and nobody is there to be woken.
#[test]
fn a_twin_that_waits_without_looking_again_hangs() {
    let take = |pool: &Pool| {
        loop {
            let found = pool.find(&mut pool.shelf.lock().unwrap());
            match found {
                Some(state) => return state,
                None => drop(pool.handed_back.wait(pool.shelf.lock().unwrap()).unwrap()),
            }
        }
    };
    POOL.rejects(
        "the lock is given up between the look and the wait",
        "deadlock",
        callers(2, 1, Rules { take, ..SOUND }, use_one),
    );
}

/// Whoever comes in between takes what the one that was woken was woken for.
#[test]
fn a_twin_that_looks_but_once_after_its_wait_finds_nothing() {
    let take = |pool: &Pool| {
        let mut shelf = pool.shelf.lock().unwrap();
        if let Some(state) = pool.find(&mut shelf) {
            return state;
        }
        shelf = pool.handed_back.wait(shelf).unwrap();
        pool.find(&mut shelf).expect("woken for a state")
    };
    POOL.rejects(
        "whoever was woken takes it for granted that a state is free",
        "woken for a state",
        callers(3, 1, Rules { take, ..SOUND }, use_one),
    );
}

#[test]
fn a_twin_that_hands_back_too_early_shares_a_state() {
    POOL.rejects("a state is handed back before its last use", "Causality violation", {
        callers(2, 1, SOUND, |pool| {
            let state = pool.take();
            pool.hand_back(state);
            pool.use_state(state);
        })
    });
}

/// Counts what was made in a lock of its own, and makes it in another.
#[test]
fn a_twin_that_counts_apart_makes_too_many() {
    let take = |pool: &Pool| {
        let mut shelf = pool.shelf.lock().unwrap();
        loop {
            if let Some(state) = shelf.free.pop() {
                return state;
            }
            if shelf.made < pool.size {
                // The state is made here, and others go on meanwhile.
                drop(shelf);
                let mut shelf = pool.shelf.lock().unwrap();
                shelf.made += 1;
                return shelf.made - 1;
            }
            shelf = pool.handed_back.wait(shelf).unwrap();
        }
    };
    POOL.rejects(
        "a new state is counted after it was made, not before",
        "more states than",
        callers(2, 1, Rules { take, ..SOUND }, use_one),
    );
}
