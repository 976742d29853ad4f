//! The text of a token that there is not ends the program.
//!
//! `whisper_token_to_str` looks it up with `std::map::at`, which throws (whisper.cpp:4227 in 1.7.6,
//! :4202 in 1.8.3); the exception reaches Rust, which cannot catch it (src/whisper_ctx.rs:304 in
//! 0.15.1, :325 in 0.16.0). whisper-rs says so itself. That it has to be said of a function which is
//! safe and returns a `Result` is the defect: no promise is broken.

use standstill_kit::{Builder, Kind, Scenario};

use super::super::{Model, prepare};
use super::DEADLINE;
use crate::guard::{Guard, named};

const CLAIM: &str = "On out-of-bounds index: foreign runtime exception, causing your entire program to \
                     abort. [...] pub fn token_to_str(&self, token_id: WhisperTokenId) -> Result<&str, \
                     WhisperError>";
const SOURCE: &str = "whisper-rs, src/whisper_ctx_wrapper.rs (0.15.1:323, 0.16.0:327)";

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_text_of_an_unknown_token", i32::MAX)
        .about("token_to_str() of a token that no model has")
        .reproducer(by_hand!("unknown_token.rs"))
        .may_find(
            Kind::Crash,
            "a C++ exception, as is documented, from a safe function: whisper-rs src/whisper_ctx.rs, 0.15.1:304, \
             0.16.0:325; thrown by whisper.cpp:4227 in 1.7.6, :4202 in 1.8.3",
        )
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_text_of_an_unknown_token_look_alike", 0)
        .about("token_to_str() of a token that every model has")
        .control_of(&named::<G>("defect_text_of_an_unknown_token"), "a token of the model")
        .build()
}

fn pattern<G: Guard>(name: &str, token: i32) -> Builder<Model, G, Option<usize>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, _| {
            context.context(|context| context.token_to_str(token).ok().map(str::len))
        })
}
