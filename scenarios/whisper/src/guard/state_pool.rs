//! Fix (d): [`whisper_state_pool`], states that are lent.

use standstill_kit::Kind;
use whisper_rs::{WhisperContext, WhisperError, WhisperState};
use whisper_state_pool::{Context, State};

use super::{Added, Guard, GuardedState, Loaded};

/// States that the pool may have. Fixed, so that a scenario means the same on every machine; more than
/// the actors of the smallest trials hold, and fewer than those of the larger ones want.
const STATES: usize = 8;

const EXHAUSTED: &str = "made by the fix: all states are lent, and each of those who have one waits for \
                         another to come back";

/// At most eight states, each of them used by one at a time.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct StatePool(Context<Loaded>);

impl Guard for StatePool {
    const SUFFIX: &'static str = "_with_state_pool";
    const WHAT: &'static str = "a pool of eight states";
    const ADDS: &'static [Added] = &[
        Added { scenario: "create_and_drop_states", kind: Kind::LostWakeup, why: EXHAUSTED },
        Added { scenario: "reentrant_callback", kind: Kind::LostWakeup, why: EXHAUSTED },
        Added { scenario: "full_in_callback", kind: Kind::LostWakeup, why: EXHAUSTED },
        Added {
            scenario: "new_state_is_empty",
            kind: Kind::WrongResult,
            why: "made by the fix: a state that was lent before tells what its last user transcribed",
        },
        Added {
            scenario: "log_callbacks",
            kind: Kind::WrongResult,
            why: "made by the fix: a state that was lent before is not created, and nothing is logged",
        },
        Added { scenario: "generated_calls", kind: Kind::LostWakeup, why: EXHAUSTED },
        Added {
            scenario: "generated_calls_on_a_shared_state",
            kind: Kind::LostWakeup,
            why: EXHAUSTED,
        },
    ];
    type State = State;

    fn around(load: impl Fn() -> Loaded + Send + Sync + 'static) -> Self {
        StatePool(Context::new(load(), STATES))
    }

    fn create_state(&self) -> Result<State, WhisperError> {
        self.0.create_state()
    }

    fn context<R>(&self, call: impl FnOnce(&WhisperContext) -> R) -> R {
        call(&self.0)
    }
}

impl GuardedState for State {
    fn shared<R>(&self, call: impl FnOnce(&WhisperState) -> R) -> R {
        call(self)
    }

    fn exclusive<R>(&mut self, call: impl FnOnce(&mut WhisperState) -> R) -> R {
        call(self)
    }
}
