//! A standstill that is none: a process that shares the memory, and is no thread, wakes everybody.
//!
//! All threads are blocked in untimed waits on private futexes for tens of milliseconds, which is what
//! a deadlock looks like; the proof must be refused for what the kernel alone knows. The positive
//! twins are all of the deadlocks beside this file.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use standstill_kit::Scenario;

use crate::ffi;

/// Everybody sleeps until the process in the same memory has come round.
pub(crate) fn look_alike() -> Scenario {
    static WORD: AtomicU32 = AtomicU32::new(0);
    Scenario::new("woken_from_outside_look_alike")
        .about("all actors sleep on a futex that a process made with CLONE_VM wakes later")
        .timeout(Duration::from_secs(20))
        .actor(|(), me| {
            if me.index() == 0 {
                assert!(ffi::wake_from_outside(&WORD), "clone");
            }
            ffi::wait_for_word(&WORD);
        })
        .build()
}
