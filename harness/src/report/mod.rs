//! What people and programs get to see. One format, one file.
//!
//! [`terminal`] and [`json`] follow a campaign's events; [`markdown`] renders a stored run.

pub mod json;
pub mod markdown;
pub mod terminal;
