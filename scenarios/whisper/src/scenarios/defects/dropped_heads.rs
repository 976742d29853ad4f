//! A context keeps a pointer to alignment heads that may be gone.
//!
//! `DtwMode::Custom` borrows a slice, and `to_c_struct` copies its address into the C parameters
//! (src/whisper_ctx.rs:505 in 0.15.1, :527 in 0.16.0), which whisper.cpp keeps in the context. The
//! `WhisperContext` that comes back has no lifetime, so the slice may be dropped. Each `create_state`
//! reads it (`aheads_masks_init`, whisper.cpp:1221 in 1.7.6, :1191 in 1.8.3).

use std::path::Path;

use standstill_kit::{Builder, Kind, Scenario};
use whisper_rs::{DtwAhead, DtwMode, DtwParameters, WhisperContext, WhisperContextParameters};

use super::super::{Model, prepare};
use super::{DEADLINE, all_done};
use crate::bridge;
use crate::guard::{Guard, Loaded, named};

const CLAIM: &str = "pub fn new_with_params(.., parameters: WhisperContextParameters) -> Result<Self, WhisperError>";
const SOURCE: &str = "whisper-rs, src/whisper_ctx_wrapper.rs (0.15.1:29, 0.16.0:30)";

/// Two heads, as few as every model has.
static HEADS: [DtwAhead; 2] =
    [DtwAhead { n_text_layer: 0, n_head: 0 }, DtwAhead { n_text_layer: 0, n_head: 1 }];

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_dtw_heads_are_dropped", |path| {
        // Dropped at the end of this function, when the context has been loaded.
        let heads = HEADS.to_vec();
        load(path, &heads)
    })
    .about("a context is loaded with custom alignment heads, which are dropped, and a state is created")
    .reproducer(by_hand!("dropped_heads.rs"))
        .may_find(
        Kind::WrongResult,
        "a context outlives the slice of DtwMode::Custom that it points to: whisper-rs \
         src/whisper_ctx.rs, 0.15.1:505, 0.16.0:527, read in create_state by whisper.cpp:1221 in \
         1.7.6, :1191 in 1.8.3",
    )
    .may_also_find(Kind::Crash)
    .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_dtw_heads_are_dropped_look_alike", |path| load(path, &HEADS))
        .about("a context is loaded with custom alignment heads, which are kept, and a state is created")
        .control_of(&named::<G>("defect_dtw_heads_are_dropped"), "the heads live for ever")
        .build()
}

fn pattern<G: Guard>(
    name: &str,
    load: fn(&Path) -> WhisperContext,
) -> Builder<Model, G, Result<(), String>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(move |model, _| G::around(move || Loaded::Own(load(&model.path))))
        .actor(|context, _| match context.create_state() {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(format!("create_state() refuses heads that are in the model: {error}"))
            }
        })
        .check(all_done)
}

fn load(path: &Path, heads: &[DtwAhead]) -> WhisperContext {
    let mut parameters = WhisperContextParameters::default();
    let mode = DtwMode::Custom { aheads: heads };
    parameters.use_gpu(false).dtw_parameters(DtwParameters { mode, ..DtwParameters::default() });
    bridge::context(path, parameters).expect("loads as it did before")
}
