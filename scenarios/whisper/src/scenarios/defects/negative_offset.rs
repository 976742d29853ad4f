//! A negative offset reads in front of the spectrogram.
//!
//! `set_offset_ms` takes any `c_int` (src/whisper_params.rs:111 in 0.15.1, :114 in 0.16.0), and the
//! encoder copies from `mel_offset` on with an upper bound only (whisper.cpp:2423 in 1.7.6, :2398 in
//! 1.8.3). `WhisperState::encode` casts its `usize` to a `c_int` and gets there, too.

use standstill_kit::{Builder, Kind, Scenario};

use super::super::{Model, prepare};
use super::{DEADLINE, all_done, full};
use crate::guard::{Guard, named};
use crate::parameters;

const CLAIM: &str = "Set the start offset in milliseconds to use for decoding.";
const SOURCE: &str = "whisper-rs, set_offset_ms in src/whisper_params.rs (0.15.1:111, 0.16.0:114)";

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    // So far in front that nothing is likely to lie there; less reads what is near.
    pattern::<G>("defect_negative_offset", -2_000_000_000)
        .about("full() with an offset of minus 23 days")
        .reproducer(by_hand!("negative_offset.rs"))
        .may_find(
            Kind::Crash,
            "a negative offset is not refused: whisper-rs src/whisper_params.rs, 0.15.1:111, \
             0.16.0:114; read by whisper.cpp:2423 in 1.7.6, :2398 in 1.8.3",
        )
        // Where something lies that far in front, it is read, for minutes.
        .may_also_find(Kind::Hang)
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_negative_offset_look_alike", 100)
        .about("full() with an offset of a tenth of a second")
        .control_of(&named::<G>("defect_negative_offset"), "an offset within the audio")
        .build()
}

fn pattern<G: Guard>(name: &str, offset: i32) -> Builder<Model, G, Result<(), String>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, _| {
            let mut parameters = parameters();
            parameters.set_offset_ms(offset);
            full(context, parameters)
        })
        .check(all_done)
}
