//! Where scheduling points are put.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

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
}

impl Level {
    /// All of them.
    pub const ALL: [Level; 3] = [Level::Calls, Level::Atomics, Level::Accesses];

    /// As it is typed, and as tokens have it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Calls => "0",
            Level::Atomics => "1",
            Level::Accesses => "1+",
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
