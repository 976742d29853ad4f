//! Fix (d): a pool of states. `create_state` lends one, which comes back when it is dropped.
//!
//! **Guards** the number of states, and so the memory, and spares their creation: after a while none is
//! created any more. Whoever has a state has it alone. States are created at the same time, without a
//! lock.
//!
//! **Does not guard** `create_state` against itself, a state that its user shares between threads,
//! parameters, free functions, or the environment.
//!
//! **Adds** two things. Whoever asks for a state while all are lent waits until one comes back: so
//! callers that hold states while they ask for more, also in a callback of `full`, can wait for each other
//! for ever. And a state remembers: until its next `full` it tells what its last user has transcribed.

#![forbid(unsafe_code)]

mod pool;

use std::borrow::Borrow;
use std::ops::Deref;
use std::sync::Arc;

pub use pool::Lent;
use pool::Pool;
use whisper_rs::{WhisperContext, WhisperError, WhisperState};

/// A context with its pool. Methods other than `create_state` are those of `WhisperContext`.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct Context<C = WhisperContext> {
    context: C,
    states: Arc<Pool<WhisperState>>,
}

/// A state that goes back to the pool. Methods are those of `WhisperState`.
pub type State = Lent<WhisperState>;

impl<C: Borrow<WhisperContext>> Context<C> {
    /// With a pool that will have at most that many states, and at least one.
    pub fn new(context: C, at_most: usize) -> Self {
        Context { context, states: Arc::new(Pool::new(at_most)) }
    }

    /// A state from the pool, or a new one while there are fewer than the pool may have; else waits for
    /// one to come back.
    pub fn create_state(&self) -> Result<State, WhisperError> {
        Pool::lend(&self.states, || self.context.borrow().create_state())
    }
}

impl<C: Borrow<WhisperContext>> Deref for Context<C> {
    type Target = WhisperContext;

    fn deref(&self) -> &WhisperContext {
        self.context.borrow()
    }
}
