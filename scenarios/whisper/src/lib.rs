//! The founding case: whisper.cpp, as whisper-rs offers it to safe Rust.
//!
//! One set of sources for two versions of whisper-rs, each with a package and a lock file of its own;
//! [`bridge`] is all that differs.

pub mod audio;
pub mod bridge;
pub mod guard;
pub mod model;
pub mod scenarios;
mod transcript;

use std::path::Path;
use std::sync::Once;

pub use transcript::{Segment, Token, Transcript, parameters, read, transcribe};
use whisper_rs::{WhisperContext, WhisperContextParameters};

/// Loads a model for the CPU, after [`model::check`], and without a word on stdout or stderr.
pub fn load(path: &Path) -> Result<WhisperContext, String> {
    static QUIET: Once = Once::new();

    model::check(path)?;
    // Before any state is created, which reads the logger that this sets.
    QUIET.call_once(whisper_rs::install_logging_hooks);
    let mut parameters = WhisperContextParameters::default();
    parameters.use_gpu(false);
    bridge::context(path, parameters)
        .map_err(|error| format!("load the model {}: {error}", path.display()))
}
