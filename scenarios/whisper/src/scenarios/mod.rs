//! The scenarios. One scenario, one file, one registry line.

mod abort_callbacks;
mod beam_search;
mod contexts_come_and_go;
mod contexts_in_parallel;
mod create_and_drop_states;
mod create_state_then_full;
mod defects;
mod drop_context_while_states_live;
#[cfg(openmp)]
mod fork_after_openmp;
mod fork_beside_create_state;
mod full_in_callback;
mod generated;
mod language_detection;
mod log_callback;
mod log_callbacks;
mod logging_hooks_beside;
mod mixed_use;
mod mutex_across_full;
mod new_state_is_empty;
mod over;
mod progress_callbacks;
mod recommended_usage_pattern;
mod reentrant_callback;
mod segment_callbacks;
mod spin_barrier;
mod states_used_again;
mod with_mutex;
mod without_mutex;

use std::path::{Path, PathBuf};

use standstill_kit::{Preparation, Scenario};
use whisper_rs::WhisperContext;

use crate::guard::{Guard, Loaded, Plain};
use crate::model::{Shape, cached};
use crate::{bridge, has_openmp, load};
pub use over::{Maker, over, reentrant};

/// The registry of what runs over any guard, and so over each candidate fix.
fn generic<G: Guard>() -> Vec<fn() -> Scenario> {
    vec![
        without_mutex::scenario::<G>,
        recommended_usage_pattern::scenario::<G>,
        create_state_then_full::scenario::<G>,
        create_and_drop_states::scenario::<G>,
        reentrant_callback::scenario::<G>,
        full_in_callback::scenario::<G>,
        new_state_is_empty::scenario::<G>,
        contexts_come_and_go::scenario::<G>,
        states_used_again::scenario::<G>,
        states_used_again::handed_on::<G>,
        mixed_use::scenario::<G>,
        language_detection::scenario::<G>,
        beam_search::scenario::<G>,
        progress_callbacks::scenario::<G>,
        segment_callbacks::scenario::<G>,
        abort_callbacks::scenario::<G>,
        log_callbacks::scenario::<G>,
        logging_hooks_beside::scenario::<G>,
        spin_barrier::oversubscribed::<G>,
        spin_barrier::look_alike::<G>,
        fork_beside_create_state::beside::<G>,
        fork_beside_create_state::look_alike::<G>,
        #[cfg(openmp)]
        fork_after_openmp::parallel::<G>,
        #[cfg(openmp)]
        fork_after_openmp::look_alike::<G>,
        generated::scenario::<G>,
        generated::shared_state::<G>,
        defects::abort_callback::mutex::<G>,
        defects::abort_callback::mutex_look_alike::<G>,
        defects::abort_callback::budget::<G>,
        defects::abort_callback::budget_look_alike::<G>,
        defects::shared_lang_detect::scenario::<G>,
        defects::shared_lang_detect::look_alike::<G>,
        defects::cloned_callback::scenario::<G>,
        defects::cloned_callback::look_alike::<G>,
        defects::callback_not_send::scenario::<G>,
        defects::callback_not_send::look_alike::<G>,
        defects::dropped_heads::scenario::<G>,
        defects::dropped_heads::look_alike::<G>,
        defects::short_tokenize::scenario::<G>,
        defects::short_tokenize::look_alike::<G>,
        defects::too_many_tokens::scenario::<G>,
        defects::too_many_tokens::look_alike::<G>,
        defects::short_audio::scenario::<G>,
        defects::short_audio::look_alike::<G>,
        defects::negative_offset::scenario::<G>,
        defects::negative_offset::look_alike::<G>,
        defects::set_var::scenario::<G>,
        defects::set_var::look_alike::<G>,
        defects::grammar::scenario::<G>,
        defects::grammar::look_alike::<G>,
        defects::live_logits::scenario::<G>,
        defects::live_logits::look_alike::<G>,
        defects::zero_threads::scenario::<G>,
        defects::zero_threads::look_alike::<G>,
        defects::unknown_token::scenario::<G>,
        defects::unknown_token::look_alike::<G>,
    ]
}

/// The registry of what needs whisper-rs as it is.
const PARTICULAR: &[fn() -> Scenario] = &[
    with_mutex::scenario,
    contexts_in_parallel::scenario,
    drop_context_while_states_live::scenario,
    mutex_across_full::held,
    mutex_across_full::look_alike,
    log_callback::seeded,
    log_callback::look_alike,
    defects::system_info::scenario,
    defects::system_info::look_alike,
];

/// All scenarios, over whisper-rs as it is.
pub fn all() -> Vec<fn() -> Scenario> {
    [generic::<Plain>(), PARTICULAR.to_vec()].concat()
}

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
    prepare_with(preparation, load)
}

/// As [`prepare`], by another way to load.
fn prepare_with(
    preparation: &mut Preparation,
    load: fn(&Path) -> Result<WhisperContext, String>,
) -> Result<Model, String> {
    // A failed assertion in ggml would start a debugger beside the trial; standstill reads the stacks.
    // SAFETY: a scenario is prepared while its process has one thread.
    unsafe { std::env::set_var("GGML_NO_BACKTRACE", "1") };
    loaded(preparation, load)
}

/// As [`prepare`], with the environment as it was.
fn prepare_model(preparation: &mut Preparation) -> Result<Model, String> {
    loaded(preparation, load)
}

/// The model that was asked for, and what is to be known of it and of this build.
fn loaded(
    preparation: &mut Preparation,
    load: fn(&Path) -> Result<WhisperContext, String>,
) -> Result<Model, String> {
    let path = match preparation.setting("model") {
        Some(path) => PathBuf::from(path),
        None => cached(&Shape::default())?,
    };
    let context = load(&path)?;
    preparation.input("model", &path);
    preparation.note("whisper-rs", bridge::WHISPER_RS);
    preparation.note("whisper.cpp", whisper_rs::WHISPER_CPP_VERSION);
    let openmp = if has_openmp()? { "OpenMP" } else { "no OpenMP" };
    let build = format!("-O3 -g, GGML_NATIVE=OFF, {openmp}, CPU only");
    preparation.note("build of whisper.cpp", build);
    if preparation.setting("model").is_none() {
        preparation.note("weights", "generated and meaningless: real inference, no real words");
    }
    Ok(Model { path, context })
}
