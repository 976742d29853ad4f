//! The founding case: whisper.cpp, as whisper-rs offers it to safe Rust.
//!
//! One set of sources for two versions of whisper-rs, each with a package and a lock file of its own;
//! [`bridge`] is all that differs.

pub mod audio;
pub mod bridge;
mod fork;
pub mod guard;
pub mod model;
pub mod scenarios;
mod transcript;

use std::path::Path;
use std::sync::Once;

pub use transcript::{
    Segment, Token, Transcript, parameters, parameters_for, read, transcribe, transcribe_with,
};
use whisper_rs::{WhisperContext, WhisperContextParameters};

/// Loads a model for the CPU, after [`model::check`], and without a word on stdout or stderr.
pub fn load(path: &Path) -> Result<WhisperContext, String> {
    static QUIET: Once = Once::new();

    // Before any state is created, which reads the logger that this sets.
    QUIET.call_once(whisper_rs::install_logging_hooks);
    load_loudly(path)
}

/// As [`load`], but whisper.cpp says what it does on stderr until somebody installs the hooks.
pub fn load_loudly(path: &Path) -> Result<WhisperContext, String> {
    model::check(path)?;
    let mut parameters = WhisperContextParameters::default();
    parameters.use_gpu(false);
    bridge::context(path, parameters)
        .map_err(|error| format!("load the model {}: {error}", path.display()))
}

/// Whether whisper.cpp runs its threads by OpenMP: what was built, and not what was asked for.
///
/// Its own word, `print_system_info`, is one static string for all threads, which no scenario should
/// find already made. So the answer is whether OpenMP's library, which the linker leaves out if nobody
/// calls it, is in this process.
pub fn has_openmp() -> Result<bool, String> {
    let maps = std::fs::read_to_string("/proc/self/maps")
        .map_err(|error| format!("read /proc/self/maps: {error}"))?;
    Ok(["/libgomp", "/libomp"].iter().any(|library| maps.contains(library)))
}
