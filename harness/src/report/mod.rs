//! What people and programs get to see. One format, one file.
//!
//! [`terminal`] and [`json`] follow a campaign's events; [`markdown`] renders a stored run; [`scene`]
//! tells of a process that nobody prepared, [`compare`] of two runs.

pub mod compare;
#[cfg(test)]
pub(crate) mod fixture;
pub mod folder;
pub mod interleaving;
pub mod json;
pub mod markdown;
pub mod page;
pub mod scene;
pub mod schedule;
pub mod terminal;
pub mod throughput;
