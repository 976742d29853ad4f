// FullParams is Send, whatever its callbacks hold: here clones of one Rc<RefCell<_>>, on four threads.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::thread;

use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters};

fn main() {
    let context = &context();
    let report = Rc::new(RefCell::new(vec![]));
    let of_each: Vec<FullParams> = (0..4).map(|_| parameters(Rc::clone(&report))).collect();
    thread::scope(|scope| {
        for parameters in of_each {
            scope.spawn(move || {
                let mut state = context.create_state().unwrap();
                for _ in 0..50 {
                    state.full(parameters.clone(), &[0.0; 16_000]).unwrap();
                }
            });
        }
    });
    println!("no callback met another one in the RefCell, as it should be");
}

fn parameters(report: Rc<RefCell<Vec<u64>>>) -> FullParams<'static, 'static> {
    let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    parameters.set_n_threads(1);
    parameters.set_audio_ctx(32);
    parameters.set_print_progress(false);
    parameters.set_progress_callback_safe(move |_| match report.try_borrow_mut() {
        Ok(mut report) => {
            report.clear();
            report.extend(0..500_000);
            black_box(&report);
        }
        Err(_) => {
            eprintln!("another thread is in the RefCell, which is not Sync");
            std::process::exit(1);
        }
    });
    parameters
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
