//! Self-deadlock: an actor locks a mutex that it already holds.
//!
//! No hand-shake is needed: whoever gets the lock first asks for it again, and only it could give it
//! back. All others queue for the same lock, so however many actors there are, one lock is waited
//! for and its owner is among the waiting. The look-alikes call the same way; one gives the lock
//! back before it calls, the other uses a lock that knows its owner.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::ReentrantMutex;
use standstill_kit::{Kind, Scenario};

const CLAIM: &str = "The exact behavior on locking a mutex in the thread which already holds the \
                     lock is left unspecified. However, this function will not return on the second \
                     call (it might panic or deadlock, for example).";
const SOURCE: &str = "https://doc.rust-lang.org/std/sync/struct.Mutex.html#method.lock";

/// A log whose methods lock it.
#[derive(Default)]
struct Log {
    entries: Mutex<Vec<usize>>,
    pending: AtomicUsize,
}

impl Log {
    fn push(&self, entry: usize) {
        self.entries.lock().unwrap().push(entry);
    }

    /// Wrong: calls `push` with the lock in hand.
    fn push_and_count(&self, entry: usize) -> usize {
        let entries = self.entries.lock().unwrap();
        self.push(entry);
        entries.len()
    }

    /// Right: the lock is given back first.
    fn push_then_count(&self, entry: usize) -> usize {
        self.push(entry);
        self.entries.lock().unwrap().len()
    }

    /// Wrong now and then: writes down others' pending entries by way of `push`, lock in hand.
    fn push_with_pending(&self, entry: usize) {
        self.pending.fetch_add(1, Relaxed);
        let mut entries = self.entries.lock().unwrap();
        entries.push(entry);
        if self.pending.fetch_sub(1, Relaxed) > 1 && entries.len() > 1 {
            self.push(usize::MAX);
        }
    }
}

/// A method calls another that takes the same lock.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("self_deadlock")
        .about("a method that holds a std mutex calls another that takes it")
        .contract(CLAIM, SOURCE)
        .finds(Kind::SelfDeadlock)
        .threads([1, 8])
        .trials(5)
        .setup(|_, _| Log::default())
        .actor(|log, me| log.push_and_count(me.index()))
        .build()
}

/// The inner call is made only when another actor is about to push as well.
pub(crate) fn natural() -> Scenario {
    Scenario::new("self_deadlock_natural")
        .about("a method that holds a std mutex takes it again if others are on their way to it")
        .contract(CLAIM, SOURCE)
        .may_find(Kind::SelfDeadlock, "the natural version of controls/self_deadlock")
        .setup(|_, _| Log::default())
        .actor(|log, me| {
            for _ in 0..20 {
                log.push_with_pending(me.index());
            }
        })
        .build()
}

/// The lock is given back before it is taken again.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("self_deadlock_look_alike")
        .about("a method takes a std mutex twice, one time after the other")
        .setup(|_, _| Log::default())
        .actor(|log, me| {
            for _ in 0..20 {
                log.push_then_count(me.index());
            }
        })
        .check(|log, results: &[()]| {
            let (len, want) = (log.entries.lock().unwrap().len(), 20 * results.len());
            if len == want { Ok(()) } else { Err(format!("{len} entries of {want}")) }
        })
        .build()
}

/// A reentrant mutex is taken by its owner as often as it likes.
pub(crate) fn reentrant_look_alike() -> Scenario {
    Scenario::new("self_deadlock_reentrant_look_alike")
        .about("actors take a reentrant mutex that they already hold")
        .contract(
            "The same thread can lock the mutex multiple times without blocking.",
            "https://docs.rs/parking_lot/0.12/parking_lot/type.ReentrantMutex.html",
        )
        .setup(|_, _| ReentrantMutex::new(AtomicUsize::new(0)))
        .actor(|lock, _| {
            for _ in 0..20 {
                let outer = lock.lock();
                let inner = lock.lock();
                // Not an atomic addition: it is the lock that is to keep others out.
                outer.store(inner.load(Relaxed) + 1, Relaxed);
            }
        })
        .check(|lock, results: &[()]| {
            let (sum, want) = (lock.lock().load(Relaxed), 20 * results.len());
            if sum == want { Ok(()) } else { Err(format!("counted {sum} of {want}")) }
        })
        .build()
}
