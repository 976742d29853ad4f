//! The runtime inside a controlled target, and the vocabulary it shares with its supervisor.
//!
//! Built twice. As an ordinary library (no features) it is [`abi`], the shape of the shared memory,
//! and [`strategy`], who runs next: pure code, which the supervisor and the tests use. As a shared
//! object (feature `interpose`) it is preloaded into the target, stands in front of `pthread_*`,
//! `syscall`, sleeps, clocks and blocking input, and lets one thread run at a time.
//!
//! What runs inside the target allocates nothing and takes no lock of libc or std: its tables have
//! fixed sizes, its one lock is its own, its system calls are its own instructions.

#![no_std]
// Brings the panic handler (and, in tests, the test harness); nothing of it runs in the target.
extern crate std;

pub mod abi;
#[path = "../points/kinds.rs"]
pub mod kinds;
#[cfg(all(feature = "interpose", target_arch = "x86_64", target_os = "linux"))]
mod runtime;
pub mod strategy;
