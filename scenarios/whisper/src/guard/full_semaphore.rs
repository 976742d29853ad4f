//! Fix (e): [`whisper_full_semaphore`], callers times threads within the cores.

use standstill_kit::Kind;
use whisper_full_semaphore::{Context, State};
use whisper_rs::{FullParams, WhisperContext, WhisperError, WhisperState};

use super::{Added, Guard, GuardedState, Loaded};

/// `full` waits for as many cores as it has threads.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct FullSemaphore(Context<Loaded>);

impl Guard for FullSemaphore {
    const SUFFIX: &'static str = "_with_full_semaphore";
    const WHAT: &'static str = "a semaphore that keeps the threads of full within the cores";
    const ADDS: &'static [Added] = &[Added {
        scenario: "full_in_callback",
        kind: Kind::LostWakeup,
        why: "made by the fix: all permits are taken by callers whose callbacks wait for one more",
    }];
    type State = State;

    fn around(load: impl Fn() -> Loaded + Send + Sync + 'static) -> Self {
        FullSemaphore(Context::new(load()))
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

    /// With one permit, as the parameters of scenarios ask for one thread.
    fn exclusive<R>(&mut self, call: impl FnOnce(&mut WhisperState) -> R) -> R {
        self.call_mut(1, call)
    }

    fn full_on(
        &mut self,
        n_threads: u16,
        parameters: FullParams<'_, '_>,
        audio: &[f32],
    ) -> Result<(), WhisperError> {
        self.full(n_threads.into(), parameters, audio)
    }
}
