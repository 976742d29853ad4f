//! The board: a page of atomics that a trial writes and its watchdog reads.
//!
//! It is shared memory, so that what a trial has to say survives a closed descriptor, a crash and a
//! `SIGKILL`, and so that reading it costs the target nothing. The target is sick by assumption and
//! may scribble here: readers take every number as a claim and bound it.

mod program;
mod statement;

use std::sync::atomic::{
    AtomicU8, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

pub use program::Sheet;
pub use statement::Statement;

use crate::os::shared::{Shareable, Shared};

/// The most actors that a trial can have: what the board has room for.
pub const MAX_ACTORS: usize = 1024;
/// The longest message, in bytes; what goes beyond is cut.
pub const MAX_MESSAGE: usize = 16 * 1024;

/// The board as it lies in memory.
#[repr(C)]
pub struct Page {
    /// Process id of the trial; a forked copy of it finds another number here and keeps quiet.
    pub pid: AtomicU32,
    phase: AtomicU32,
    /// Actors of this trial.
    pub actors: AtomicU32,
    /// Set by the harness when it has seen [`Phase::Crashed`] or [`Phase::Leaked`]: the target need
    /// not wait any longer.
    pub seen: AtomicU32,
    /// Thread that crashed, or the number of leaked threads.
    pub detail: AtomicU32,
    /// The signal that crashed it.
    pub signal: AtomicU32,
    /// Panics seen by the hook, in whatever thread.
    pub panics: AtomicU32,
    _pad: AtomicU32,
    /// `CLOCK_MONOTONIC` when the start gate opened, in nanoseconds; 0 before.
    pub opened_ns: AtomicU64,
    /// The same when the last actor had ended.
    pub closed_ns: AtomicU64,
    /// What the actors were given to do, if that was generated.
    pub program: Sheet,
    statement: Statement,
    /// One cell an actor.
    pub cells: [Cell; MAX_ACTORS],
}

/// One actor's cell, a cache line of its own so that counting steps does not make actors meet.
#[repr(C, align(64))]
#[derive(Default)]
pub struct Cell {
    /// Kernel thread id; 0 before the thread runs.
    pub tid: AtomicU32,
    state: AtomicU32,
    /// Steps made.
    pub steps: AtomicU64,
}

impl std::ops::Deref for Page {
    type Target = Statement;
    fn deref(&self) -> &Statement {
        &self.statement
    }
}

// SAFETY: every field is an integer atomic, for which any bytes are a value.
unsafe impl Shareable for Page {}

/// The board, mapped.
pub type Board = Shared<Page>;

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
                 serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[repr(u32)]
        pub enum $name {
            #[default]
            $($(#[$vdoc])* $variant = $code,)*
        }
        impl $name {
            /// Unknown numbers read as the first variant: the target may have scribbled.
            fn from_code(code: u32) -> Self {
                match code { $($code => Self::$variant,)* _ => Self::default() }
            }
        }
    };
}

codes! {
    /// How far a trial has come.
    Phase {
        /// The process starts.
        Starting = 0,
        /// The scenario prepares (loads its model).
        Preparing = 1,
        /// The trial is set up, actors gather at the gate.
        SettingUp = 2,
        /// The gate is open, actors run.
        Running = 3,
        /// All actors have ended; results are checked and torn down.
        Checking = 4,
        /// Threads outlived the trial; the process waits to be looked at.
        Leaked = 5,
        /// A signal handler caught a crash; the process waits to be looked at.
        Crashed = 6,
        /// The outcome stands.
        Done = 7,
    }
}

codes! {
    /// What the trial itself says it came to.
    Outcome {
        /// Nothing yet.
        Pending = 0,
        /// All actors ended and every check passed.
        Passed = 1,
        /// An actor panicked; the message says where.
        Panicked = 2,
        /// The oracle or the check refused; the message says what.
        WrongResult = 3,
        /// Preparing or setting up failed; the message says why.
        NotPrepared = 4,
        /// A probe's answer is in the message.
        Probed = 5,
        /// The oracle could not be used; the message says why.
        Undecided = 6,
    }
}

codes! {
    /// Where an actor is.
    ActorState {
        /// Not started.
        Unborn = 0,
        /// At the start gate.
        AtGate = 1,
        /// In its body.
        Running = 2,
        /// Returned.
        Finished = 3,
        /// Panicked.
        Panicked = 4,
    }
}

impl Cell {
    /// Where the actor is.
    pub fn state(&self) -> ActorState {
        ActorState::from_code(self.state.load(Acquire))
    }
    /// Moves the actor on.
    pub fn set_state(&self, state: ActorState) {
        self.state.store(state as u32, Release);
    }
}

impl Page {
    /// How far the trial has come.
    pub fn phase(&self) -> Phase {
        Phase::from_code(self.phase.load(Acquire))
    }

    /// Moves the trial on.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u32, Release);
    }

    /// The cells of this trial's actors.
    pub fn cast(&self) -> &[Cell] {
        &self.cells[..(self.actors.load(Acquire) as usize).min(MAX_ACTORS)]
    }

    /// Wipes the board for the next trial. Only while no process of the last one lives.
    pub fn reset(&self) {
        for cell in self.cast() {
            cell.tid.store(0, Relaxed);
            cell.state.store(0, Relaxed);
            cell.steps.store(0, Relaxed);
        }
        for word in [
            &self.pid,
            &self.phase,
            &self.actors,
            &self.seen,
            &self.detail,
            &self.signal,
            &self.panics,
        ] {
            word.store(0, Release);
        }
        self.program.reset();
        self.statement.reset();
        self.opened_ns.store(0, Release);
        self.closed_ns.store(0, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_outcome_stands() {
        let board = Board::create("test").unwrap();
        board.conclude(Outcome::Panicked, "at a.rs:1");
        board.conclude(Outcome::WrongResult, "late");
        assert_eq!(board.outcome(), Outcome::Panicked);
        assert_eq!(board.message(), "at a.rs:1");
        board.reset();
        assert_eq!((board.outcome(), board.message().as_str()), (Outcome::Pending, ""));
    }

    #[test]
    fn a_panic_speaks_only_where_the_outcome_has_no_words_of_its_own() {
        let board = Board::create("test").unwrap();
        board.say(b"actor-0: panicked at lib.rs:1");
        assert_eq!(board.message(), "actor-0: panicked at lib.rs:1");
        board.conclude(Outcome::WrongResult, "1 is not 2");
        assert_eq!(board.message(), "1 is not 2");
    }

    #[test]
    fn scribbled_numbers_are_bounded() {
        let board = Board::create("test").unwrap();
        board.phase.store(4_000_000, Release);
        board.actors.store(u32::MAX, Release);
        board.say(b"text");
        board.statement.panic.len.store(u32::MAX, Release);
        assert_eq!(board.phase(), Phase::Starting);
        assert_eq!(board.cast().len(), MAX_ACTORS);
        assert_eq!(board.message().len(), MAX_MESSAGE);
    }
}
