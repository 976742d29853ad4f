//! What a report is about: the library under test, if that can be known, and its version.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{CrateRecord, Run};

/// What was examined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectFacts {
    /// The library, or the program where that is not known.
    pub name: String,
    /// Its versions; more than one where the runs have different ones, none where they do not tell.
    pub versions: Vec<String>,
    /// The scenarios or the program that examined it.
    pub by: Vec<String>,
}

impl SubjectFacts {
    /// Whether it is more than the names of what examined it.
    pub fn is_known(&self) -> bool {
        self.name != self.by.join(", ")
    }

    /// `tokio 1.13.0`; `tokio 1.13.0 and 1.14.0`.
    pub fn title(&self) -> String {
        match &self.versions[..] {
            [] => self.name.clone(),
            [one] => format!("{} {one}", self.name),
            [most @ .., last] => format!("{} {} and {last}", self.name, most.join(", ")),
        }
    }
}

/// As it was asked for, else as the scenarios' crate says, else the one library that the binary names
/// itself.
pub(super) fn of(runs: &[Run], asked: Option<&str>) -> SubjectFacts {
    let mut by: Vec<String> = runs.iter().flat_map(examined).collect();
    by.sort();
    by.dedup();
    let (asked, version) = match asked.map(|text| text.split_once('@').unwrap_or((text, ""))) {
        Some((name, version)) => (Some(name), version),
        None => (None, ""),
    };
    let said = books(runs).find_map(|(_, book)| book.subject.clone());
    let name = asked.map(str::to_owned).or(said).or_else(|| only_library(runs));
    match name {
        None => SubjectFacts { name: by.join(", "), versions: vec![], by },
        Some(name) if !version.is_empty() => {
            SubjectFacts { name, versions: vec![version.to_owned()], by }
        }
        Some(name) => {
            let crates = books(runs).flat_map(|(_, book)| &book.crates);
            let mut versions: Vec<String> =
                crates.filter(|c| c.name == name).map(|c| c.version.clone()).collect();
            versions.sort();
            versions.dedup();
            SubjectFacts { name, versions, by }
        }
    }
}

fn books(runs: &[Run]) -> impl Iterator<Item = (&String, &crate::store::BookRecord)> {
    runs.iter().flat_map(|run| &run.header.books)
}

/// Scenarios and programs of a run.
fn examined(run: &Run) -> Vec<String> {
    let units = run.header.plan.units.iter().map(|unit| unit.scenario.clone());
    units.chain(run.searches.iter().map(|search| search.subject.clone())).collect()
}

/// The registry's crate that all binaries name themselves, if it is the only one besides the kit.
fn only_library(runs: &[Run]) -> Option<String> {
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    let is_library = |c: &&CrateRecord| c.direct && c.checksum.is_some() && !is_kit(&c.name);
    for c in books(runs).flat_map(|(_, book)| &book.crates).filter(is_library) {
        *named.entry(&c.name).or_default() += 1;
    }
    match named.len() {
        1 => named.into_keys().next().map(str::to_owned),
        _ => None,
    }
}

fn is_kit(name: &str) -> bool {
    name.starts_with("standstill")
}
