//! `set_n_threads(0)` ends the program.
//!
//! `log_mel_spectrogram` makes a vector of `n_threads - 1` threads, of which a `size_t` makes far too
//! many, and the vector throws (whisper.cpp:3237 in 1.7.6, :3212 in 1.8.3); the exception reaches Rust,
//! which cannot catch it. `pcm_to_mel`, `encode` and `decode` refuse 0 with an error, `full` does not
//! look (src/whisper_params.rs:97 in 0.15.1, :100 in 0.16.0).

use standstill_kit::{Builder, Kind, Scenario};

use super::super::{Model, prepare};
use super::{DEADLINE, full};
use crate::guard::{Guard, named};
use crate::parameters;

const CLAIM: &str = "Set the number of threads to use for decoding. Defaults to min(4, \
                     std::thread::hardware_concurrency()).";
const SOURCE: &str = "whisper-rs, set_n_threads in src/whisper_params.rs (0.15.1:97, 0.16.0:100)";

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_zero_threads", 0)
        .about("full() with no threads")
        .reproducer(by_hand!("zero_threads.rs"))
        .may_find(
            Kind::Crash,
            "a C++ exception where a Result is promised: whisper-rs src/whisper_params.rs, 0.15.1:97, \
             0.16.0:100; thrown by whisper.cpp:3237 in 1.7.6, :3212 in 1.8.3",
        )
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_zero_threads_look_alike", 1)
        .about("full() with one thread")
        .control_of(&named::<G>("defect_zero_threads"), "one thread")
        .build()
}

fn pattern<G: Guard>(name: &str, threads: i32) -> Builder<Model, G, Result<(), String>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, _| {
            let mut parameters = parameters();
            parameters.set_n_threads(threads);
            full(context, parameters)
        })
}
