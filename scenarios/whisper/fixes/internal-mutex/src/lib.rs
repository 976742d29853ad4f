//! Fix (a): one mutex for all calls of a context and of the states that were created on it.
//!
//! **Guards** every call that goes through this type: no two of one context overlap, neither
//! `create_state` nor `full` nor the release of a state. So `&self` methods that change a state
//! (`lang_detect`) are safe to share, and callers never wait for each other's threads at ggml's barrier.
//!
//! **Does not guard** what is no call of a context or state: parameters and their callbacks, free
//! functions such as `print_system_info`, the environment, other contexts.
//!
//! **Adds** a self-deadlock: whisper calls back in the middle of `full`, when the mutex is held, so
//! a callback must not come back here, not even to drop a state. And a thread that transcribes for a
//! minute keeps all others waiting for a minute.

#![forbid(unsafe_code)]

use std::borrow::Borrow;
use std::sync::{Arc, Mutex, PoisonError};

use whisper_rs::{FullParams, WhisperContext, WhisperError, WhisperState};

/// A context with its mutex.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct Context<C = WhisperContext> {
    context: C,
    turns: Arc<OneAtATime>,
}

impl<C: Borrow<WhisperContext>> Context<C> {
    /// Around a context of which no other states are in use.
    pub fn new(context: C) -> Self {
        Context { context, turns: Arc::default() }
    }

    /// `WhisperContext::create_state`, in its turn.
    pub fn create_state(&self) -> Result<State, WhisperError> {
        let state = self.call(WhisperContext::create_state)?;
        Ok(State { state: Some(state), turns: Arc::clone(&self.turns) })
    }

    /// Any other method, in its turn. A closure, since what a method lends must not outlive the lock.
    pub fn call<R>(&self, call: impl FnOnce(&WhisperContext) -> R) -> R {
        self.turns.take(|| call(self.context.borrow()))
    }
}

/// A state that takes turns with its context and all other states of that.
#[allow(missing_debug_implementations, reason = "nor has WhisperState any before 0.16")]
pub struct State {
    /// There until it is dropped, which is a call of whisper, too.
    state: Option<WhisperState>,
    turns: Arc<OneAtATime>,
}

impl State {
    /// `WhisperState::full`, in its turn.
    pub fn full(
        &mut self,
        parameters: FullParams<'_, '_>,
        audio: &[f32],
    ) -> Result<(), WhisperError> {
        // Success is a number before 0.16, which is always 0.
        self.call_mut(|state| state.full(parameters, audio).map(drop))
    }

    /// Any other method that takes `&self`, in its turn.
    pub fn call<R>(&self, call: impl FnOnce(&WhisperState) -> R) -> R {
        let state = self.state.as_ref().expect("there until it is dropped");
        self.turns.take(|| call(state))
    }

    /// Any other method that takes `&mut self`, in its turn.
    pub fn call_mut<R>(&mut self, call: impl FnOnce(&mut WhisperState) -> R) -> R {
        let state = self.state.as_mut().expect("there until it is dropped");
        self.turns.take(|| call(state))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.turns.take(|| drop(self.state.take()));
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
    fn no_two_calls_overlap() {
        let (turns, inside) = (OneAtATime::default(), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        turns.take(|| {
                            assert_eq!(inside.fetch_add(1, SeqCst), 0);
                            assert_eq!(inside.fetch_sub(1, SeqCst), 1);
                        });
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_locks_nobody_out() {
        let turns = OneAtATime::default();
        let panicked = catch_unwind(AssertUnwindSafe(|| turns.take(|| panic!("in a call"))));
        assert!(panicked.is_err());
        assert_eq!(turns.take(|| 1), 1);
    }

    #[test]
    fn a_call_within_a_call_would_never_return() {
        let turns = OneAtATime::default();
        turns.take(|| assert!(turns.0.try_lock().is_err()));
        assert!(turns.0.try_lock().is_ok());
    }
}
