//! A reproducer that runs in a maintainer's hands: a directory that needs cargo, or a C compiler, and
//! nothing of standstill.
//!
//! A [scenario](from_scenario) is cut out of its crate by the names that it reaches, and gets a
//! driver of some hundred lines in place of the harness. A [program](from_program) comes with
//! its package, every version pinned. For what is neither there is [`from_source`]: one file that the
//! reporter wrote. Whether a reproducer builds and fails is for [`verify`] to say.

mod copy;
mod described;
#[cfg(test)]
#[allow(
    dead_code,
    clippy::new_ret_no_self,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own"
)]
mod driver;
mod emit;
mod family;
mod manifest;
mod own;
mod process;
mod program;
mod readme;
mod scenario;
mod slice;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod verified;
mod verify;
mod words;

use std::path::{Path, PathBuf};

pub use program::{FromProgram, from_program};
pub use readme::readme;
pub use scenario::{FromScenario, from_scenario};
pub use source::{FromSource, from_source};
pub use verified::{Built, Verified};
pub use verify::{Budget, verify};

use crate::redact::{Redacted, Redactor};

/// A directory that shows a failure to somebody who has nothing else.
#[derive(Debug, Clone)]
pub struct Reproducer {
    /// Where it lies.
    pub dir: PathBuf,
    /// What it shows, in a sentence.
    pub shows: String,
    /// The command line that builds it.
    pub build: String,
    /// The command line that runs it.
    pub run: Vec<String>,
    /// Who counts its failures.
    pub form: Form,
    /// What was replaced in its files so that they can be shown to anybody.
    pub redacted: Redacted,
}

/// Who counts what fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// It runs many trials and counts by itself; its last line tells.
    Driver,
    /// A run of it is one trial.
    Plain,
}

/// The line that builds a cargo project.
const CARGO_BUILD: &str = "cargo build --release --locked";

/// Why there is no reproducer. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum ReproError {
    /// A source cannot be read or understood.
    #[error("read {}: {}", .0.display(), .1)]
    Source(PathBuf, String),
    /// Cargo cannot describe the workspace.
    #[error("read the workspace of {} with cargo: {}", .0.display(), .1)]
    Metadata(PathBuf, String),
    /// The lock file does not come out as it should.
    #[error("make a lock file for {}: {}", .0.display(), .1)]
    Lock(PathBuf, String),
    /// A file cannot be written.
    #[error("write {}: {}", .0.display(), .1)]
    Write(PathBuf, std::io::Error),
    /// The directory has something in it.
    #[error(
        "write a reproducer to {}: it is not empty; name another directory with --output", .0.display()
    )]
    NotEmpty(PathBuf),
    /// A scenario cannot be cut out.
    #[error(
        "cut `{0}` out of its crate: {1}; a reproducer that you write yourself can be named with \
         Builder::reproducer"
    )]
    Uncuttable(String, String),
    /// What is cut out needs standstill.
    #[error(
        "make a reproducer that does without standstill: what it is made of links {0} itself; a \
         reproducer that you write yourself can be named with Builder::reproducer"
    )]
    NeedsHarness(String),
    /// A program's package is not known.
    #[error("find the package of {}: {}", .0.display(), .1)]
    NoPackage(PathBuf, String),
    /// A file of the user's does not say how it is built.
    #[error(
        "learn how {} is built: its first line is no comment `build: COMMAND`, and no --build was given",
        .0.display()
    )]
    NoBuildLine(PathBuf),
    /// A program cannot be started, such as the shell that a build line needs.
    #[error("start `{0}`: {1}; look whether it is installed and on the PATH")]
    Start(String, std::io::Error),
    /// It says so in a way that only a shell would understand.
    #[error(
        "take the {what} line of {}: `{found}` means something to a shell, and the line is a command and \
         its arguments alone; put the rest into a script of its own", file.display()
    )]
    Shell {
        /// "build" or "run".
        what: &'static str,
        /// Whose.
        file: PathBuf,
        /// What is in it.
        found: char,
    },
    /// A tool that is needed for trying it out failed.
    #[error("{0}: {1}")]
    System(&'static str, std::io::Error),
}

impl ReproError {
    /// Whether the user is to ask for something else, rather than something having failed.
    pub fn is_usage(&self) -> bool {
        use ReproError::{Lock, Start, System, Write};
        !matches!(self, Lock(..) | Write(..) | Start(..) | System(..))
    }
}

/// Makes the directory, which must be new or empty.
fn begin(dir: &Path) -> Result<PathBuf, ReproError> {
    let failed = |error| ReproError::Write(dir.to_owned(), error);
    std::fs::create_dir_all(dir).map_err(failed)?;
    if std::fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(ReproError::NotEmpty(dir.to_owned()));
    }
    dir.canonicalize().map_err(failed)
}

/// Writes the README, then takes what is nobody's business out of all files that are text. A lock
/// file holds names, versions and checksums alone.
fn finish(mut made: Reproducer, root: &Path) -> Result<Reproducer, ReproError> {
    copy::write(&made.dir.join("README.md"), readme(&made, None))?;
    let mut redactor = Redactor::here(root);
    let mut todo = vec![made.dir.clone()];
    while let Some(dir) = todo.pop() {
        let failed = |error| ReproError::Write(dir.clone(), error);
        for entry in std::fs::read_dir(&dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                todo.push(path);
            } else if !path.ends_with("Cargo.lock")
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                let clean = redactor.redact(&text);
                if clean != text {
                    copy::write(&path, clean)?;
                }
            }
        }
    }
    made.redacted = redactor.redacted().clone();
    Ok(made)
}
