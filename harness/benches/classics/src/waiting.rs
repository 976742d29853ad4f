//! Waits that nobody ends, and counts of who may pass.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use std::sync::{Condvar, Mutex};

use crate::both;

/// The flag is looked at outside of the lock that the wait gives up: the notification may come in
/// between.
pub(crate) fn lost_wakeup(fixed: bool) {
    let (ready, lock, changed) = (AtomicBool::new(false), Mutex::new(()), Condvar::new());
    both(
        || {
            if fixed {
                let mut guard = lock.lock().unwrap();
                while !ready.load(SeqCst) {
                    guard = changed.wait(guard).unwrap();
                }
            } else if !ready.load(SeqCst) {
                drop(changed.wait(lock.lock().unwrap()).unwrap());
            }
        },
        || {
            let guard = fixed.then(|| lock.lock().unwrap());
            ready.store(true, SeqCst);
            drop(guard);
            changed.notify_one();
        },
    );
}

/// One waits for a notification as if it were kept for those who come later.
pub(crate) fn no_predicate(fixed: bool) {
    let (sent, changed) = (Mutex::new(false), Condvar::new());
    both(
        || {
            let mut guard = sent.lock().unwrap();
            if fixed {
                while !*guard {
                    guard = changed.wait(guard).unwrap();
                }
            } else {
                drop(changed.wait(guard).unwrap());
            }
        },
        || {
            *sent.lock().unwrap() = true;
            changed.notify_all();
        },
    );
}

/// A semaphore that looks at its count and takes from it in two steps.
pub(crate) fn semaphore(fixed: bool) {
    let (permits, inside) = (AtomicI32::new(1), AtomicI32::new(0));
    let acquire = || {
        loop {
            let left = permits.load(SeqCst);
            if left == 0 {
                std::thread::yield_now();
            } else if !fixed {
                permits.fetch_sub(1, SeqCst);
                return;
            } else if permits.compare_exchange(left, left - 1, SeqCst, SeqCst).is_ok() {
                return;
            }
        }
    };
    let pass = || {
        acquire();
        assert_eq!(inside.fetch_add(1, SeqCst), 0, "two inside, with one permit");
        inside.fetch_sub(1, SeqCst);
        permits.fetch_add(1, SeqCst);
    };
    both(pass, pass);
}

/// A barrier of a count alone: who is quick comes to the next round before who is slow has seen the
/// end of this one.
struct Barrier {
    /// Threads that have come, and rounds that are over.
    state: Mutex<(u32, u32)>,
    changed: Condvar,
    fixed: bool,
}

impl Barrier {
    fn wait(&self, of: u32) {
        let mut state = self.state.lock().unwrap();
        let round = state.1;
        state.0 += 1;
        if state.0 == of {
            *state = (0, round + 1);
            drop(state);
            return self.changed.notify_all();
        }
        while if self.fixed { state.1 == round } else { state.0 != 0 } {
            state = self.changed.wait(state).unwrap();
        }
    }
}

/// Two threads, two rounds of such a barrier.
pub(crate) fn barrier_reuse(fixed: bool) {
    let barrier = Barrier { state: Mutex::new((0, 0)), changed: Condvar::new(), fixed };
    let rounds = || (0..2).for_each(|_| barrier.wait(2));
    both(rounds, rounds);
}
