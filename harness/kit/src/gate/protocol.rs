//! Who waits and who wakes: the gate's protocol, apart from the machine that it runs on.
//!
//! This file is compiled twice: here over the kernel's futex, and in `models/` over loom's, which
//! tries every order of its steps. Whatever it needs of its surroundings comes from `super`.

use super::{AtomicU32, PAUSES, futex_wait, futex_wake_all, pause};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

const SHUT: u32 = 0;
const OPEN: u32 = 1;
const CANCELLED: u32 = 2;

/// Releases all actors together, whatever their number.
///
/// Actors sleep while others are still being started, on a futex of their own rather than on a lock
/// of std, so that the gate never shows up in a wait-for graph beside the target's locks. Woken, the
/// first few spin for a moment until as many as there are cores are awake: a kernel wakes one thread
/// after the other, and that stagger would hide the shortest windows.
pub(crate) struct Gate {
    word: AtomicU32,
    arrived: AtomicU32,
    awake: AtomicU32,
    actors: u32,
    together: u32,
}

impl Gate {
    /// A gate for `actors`, on `cores`.
    pub(crate) fn new(actors: usize, cores: usize) -> Gate {
        let zero = || AtomicU32::new(0);
        let (word, together) = (AtomicU32::new(SHUT), actors.min(cores) as u32);
        Gate { word, arrived: zero(), awake: zero(), actors: actors as u32, together }
    }

    /// An actor's side: returns when the gate is open, with `false` if the trial is called off.
    pub(crate) fn pass(&self) -> bool {
        if self.arrived.fetch_add(1, AcqRel) + 1 == self.actors {
            futex_wake_all(&self.arrived);
        }
        while self.word.load(Acquire) == SHUT {
            futex_wait(&self.word, SHUT);
        }
        if self.word.load(Acquire) == CANCELLED {
            return false;
        }
        self.awake.fetch_add(1, AcqRel);
        // Bounded: with one core taken by another process the others may not come for a while.
        for _ in 0..PAUSES {
            if self.awake.load(Acquire) >= self.together {
                break;
            }
            pause();
        }
        true
    }

    /// The main thread's side: returns when all actors are at the gate. Only the last of them wakes
    /// it; for the others the count that it would sleep on has changed, or will.
    pub(crate) fn gather(&self) {
        loop {
            let arrived = self.arrived.load(Acquire);
            if arrived >= self.actors {
                return;
            }
            futex_wait(&self.arrived, arrived);
        }
    }

    /// Opens the gate for good.
    pub(crate) fn open(&self) {
        self.word.store(OPEN, Release);
        futex_wake_all(&self.word);
    }

    /// Sends everybody home: not all actors could be started.
    pub(crate) fn cancel(&self) {
        self.word.store(CANCELLED, Release);
        futex_wake_all(&self.word);
    }
}
