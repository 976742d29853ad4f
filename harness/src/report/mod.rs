//! What people and programs get to see. One format, one file.
//!
//! [`terminal`] and [`json`] follow a campaign's events; [`markdown`], [`html`], [`junit`] and [`sarif`]
//! render the [`page`] of stored runs; [`scene`] tells of a process that nobody prepared, [`compare`] of
//! two runs. [`closing`] and [`sweep`] are read last on a terminal, and end with [`next`], the commands
//! to go on with.

pub mod closing;
pub mod compare;
#[cfg(test)]
pub(crate) mod fixture;
pub mod folder;
pub mod html;
pub mod interleaving;
pub mod json;
pub mod junit;
pub mod markdown;
mod marks;
pub mod matrix;
pub mod next;
pub mod own_words;
pub mod page;
pub mod redacted;
pub mod sarif;
pub mod scene;
pub mod schedule;
pub mod schema;
pub mod shrunk;
pub mod style;
pub mod sweep;
pub mod terminal;
pub mod throughput;
