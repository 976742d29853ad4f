//! The kernel's futex, as a model (futex(2)).

use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};
use loom::sync::{Condvar, Mutex};

loom::lazy_static! {
    /// The queue and the lock around it: comparing and blocking is one step as wakers see it. One
    /// queue serves for all words: it wakes too many, which is allowed.
    static ref KERNEL: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
}

/// `FUTEX_WAIT`.
pub(crate) fn wait(word: &AtomicU32, value: u32) {
    let (lock, queue) = &*KERNEL;
    let held = lock.lock().unwrap();
    if word.load(Relaxed) == value {
        drop(queue.wait(held).unwrap());
    }
}

/// `FUTEX_WAKE` of everybody.
pub(crate) fn wake_all(_: &AtomicU32) {
    let (lock, queue) = &*KERNEL;
    let _held = lock.lock().unwrap();
    queue.notify_all();
}
