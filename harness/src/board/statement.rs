//! What a trial says of itself: its outcome, and the words to it.
//!
//! Several threads may speak at once (two actors panic, a third compares its result), any of them
//! may be the last thing that the process does, and the reader is another process that may look at
//! any moment. So whoever speaks first claims the place, writes, and publishes; the others leave it
//! alone. Panics have a place of their own: one that the library under test catches itself must not
//! stand as the words to a later outcome.
//!
//! This file is compiled twice: in the harness over real atomics, and in `models/` over loom's,
//! which tries every order of its steps. Whatever it needs of its surroundings comes from `super`.

use super::{AtomicU8, AtomicU32, MAX_MESSAGE, Outcome};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const WRITTEN: u32 = 2;

/// Outcome and words of one trial.
#[repr(C)]
pub struct Statement {
    pub(super) outcome: AtomicU32,
    /// Taken by the first to conclude with anything but [`Outcome::Passed`].
    pub(super) claim: AtomicU32,
    pub(super) verdict: Words,
    pub(super) panic: Words,
}

/// A text that is written once.
#[repr(C)]
pub(super) struct Words {
    pub(super) state: AtomicU32,
    pub(super) len: AtomicU32,
    pub(super) bytes: [AtomicU8; MAX_MESSAGE],
}

impl Statement {
    /// What the trial came to.
    pub fn outcome(&self) -> Outcome {
        Outcome::from_code(self.outcome.load(Acquire))
    }

    /// Writes the outcome and its message. The first outcome other than `Passed` stands.
    pub fn conclude(&self, outcome: Outcome, message: &str) {
        if outcome <= Outcome::Passed {
            // Not over a bad one; a bad one that is being written will go over this.
            let (pending, passed) = (Outcome::Pending as u32, outcome as u32);
            let _ = self.outcome.compare_exchange(pending, passed, AcqRel, Acquire);
        } else if self.claim.compare_exchange(FREE, TAKEN, AcqRel, Acquire).is_ok() {
            if !message.is_empty() {
                self.verdict.write(message.as_bytes());
            }
            // A swap, as both sides then read-modify-write: either this sees `Passed` and comes after
            // it, or the other sees this and leaves it alone.
            self.outcome.swap(outcome as u32, AcqRel);
        }
    }

    /// Writes what a panic says, if none was seen before. Allocates nothing: a panic hook calls it.
    pub fn say(&self, message: &[u8]) {
        self.panic.write(message);
    }

    /// Whether somebody's panic is still on its way to the board.
    pub fn is_being_said(&self) -> bool {
        self.panic.state.load(Acquire) == TAKEN
    }

    /// The words to the outcome, else those of the first panic; bytes that are no UTF-8 are replaced.
    pub fn message(&self) -> String {
        self.verdict.read().or_else(|| self.panic.read()).unwrap_or_default()
    }

    /// Forgets everything. Only while no process of the last trial lives.
    pub(super) fn reset(&self) {
        for word in [&self.outcome, &self.claim, &self.verdict.state, &self.panic.state] {
            word.store(FREE, Release);
        }
    }
}

impl Words {
    fn write(&self, text: &[u8]) {
        if self.state.compare_exchange(FREE, TAKEN, AcqRel, Acquire).is_err() {
            return;
        }
        let len = text.len().min(MAX_MESSAGE);
        for (cell, byte) in self.bytes.iter().zip(&text[..len]) {
            cell.store(*byte, Relaxed);
        }
        self.len.store(len as u32, Relaxed);
        self.state.store(WRITTEN, Release);
    }

    fn read(&self) -> Option<String> {
        if self.state.load(Acquire) != WRITTEN {
            return None;
        }
        let len = (self.len.load(Relaxed) as usize).min(MAX_MESSAGE);
        let bytes: Vec<u8> = self.bytes[..len].iter().map(|b| b.load(Relaxed)).collect();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}
