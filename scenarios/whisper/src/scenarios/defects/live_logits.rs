//! `get_logits` borrows what `lang_detect` writes.
//!
//! Both take `&self` (src/whisper_state.rs:238, :203 in 0.15.1, src/whisper_state/mod.rs:240, :205 in
//! 0.16.0), so a `&[f32]` of the first may be alive during the second, which decodes, and so writes to
//! the same vector (whisper.cpp:2974 in 1.7.6, :2949 in 1.8.3). Numbers behind a `&[f32]` change. Where
//! nothing has been decoded, besides, the slice lies in memory that was reserved and never written.

use standstill_kit::{Builder, Kind, Scenario};

use super::super::{Model, prepare};
use super::{DEADLINE, all_done, heard, language};
use crate::guard::{Guard, GuardedState, named};

const CLAIM: &str = "pub fn get_logits(&self) -> Result<&[f32], WhisperError>: Gets logits obtained from \
                     the last call to WhisperState::decode.";
const SOURCE: &str =
    "whisper-rs, src/whisper_state.rs:238 (0.15.1), src/whisper_state/mod.rs:240 (0.16.0)";

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_logits_change_while_borrowed", false)
        .about("logits are borrowed from a state, which is then asked for the language")
        .may_find(
            Kind::WrongResult,
            "lang_detect(&self) writes what get_logits(&self) borrows: whisper-rs \
             src/whisper_state.rs:203, :238 in 0.15.1, src/whisper_state/mod.rs:205, :240 in 0.16.0",
        )
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_logits_change_while_borrowed_look_alike", true)
        .about("logits are borrowed from a state, and another one is asked for the language")
        .control_of(&named::<G>("defect_logits_change_while_borrowed"), "another state is asked")
        .build()
}

fn pattern<G: Guard>(name: &str, asks_another: bool) -> Builder<Model, G, Result<(), String>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, _| {
            let token = context.context(|context| context.token_beg());
            let another = heard(context);
            let mut state = heard(context);
            state.exclusive(|state| {
                state.encode(0, 1).expect("encode");
                state.decode(&[token], 0, 1).expect("decode");
            });
            state.shared(|state| {
                let logits = state.get_logits().expect("there are logits");
                let before = logits.to_vec();
                if asks_another {
                    another.shared(language)?;
                } else {
                    language(state)?;
                }
                let changed =
                    before.iter().zip(logits).filter(|(before, now)| before != now).count();
                match changed {
                    0 => Ok(()),
                    _ => Err(format!("{changed} of {} borrowed logits changed", logits.len())),
                }
            })
        })
        .check(all_done)
}
