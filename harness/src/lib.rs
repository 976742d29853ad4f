//! standstill finds, explains and proves deadlocks and hangs in native Rust and the C/C++
//! underneath.
//!
//! Data flows one way: a [`plan`] is run by a [`session`], whose workers [`supervise`] trials; a
//! trial gives an [`observation`], which [`detect`] turns into a [`verdict`]; every step is told as
//! an [`event`].

pub mod board;
pub mod capture;
#[cfg(feature = "cli")]
pub mod catalog;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod compare;
#[cfg(feature = "cli")]
pub mod config;
pub mod detect;
#[cfg(feature = "cli")]
pub mod environment;
pub mod event;
#[cfg(feature = "cli")]
pub mod explore;
pub mod graph;
pub mod inspect;
#[cfg(feature = "cli")]
pub mod levels;
#[cfg(feature = "cli")]
mod lockfile;
#[cfg(feature = "cli")]
pub mod matrix;
pub mod observation;
pub mod os;
#[cfg(feature = "cli")]
mod package;
pub mod plan;
pub mod program;
pub mod protocol;
#[cfg(feature = "cli")]
pub mod redact;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod reproducer;
pub mod scene;
pub mod session;
#[cfg(feature = "cli")]
pub mod shrink;
#[cfg(feature = "cli")]
pub mod sites;
pub mod stats;
#[cfg(feature = "cli")]
pub mod store;
pub mod supervise;
#[cfg(feature = "cli")]
pub mod sweep;
pub mod text;
pub mod trial;
pub mod verdict;
