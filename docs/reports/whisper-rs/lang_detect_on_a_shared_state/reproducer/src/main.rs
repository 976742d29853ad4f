// lang_detect(&self) on a state that two threads share: WhisperState is Sync.
#![forbid(unsafe_code)]

use std::thread;

use whisper_rs::{WhisperContext, WhisperContextParameters};

fn main() {
    let mut state = context().create_state().unwrap();
    state.pcm_to_mel(&[0.0; 16_000], 1).unwrap();
    let state = &state;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                for _ in 0..20 {
                    state.lang_detect(0, 1).unwrap();
                }
            });
        }
    });
    println!("all languages have been detected, as they should");
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
