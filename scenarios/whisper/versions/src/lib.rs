//! The founding claim over every version: what has been the same in whisper-rs since 0.11, and no more,
//! for `standstill matrix whisper-versions --versions 0.11.1,0.13.2,0.14.4,0.15.1,0.16.0`.
//!
//! The model is made by the sources of the founding case, which are compiled in here: that crate itself
//! would bring its own whisper-rs along.

#[path = "../../src"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "all of it is used where it comes from"
)]
mod founding {
    pub mod model;
}

use std::path::{Path, PathBuf};
use std::sync::Arc;

use standstill_kit::{Preparation, Scenario};
use whisper_rs::{WhisperContext, WhisperContextParameters};

use founding::model::{self, Shape, cached};

/// The registry.
pub const ALL: &[fn() -> Scenario] = &[create_and_drop, hold];

/// States that each actor creates.
const STATES: usize = 3;

const CONTRACT: (&str, &str) = (
    "unsafe impl Send for WhisperContext {} unsafe impl Sync for WhisperContext {}",
    "whisper-rs, src/whisper_ctx.rs (0.11.1; since 0.12 of WhisperInnerContext)",
);

/// The claim.
fn create_and_drop() -> Scenario {
    Scenario::new("concurrent_create_state")
        .about("all actors call create_state() on one shared context, three times, with no lock")
        .contract(CONTRACT.0, CONTRACT.1)
        .threads([2, 8, 64])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|context, _| Arc::clone(context))
        .actor(|context, me| {
            for _ in 0..STATES {
                drop(context.create_state().expect("create a state"));
                me.step();
            }
        })
        .build()
}

/// As [`create_and_drop`], and all states live to the end: where something is handed out in limited
/// numbers, this is where it ends.
fn hold() -> Scenario {
    Scenario::new("concurrent_create_state_and_hold")
        .about("all actors create a state on one shared context and keep it until all have one")
        .contract(CONTRACT.0, CONTRACT.1)
        .threads([2, 8, 64])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|context, trial| (Arc::clone(context), std::sync::Barrier::new(trial.threads)))
        .actor(|(context, all_created), me| {
            let state = context.create_state();
            me.step();
            all_created.wait();
            drop(state.expect("create a state"));
        })
        .build()
}

/// A context over the user's model (`--model PATH`) or a generated one.
fn prepare(preparation: &mut Preparation) -> Result<Arc<WhisperContext>, String> {
    // A failed assertion in ggml would start a debugger beside the trial; standstill reads the stacks.
    // SAFETY: a scenario is prepared while its process has one thread.
    unsafe { std::env::set_var("GGML_NO_BACKTRACE", "1") };
    let path = match preparation.setting("model") {
        Some(path) => PathBuf::from(path),
        None => cached(&Shape::default())?,
    };
    let context = load(&path)?;
    preparation.input("model", &path);
    Ok(Arc::new(context))
}

fn load(path: &Path) -> Result<WhisperContext, String> {
    model::check(path)?;
    let text = path.to_str().ok_or("the path of the model is not UTF-8: move the model")?;
    let mut parameters = WhisperContextParameters::default();
    parameters.use_gpu(false);
    WhisperContext::new_with_params(text, parameters)
        .map_err(|error| format!("load the model {text}: {error}"))
}
