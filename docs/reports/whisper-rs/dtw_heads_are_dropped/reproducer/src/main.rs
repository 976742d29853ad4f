// A context loaded with DtwMode::Custom keeps a pointer to a slice that may be dropped.
#![forbid(unsafe_code)]

use whisper_rs::{DtwAhead, DtwMode, DtwParameters, WhisperContext, WhisperContextParameters};

fn main() {
    whisper_rs::install_logging_hooks();
    let heads =
        vec![DtwAhead { n_text_layer: 0, n_head: 0 }, DtwAhead { n_text_layer: 0, n_head: 1 }];
    let mut parameters = WhisperContextParameters::default();
    parameters.dtw_parameters(DtwParameters {
        mode: DtwMode::Custom { aheads: &heads },
        ..DtwParameters::default()
    });
    let context = WhisperContext::new_from_buffer_with_params(&model(), parameters).unwrap();
    context.create_state().expect("the heads are there, and in the model");

    drop(heads); // the context does not borrow them
    context.create_state().expect("nothing has changed"); // reads freed memory: SIGSEGV or InitError
    println!("both states have been created, as they should");
}

/// The smallest model that whisper.cpp loads: dimensions, empty mel filters, one word, no tensors.
fn model() -> Vec<u8> {
    // Magic; n_vocab, n_audio_{ctx, state, head, layer}, n_text_{ctx, state, head, layer}, n_mels,
    // ftype; mel filters and their size.
    let header = [0x67676d6c, 51_865, 256, 64, 2, 1, 448, 64, 2, 1, 80, 1, 80, 201];
    let numbers = header.into_iter().chain([0; 80 * 201]).chain([1, 1]);
    numbers.flat_map(u32::to_le_bytes).chain([b' ']).collect()
}
