//! What whisper made of an audio, in a form that can be compared to the last bit.

use crate::{audio, bridge};
use whisper_rs::{FullParams, SamplingStrategy, WhisperState};

/// All segments. Equal transcripts came from equal computations: each probability depends on every
/// number before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// In the order of time.
    pub segments: Vec<Segment>,
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Of a generated model, words like `[_extra_token_17]`.
    pub text: String,
    /// Start, in hundredths of a second; without timestamps a constant that means nothing.
    pub start: i64,
    /// End, in hundredths of a second.
    pub end: i64,
    /// What the text was decoded from.
    pub tokens: Vec<Token>,
}

/// A token, and how likely whisper found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Token {
    /// Index into the vocabulary.
    pub id: i32,
    /// Finite; printed with as many digits as tell it from every other `f32`.
    pub probability: f32,
}

/// Parameters for a short and deterministic run: [`parameters_for`] a greedy search.
pub fn parameters() -> FullParams<'static, 'static> {
    parameters_for(SamplingStrategy::Greedy { best_of: 1 })
}

/// Parameters for a short and deterministic run: one thread, no second try at a higher temperature,
/// which would draw random numbers, and at most eight tokens.
pub fn parameters_for(strategy: SamplingStrategy) -> FullParams<'static, 'static> {
    let mut parameters = FullParams::new(strategy);
    // More make ggml spin at its barriers, which on few cores looks like a hang.
    parameters.set_n_threads(1);
    parameters.set_temperature_inc(0.0);
    parameters.set_max_tokens(8);
    // Else a state's second run would depend on its first.
    parameters.set_no_context(true);
    // One segment whatever the tokens say, never left out as silence.
    parameters.set_single_segment(true);
    parameters.set_no_timestamps(true);
    parameters.set_no_speech_thold(1.0);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_special(false);
    parameters.set_print_timestamps(false);
    parameters
}

/// Transcribes 0.3 s of [`audio::sweep`] with [`parameters`].
pub fn transcribe(state: &mut WhisperState) -> Result<Transcript, String> {
    transcribe_with(state, parameters())
}

/// Transcribes 0.3 s of [`audio::sweep`] with parameters of the caller's.
pub fn transcribe_with(
    state: &mut WhisperState,
    parameters: FullParams<'_, '_>,
) -> Result<Transcript, String> {
    bridge::full(state, parameters, &audio::sweep(300))
        .map_err(|error| format!("transcribe: {error}"))?;
    read(state)
}

/// The result of a state's last run.
pub fn read(state: &WhisperState) -> Result<Transcript, String> {
    let segments = state
        .as_iter()
        .map(|segment| {
            let text = segment.to_str_lossy().map_err(|error| format!("read a text: {error}"))?;
            let tokens = (0..segment.n_tokens())
                .filter_map(|index| segment.get_token(index))
                .map(|token| Token { id: token.token_id(), probability: token.token_probability() })
                .collect::<Vec<_>>();
            match tokens.iter().find(|token| !token.probability.is_finite()) {
                Some(token) => Err(format!("compute a finite probability of {token:?}")),
                None => Ok(Segment {
                    text: text.into_owned(),
                    start: segment.start_timestamp(),
                    end: segment.end_timestamp(),
                    tokens,
                }),
            }
        })
        .collect::<Result<_, String>>()?;
    Ok(Transcript { segments })
}
