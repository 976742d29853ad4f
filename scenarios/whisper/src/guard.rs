//! The ways to come by whisper's calls: plainly, as whisper-rs offers them, or through a fix.
//!
//! A scenario that is generic over [`Guard`] runs unchanged over each of them. What a fix does not
//! guard (parameters, free functions) a scenario calls as ever, and then the fix cures nothing there.

use std::borrow::Borrow;

use whisper_rs::{WhisperContext, WhisperError, WhisperState};

/// A context for all actors of a trial, with what guards its calls.
pub trait Guard: Sync + Sized + 'static {
    /// What ends a scenario's name: nothing for [`Plain`], `_with_internal_mutex` and so on for a fix.
    const SUFFIX: &'static str;

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
