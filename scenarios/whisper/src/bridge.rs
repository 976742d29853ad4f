//! Where one version of whisper-rs differs from the next. The rest of the crate knows no versions.

use std::path::Path;
use whisper_rs::{
    FullParams, WhisperContext, WhisperContextParameters, WhisperError, WhisperState,
};

/// The whisper-rs that this was compiled against.
pub const WHISPER_RS: &str = env!("WHISPER_RS_VERSION");

/// Loads a model. Before 0.16, a path has to be UTF-8.
pub fn context(
    path: &Path,
    parameters: WhisperContextParameters<'_>,
) -> Result<WhisperContext, WhisperError> {
    #[cfg(utf8_paths)]
    let path = match std::str::from_utf8(path.as_os_str().as_encoded_bytes()) {
        Ok(path) => path,
        Err(error) => {
            return Err(WhisperError::InvalidUtf8 {
                error_len: error.error_len(),
                valid_up_to: error.valid_up_to(),
            });
        }
    };
    WhisperContext::new_with_params(path, parameters)
}

/// Runs the whole of whisper. Before 0.16, success came with a number that was always 0.
pub fn full(
    state: &mut WhisperState,
    parameters: FullParams<'_, '_>,
    audio: &[f32],
) -> Result<(), WhisperError> {
    state.full(parameters, audio).map(drop)
}
