//! `sweep.json`: what makes a stored run a sweep, beside its records.
//!
//! Floor, kind and expectation are needed to go on; the answer is for whoever reads it later. A run
//! directory without this file is an ordinary run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Swept;
use crate::report::markdown;
use crate::verdict::{Expectation, Kind};

/// The file in a run directory.
pub const FILE: &str = "sweep.json";
/// Raised whenever it changes so that older readers would misread it.
const SCHEMA: u32 = 1;

/// What is kept of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    schema: u32,
    /// The smallest rate that somebody cares about.
    pub floor: f64,
    /// The failure that was asked for; none: the first to be found.
    pub kind: Option<Kind>,
    /// What the scenario is expected to show. In the plan every failure may stay away, as with one
    /// thread it should.
    pub expectation: Expectation,
    /// What came of it; none until it has ended once.
    pub answer: Option<Swept>,
}

/// Why it cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// There is none.
    #[error("{} is no sweep: {FILE} is missing; `standstill stress --resume` goes on with other runs", .0.display())]
    NotASweep(PathBuf),
    /// It is not what this version wrote.
    #[error("failed to read {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file system refused.
    #[error("{0}")]
    NotWritten(#[source] std::io::Error),
}

impl Kept {
    /// Of a sweep that begins.
    pub fn new(floor: f64, kind: Option<Kind>, expectation: Expectation) -> Kept {
        Kept { schema: SCHEMA, floor, kind, expectation, answer: None }
    }

    /// Whether this run directory holds a sweep.
    pub fn is_in(dir: &Path) -> bool {
        dir.join(FILE).is_file()
    }

    /// Reads it from a run directory.
    pub fn load(dir: &Path) -> Result<Kept, KeptError> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Err(KeptError::NotASweep(dir.to_owned()));
        }
        let unreadable = |why: String| KeptError::Unreadable { path: path.clone(), why };
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
        let kept: Kept =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        if kept.schema != SCHEMA {
            let found = kept.schema;
            return Err(unreadable(format!(
                "it has schema {found}; this standstill reads {SCHEMA}"
            )));
        }
        if !(kept.floor > 0.0 && kept.floor < 1.0) {
            return Err(unreadable(format!("its floor is {}", kept.floor)));
        }
        Ok(kept)
    }

    /// Writes it into a run directory, the old one or the new one at any moment.
    pub fn save(&self, dir: &Path) -> Result<(), KeptError> {
        let text =
            serde_json::to_string_pretty(self).map_err(|e| KeptError::NotWritten(e.into()))?;
        markdown::save(&dir.join(FILE), &(text + "\n")).map_err(KeptError::NotWritten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back_and_what_is_foreign_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Kept::load(dir.path()).unwrap_err().to_string();
        assert!(missing.contains("is no sweep"), "{missing}");
        let kept = Kept::new(0.01, Some(Kind::Deadlock), Expectation::Clean);
        kept.save(dir.path()).unwrap();
        assert_eq!(Kept::load(dir.path()).unwrap(), kept);
        for (text, word) in [
            ("{}", "missing field"),
            ("", "EOF"),
            (r#"{"schema":9,"floor":0.1,"expectation":{"expect":"clean"}}"#, "schema 9"),
            (r#"{"schema":1,"floor":7,"expectation":{"expect":"clean"}}"#, "floor is 7"),
        ] {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            let why = Kept::load(dir.path()).unwrap_err().to_string();
            assert!(why.contains(word) && why.contains(FILE), "{why}");
        }
    }
}
