//! Fix (b): a mutex around `create_state`, and around nothing else.
//!
//! **Guards** `create_state` against itself: no two on one context overlap, so that its unlocked write
//! of the global logger happens in turns. States are whisper-rs's own and work at the same time.
//!
//! **Does not guard** states that are dropped or used while another is created, `create_state` on two
//! contexts (which share that logger), what a user does with one state from two threads, parameters,
//! free functions, or the environment.
//!
//! **Adds** nothing to wait for in a callback: `full` runs without the lock. Only whisper's log
//! callback runs within `create_state`, and must not create a state; and it could not before, either,
//! without calling itself for ever.

#![forbid(unsafe_code)]

use std::borrow::Borrow;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use whisper_rs::{WhisperContext, WhisperError, WhisperState};

/// A context of which states are created one at a time. All other methods are those of
/// `WhisperContext`, without a lock.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct Context<C = WhisperContext> {
    context: C,
    creating: OneAtATime,
}

impl<C: Borrow<WhisperContext>> Context<C> {
    /// Around any context; what else creates states on it does not take part.
    pub fn new(context: C) -> Self {
        Context { context, creating: OneAtATime::default() }
    }

    /// `WhisperContext::create_state`, in its turn.
    pub fn create_state(&self) -> Result<WhisperState, WhisperError> {
        self.creating.take(|| self.context.borrow().create_state())
    }
}

impl<C: Borrow<WhisperContext>> Deref for Context<C> {
    type Target = WhisperContext;

    fn deref(&self) -> &WhisperContext {
        self.context.borrow()
    }
}

/// The mutex. There is no data in it that a panic could leave half done, so a poisoned one serves on.
#[derive(Debug, Default)]
struct OneAtATime(Mutex<()>);

impl OneAtATime {
    fn take<R>(&self, act: impl FnOnce() -> R) -> R {
        let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::thread;

    #[test]
    fn no_two_are_created_at_the_same_time() {
        let (creating, inside) = (OneAtATime::default(), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        creating.take(|| {
                            assert_eq!(inside.fetch_add(1, SeqCst), 0);
                            assert_eq!(inside.fetch_sub(1, SeqCst), 1);
                        });
                    }
                });
            }
        });
    }

    #[test]
    fn what_was_created_is_used_without_the_lock() {
        let creating = OneAtATime::default();
        let state = creating.take(|| "a state");
        assert!(creating.0.try_lock().is_ok(), "while {state} is there");
    }

    #[test]
    fn a_panic_locks_nobody_out() {
        let creating = OneAtATime::default();
        let panicked = catch_unwind(AssertUnwindSafe(|| creating.take(|| panic!("in a call"))));
        assert!(panicked.is_err());
        assert_eq!(creating.take(|| 1), 1);
    }
}
