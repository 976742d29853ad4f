//! Fix (e): a semaphore around `full`, so that callers times `n_threads` stay within the cores.
//!
//! **Guards** against slowness alone: ggml's threads spin at their barriers, and with more of them than
//! cores each barrier waits for the scheduler. `full` takes one permit for each of its threads, at most
//! all, and callers get their turn in the order in which they came.
//!
//! **Does not guard** any call against another one: `create_state` and states run at the same time, and
//! so do `full`s that fit. Nor what else computes: `encode`, `decode` and `lang_detect` have thread
//! counts of their own and take permits only if they are called through [`State::call_mut`]. Nor a
//! state that two threads share, other contexts, other processes.
//!
//! **Adds** a wait that a callback must not bring about: a `full` within a callback of `full` waits for
//! permits of which its own caller may have the last. Creating states there is fine.

#![forbid(unsafe_code)]

mod semaphore;

use std::borrow::Borrow;
use std::ops::Deref;
use std::sync::Arc;

use semaphore::Semaphore;
use whisper_rs::{FullParams, WhisperContext, WhisperError, WhisperState};

/// A context with its semaphore. Methods other than `create_state` are those of `WhisperContext`.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct Context<C = WhisperContext> {
    context: C,
    cores: Arc<Semaphore>,
}

impl<C: Borrow<WhisperContext>> Context<C> {
    /// With as many permits as this process has cores, or one if that cannot be told.
    pub fn new(context: C) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Context { context, cores: Arc::new(Semaphore::new(cores)) }
    }

    /// `WhisperContext::create_state`, without waiting.
    pub fn create_state(&self) -> Result<State, WhisperError> {
        let state = self.context.borrow().create_state()?;
        Ok(State { state, cores: Arc::clone(&self.cores) })
    }
}

impl<C: Borrow<WhisperContext>> Deref for Context<C> {
    type Target = WhisperContext;

    fn deref(&self) -> &WhisperContext {
        self.context.borrow()
    }
}

/// A state whose `full` waits for cores. Methods that take `&self` are those of `WhisperState`.
#[allow(missing_debug_implementations, reason = "nor has WhisperState any before 0.16")]
pub struct State {
    state: WhisperState,
    cores: Arc<Semaphore>,
}

impl State {
    /// `WhisperState::full` with `n_threads` threads or, if there are fewer, one for each core. The
    /// number is an argument, as parameters do not tell theirs.
    pub fn full(
        &mut self,
        n_threads: usize,
        mut parameters: FullParams<'_, '_>,
        audio: &[f32],
    ) -> Result<(), WhisperError> {
        let n_threads = self.cores.fitting(n_threads);
        parameters.set_n_threads(n_threads.try_into().unwrap_or(1));
        // Success is a number before 0.16, which is always 0.
        self.call_mut(n_threads, |state| state.full(parameters, audio).map(drop))
    }

    /// Any other method that takes `&mut self`, and will use that many threads.
    pub fn call_mut<R>(
        &mut self,
        n_threads: usize,
        call: impl FnOnce(&mut WhisperState) -> R,
    ) -> R {
        let _permits = self.cores.acquire(n_threads);
        call(&mut self.state)
    }
}

impl Deref for State {
    type Target = WhisperState;

    fn deref(&self) -> &WhisperState {
        &self.state
    }
}
