//! Which of all runs a run is, and where it was begun.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Run, SearchRecord};

/// What tells a run from any other. Runs of older versions lack all of it. Paths are text, since no path
/// is worth the loss of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Whence {
    /// A random number that all copies of the run have.
    pub id: String,
    /// The directory in which the command was typed.
    pub directory: String,
    /// The root of the workspace that the scenarios came from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub workspace: String,
}

impl Whence {
    /// A new run's, of a workspace if it is of one.
    pub fn here(workspace: Option<&Path>) -> Whence {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        // The keys of the standard library's hashes are the system's random numbers.
        let number = || RandomState::new().hash_one(std::process::id());
        Whence {
            id: format!("{:016x}{:016x}", number(), number()),
            directory: std::env::current_dir().map(|dir| text(&dir)).unwrap_or_default(),
            workspace: workspace.map(text).unwrap_or_default(),
        }
    }
}

impl Run {
    /// Whether this is the same run as another, or a copy of it: redacted, moved, or of a time when it
    /// had not ended. Of runs without an identity it is the contents that tell.
    pub fn is_same(&self, other: &Run) -> bool {
        let [a, b] = [&self.header, &other.header];
        match (a.whence.id.as_str(), b.whence.id.as_str()) {
            ("", _) | (_, "") => {}
            (a, b) => return a == b,
        }
        let plan = |run: &Run| {
            let units = run.header.plan.units.iter();
            let units = units.map(|unit| (unit.scenario.clone(), unit.threads, unit.trials));
            (run.header.plan.seed, units.collect::<Vec<_>>())
        };
        let books = |run: &Run| {
            let books = run.header.books.iter();
            books.map(|(name, book)| (name.clone(), book.sha256.clone())).collect::<Vec<_>>()
        };
        (&a.began, &a.standstill) == (&b.began, &b.standstill)
            && plan(self) == plan(other)
            && books(self) == books(other)
            && self.agrees(other)
    }

    /// Whether what both have was seen in the same microseconds and steps.
    fn agrees(&self, other: &Run) -> bool {
        let took = |run: &Run| {
            let trials = run.trials.iter();
            trials.map(|t| ((t.unit, t.index), t.observation.wall_us)).collect::<Vec<_>>()
        };
        let searched = |s: &SearchRecord| (s.seed, s.trials, s.steps, s.seconds.to_bits());
        let (trials, others) = (took(self), took(other));
        let is_beginning = trials.iter().zip(&others).all(|(a, b)| a == b);
        let mut searches = self.searches.iter().zip(&other.searches);
        is_beginning && searches.all(|(a, b)| searched(a) == searched(b))
    }

    /// How much it holds, for choosing between copies.
    pub fn size(&self) -> usize {
        self.trials.len() + self.searches.len()
    }

    /// Directories that are somebody's own: where it was begun, and its workspace. A run that does not
    /// tell lies in what cargo keeps its `target` in.
    pub fn roots(&self) -> Vec<String> {
        let Whence { directory, workspace, .. } = &self.header.whence;
        let books = self.header.books.values().map(|book| &book.exe);
        let exes = books.chain(self.searches.iter().map(|search| &search.exe));
        let target = |exe: &std::path::PathBuf| {
            let targets = exe.ancestors().filter(|dir| dir.ends_with("target"));
            Some(targets.last()?.parent()?.to_string_lossy().into_owned())
        };
        let mut roots: Vec<String> = exes.filter_map(target).collect();
        roots.extend([directory.clone(), workspace.clone()]);
        roots.retain(|root| !root.is_empty());
        roots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{clean, header, run, unit};
    use crate::store::TrialRecord;

    fn of(trials: Vec<TrialRecord>, id: &str) -> Run {
        let mut header = header(vec![unit("transfer", 2, 3)]);
        header.whence.id = id.to_owned();
        run(&header, trials)
    }

    fn trials(wall_us: &[u64]) -> Vec<TrialRecord> {
        let header = header(vec![unit("transfer", 2, 3)]);
        let trial = |(index, wall_us): (usize, &u64)| {
            let mut trial = clean(&header, 0, index as u64);
            trial.observation.wall_us = *wall_us;
            trial
        };
        wall_us.iter().enumerate().map(trial).collect()
    }

    #[test]
    fn copies_have_one_identity_and_no_other_run_has_it() {
        let [one, other] = [Whence::here(None), Whence::here(None)];
        assert!(one.id != other.id && one.id.len() == 32, "{one:?} {other:?}");
        let run = of(trials(&[7, 8]), &one.id);
        assert!(run.is_same(&of(trials(&[7]), &one.id)), "a copy of an earlier time");
        assert!(!run.is_same(&of(trials(&[7, 8]), &other.id)));
    }

    #[test]
    fn runs_without_an_identity_are_told_apart_by_what_was_seen() {
        let run = of(trials(&[7, 8]), "");
        assert!(run.is_same(&of(trials(&[7, 8]), "ab")) && run.is_same(&of(trials(&[7]), "")));
        assert!(!run.is_same(&of(trials(&[7, 9]), "")), "another of the same second and seed");
    }

    #[test]
    fn a_run_tells_in_which_directories_it_was_made() {
        let mut run = of(vec![], "");
        run.header.whence.directory = "/work/x/sub".to_owned();
        run.header.books.values_mut().for_each(|book| book.exe = "/work/y/target/release/z".into());
        assert_eq!(run.roots(), ["/work/y", "/work/x/sub"]);
    }
}
