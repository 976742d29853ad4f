//! The facts seen of a process that nobody prepared: several looks at it, a little apart.
//!
//! It is to `watch` and `inspect` what an [`Observation`](crate::observation::Observation) is to a
//! trial: it is stored, and judged by [`detect`](crate::detect) alone.

use serde::{Deserialize, Serialize};

use crate::capture::Snapshot;
use crate::observation::{Standstill, ThreadSeen};

/// Version of the stored form.
pub const SCHEMA: u32 = 1;

/// What was seen of one process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// [`SCHEMA`] when it was written.
    pub schema: u32,
    /// The process.
    pub pid: i32,
    /// Its executable, as `/proc/PID/exe` gives it.
    pub program: String,
    /// Its arguments, the first of them its name.
    pub command: Vec<String>,
    /// Why the looks were taken, where a watchdog called for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standstill: Option<Standstill>,
    /// The deadline that applied, in milliseconds; 0 without one.
    #[serde(default)]
    pub timeout_ms: u64,
    /// The looks, in order. Empty if none succeeded, or if the process ended by itself.
    #[serde(default)]
    pub looks: Vec<Look>,
    /// What outside the process's own threads could wake one, each a clause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wakers: Vec<String>,
    /// How it ended by itself: its wait status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// Whether it is known to be a Rust program, whose main ends with code 101 when it panics.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_rust: bool,
    /// What could not be seen or done, each a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One look: the threads while they ran, a snapshot for which they were stopped, and the threads once
/// they had gone on. Between the end of one look and the beginning of the next nobody disturbed them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Microseconds from the first look to the beginning of this one.
    pub at_us: u64,
    /// CPU time that the process had used then, in microseconds.
    pub cpu_us: u64,
    /// The threads before they were stopped.
    pub before: Vec<ThreadSeen>,
    /// Microseconds from the first look to the end of this one.
    pub until_us: u64,
    /// The threads when they had gone on.
    pub after: Vec<ThreadSeen>,
    /// The snapshot.
    pub stacks: Snapshot,
}
