//! Which language is it? Asked of states of one's own, where `lang_detect(&self)` harms nobody.
//!
//! It takes `&self` and writes to the state: two threads that ask the same state destroy it, which is
//! a defect with a scenario of its own.

use standstill_kit::Scenario;

use super::prepare;
use crate::audio;
use crate::guard::{Guard, GuardedState, named};

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("language_detection_on_own_states"))
        .about("each actor creates a state and asks it twice for the language of a sound")
        .contract(
            "Use mel data at offset_ms to try and auto-detect the spoken language. Make sure to call \
             [`Self::pcm_to_mel`] or [`Self::set_mel`] first",
            "whisper-rs, WhisperState::lang_detect (0.15.1 and 0.16.0)",
        )
        .threads([2, 8])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> [(i32, Vec<f32>); 2] {
            let mut state = context.create_state().expect("create a state");
            me.step();
            let audio = audio::sweep(300);
            state.exclusive(|state| state.pcm_to_mel(&audio, 1)).expect("make a spectrogram");
            std::array::from_fn(|_| {
                let (language, probabilities) =
                    state.shared(|state| state.lang_detect(0, 1)).expect("detect a language");
                me.step();
                let sum: f32 = probabilities.iter().sum();
                assert!((sum - 1.0).abs() < 0.01, "the probabilities of all languages sum to {sum}");
                (language, probabilities)
            })
        })
        .results_equal_sequential()
        .build()
}
