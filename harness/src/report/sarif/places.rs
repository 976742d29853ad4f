//! Lines of the reader's own sources at which the threads of a finding stand.

use std::path::{Path, PathBuf};

use crate::capture::{Frame, ThreadStack};
use crate::detect::names::path;
use crate::detect::waits::is_of_program;
use crate::graph::WaitGraph;
use crate::report::page::FindingFacts;
use crate::store::Run;

/// One line, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    file: String,
    pub(super) line: u32,
    pub(super) about: String,
}

/// Where threads stand: from the short schedule's end if there is one, else from the stacks.
pub(super) fn of(finding: &FindingFacts, runs: &[Run]) -> Vec<Spot> {
    let roots = roots(runs);
    let mut spots = at_the_end(finding, &roots);
    if spots.is_empty() {
        spots = on_stacks(finding, runs, &roots);
    }
    let mut known: Vec<Spot> = Vec::new();
    for spot in spots {
        if !known.contains(&spot) {
            known.push(spot);
        }
    }
    known
}

fn at_the_end(finding: &FindingFacts, roots: &[PathBuf]) -> Vec<Spot> {
    let steps = finding.interleaving.iter().flat_map(|i| &i.steps);
    let ends = steps.filter(|step| step.row == "end");
    ends.filter_map(|step| {
        let thread = step.threads.first().map(String::as_str).unwrap_or_default();
        Spot::parse(below(&step.place, roots), &format!("{thread} {}", step.text))
    })
    .collect()
}

/// The stacks of the trial, or the schedule, with the finding's token. A thread that crashed comes
/// first, then those of a ring.
fn on_stacks(finding: &FindingFacts, runs: &[Run], roots: &[PathBuf]) -> Vec<Spot> {
    let trials = runs.iter().flat_map(|run| &run.trials).map(|trial| &trial.observation);
    let native =
        trials.filter(|o| finding.lane == "native" && o.trial.to_string() == finding.token);
    let native = native.map(|o| (o.stacks.as_ref(), o.crash.map(|crash| crash.tid)));
    let found = runs.iter().flat_map(|run| &run.searches).flat_map(|search| &search.findings);
    let controlled = found.filter(|f| f.token() == finding.token);
    let controlled = controlled.map(|f| (f.stacks.as_ref(), None));
    let all = native.chain(controlled).find_map(|(stacks, crashed)| Some((stacks?, crashed)));
    let Some((stacks, crashed)) = all else { return vec![] };
    let rings: Vec<i32> = WaitGraph::of(stacks).cycles.into_iter().flat_map(|c| c.tids).collect();
    let mut threads: Vec<&ThreadStack> = stacks.threads.iter().collect();
    threads.sort_by_key(|thread| (crashed != Some(thread.tid), !rings.contains(&thread.tid)));
    threads.iter().filter_map(|thread| stands(thread, roots)).collect()
}

/// A path, and what may follow it, from the first of the directories above it, if one is.
fn below<'p>(path: &'p str, roots: &[PathBuf]) -> &'p str {
    let below = roots.iter().find_map(|root| Path::new(path).strip_prefix(root).ok()?.to_str());
    below.unwrap_or(path)
}

/// Directories below which a path is one of the reader's sources: where cargo keeps its `target`, and
/// where the report is written.
fn roots(runs: &[Run]) -> Vec<PathBuf> {
    let exes = runs.iter().flat_map(|run| run.header.books.values().map(|book| &book.exe));
    let searched = runs.iter().flat_map(|run| &run.searches).map(|search| &search.exe);
    // One target directory may stand in another.
    let above = |exe: &PathBuf| {
        let targets = exe.ancestors().filter(|dir| dir.ends_with("target"));
        let roots = targets.filter_map(Path::parent).filter(|root| root.is_absolute());
        roots.map(Path::to_owned).collect::<Vec<PathBuf>>()
    };
    exes.chain(searched).flat_map(above).chain(std::env::current_dir().ok()).collect()
}

/// The innermost call of the reader's own sources.
fn stands(thread: &ThreadStack, roots: &[PathBuf]) -> Option<Spot> {
    let own = thread.frames.iter().filter(|frame| is_of_program(frame) && !is_of_system(frame));
    own.filter_map(|frame| {
        let function = frame.function.as_deref().unwrap_or("an unknown function");
        let about = format!("{} stands in {function}", thread.name);
        let file = frame.file.as_deref()?;
        Spot::new(below(file, roots), frame.line?, &about)
    })
    .next()
}

/// Whether a frame is of the C or C++ library, whose debugging information has relative paths too, or of
/// the kit that calls the scenario.
fn is_of_system(frame: &Frame) -> bool {
    const SYSTEM: [&str; 6] = ["libc.", "libc-", "libpthread", "ld-linux", "libstdc++", "libgcc_s"];
    let module = frame.module.as_deref().unwrap_or_default();
    let is_kit = path(frame).is_some_and(|name| name.starts_with("standstill"))
        || frame.file.as_deref().is_some_and(|file| file.contains("harness/kit/src/"));
    is_kit || SYSTEM.iter().any(|name| module.starts_with(name))
}

impl Spot {
    /// Of a relative path that stays below where it begins.
    fn new(file: &str, line: u32, about: &str) -> Option<Spot> {
        let is_own = !file.is_empty()
            && !file.starts_with(['/', '~', '<'])
            && !file.starts_with("library/")
            && file.split('/').all(|part| part != "..");
        (is_own && line > 0).then(|| Spot {
            file: file.trim_start_matches("./").to_owned(),
            line,
            about: about.to_owned(),
        })
    }

    /// Of a place as interleavings write it: `src/bank.rs:12 transfer`.
    pub(super) fn parse(place: &str, about: &str) -> Option<Spot> {
        let (at, _) = place.split_once(' ').unwrap_or((place, ""));
        let (file, line) = at.rsplit_once(':')?;
        Spot::new(file, line.parse().ok()?, about)
    }

    /// The path as a relative reference: whatever a URI gives a meaning is written in hexadecimal, a
    /// colon too, before which would stand a scheme.
    pub(super) fn uri(&self) -> String {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/+@".contains(&b);
        let encoded = |b: u8| match plain(b) {
            true => char::from(b).to_string(),
            false => format!("%{b:02X}"),
        };
        self.file.bytes().map(encoded).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Trust;

    #[test]
    fn a_thread_stands_in_the_sources_of_whoever_reads_it() {
        let frame = |module: &str, function: &str, file: &str| Frame {
            pc: 0,
            function: Some(function.to_owned()),
            file: Some(file.to_owned()),
            line: Some(7),
            module: Some(module.to_owned()),
            module_address: None,
            inlined: false,
            trust: Trust::Unwound,
        };
        let frames = vec![
            frame("libc.so.6", "raise", "nptl/raise.c"),
            frame("app", "other::wait", "/registry/src/index/other-1.0.0/src/lib.rs"),
            frame("app", "<standstill_kit::Set<S> as Stage>::act", "/work/app/kit/src/set.rs"),
            frame("app", "app::transfer", "/work/app/src/main.rs"),
            frame("app", "app::main", "/work/app/src/outer.rs"),
        ];
        let thread = ThreadStack { name: "main".to_owned(), frames, ..ThreadStack::default() };
        let at = |root: &str| stands(&thread, &[root.into()]).map(|spot| (spot.uri(), spot.about));
        let told = "main stands in app::transfer".to_owned();
        assert_eq!(at("/work/app"), Some(("src/main.rs".to_owned(), told)));
        assert_eq!(at("/work/ap"), None);
        let (place, roots) = ("/work/app/src/main.rs:7 transfer", ["/work/app".into()]);
        assert_eq!(below(place, &roots), "src/main.rs:7 transfer");
        assert_eq!(below("src/main.rs:7 transfer", &roots), "src/main.rs:7 transfer");
    }

    #[test]
    fn only_relative_places_are_told() {
        let parsed = |place| Spot::parse(place, "").map(|spot| (spot.uri(), spot.line));
        assert_eq!(parsed("src/bank.rs:12 transfer"), Some(("src/bank.rs".to_owned(), 12)));
        assert_eq!(parsed("./a b/%.c:3"), None);
        assert_eq!(parsed("./a%.c:3 f"), Some(("a%25.c".to_owned(), 3)));
        for other in
            ["/home/me/x.rs:1 f", "../x.rs:1 f", "a/../../x.rs:1", "f", "", "x.rs:0", "~/x:1"]
        {
            assert_eq!(parsed(other), None, "{other}");
        }
        assert_eq!(parsed("javascript:alert:1"), Some(("javascript%3Aalert".to_owned(), 1)));
    }
}
