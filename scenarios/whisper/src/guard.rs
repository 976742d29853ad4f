//! The ways to come by whisper's calls: plainly, as whisper-rs offers them, or through a fix.
//!
//! A scenario that is generic over [`Guard`] runs unchanged over each of them. What a fix does not
//! guard (parameters, free functions) a scenario calls as ever, and then the fix cures nothing there.

mod create_mutex;
mod full_semaphore;
mod internal_mutex;
mod once_cell_mutex;
mod state_pool;
mod users_mutex;

use std::borrow::Borrow;

use standstill_kit::Kind;
use whisper_rs::{FullParams, WhisperContext, WhisperError, WhisperState};

use crate::bridge;
pub use create_mutex::CreateMutex;
pub use full_semaphore::FullSemaphore;
pub use internal_mutex::InternalMutex;
pub use once_cell_mutex::OnceCellMutex;
pub use state_pool::StatePool;
pub use users_mutex::UsersMutex;

/// A context for all actors of a trial, with what guards its calls.
pub trait Guard: Send + Sync + Sized + 'static {
    /// What ends a scenario's name: nothing for [`Plain`], `_with_internal_mutex` and so on for a fix.
    const SUFFIX: &'static str;

    /// What it is, for a report: `one mutex around all calls`.
    const WHAT: &'static str;

    /// What a scenario may show over this guard that it does not show plainly.
    const ADDS: &'static [Added] = &[];

    /// What [`create_state`](Self::create_state) creates.
    type State: GuardedState;

    /// Around a context that is loaded. A guard that loads for itself calls `load`, once.
    fn around(load: impl Fn() -> Loaded + Send + Sync + 'static) -> Self;

    /// `WhisperContext::create_state`.
    fn create_state(&self) -> Result<Self::State, WhisperError>;

    /// Any other call of the context.
    fn context<R>(&self, call: impl FnOnce(&WhisperContext) -> R) -> R;
}

/// A state, with what guards its calls.
pub trait GuardedState: Send + Sync {
    /// A call that takes `&self`.
    fn shared<R>(&self, call: impl FnOnce(&WhisperState) -> R) -> R;

    /// A call that takes `&mut self`: `full`, `encode`, `decode`.
    fn exclusive<R>(&mut self, call: impl FnOnce(&mut WhisperState) -> R) -> R;

    /// `full` on that many threads: for guards that have to know how many.
    fn full_on(
        &mut self,
        n_threads: u16,
        mut parameters: FullParams<'_, '_>,
        audio: &[f32],
    ) -> Result<(), WhisperError> {
        parameters.set_n_threads(n_threads.into());
        self.exclusive(|state| bridge::full(state, parameters, audio))
    }
}

/// A trouble that a fix brings along.
#[derive(Clone, Copy, Debug)]
pub struct Added {
    /// The scenario's name, as it is without a guard.
    pub scenario: &'static str,
    /// What may be found.
    pub kind: Kind,
    /// Why.
    pub why: &'static str,
}

/// The context that was loaded when the trial's process was prepared, or one of the trial's own.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub enum Loaded {
    /// Never dropped.
    Prepared(&'static WhisperContext),
    /// Dropped with the guard.
    Own(WhisperContext),
}

impl Borrow<WhisperContext> for Loaded {
    fn borrow(&self) -> &WhisperContext {
        match self {
            Loaded::Prepared(context) => context,
            Loaded::Own(context) => context,
        }
    }
}

/// The name of a scenario over this guard.
pub fn named<G: Guard>(name: &str) -> String {
    format!("{name}{}", G::SUFFIX)
}

/// No guard at all: what whisper-rs's `Send + Sync` promise to be enough.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct Plain(Loaded);

impl Guard for Plain {
    const SUFFIX: &'static str = "";
    const WHAT: &'static str = "nothing";
    type State = WhisperState;

    fn around(load: impl Fn() -> Loaded + Send + Sync + 'static) -> Self {
        Plain(load())
    }

    fn create_state(&self) -> Result<WhisperState, WhisperError> {
        self.context(WhisperContext::create_state)
    }

    fn context<R>(&self, call: impl FnOnce(&WhisperContext) -> R) -> R {
        call(self.0.borrow())
    }
}

impl GuardedState for WhisperState {
    fn shared<R>(&self, call: impl FnOnce(&WhisperState) -> R) -> R {
        call(self)
    }

    fn exclusive<R>(&mut self, call: impl FnOnce(&mut WhisperState) -> R) -> R {
        call(self)
    }
}
