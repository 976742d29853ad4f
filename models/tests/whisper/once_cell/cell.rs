//! `OnceCell` of the crate once_cell 1.21.4, step by step (imp_std.rs:61-239): a word that is the state
//! and the head of a list of those who wait, each on its own stack.

use std::ptr::null_mut;

use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use loom::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use loom::thread::{self, Thread};

const INCOMPLETE: usize = 0;
pub(crate) const RUNNING: usize = 1;
const COMPLETE: usize = 2;
const STATE_MASK: usize = 3;

#[repr(align(4))]
struct Waiter {
    thread: UnsafeCell<Option<Thread>>,
    signaled: AtomicBool,
    next: *mut Waiter,
}

pub(crate) struct OnceCell<T> {
    queue: AtomicPtr<Waiter>,
    value: UnsafeCell<Option<T>>,
    rules: Rules,
}

// SAFETY: the value is written by the one thread that initialises, and read after that: what the model
// is to show, and what loom's cell checks.
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}
// SAFETY: nothing of it belongs to one thread.
unsafe impl<T: Send> Send for OnceCell<T> {}

/// The steps that broken twins do otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// In which order the end of the initialisation is told.
    pub(crate) publish: Ordering,
    /// Lets a waiter go on.
    pub(crate) signal: fn(&AtomicBool, Thread),
    /// What the cell is left in when the initialisation failed.
    pub(crate) failed: usize,
}

pub(crate) const ONCE_CELL_1_21: Rules = Rules {
    publish: AcqRel,
    signal: |signaled, thread| {
        signaled.store(true, Release);
        thread.unpark();
    },
    failed: INCOMPLETE,
};

fn state(queue: *mut Waiter) -> usize {
    queue.addr() & STATE_MASK
}

fn with_state(queue: *mut Waiter, state: usize) -> *mut Waiter {
    queue.map_addr(|address| (address & !STATE_MASK) | state)
}

impl<T> OnceCell<T> {
    pub(crate) fn new(rules: Rules) -> OnceCell<T> {
        let queue = AtomicPtr::new(null_mut());
        OnceCell { queue, value: UnsafeCell::new(None), rules }
    }

    /// `get`.
    pub(crate) fn is_initialized(&self) -> bool {
        state(self.queue.load(Acquire)) == COMPLETE
    }

    /// `get_or_try_init`, and then `then` with what is there.
    pub(crate) fn get_or_try_init<R>(
        &self,
        init: impl FnOnce() -> Option<T>,
        then: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        if !self.is_initialized() && !self.initialize_or_wait(init) {
            return None;
        }
        // SAFETY: initialised, as loom's cell checks; nobody changes it after that.
        let value: *const T = self.value.with(|value| unsafe { (*value).as_ref().unwrap() });
        // SAFETY: as above.
        Some(then(unsafe { &*value }))
    }

    pub(crate) fn get_or_init<R>(&self, init: impl FnOnce() -> T, then: impl FnOnce(&T) -> R) -> R {
        self.get_or_try_init(|| Some(init()), then).unwrap()
    }

    /// Whether the cell is initialised.
    fn initialize_or_wait(&self, init: impl FnOnce() -> Option<T>) -> bool {
        let mut seen = self.queue.load(Acquire);
        loop {
            match state(seen) {
                COMPLETE => return true,
                INCOMPLETE => {
                    let running = with_state(seen, RUNNING);
                    match self.queue.compare_exchange(seen, running, Acquire, Acquire) {
                        Ok(_) => return self.initialize(init),
                        Err(newer) => seen = newer,
                    }
                }
                _ => {
                    self.wait(seen);
                    seen = self.queue.load(Acquire);
                }
            }
        }
    }

    fn initialize(&self, init: impl FnOnce() -> Option<T>) -> bool {
        let made = init();
        let done = made.is_some();
        if done {
            // SAFETY: only one thread is here at a time, as loom's cell checks.
            self.value.with_mut(|value| unsafe { *value = made });
        }
        let end = if done { COMPLETE } else { self.rules.failed };
        let queue = self.queue.swap(with_state(null_mut(), end), self.rules.publish);
        let mut waiter = with_state(queue, 0);
        while !waiter.is_null() {
            // SAFETY: whoever waits stays where it is until it is signalled, which is the last step.
            let waiting = unsafe { &*waiter };
            waiter = waiting.next;
            // SAFETY: put there before it came into the list, as loom's cell checks.
            let thread = waiting.thread.with_mut(|thread| unsafe { (*thread).take().unwrap() });
            (self.rules.signal)(&waiting.signaled, thread);
        }
        done
    }

    fn wait(&self, mut seen: *mut Waiter) {
        let running = state(seen);
        loop {
            let node = Waiter {
                thread: UnsafeCell::new(Some(thread::current())),
                signaled: AtomicBool::new(false),
                next: with_state(seen, 0),
            };
            let me = with_state((&raw const node).cast_mut(), running);
            match self.queue.compare_exchange(seen, me, Release, Relaxed) {
                Err(newer) if state(newer) != running => return,
                Err(newer) => seen = newer,
                Ok(_) => {
                    while !node.signaled.load(Acquire) {
                        thread::park();
                    }
                    return;
                }
            }
        }
    }
}
