//! What whisper.cpp logs comes to the logger in the thread that it speaks of, whole and in order.

use std::cell::RefCell;

use log::{LevelFilter, Log, Metadata, Record};
use standstill_kit::{Preparation, Scenario};

use super::Model;
use crate::guard::{Guard, named};

/// A logger without a lock: each thread has lines of its own. A global logger must be a static.
struct PerThread;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl Log for PerThread {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("log_callbacks"))
        .about("each actor creates three states and compares what its thread was told of each")
        .contract(
            "Redirect all whisper.cpp and GGML logs to logging hooks installed by whisper-rs. This \
             will [...] bring them into `log`",
            "whisper-rs, install_logging_hooks in src/lib.rs (0.15.1 and 0.16.0)",
        )
        .threads([2, 8, 64])
        .trials(3)
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| -> [Vec<String>; 3] {
            LINES.take();
            std::array::from_fn(|_| {
                drop(context.create_state().expect("create a state"));
                me.step();
                LINES.take()
            })
        })
        .results_equal_sequential()
        .check(|_, all| match all.iter().flatten().find(|lines| lines.is_empty()) {
            Some(_) => Err("a state was created and its thread heard nothing of it".to_owned()),
            None => Ok(()),
        })
        .build()
}

/// The model, and a logger that hears of what is done with it from here on.
fn prepare(preparation: &mut Preparation) -> Result<Model, String> {
    let model = super::prepare(preparation)?;
    log::set_logger(&PerThread).map_err(|error| format!("be the logger: {error}"))?;
    log::set_max_level(LevelFilter::Info);
    Ok(model)
}
