//! Audio of less than 201 samples is read past its end.
//!
//! Before the first frame, `log_mel_spectrogram` mirrors samples 1 to 200, however many there are
//! (`reverse_copy`, whisper.cpp:3226 in 1.7.6, :3201 in 1.8.3). whisper-rs hands over a slice with its
//! length, and `full` refuses an empty one only: "can randomly trigger segmentation faults if we don't
//! check this" (src/whisper_state.rs:292 in 0.15.1, src/whisper_state/mod.rs:294 in 0.16.0).

use standstill_kit::{Builder, Kind, Scenario};

use super::super::{Model, prepare};
use super::{DEADLINE, all_done, language};
use crate::audio;
use crate::guard::{Guard, GuardedState, named};

const CLAIM: &str = "pcm_to_mel(&mut self, pcm: &[f32], threads: usize): Convert raw PCM audio (floating \
                     point 32 bit) to log mel spectrogram.";
const SOURCE: &str =
    "whisper-rs, src/whisper_state.rs:54 (0.15.1), src/whisper_state/mod.rs:56 (0.16.0)";

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_short_audio", 100)
        .about("the same 100 samples are heard twice, once with silence and once with noise behind them")
        .may_find(
            Kind::WrongResult,
            "what lies behind a slice of less than 201 samples is heard: whisper.cpp:3226 in 1.7.6 \
             (whisper-rs 0.15.1), :3201 in 1.8.3 (0.16.0)",
        )
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_short_audio_look_alike", 201)
        .about("the same 201 samples are heard twice, once with silence and once with noise behind them")
        .control_of(&named::<G>("defect_short_audio"), "201 samples, as many as are read")
        .build()
}

fn pattern<G: Guard>(name: &str, samples: usize) -> Builder<Model, G, Result<(), String>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, _| {
            let noise = audio::sweep(30);
            let mut silence = noise.clone();
            silence[samples..].fill(0.0);
            // Both slices are the same; only what lies behind them is not.
            let alone = hear(context, &silence[..samples])?;
            let beside_noise = hear(context, &noise[..samples])?;
            if alone == beside_noise {
                Ok(())
            } else {
                Err(format!("what lies behind {samples} samples changes what is heard in them"))
            }
        })
        .check(all_done)
}

fn hear<G: Guard>(context: &G, audio: &[f32]) -> Result<(i32, Vec<f32>), String> {
    let mut state = context.create_state().expect("create a state");
    state.exclusive(|state| state.pcm_to_mel(audio, 1)).map_err(|error| error.to_string())?;
    state.shared(language)
}
