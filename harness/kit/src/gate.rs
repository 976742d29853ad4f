//! The start gate: actors gather, then all are released at once.

use std::sync::atomic::{
    AtomicU32,
    Ordering::{AcqRel, Acquire, Release},
};

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
    together: u32,
}

impl Gate {
    pub(crate) fn new(actors: usize) -> Gate {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let together = actors.min(cores) as u32;
        Gate { word: SHUT.into(), arrived: 0.into(), awake: 0.into(), together }
    }

    /// An actor's side: returns when the gate is open, with `false` if the trial is called off.
    pub(crate) fn pass(&self) -> bool {
        self.arrived.fetch_add(1, Release);
        while self.word.load(Acquire) == SHUT {
            futex_wait(&self.word, SHUT);
        }
        if self.word.load(Acquire) == CANCELLED {
            return false;
        }
        self.awake.fetch_add(1, AcqRel);
        // Bounded: with one core taken by another process the others may not come for a while.
        for _ in 0..20_000 {
            if self.awake.load(Acquire) >= self.together {
                break;
            }
            std::hint::spin_loop();
        }
        true
    }

    /// The main thread's side: whether all `actors` are at the gate.
    pub(crate) fn gathered(&self, actors: usize) -> bool {
        self.arrived.load(Acquire) as usize >= actors
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

/// Sleeps while `word` is `value`; may return early.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32) {
    let op = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let forever = std::ptr::null::<libc::timespec>();
    // SAFETY: the kernel reads the word behind a valid reference, and no timeout.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), op, value, forever) };
}

fn futex_wake_all(word: &AtomicU32) {
    let op = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: waking by address touches no memory.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), op, i32::MAX) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ntest::timeout(20_000)]
    fn nobody_passes_before_it_opens_and_all_do_after() {
        let (gate, through) = (Gate::new(8), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    gate.pass();
                    through.fetch_add(1, AcqRel);
                });
            }
            while !gate.gathered(8) {
                std::thread::yield_now();
            }
            assert_eq!(through.load(Acquire), 0);
            gate.open();
        });
        assert_eq!(through.load(Acquire), 8);
    }

    #[test]
    #[ntest::timeout(20_000)]
    fn a_cancelled_gate_lets_nobody_act() {
        let gate = Gate::new(2);
        std::thread::scope(|scope| {
            let early = scope.spawn(|| gate.pass());
            while !gate.gathered(1) {
                std::thread::yield_now();
            }
            gate.cancel();
            assert!(!early.join().unwrap());
            assert!(!gate.pass());
        });
    }
}
