//! `WhisperState` is `Sync`, and `lang_detect(&self)` writes to it.
//!
//! `unsafe impl Sync for WhisperState` (src/whisper_state.rs:21 in 0.15.1, src/whisper_state/mod.rs:23
//! in 0.16.0) lets threads share a state, and `lang_detect` takes `&self` (:203, :205). But
//! `whisper_lang_auto_detect_with_state` encodes and decodes, in the state's only schedulers, batch,
//! caches and logits (whisper.cpp:4046 in 1.7.6, :4021 in 1.8.3). Every other call that computes takes
//! `&mut self`.

use standstill_kit::{Kind, Scenario};

use super::super::prepare;
use super::{DEADLINE, heard, language};
use crate::guard::{Guard, GuardedState, named};

const CLAIM: &str = "unsafe impl Sync for WhisperState {} [...] pub fn lang_detect(&self, offset_ms: \
                     usize, threads: usize)";
const SOURCE: &str = "whisper-rs, src/whisper_state.rs:21, :203 (0.15.1), src/whisper_state/mod.rs:23, :205 (0.16.0)";

/// Times that each actor asks.
const ROUNDS: usize = 3;

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("defect_lang_detect_on_a_shared_state"))
        .about("all actors ask one shared state, which has heard something, for the language")
        .contract(CLAIM, SOURCE)
        .reproducer(by_hand!("lang_detect.rs"))
        .may_find(
            Kind::Crash,
            "lang_detect(&self) computes in a state that is Sync: whisper-rs \
             src/whisper_state.rs:21, :203 in 0.15.1, src/whisper_state/mod.rs:23, :205 in 0.16.0",
        )
        .may_also_find(Kind::WrongResult)
        .may_also_find(Kind::Panic)
        .threads([2, 8])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| {
            let context = model.guarded::<G>();
            let state = heard(&context);
            (context, state)
        })
        .actor(|(_, state), _| {
            let answers = (0..ROUNDS).map(|_| state.shared(language));
            answers.collect::<Result<Vec<_>, _>>().expect("detect a language")
        })
        .results_equal_sequential()
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("defect_lang_detect_on_a_shared_state_look_alike"))
        .about("each actor asks a state of its own, which has heard something, for the language")
        .contract(CLAIM, SOURCE)
        .control_of(
            &named::<G>("defect_lang_detect_on_a_shared_state"),
            "each actor has its own state",
        )
        .threads([2, 8])
        .trials(3)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, _| {
            let state = heard(context);
            let answers = (0..ROUNDS).map(|_| state.shared(language));
            answers.collect::<Result<Vec<_>, _>>().expect("detect a language")
        })
        .results_equal_sequential()
        .build()
}
