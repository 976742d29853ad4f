//! Fix (a): [`whisper_internal_mutex`], one mutex around all calls.

use standstill_kit::Kind;
use whisper_internal_mutex::{Context, State};
use whisper_rs::{WhisperContext, WhisperError, WhisperState};

use super::{Added, Guard, GuardedState, Loaded};

const CALLED_BACK: &str = "made by the fix: whisper calls back within full, when the mutex is held";

/// One mutex for the calls of a context and of all its states.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct InternalMutex(Context<Loaded>);

impl Guard for InternalMutex {
    const SUFFIX: &'static str = "_with_internal_mutex";
    const WHAT: &'static str = "one mutex around all calls of the context and its states";
    const ADDS: &'static [Added] = &[
        Added { scenario: "reentrant_callback", kind: Kind::SelfDeadlock, why: CALLED_BACK },
        Added { scenario: "full_in_callback", kind: Kind::SelfDeadlock, why: CALLED_BACK },
        Added {
            scenario: "defect_logits_change_while_borrowed_look_alike",
            kind: Kind::SelfDeadlock,
            why: "made by the fix: as long as something is borrowed from one state the mutex is held, \
                  and a call of another one waits for it",
        },
    ];
    type State = State;

    fn around(load: impl Fn() -> Loaded + Send + Sync + 'static) -> Self {
        InternalMutex(Context::new(load()))
    }

    fn create_state(&self) -> Result<State, WhisperError> {
        self.0.create_state()
    }

    fn context<R>(&self, call: impl FnOnce(&WhisperContext) -> R) -> R {
        self.0.call(call)
    }
}

impl GuardedState for State {
    fn shared<R>(&self, call: impl FnOnce(&WhisperState) -> R) -> R {
        self.call(call)
    }

    fn exclusive<R>(&mut self, call: impl FnOnce(&mut WhisperState) -> R) -> R {
        self.call_mut(call)
    }
}
