//! What came of a reproducer, and how that is told.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether it was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Built {
    /// It was.
    Yes,
    /// It was not: the last lines of what the compiler said.
    No {
        /// Those lines.
        words: String,
    },
    /// It took longer than it was given, or was interrupted.
    Unfinished,
}

/// What came of a reproducer in an empty directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Whether it was built.
    pub built: Built,
    /// Runs that failed.
    pub failed: u32,
    /// All runs of which something can be said.
    pub of: u32,
    /// What the failures were, in words, and how many.
    pub kinds: BTreeMap<String, u32>,
    /// Runs that were late, and of which nothing could be said.
    pub late: u32,
    /// Seconds that building took.
    pub build_seconds: f64,
    /// Seconds that running took.
    pub run_seconds: f64,
    /// The command lines, as they were run.
    pub commands: Vec<String>,
    /// Why fewer runs were made than were asked for, or none.
    pub why: Option<String>,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.built {
            Built::No { .. } => return f.write_str("it does not build"),
            Built::Unfinished => {
                return f.write_str("it was not built in the time that it was given");
            }
            Built::Yes => {}
        }
        match (self.failed, self.of) {
            (_, 0) => f.write_str("it was built and not run")?,
            (0, of) => write!(f, "did not fail natively in {of} runs")?,
            (failed, of) => {
                let kinds: Vec<String> =
                    self.kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
                write!(f, "failed natively in {failed} of {of} runs ({})", kinds.join(", "))?;
            }
        }
        match self.late {
            0 => Ok(()),
            late => write!(f, "; {late} more did not end in time, of which nothing can be said"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_fail_is_said_to_be_no_more() {
        let mut verified = Verified {
            built: Built::Yes,
            failed: 0,
            of: 50,
            kinds: BTreeMap::new(),
            late: 1,
            build_seconds: 1.0,
            run_seconds: 1.0,
            commands: vec![],
            why: None,
        };
        let told = verified.to_string();
        assert!(told.starts_with("did not fail natively in 50 runs; 1 more did not end"), "{told}");
        verified.built = Built::No { words: String::new() };
        assert_eq!(verified.to_string(), "it does not build");
    }
}
