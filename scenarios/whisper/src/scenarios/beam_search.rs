//! Several decoders at once within one call: a beam search allocates more, and copies between them.

use standstill_kit::Scenario;
use whisper_rs::SamplingStrategy;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, parameters_for, transcribe_with};

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("beam_search"))
        .about("each actor creates a state and transcribes with a beam of three, twice")
        .contract(SYNC, SYNC_SOURCE)
        .threads([2, 8])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> [Transcript; 2] {
            let mut state = context.create_state().expect("create a state");
            me.step();
            std::array::from_fn(|_| {
                let beam = SamplingStrategy::BeamSearch { beam_size: 3, patience: -1.0 };
                let transcript = state
                    .exclusive(|state| transcribe_with(state, parameters_for(beam)))
                    .expect("transcribe");
                me.step();
                transcript
            })
        })
        .results_equal_sequential()
        .build()
}
