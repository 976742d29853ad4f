//! What a scenario links: say what the actors do, what is promised, what is expected.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use std::sync::Mutex;
//! use standstill_kit::{Kind, Scenario};
//!
//! fn abba() -> Scenario {
//!     Scenario::new("abba")
//!         .about("two actors take two locks in opposite orders")
//!         .may_find(Kind::Deadlock, "https://example.org/issues/1")
//!         .threads([2])
//!         .setup(|_, _| [Mutex::new(0), Mutex::new(0)])
//!         .actor(|locks, me| {
//!             let _first = locks[me.index() % 2].lock().unwrap();
//!             let _second = locks[(me.index() + 1) % 2].lock().unwrap();
//!         })
//!         .build()
//! }
//!
//! fn main() -> ExitCode {
//!     standstill_kit::main([abba])
//! }
//! ```
//!
//! The crate that holds it declares a test target without the standard harness:
//!
//! ```toml
//! [[test]]
//! name = "scenarios"
//! harness = false
//! ```
//!
//! The same binary then serves `cargo test`, `cargo nextest run` and `standstill stress`.

mod actor;
mod control;
mod entry;
mod gate;
mod hooks;
#[cfg(feature = "programs")]
mod programs;
mod run;
mod scenario;
mod testing;
mod zygote;

pub use actor::Actor;
pub use entry::main;
#[cfg(feature = "programs")]
pub use programs::{Play, Played, Programs};
#[cfg(feature = "programs")]
pub use proptest;
pub use scenario::{Builder, NoActor, Preparation, Scenario, TrialInfo};
pub use standstill::board::MAX_ACTORS;
pub use standstill::verdict::Kind;
