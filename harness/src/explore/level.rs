//! Where scheduling points are put.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::trial::trial_seed;

/// Where scheduling points are, besides the calls that are modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Level {
    /// Calls only.
    Calls,
    /// Also at atomic read-modify-write instructions of the executable and its libraries.
    Atomics,
    /// Also at those plain loads and stores that a [profile](super::profile) saw to touch memory
    /// which threads share.
    Accesses,
    /// At every atomic operation of a program that was [built](crate::levels) with points.
    BuiltAtomics,
    /// At every access of such a program.
    BuiltAccesses,
}

impl Level {
    /// All of them.
    pub const ALL: [Level; 5] =
        [Level::Calls, Level::Atomics, Level::Accesses, Level::BuiltAtomics, Level::BuiltAccesses];

    /// One in how many plain accesses of a program at this level is a point, in the trial of this
    /// seed: each finds what lies close together, few what lies far apart in a long trial.
    pub fn memory_every(self, seed: u64) -> u32 {
        const EVERY: [u32; 4] = [1, 1, 8, 64];
        match self {
            Level::BuiltAccesses => EVERY[(trial_seed(seed, 0x6576_6572) % 4) as usize],
            _ => 0,
        }
    }

    /// As it is typed, and as tokens have it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Calls => "0",
            Level::Atomics => "1",
            Level::Accesses => "1+",
            Level::BuiltAtomics => "2",
            Level::BuiltAccesses => "3",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no such level.
#[derive(Debug, thiserror::Error)]
#[error("there is no level `{0}`")]
pub struct NoLevel(String);

impl FromStr for Level {
    type Err = NoLevel;

    fn from_str(text: &str) -> Result<Level, NoLevel> {
        let level = Level::ALL.into_iter().find(|level| level.name() == text);
        level.ok_or_else(|| NoLevel(text.to_owned()))
    }
}

impl From<Level> for String {
    fn from(level: Level) -> String {
        level.name().to_owned()
    }
}

impl TryFrom<String> for Level {
    type Error = NoLevel;

    fn try_from(text: String) -> Result<Level, NoLevel> {
        text.parse()
    }
}
