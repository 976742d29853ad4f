//! The segment callback: each run hears of its own segments, once each and as they are.

use std::sync::{Arc, Mutex};

use standstill_kit::Scenario;
use whisper_rs::SegmentCallbackData;

use super::prepare;
use crate::guard::{Guard, GuardedState, named};
use crate::{Transcript, parameters, transcribe_with};

/// Start, end and text of a segment.
type Heard = (i64, i64, String);

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("segment_callbacks"))
        .about(
            "each actor transcribes twice with a segment callback of its own, and compares what it \
             heard with what it reads afterwards",
        )
        .contract(
            "Set the callback for segment updates. Provides a limited segment_callback to ensure \
             safety.",
            "whisper-rs, FullParams::set_segment_callback_safe (0.15.1 and 0.16.0)",
        )
        .threads([2, 8])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> [(Vec<Heard>, Transcript); 2] {
            let mut state = context.create_state().expect("create a state");
            me.step();
            std::array::from_fn(|_| {
                let heard = Arc::new(Mutex::new(vec![]));
                let mut parameters = parameters();
                parameters.set_segment_callback_safe({
                    let heard = Arc::clone(&heard);
                    move |segment: SegmentCallbackData| {
                        let told = (segment.start_timestamp, segment.end_timestamp, segment.text);
                        heard.lock().expect("nobody panics").push(told);
                    }
                });
                let transcript = state
                    .exclusive(|state| transcribe_with(state, parameters))
                    .expect("transcribe");
                me.step();
                let heard = heard.lock().expect("nobody panics").clone();
                (heard, transcript)
            })
        })
        .results_equal_sequential()
        .check(|_, all| {
            for (heard, transcript) in all.iter().flatten() {
                let read: Vec<Heard> =
                    transcript.segments.iter().map(|s| (s.start, s.end, s.text.clone())).collect();
                if heard.is_empty() || *heard != read {
                    return Err(format!("heard of {heard:?}, and there is {read:?}"));
                }
            }
            Ok(())
        })
        .build()
}
