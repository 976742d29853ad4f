#![forbid(unsafe_code)]
//! What safe Rust can do to itself through whisper-rs 0.15.1 and 0.16.0. One defect, one file, with a
//! look-alike that does what the defect's scenario wanted in a way that works.
//!
//! The files name the lines of whisper-rs and of the whisper.cpp within it (1.7.6 with 0.15.1, 1.8.3
//! with 0.16.0) that make the defect.

/// Where a reproducer that was written by hand lies, as seen from either package.
macro_rules! by_hand {
    ($name:literal) => {
        concat!(env!("REPRODUCERS"), $name)
    };
}

pub(super) mod abort_callback;
pub(super) mod callback_not_send;
pub(super) mod cloned_callback;
pub(super) mod dropped_heads;
pub(super) mod grammar;
pub(super) mod live_logits;
pub(super) mod negative_offset;
pub(super) mod set_var;
pub(super) mod shared_lang_detect;
pub(super) mod short_audio;
pub(super) mod short_tokenize;
pub(super) mod system_info;
pub(super) mod too_many_tokens;
pub(super) mod unknown_token;
pub(super) mod zero_threads;

use std::time::Duration;

use whisper_rs::{FullParams, WhisperState};

use crate::guard::{Guard, GuardedState};
use crate::{audio, bridge};

/// None of these takes a second. Whoever is not done by then hangs.
const DEADLINE: Duration = Duration::from_secs(10);

/// Creates a state and runs the whole of whisper in it, with these parameters.
fn full<G: Guard>(context: &G, parameters: FullParams<'_, '_>) -> Result<(), String> {
    let mut state = context.create_state().expect("create a state");
    state
        .exclusive(|state| bridge::full(state, parameters, &audio::sweep(300)))
        .map_err(|error| error.to_string())
}

/// A state that has heard something, for calls that need a spectrogram.
fn heard<G: Guard>(context: &G) -> G::State {
    let mut state = context.create_state().expect("create a state");
    state
        .exclusive(|state| state.pcm_to_mel(&audio::sweep(300), 1))
        .expect("compute a spectrogram");
    state
}

/// The language, and how likely each is.
fn language(state: &WhisperState) -> Result<(i32, Vec<f32>), String> {
    state.lang_detect(0, 1).map_err(|error| error.to_string())
}

/// A check that no actor was refused what it asked for.
fn all_done<S>(_: &S, results: &[Result<(), String>]) -> Result<(), String> {
    results.iter().cloned().collect()
}
