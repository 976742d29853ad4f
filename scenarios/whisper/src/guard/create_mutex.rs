//! Fix (b): [`whisper_create_mutex`], a mutex around `create_state` alone.

use whisper_create_mutex::Context;
use whisper_rs::{WhisperContext, WhisperError, WhisperState};

use super::{Guard, Loaded};

/// States are created one at a time, and are whisper-rs's own.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct CreateMutex(Context<Loaded>);

impl Guard for CreateMutex {
    const SUFFIX: &'static str = "_with_create_mutex";
    const WHAT: &'static str = "a mutex around create_state alone";
    type State = WhisperState;

    fn around(load: impl Fn() -> Loaded + Send + Sync + 'static) -> Self {
        CreateMutex(Context::new(load()))
    }

    fn create_state(&self) -> Result<WhisperState, WhisperError> {
        self.0.create_state()
    }

    fn context<R>(&self, call: impl FnOnce(&WhisperContext) -> R) -> R {
        call(&self.0)
    }
}
