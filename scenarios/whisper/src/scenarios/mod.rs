//! The scenarios. One scenario, one file, one registry line.

mod contexts_in_parallel;
mod create_and_drop_states;
mod create_state_then_full;
mod drop_context_while_states_live;
mod generated;
mod log_callback;
mod recommended_usage_pattern;
mod with_mutex;
mod without_mutex;

use std::path::PathBuf;

use standstill_kit::{Preparation, Scenario};
use whisper_rs::WhisperContext;

use crate::guard::{Guard, Loaded, Plain};
use crate::model::{Shape, cached};
use crate::{bridge, load};

/// The registry.
pub const ALL: &[fn() -> Scenario] = &[
    without_mutex::scenario::<Plain>,
    with_mutex::scenario,
    recommended_usage_pattern::scenario::<Plain>,
    create_state_then_full::scenario::<Plain>,
    create_and_drop_states::scenario::<Plain>,
    contexts_in_parallel::scenario,
    drop_context_while_states_live::scenario,
    generated::scenario::<Plain>,
    generated::shared_state::<Plain>,
    log_callback::seeded,
    log_callback::look_alike,
];

/// What whisper-rs claims by offering `create_state(&self)` on a type that is `Sync`.
const SYNC: &str = "following implementations are safe [...] unsafe impl Send for \
                    WhisperInnerContext {} unsafe impl Sync for WhisperInnerContext {}";
const SYNC_SOURCE: &str = "whisper-rs, src/whisper_ctx.rs (0.15.1 and 0.16.0)";

/// A model, where it lies and loaded.
struct Model {
    path: PathBuf,
    context: WhisperContext,
}

impl Model {
    /// The context that was prepared, with a guard of the trial's own around it.
    fn guarded<G: Guard>(&'static self) -> G {
        G::around(|| Loaded::Prepared(&self.context))
    }

    /// Another context from the same file. The file was good when the trial was prepared, so this
    /// fails only if whisper.cpp fails.
    fn load_again(&self) -> WhisperContext {
        load(&self.path).expect("loads as it did before")
    }
}

/// The user's model (`--model PATH`), or else a generated one that is small enough for a trial to
/// take milliseconds and large enough for real inference.
fn prepare(preparation: &mut Preparation) -> Result<Model, String> {
    // A failed assertion in ggml would start a debugger beside the trial; standstill reads the stacks.
    // SAFETY: a scenario is prepared while its process has one thread.
    unsafe { std::env::set_var("GGML_NO_BACKTRACE", "1") };
    let path = match preparation.setting("model") {
        Some(path) => PathBuf::from(path),
        None => cached(&Shape::default())?,
    };
    let context = load(&path)?;
    preparation.input("model", &path);
    preparation.note("whisper-rs", bridge::WHISPER_RS);
    preparation.note("whisper.cpp", whisper_rs::WHISPER_CPP_VERSION);
    preparation.note("build of whisper.cpp", "-O3 -g, GGML_NATIVE=OFF, no OpenMP, CPU only");
    if preparation.setting("model").is_none() {
        preparation.note("weights", "generated and meaningless: real inference, no real words");
    }
    Ok(Model { path, context })
}
