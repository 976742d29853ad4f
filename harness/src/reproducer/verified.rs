//! What came of a reproducer, and how that is told.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::family::shows;
use crate::verdict::Kind;

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
    /// Runs that failed, if it is known how: in the way that was to be shown.
    pub failed: u32,
    /// All runs of which something can be said.
    pub of: u32,
    /// What the failures were, in words, and how many; also those that show something else.
    pub kinds: BTreeMap<String, u32>,
    /// What was to be shown; none if any failure will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sought: Option<Kind>,
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

impl Verified {
    /// The same, of which only those failures count that show a finding of this kind: a program that
    /// crashes is no reproducer of a deadlock.
    pub fn of_kind(mut self, kind: Kind) -> Verified {
        let showing = self.kinds.iter().filter(|(words, _)| shows(words, kind));
        self.failed = showing.map(|(_, n)| n).sum();
        self.sought = Some(kind);
        self
    }

    /// Failures that show something else than they should.
    pub fn differently(&self) -> u32 {
        self.kinds.values().sum::<u32>().saturating_sub(self.failed)
    }

    /// Failures in words: those that show what they should, or the others.
    fn told(&self, showing: bool) -> String {
        let is_it = |words: &str| self.sought.is_none_or(|kind| shows(words, kind));
        let told = self.kinds.iter().filter(|(words, _)| is_it(words) == showing);
        told.map(|(words, n)| format!("{n} {words}")).collect::<Vec<_>>().join(", ")
    }
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
            (0, of) => match (self.sought, self.differently()) {
                (Some(kind), 1..) => {
                    write!(f, "fails differently: {}, 0 {kind} in {of} runs", self.told(false))?;
                }
                _ => write!(f, "did not fail natively in {of} runs")?,
            },
            (failed, of) => {
                write!(f, "failed natively in {failed} of {of} runs ({})", self.told(true))?;
                if self.differently() > 0 {
                    write!(f, ", and differently in others ({})", self.told(false))?;
                }
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

    fn verified(kinds: &[(&str, u32)]) -> Verified {
        Verified {
            built: Built::Yes,
            failed: kinds.iter().map(|(_, n)| n).sum(),
            of: 5,
            kinds: kinds.iter().map(|(words, n)| ((*words).to_owned(), *n)).collect(),
            sought: None,
            late: 0,
            build_seconds: 1.0,
            run_seconds: 1.0,
            commands: vec![],
            why: None,
        }
    }

    #[test]
    fn a_program_that_fails_otherwise_does_not_show_it() {
        let crashes = verified(&[("crash", 5)]);
        assert_eq!(crashes.to_string(), "failed natively in 5 of 5 runs (5 crash)");
        let crashes = crashes.of_kind(Kind::Deadlock);
        assert_eq!((crashes.failed, crashes.differently()), (0, 5));
        assert_eq!(crashes.to_string(), "fails differently: 5 crash, 0 deadlock in 5 runs");
        let both = verified(&[("crash", 1), ("deadlock", 2)]).of_kind(Kind::LostWakeup);
        assert_eq!(
            both.to_string(),
            "failed natively in 2 of 5 runs (2 deadlock), and differently in others (1 crash)"
        );
        let well = verified(&[]).of_kind(Kind::Deadlock);
        assert_eq!(well.to_string(), "did not fail natively in 5 runs");
    }

    #[test]
    fn what_did_not_fail_is_said_to_be_no_more() {
        let mut verified = Verified {
            built: Built::Yes,
            failed: 0,
            of: 50,
            kinds: BTreeMap::new(),
            sought: None,
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
