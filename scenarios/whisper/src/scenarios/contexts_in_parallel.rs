//! Contexts that are loaded and dropped while others work: whatever they share is global.

use standstill_kit::Scenario;

use super::prepare;
use crate::transcribe;

pub(super) fn scenario() -> Scenario {
    Scenario::new("contexts_in_parallel")
        .about(
            "every other actor loads a context of its own, transcribes and drops it, while the rest \
             transcribe on the shared one",
        )
        .contract("two contexts share nothing that a user would have to lock", "whisper.h, by omission")
        .threads([2, 8])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model)
        .actor(|model, me| {
            let own = (me.index() % 2 == 1).then(|| model.load_again());
            me.step();
            let mut state = own.as_ref().unwrap_or(&model.context).create_state().expect("a state");
            me.step();
            let transcript = transcribe(&mut state).expect("transcribe");
            me.step();
            transcript
        })
        .results_equal_sequential()
        .build()
}
