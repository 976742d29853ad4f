//! A deadlock that users of whisper-rs can make for themselves, seeded here, and its correct twin.
//!
//! In the middle of `create_state()` whisper.cpp tells the program's logger how large its buffers are.
//! So a logger with a lock is called by whoever has the user's lock around the context. A flusher that
//! keeps the logger's lock while it asks the context for something closes the circle. The look-alike
//! lets go of it before. Neither whisper.cpp nor whisper-rs does anything wrong in either.

use std::mem;
use std::sync::{Mutex, MutexGuard};

use log::{LevelFilter, Log, Metadata, Record};
use standstill_kit::{Builder, Kind, Preparation, Scenario};
use whisper_rs::WhisperContext;

use super::Model;

const CLAIM: &str = "Redirect all whisper.cpp and GGML logs to logging hooks installed by whisper-rs. \
                     This will stop most logs from being output to stdout/stderr and will bring them \
                     into `log`";
const SOURCE: &str = "whisper-rs, install_logging_hooks in src/lib.rs (0.15.1 and 0.16.0)";

/// States that each creator makes, and times that each flusher flushes.
const ROUNDS: usize = 3;

/// What whisper.cpp says last of a state that it has created.
const LAST_WORDS: &str = "compute buffer (decode)";

/// The user's logger. The crate log wants it to be a static.
static JOURNAL: Journal = Journal(Mutex::new(Vec::new()));

/// Keeps lines until they are flushed.
struct Journal(Mutex<Vec<String>>);

impl Journal {
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().expect("nobody panics")
    }
}

impl Log for Journal {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.lines().push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// Keeps the journal locked while it waits for the context.
pub(super) fn seeded() -> Scenario {
    pattern("seeded_log_callback_deadlock", |context| {
        let mut lines = JOURNAL.lines();
        let tokens = context.lock().expect("nobody panics").n_vocab();
        lines.drain(..).map(|line| format!("{tokens} tokens: {line}")).collect()
    })
    .about(
        "seeded, no defect of whisper-rs: every other actor calls create_state() under the user's lock \
         around the context, and the rest flush the user's logger, whose lock they keep while they \
         lock the context",
    )
    .may_find(Kind::Deadlock, "seeded in the user's code: its logger and its lock around the context")
    .build()
}

/// Takes the lines and lets go of the journal before it waits for the context.
pub(super) fn look_alike() -> Scenario {
    pattern("seeded_log_callback_look_alike", |context| {
        let lines = mem::take(&mut *JOURNAL.lines());
        let tokens = context.lock().expect("nobody panics").n_vocab();
        lines.into_iter().map(|line| format!("{tokens} tokens: {line}")).collect()
    })
    .about(
        "every other actor calls create_state() under the user's lock around the context, and the rest \
         flush the user's logger, whose lines they take out before they lock the context",
    )
    .build()
}

/// What a flusher writes: the lines since the last flush, each with something that it asks the
/// context for.
type Flush = fn(&Mutex<&WhisperContext>) -> Vec<String>;

fn pattern(
    name: &str,
    flush: Flush,
) -> Builder<Model, Mutex<&'static WhisperContext>, Vec<String>> {
    Scenario::new(name)
        .contract(CLAIM, SOURCE)
        .threads([2, 8, 64])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| {
            // Trials that share a process share the journal.
            JOURNAL.lines().clear();
            Mutex::new(&model.context)
        })
        .actor(move |context, me| {
            let mut flushed = vec![];
            for _ in 0..ROUNDS {
                if me.index() % 2 == 1 {
                    flushed.extend(flush(context));
                } else {
                    let state = context.lock().expect("nobody panics").create_state();
                    drop(state.expect("create a state"));
                }
                me.step();
            }
            flushed
        })
        .check(|_, flushed: &[Vec<String>]| {
            let left = JOURNAL.lines();
            let lines = flushed.iter().flatten().chain(left.iter());
            let told = lines.filter(|line| line.contains(LAST_WORDS)).count();
            let created = ROUNDS * flushed.len().div_ceil(2);
            if told == created {
                Ok(())
            } else {
                Err(format!("the logger has heard of {told} states, and {created} were created"))
            }
        })
}

/// The model, and a logger that hears of what is done with it from here on.
fn prepare(preparation: &mut Preparation) -> Result<Model, String> {
    let model = super::prepare(preparation)?;
    log::set_logger(&JOURNAL).map_err(|error| format!("be the logger: {error}"))?;
    log::set_max_level(LevelFilter::Info);
    Ok(model)
}
