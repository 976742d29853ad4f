//! Locks around a context, as fixes propose them.

use std::sync::Arc;

use loom::sync::{Mutex, MutexGuard};

use crate::logger::Logger;
use crate::whisper::Whisper;

/// Which calls a context's lock is around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// None, as in whisper-rs 0.15.1 and 0.16.0.
    Nothing,
    /// `create_state` alone.
    Create,
    /// All calls of the context and its states.
    All,
    /// Broken: all of them, but for a moment: `let _ = lock.lock()`.
    AllForAMoment,
}

/// A context with a lock of its own.
pub(crate) struct Context<L> {
    whisper: Arc<Whisper<L>>,
    lock: Mutex<()>,
    around: Around,
}

impl<L: Logger> Context<L> {
    pub(crate) fn of(whisper: &Arc<Whisper<L>>, around: Around) -> Arc<Context<L>> {
        Arc::new(Context { whisper: Arc::clone(whisper), lock: Mutex::new(()), around })
    }

    pub(crate) fn loaded(around: Around) -> Arc<Context<L>> {
        Context::of(&Whisper::loaded(), around)
    }

    fn enter(&self, calls: &[Around]) -> Option<MutexGuard<'_, ()>> {
        let held = calls.contains(&self.around).then(|| self.lock.lock().unwrap());
        held.filter(|_| self.around != Around::AllForAMoment)
    }

    /// `create_state`, in which whisper.cpp calls the program's logger.
    pub(crate) fn create_state_and_log(&self, log: impl FnOnce()) {
        let _held = self.enter(&[Around::Create, Around::All, Around::AllForAMoment]);
        self.whisper.create_state();
        log();
    }

    pub(crate) fn create_state(&self) {
        self.create_state_and_log(|| ());
    }

    /// `full` on a state of one's own, which calls back in the thread that called it: progress,
    /// segments, encoder and logits (whisper.cpp:6236, 6999, 7009, 7637 / 6220, 7003, 7013, 7658), and
    /// whether to abort (ggml-cpu.c:2867 / 2948, the first thread of the graph).
    pub(crate) fn full(&self, callback: impl FnOnce()) {
        let _held = self.enter(&[Around::All, Around::AllForAMoment]);
        self.whisper.full();
        callback();
    }

    /// Any short call, as `n_vocab`.
    pub(crate) fn ask(&self) {
        drop(self.enter(&[Around::All, Around::AllForAMoment]));
    }
}
