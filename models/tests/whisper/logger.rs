//! Where ggml's messages go: two words that `ggml_log_set` writes and takes no lock for.

use loom::cell::UnsafeCell;
use loom::sync::Mutex;
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{AcqRel, Relaxed};

/// A callback and its data: whom a message goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) callback: usize,
    pub(crate) user_data: usize,
}

/// `ggml_log_callback_default` with `NULL`, and the same of whisper.cpp.
pub(crate) const DEFAULT: Target = Target { callback: 0, user_data: 0 };

/// `struct ggml_logger_state` (ggml.c:242-245 / 265-269), and `whisper_global` (whisper.cpp:984 / 954).
pub(crate) trait Logger: Send + Sync + 'static {
    fn new() -> Self;

    /// `ggml_log_set` (ggml.c:7022 / 7576): the one word, then the other.
    fn set(&self, target: Target);

    /// A message on its way (ggml.c:257 / 280).
    fn get(&self) -> Target;
}

/// As the sources have it: plain memory, of which loom says when two threads are at it at once.
pub(crate) struct Plain {
    callback: UnsafeCell<usize>,
    user_data: UnsafeCell<usize>,
}

// SAFETY: it is not. Loom's cells find out, which is what the models ask.
unsafe impl Sync for Plain {}

impl Logger for Plain {
    fn new() -> Plain {
        Plain {
            callback: UnsafeCell::new(DEFAULT.callback),
            user_data: UnsafeCell::new(DEFAULT.user_data),
        }
    }

    fn set(&self, target: Target) {
        // SAFETY: as loom's cell checks.
        self.callback.with_mut(|word| unsafe { *word = target.callback });
        // SAFETY: as loom's cell checks.
        self.user_data.with_mut(|word| unsafe { *word = target.user_data });
    }

    fn get(&self) -> Target {
        // SAFETY: as loom's cell checks.
        let callback = self.callback.with(|word| unsafe { *word });
        // SAFETY: as loom's cell checks.
        let user_data = self.user_data.with(|word| unsafe { *word });
        Target { callback, user_data }
    }
}

/// As if each word were a relaxed atomic: what machines make of plain words that are not torn, as long
/// as no compiler has made use of the race. With it loom asks what the race can do, not whether it is.
pub(crate) struct Words {
    callback: AtomicUsize,
    user_data: AtomicUsize,
}

impl Logger for Words {
    fn new() -> Words {
        Words {
            callback: AtomicUsize::new(DEFAULT.callback),
            user_data: AtomicUsize::new(DEFAULT.user_data),
        }
    }

    fn set(&self, target: Target) {
        self.callback.store(target.callback, Relaxed);
        self.user_data.store(target.user_data, Relaxed);
    }

    fn get(&self) -> Target {
        Target { callback: self.callback.load(Relaxed), user_data: self.user_data.load(Relaxed) }
    }
}

/// Words of which the newest value is always read, as if memory had one order for all: what this fails
/// with needs no weak memory, only threads that take turns.
pub(crate) struct Newest(Words);

impl Logger for Newest {
    fn new() -> Newest {
        Newest(Words::new())
    }

    fn set(&self, target: Target) {
        self.0.callback.swap(target.callback, AcqRel);
        self.0.user_data.swap(target.user_data, AcqRel);
    }

    fn get(&self) -> Target {
        let newest = |word: &AtomicUsize| word.fetch_add(0, AcqRel);
        Target { callback: newest(&self.0.callback), user_data: newest(&self.0.user_data) }
    }
}

/// With the lock that is missing.
pub(crate) struct Locked(Mutex<Target>);

impl Logger for Locked {
    fn new() -> Locked {
        Locked(Mutex::new(DEFAULT))
    }

    fn set(&self, target: Target) {
        *self.0.lock().unwrap() = target;
    }

    fn get(&self) -> Target {
        *self.0.lock().unwrap()
    }
}
