// Two clones of FullParams, which is Clone, Send and Sync, call one FnMut at a time.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::thread;

use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters};

fn main() {
    let context = context();
    let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    parameters.set_n_threads(1);
    parameters.set_audio_ctx(32);
    parameters.set_print_progress(false);
    let (mut calls, mut report) = (0_u32, vec![]);
    parameters.set_progress_callback_safe(move |_| {
        calls += 1;
        report.clear();
        report.extend(std::iter::repeat_n(calls, 1_000_000));
        let intact = black_box(&report).iter().all(|line| *line == calls);
        if !intact || report.len() != 1_000_000 {
            eprintln!("the callback's own vector has changed while the callback ran");
            std::process::exit(1);
        }
    });
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut state = context.create_state().unwrap();
                for _ in 0..50 {
                    state.full(parameters.clone(), &[0.0; 16_000]).unwrap();
                }
            });
        }
    });
    println!("every call found what it wrote, as it should");
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
