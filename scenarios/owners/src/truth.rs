//! What a hang says of itself before it hangs, a line of JSON each. Both sides include this file.

use serde::{Deserialize, Serialize};

/// Every kind of hang. `live-` are look-alikes: somebody has a lock for long, and no chain is closed.
pub const KINDS: &[&str] = &[
    "std-mutex",
    "std-mutex-self",
    "std-mutex-ended",
    "std-rwlock",
    "std-rwlock-self",
    "std-rwlock-reread",
    "std-once",
    "std-once-self",
    "std-stream",
    "pl-mutex",
    "pl-mutex-self",
    "pl-mutex-ended",
    "pl-tiny",
    "pl-tiny-self",
    "pl-rwlock",
    "pl-rwlock-self",
    "pl-rwlock-reread",
    "pthread-normal",
    "pthread-normal-self",
    "pthread-normal-ended",
    "pthread-recursive",
    "pthread-errorcheck",
    "pthread-adaptive",
    "pthread-robust",
    "pthread-pi",
    "pthread-pi-self",
    "pthread-rwlock",
    "mixed",
    "join",
    "partial",
    "live-std-mutex",
    "live-std-rwlock",
    "live-std-once",
    "live-std-stream",
    "live-pl-mutex",
    "live-pl-rwlock",
    "live-pthread-normal",
    "live-pthread-rwlock",
    "live-mixed",
    "live-pl-mutex-timed",
    "live-pthread-normal-timed",
];

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// How the hang is built: for whoever reads of an incident.
    About(String),
    /// Who has and who wants one thing.
    Lock(Lock),
    /// Every waiter is about to wait, if not waiting.
    Ready(bool),
}

/// A lock, or the end of a thread.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lock {
    /// Its family.
    pub what: String,
    /// Its address; 0 where the hang cannot know it.
    pub address: u64,
    /// Who has it: none if whoever took it has ended; several readers.
    pub owners: Vec<i32>,
    /// Who waits for it, without a time limit.
    pub waiters: Vec<i32>,
    /// Who waits for it now and then, with a time limit.
    pub sometimes: Vec<i32>,
}
