//! No fix but the mistake that the workaround invites: the user's own `Mutex<WhisperContext>`, and its
//! guard kept until `full` is done.

use std::borrow::Borrow;
use std::sync::{Arc, Mutex, MutexGuard};

use standstill_kit::Kind;
use whisper_rs::{WhisperContext, WhisperError, WhisperState};

use super::{Added, Guard, GuardedState, Loaded};

/// `Arc<Mutex<WhisperContext>>`, locked to create a state and again for as long as `full` runs.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct UsersMutex(Arc<Mutex<Loaded>>);

/// A state, and the mutex that its user locks around `full`.
#[allow(missing_debug_implementations, reason = "nor has WhisperState any before 0.16")]
pub struct State {
    state: WhisperState,
    context: Arc<Mutex<Loaded>>,
}

impl Guard for UsersMutex {
    const SUFFIX: &'static str = "_with_users_mutex";
    const WHAT: &'static str = "a Mutex<WhisperContext> of the user's, held across full";
    const ADDS: &'static [Added] = &[Added {
        scenario: "reentrant_callback",
        kind: Kind::SelfDeadlock,
        why: "made by the user: the mutex around the context is held while full calls back",
    }];
    type State = State;

    fn around(load: impl Fn() -> Loaded + Send + Sync + 'static) -> Self {
        UsersMutex(Arc::new(Mutex::new(load())))
    }

    fn create_state(&self) -> Result<State, WhisperError> {
        let state = self.context(WhisperContext::create_state)?;
        Ok(State { state, context: Arc::clone(&self.0) })
    }

    fn context<R>(&self, call: impl FnOnce(&WhisperContext) -> R) -> R {
        call((*locked(&self.0)).borrow())
    }
}

impl GuardedState for State {
    fn shared<R>(&self, call: impl FnOnce(&WhisperState) -> R) -> R {
        call(&self.state)
    }

    fn exclusive<R>(&mut self, call: impl FnOnce(&mut WhisperState) -> R) -> R {
        let _context = locked(&self.context);
        call(&mut self.state)
    }
}

fn locked(context: &Mutex<Loaded>) -> MutexGuard<'_, Loaded> {
    context.lock().expect("nobody panics")
}
