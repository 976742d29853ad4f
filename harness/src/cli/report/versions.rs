//! What is known of other versions: the files of `standstill matrix` that a report shows, and has.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde_json::Value;

use super::files::pretty;
use crate::cli::Failure;
use crate::matrix::keep;
use crate::matrix::record::Matrix;
use crate::redact::Redactor;
use crate::report::folder::Folder;
use crate::report::page::{Page, VersionFacts};
use crate::report::{matrix, redacted};
use crate::store::Run;

/// The tables and bisections that a path holds.
pub(super) struct Versions(Vec<(PathBuf, Matrix)>);

impl Versions {
    /// Reads all of them; none where nothing was named.
    pub(super) fn read(path: Option<&Path>) -> Result<Versions, Failure> {
        let Some(path) = path else { return Ok(Versions(vec![])) };
        let all = keep::all(path);
        all.map(Versions).map_err(|error| Failure::usage(anyhow!("failed to {error}")))
    }

    /// As a report of these runs shows them.
    pub(super) fn facts(&self, runs: &[Run], asked: Option<&str>) -> Vec<VersionFacts> {
        let subject = Page::subject(runs, asked);
        self.0.iter().map(|(_, known)| matrix::facts(known, &subject)).collect()
    }

    /// Puts the files beside the runs: the tables are made of them.
    pub(super) fn put(&self, folder: &mut Folder, redactor: &mut Redactor) {
        for (path, matrix) in &self.0 {
            let value = serde_json::to_value(matrix).unwrap_or(Value::Null);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = pretty(&redacted::value(value, redactor));
            folder.put(format!("raw/{}", redactor.redact(&name)), text);
        }
    }
}
