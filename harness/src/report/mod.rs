//! What people and programs get to see. One format, one file.
//!
//! [`terminal`] and [`json`] follow a campaign's events; [`markdown`] renders a stored run.

#[cfg(test)]
pub(crate) mod fixture;
pub mod json;
pub mod markdown;
pub mod terminal;
