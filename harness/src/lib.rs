//! standstill finds, explains and proves deadlocks, hangs and races in native Rust and the C/C++
//! underneath.
//!
//! Data flows one way: a [`plan`] is run by a [`session`], whose workers [`supervise`] trials; a
//! trial gives an [`observation`], which [`detect`] turns into a [`verdict`]; every step is told as
//! an [`event`].

pub mod board;
pub mod capture;
pub mod detect;
pub mod event;
pub mod observation;
pub mod os;
pub mod plan;
pub mod protocol;
pub mod session;
pub mod stats;
pub mod supervise;
pub mod text;
pub mod trial;
pub mod verdict;
