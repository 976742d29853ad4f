//! Fix (c): [`whisper_once_cell_mutex`], the workaround.

use whisper_once_cell_mutex::Context;
use whisper_rs::{WhisperContext, WhisperError, WhisperState};

use super::{Guard, Loaded};

/// The first caller loads, every call of the context is made under the lock, and states without it.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct OnceCellMutex(Context<Loaded>);

impl Guard for OnceCellMutex {
    const SUFFIX: &'static str = "_with_once_cell_mutex";
    const WHAT: &'static str = "Arc<OnceCell<Mutex<WhisperContext>>>, states used without the lock";
    type State = WhisperState;

    fn around(load: impl Fn() -> Loaded + Send + Sync + 'static) -> Self {
        OnceCellMutex(Context::new(move || Ok(load())))
    }

    fn create_state(&self) -> Result<WhisperState, WhisperError> {
        self.0.create_state()
    }

    fn context<R>(&self, call: impl FnOnce(&WhisperContext) -> R) -> R {
        self.0.call(call).expect("it is loaded, as loading here does not fail")
    }
}
