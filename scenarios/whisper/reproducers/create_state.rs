// create_state() by many threads at once on one context, without a lock. Arguments: threads, rounds.
#![forbid(unsafe_code)]

use std::{env, thread};

use whisper_rs::{WhisperContext, WhisperContextParameters};

fn main() {
    let mut arguments = env::args().skip(1).map(|text| text.parse::<u32>().unwrap());
    let threads = arguments.next().unwrap_or(8);
    let rounds = arguments.next().unwrap_or(3);
    let context = &context();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                for _ in 0..rounds {
                    drop(context.create_state().unwrap());
                }
            });
        }
    });
    println!("{threads} threads have created {rounds} states each, as they should");
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
