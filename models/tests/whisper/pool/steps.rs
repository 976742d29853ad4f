//! The pool itself, step by step as the candidate fix `state-pool` has it (its pool.rs).

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicUsize;
use loom::sync::{Condvar, Mutex};

use crate::logger::Plain;
use crate::whisper::Whisper;

/// What the lock is around.
pub(crate) struct Stock {
    pub(crate) idle: Vec<usize>,
    /// Lent, or being made.
    pub(crate) out: usize,
}

pub(crate) struct Pool {
    pub(crate) stock: Mutex<Stock>,
    pub(crate) changed: Condvar,
    at_most: usize,
    /// Attempts to make a state.
    pub(crate) attempts: AtomicUsize,
    /// What `full` writes to.
    states: [UnsafeCell<u32>; 2],
    /// Where states are made that are whisper's.
    pub(crate) whisper: Option<Arc<Whisper<Plain>>>,
    rules: Rules,
}

// SAFETY: a state is touched by whoever has it from the pool: what the model is to show, and what
// loom's cells check.
unsafe impl Sync for Pool {}
// SAFETY: nothing of it belongs to one thread.
unsafe impl Send for Pool {}

/// The steps that broken twins do otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) lend: fn(&Pool, Make) -> Option<usize>,
    /// The drop of what was lent, which is nothing if it could not be made.
    pub(crate) hand_back: fn(&Pool, Option<usize>),
}

pub(crate) type Make = fn(&Pool) -> Option<usize>;

pub(crate) const STATE_POOL: Rules = Rules {
    lend: |pool, make| {
        let mut stock = pool.stock.lock().unwrap();
        while pool.all_are_out(&stock) {
            stock = pool.changed.wait(stock).unwrap();
        }
        stock.out += 1;
        let idle = stock.idle.pop();
        drop(stock);
        pool.made(idle.or_else(|| make(pool)))
    },
    hand_back: |pool, state| {
        pool.take_back(state);
        pool.changed.notify_one();
    },
};

impl Pool {
    pub(crate) fn new(
        at_most: usize,
        rules: Rules,
        whisper: Option<Arc<Whisper<Plain>>>,
    ) -> Arc<Pool> {
        Arc::new(Pool {
            stock: Mutex::new(Stock { idle: Vec::new(), out: 0 }),
            changed: Condvar::new(),
            at_most,
            attempts: AtomicUsize::new(0),
            states: std::array::from_fn(|_| UnsafeCell::new(0)),
            whisper,
            rules,
        })
    }

    pub(crate) fn all_are_out(&self, stock: &Stock) -> bool {
        stock.idle.is_empty() && stock.out >= self.at_most
    }

    /// What could not be made makes room for another.
    pub(crate) fn made(&self, state: Option<usize>) -> Option<usize> {
        if state.is_none() {
            self.hand_back(None);
        }
        state
    }

    pub(crate) fn take_back(&self, state: Option<usize>) {
        let mut stock = self.stock.lock().unwrap();
        stock.out -= 1;
        stock.idle.extend(state);
    }

    pub(crate) fn hand_back(&self, state: Option<usize>) {
        (self.rules.hand_back)(self, state);
    }

    /// `create_state`.
    pub(crate) fn lend(&self, make: Make) -> Option<usize> {
        (self.rules.lend)(self, make)
    }

    /// `full`.
    pub(crate) fn use_state(&self, state: usize) {
        assert!(state < self.at_most, "more states than the pool may have");
        // SAFETY: as loom's cell checks.
        self.states[state].with_mut(|used| unsafe { *used += 1 });
    }

    pub(crate) fn times_used(&self) -> u32 {
        // SAFETY: as loom's cell checks.
        self.states.iter().map(|state| state.with(|used| unsafe { *used })).sum()
    }
}
