//! `tokenize` with too small a maximum returns a `Vec` of a negative length.
//!
//! `whisper_tokenize` returns minus the number of tokens if they are more than the maximum
//! (whisper.cpp:3987 in 1.7.6, :3962 in 1.8.3). whisper-rs takes -1 alone for an error, and gives
//! everything else to `Vec::set_len` (src/whisper_ctx.rs:106 in 0.15.1, :127 in 0.16.0).
//!
//! Without debug assertions that is a `Vec` of 2^64 - n elements; with them, std aborts in `set_len`.

use standstill_kit::{Builder, Kind, Scenario};

use super::super::{Model, prepare};
use super::{DEADLINE, all_done};
use crate::guard::{Guard, named};

const CLAIM: &str =
    "SAFETY: when ret != -1, we know that the length of the vector is at least ret tokens";
const SOURCE: &str = "whisper-rs, tokenize in src/whisper_ctx.rs (0.15.1:105, 0.16.0:126)";

/// More than one token in any model.
const TEXT: &str = "some words";

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_tokenize_with_a_small_maximum", 1)
        .about("a text of some tokens is tokenised, with a maximum of one token")
        .reproducer(by_hand!("tokenize.rs"))
        .may_find(
            Kind::WrongResult,
            "a negative count becomes the length of a Vec: whisper-rs src/whisper_ctx.rs, 0.15.1:106, \
             0.16.0:127",
        )
        // With debug assertions std panics where it may not unwind.
        .may_also_find(Kind::Panic)
        .may_also_find(Kind::Crash)
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_tokenize_with_a_small_maximum_look_alike", 64)
        .about("a text of some tokens is tokenised, with a maximum that is larger")
        .control_of(&named::<G>("defect_tokenize_with_a_small_maximum"), "a maximum that is enough")
        .build()
}

fn pattern<G: Guard>(name: &str, most: usize) -> Builder<Model, G, Result<(), String>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, _| match context.context(|context| context.tokenize(TEXT, most)) {
            Ok(tokens) if tokens.len() > most => {
                Err(format!("tokenize() returned a Vec of {} tokens, at most {most}", tokens.len()))
            }
            _ => Ok(()),
        })
        .check(all_done)
}
