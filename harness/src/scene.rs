//! The facts seen of a process that nobody prepared: several looks at it, a little apart.
//!
//! It is to `watch` and `inspect` what an [`Observation`](crate::observation::Observation) is to a
//! trial: it is stored, and judged by [`detect`](crate::detect) alone.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::capture::Snapshot;
use crate::observation::{Standstill, ThreadSeen};

/// Version of the stored form.
pub const SCHEMA: u32 = 1;

/// The file, in a directory that `watch` or `inspect` has kept, that holds scenes, one a line.
pub const SCENES: &str = "scenes.jsonl";

/// Why kept scenes cannot be used. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// The system's word.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is no scene.
    #[error("read {}: line {line} is no scene: {why}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What the parser says.
        why: String,
    },
    /// One that another version wrote.
    #[error(
        "read {}: it has schema {found}, and this version reads {SCHEMA}: use the standstill that \
         wrote it",
        path.display()
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: u64,
    },
}

/// The scenes of a file, in order.
pub fn load(path: &Path) -> Result<Vec<Scene>, SceneError> {
    let mut bytes = Vec::new();
    let read = crate::os::regular_file(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|source| SceneError::Read { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines.map(|(nth, line)| {
        let corrupt = |error: serde_json::Error| SceneError::Corrupt {
            path: path.to_owned(),
            line: nth + 1,
            why: error.to_string(),
        };
        let value: serde_json::Value = serde_json::from_str(line).map_err(corrupt)?;
        match value.get("schema").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(SCHEMA) => {
                Err(SceneError::Schema { path: path.to_owned(), found })
            }
            _ => serde_json::from_value(value).map_err(corrupt),
        }
    });
    let scenes: Vec<Scene> = parsed.collect::<Result<_, _>>()?;
    match scenes.is_empty() {
        false => Ok(scenes),
        true => Err(SceneError::Corrupt {
            path: path.to_owned(),
            line: 1,
            why: "the file is empty".to_owned(),
        }),
    }
}

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
    /// What outside of it could change memory that a thread spins on, each a clause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<String>,
    /// How it ended by itself: its wait status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// Whether it is known to be a Rust program, whose main ends with code 101 when it panics.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_rust: bool,
    /// Whether job control or SIGSTOP had stopped it, so that none of its threads could run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
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
