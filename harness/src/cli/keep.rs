//! The directory in which `watch` and `inspect` leave what they found.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde_json::Value;

use super::Failure;
use crate::detect;
use crate::graph::{dot, svg};
use crate::report::scene as report;
use crate::scene::{SCENES, Scene};
use crate::verdict::Verdict;

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
            Err(error) if error.kind() == io::ErrorKind::NotFound => match can_be_made(dir) {
                Ok(()) => Ok(Keep(dir.to_owned())),
                Err(error) => Err(Failure::usage(anyhow!("failed to create {shown}: {error}"))),
            },
            Err(error) => Err(Failure::usage(anyhow!("failed to open {shown}: {error}"))),
        }
    }

    /// Where it is, made if need be.
    pub(super) fn make(&self) -> Result<&Path, String> {
        let Keep(dir) = self;
        std::fs::create_dir_all(dir)
            .map_err(|error| format!("create {}: {error}", dir.display()))?;
        Ok(dir)
    }

    /// Writes every file that can be written: the report, the verdict, all scenes, and the graph of
    /// each process. The error reads after "failed to" and is the first.
    pub(super) fn write(
        &self,
        cases: &[(&Scene, &Verdict)],
        verdict: &Value,
    ) -> Result<(), String> {
        let dir = self.make()?;
        let texts: Vec<String> = cases.iter().map(|(scene, v)| report::text(scene, v)).collect();
        let lines = cases.iter().filter_map(|(scene, _)| serde_json::to_string(scene).ok());
        let mut files = vec![
            ("report.txt".to_owned(), crate::text::printable(&texts.join("\n"))),
            ("verdict.json".to_owned(), format!("{verdict}\n")),
            (SCENES.to_owned(), lines.map(|line| line + "\n").collect()),
        ];
        for (scene, _) in cases.iter().filter(|(scene, _)| !scene.looks.is_empty()) {
            let graph = detect::scene::graph(scene);
            files.push((format!("graph-{}.dot", scene.pid), dot::dot(&graph)));
            files.push((format!("graph-{}.svg", scene.pid), svg::svg(&graph)));
        }
        let written: Vec<Result<(), String>> =
            files.iter().map(|(name, text)| write_new(&dir.join(name), text)).collect();
        written.into_iter().collect()
    }
}

/// Finds out by making it, and leaves things as they were: nobody is to wait for a hang and then learn
/// that nothing of it can be kept.
fn can_be_made(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    let made = std::fs::create_dir_all(dir);
    for dir in missing.into_iter().filter(|dir| !dir.as_os_str().is_empty()) {
        // Fails where it was not made, or where somebody has put something in it meanwhile.
        let _ = std::fs::remove_dir(dir);
    }
    made
}

fn write_new(path: &Path, text: &str) -> Result<(), String> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("write {}: {error}", path.display()))
}
