//! `decode` writes as many tokens as it is given into arrays for `n_text_ctx`.
//!
//! A state's batch is made for `n_text_ctx` tokens (whisper.cpp:3485 in 1.7.6, :3460 in 1.8.3), and
//! `whisper_batch_prep_legacy` fills in as many as it is told to (:552, :519) before anybody looks
//! whether there is room. whisper-rs passes a slice of any length on (src/whisper_state.rs:161 in
//! 0.15.1, src/whisper_state/mod.rs:163 in 0.16.0).

use standstill_kit::{Builder, Kind, Scenario};

use super::super::{Model, prepare};
use super::{DEADLINE, heard};
use crate::guard::{Guard, GuardedState, named};

const CLAIM: &str = "Run the Whisper decoder to obtain the logits and probabilities for the next token. \
                     [...] tokens: The tokens to decode.";
const SOURCE: &str = "whisper-rs, decode in src/whisper_state.rs:161 (0.15.1), \
                      src/whisper_state/mod.rs:163 (0.16.0)";

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_decode_of_too_many_tokens", |room| room + 1)
        .about("decode() of one token more than the model's text context has room for")
        .reproducer(by_hand!("decode.rs"))
        .may_find(
            Kind::Crash,
            "a heap overflow, written to: whisper.cpp:552 in 1.7.6 (whisper-rs 0.15.1), :519 in 1.8.3 \
             (0.16.0)",
        )
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_decode_of_too_many_tokens_look_alike", |_| 8)
        .about("decode() of eight tokens, for which the text context of every model has room")
        .control_of(&named::<G>("defect_decode_of_too_many_tokens"), "fewer tokens")
        .build()
}

/// A scenario with so many tokens, of so many that there is room for.
fn pattern<G: Guard>(
    name: &str,
    tokens: fn(usize) -> usize,
) -> Builder<Model, G, Result<(), String>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, _| {
            let (token, room) =
                context.context(|context| (context.token_sot(), context.n_text_ctx() as usize));
            let mut state = heard(context);
            state.exclusive(|state| {
                state.encode(0, 1).expect("encode");
                state.decode(&vec![token; tokens(room)], 0, 1).map_err(|error| error.to_string())
            })
        })
}
