//! The workaround under test: `Arc<OnceCell<Mutex<WhisperContext>>>`, loaded by whoever comes first.

use std::sync::{Arc, Mutex};

use once_cell::sync::OnceCell;
use standstill_kit::Scenario;
use whisper_rs::WhisperContext;

use super::prepare;

pub(super) fn scenario() -> Scenario {
    Scenario::new("concurrent_create_state_with_mutex")
        .about(
            "all actors call create_state() three times under a mutex around the context, which the \
             first of them loads",
        )
        .contract(
            "Arc<OnceCell<Mutex<WhisperContext>>> is the workaround for concurrent create_state()",
            "the report that started this project",
        )
        .control_of("concurrent_create_state_without_mutex", "a mutex around the context")
        .threads([2, 8, 64])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| (model, Arc::new(OnceCell::<Mutex<WhisperContext>>::new())))
        .actor(|(model, cell), me| {
            for _ in 0..3 {
                let context = cell.get_or_init(|| Mutex::new(model.load_again()));
                let state = context.lock().expect("nobody panics").create_state();
                drop(state.expect("create a state"));
                me.step();
            }
        })
        .build()
}
