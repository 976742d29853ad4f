// tokenize() with too small a maximum returns a Vec of a negative length.
#![forbid(unsafe_code)]

use whisper_rs::{WhisperContext, WhisperContextParameters};

fn main() {
    // Two words that the model knows, and at most one is asked for.
    let tokens = context().tokenize("a b c", 1).unwrap_or_default();
    println!("{} tokens", tokens.len());
    assert!(tokens.len() <= 1, "a Vec of {} tokens, where at most 1 was asked for", tokens.len());
    println!("no more than was asked for, as it should");
}

fn context() -> WhisperContext {
    whisper_rs::install_logging_hooks();
    let parameters = WhisperContextParameters::default();
    WhisperContext::new_from_buffer_with_params(&model(), parameters).unwrap()
}

/// The smallest model that whisper.cpp loads: dimensions, empty mel filters, one word, no tensors.
fn model() -> Vec<u8> {
    // Magic; n_vocab, n_audio_{ctx, state, head, layer}, n_text_{ctx, state, head, layer}, n_mels,
    // ftype; mel filters and their size.
    let header = [0x67676d6c, 51_865, 256, 64, 2, 1, 448, 64, 2, 1, 80, 1, 80, 201];
    let numbers = header.into_iter().chain([0; 80 * 201]).chain([1, 1]);
    numbers.flat_map(u32::to_le_bytes).chain([b' ']).collect()
}
