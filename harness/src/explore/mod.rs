//! The controlled lane: one thread of a target runs at a time, and who runs next is ours to say.
//!
//! A [`target`] is a command that can be controlled. A [`server`] starts it once, with the runtime
//! [`preload`]ed, and has it fork a child for each trial; how a trial [`ended`] is what [`judge`]
//! sees. [`portfolio`] says which schedule is tried next, [`search`] runs the trials on all workers,
//! and a [`token`] or a [`record`] repeats one.

pub mod aftermath;
pub mod confirm;
mod delays;
pub mod ended;
pub mod interleaving;
pub mod judge;
pub mod ledger;
pub mod level;
pub mod minimise;
pub mod monitor;
pub mod native;
pub mod output;
pub mod patches;
pub mod places;
pub mod portfolio;
pub mod preload;
pub mod profile;
pub mod record;
pub mod rerun;
pub mod search;
pub mod server;
pub mod sink;
pub mod smaller;
pub mod target;
pub mod token;
pub mod waits;
mod within;
mod worker;
