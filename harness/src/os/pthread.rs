//! A mutex of the C library, for the self-test of the level at which calls are scheduling points.

use std::cell::UnsafeCell;

/// A `pthread_mutex_t` of the default kind.
pub struct Mutex(Box<UnsafeCell<libc::pthread_mutex_t>>);

// SAFETY: it is touched through pthread calls only, which are made for threads.
unsafe impl Sync for Mutex {}

impl Mutex {
    /// A free one.
    #[expect(clippy::new_without_default, reason = "one use, which names what it makes")]
    pub fn new() -> Mutex {
        Mutex(Box::new(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)))
    }

    /// Runs `f` while it is held.
    pub fn with<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: initialised, and at one address for as long as it lives.
        unsafe { libc::pthread_mutex_lock(self.0.get()) };
        let result = f();
        // SAFETY: this thread holds it.
        unsafe { libc::pthread_mutex_unlock(self.0.get()) };
        result
    }
}
