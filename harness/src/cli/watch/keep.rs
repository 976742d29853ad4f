//! The directory in which a watch leaves what it found.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::Failure;
use super::case::Closing;

/// A directory that is new or empty.
pub(super) struct Keep(PathBuf);

impl Keep {
    /// Refuses a directory that holds something: nothing is overwritten. It is made only when there
    /// is something to be kept.
    pub(super) fn new(dir: &Path) -> Result<Keep, Failure> {
        let shown = dir.display();
        match std::fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(Keep(dir.to_owned())),
            Ok(false) => {
                let why = "holds something already; name one that is new or empty";
                Err(Failure::usage(anyhow!("the directory {shown} {why}")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Keep(dir.to_owned())),
            Err(error) => Err(Failure::usage(anyhow!("failed to open {shown}: {error}"))),
        }
    }

    /// Writes every file that can be written. The error reads after "failed to" and is the first.
    pub(super) fn write(&self, closing: &Closing) -> Result<(), String> {
        let Keep(dir) = self;
        std::fs::create_dir_all(dir)
            .map_err(|error| format!("create {}: {error}", dir.display()))?;
        let files = [
            ("report.txt", closing.report()),
            ("verdict.json", format!("{}\n", closing.verdict())),
            ("scene.json", closing.scenes()),
        ];
        let written: Vec<Result<(), String>> =
            files.iter().map(|(name, text)| write_new(&dir.join(name), text)).collect();
        written.into_iter().collect()
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), String> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("write {}: {error}", path.display()))
}
