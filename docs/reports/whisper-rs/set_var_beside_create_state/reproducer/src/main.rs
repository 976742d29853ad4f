// edition: 2021
// std::env::set_var, which is safe through edition 2021, beside create_state, which calls getenv.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use whisper_rs::{WhisperContext, WhisperContextParameters};

fn main() {
    let context = context();
    let setting = AtomicUsize::new(4);
    thread::scope(|scope| {
        for setter in 0..4 {
            let setting = &setting;
            scope.spawn(move || {
                for nth in 0..3_000 {
                    std::env::set_var(format!("REPRO_{setter}_{nth}"), "x".repeat(8_000));
                }
                setting.fetch_sub(1, SeqCst);
            });
            scope.spawn(|| {
                while setting.load(SeqCst) > 0 {
                    drop(context.create_state().unwrap()); // SIGSEGV
                }
            });
        }
    });
    println!("all states were created, as they should be");
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
