//! `whisper_init_state`, `whisper_log_set` and `whisper_full_with_state`, down to what threads share.

use std::sync::Arc;

use crate::ggml::{Ggml, SOURCES};
use crate::logger::{Logger, Target};

/// The statics of whisper.cpp and of ggml, in a process that has loaded a context.
pub(crate) struct Whisper<L> {
    ggml: Ggml,
    /// `g_logger_state`: ggml.c:245 / 269.
    pub(crate) ggml_log: L,
    /// `g_state`: whisper.cpp:990 / 960.
    whisper_log: L,
}

impl<L: Logger> Whisper<L> {
    /// Loads a context, in the thread that asks for it.
    pub(crate) fn loaded() -> Arc<Whisper<L>> {
        let ggml = Ggml::new(SOURCES);
        ggml.get_reg();
        ggml.init();
        Arc::new(Whisper { ggml, ggml_log: L::new(), whisper_log: L::new() })
    }

    /// `whisper_init_state`: whisper.cpp:3399 / 3374.
    pub(crate) fn create_state(&self) {
        // `whisper_backend_init_gpu`: whisper.cpp:1320-1327 / 1290-1297.
        self.ggml_log.set(self.whisper_log.get());
        self.ggml.get_reg();
        // `WHISPER_LOG_INFO` of "no GPU found": whisper.cpp:8955 / 8976.
        self.whisper_log.get();
        // `whisper_backend_init`: whisper.cpp:1378 / 1352.
        self.ggml.init_cpu_backend();
        // `whisper_kv_cache_init`, once for its three calls: whisper.cpp:1022 / 992.
        self.ggml.init();
        assert!(self.ggml.is_whole());
    }

    /// `whisper_log_set`: whisper.cpp:8944 / 8965.
    pub(crate) fn log_set(&self, target: Target) {
        self.whisper_log.set(target);
        self.ggml_log.set(self.whisper_log.get());
    }

    /// `whisper_full_with_state`, which initialises contexts of its own for graphs, and reads tables:
    /// whisper.cpp:2018 / 1993 and others.
    pub(crate) fn full(&self) {
        self.ggml.init();
        assert!(self.ggml.is_whole());
    }

    /// A message of ggml's: where an allocation failed, and in builds without `NDEBUG` of each that was
    /// made (ggml-alloc.c:753 / 933).
    pub(crate) fn ggml_says_something(&self) -> Target {
        self.ggml_log.get()
    }
}
