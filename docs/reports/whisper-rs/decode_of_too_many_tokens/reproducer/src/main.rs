// decode() writes as many tokens as it is given into arrays for n_text_ctx.
#![forbid(unsafe_code)]

use whisper_rs::{WhisperContext, WhisperContextParameters};

fn main() {
    let context = context();
    let mut state = context.create_state().unwrap();
    state.pcm_to_mel(&[0.0; 16_000], 1).unwrap();
    state.encode(0, 1).unwrap();
    let tokens = vec![context.token_sot(); context.n_text_ctx() as usize + 1];
    println!("decode() begins");
    println!("{:?}", state.decode(&tokens, 0, 1)); // SIGSEGV, after a heap overflow
    println!("decode() has returned, as it should");
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
