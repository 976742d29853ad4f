//! Lines of the reader's own sources at which the threads of a finding stand.

use crate::capture::ThreadStack;
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
    let mut spots = at_the_end(finding);
    if spots.is_empty() {
        spots = on_stacks(finding, runs);
    }
    let mut known: Vec<Spot> = Vec::new();
    for spot in spots {
        if !known.contains(&spot) {
            known.push(spot);
        }
    }
    known
}

fn at_the_end(finding: &FindingFacts) -> Vec<Spot> {
    let steps = finding.interleaving.iter().flat_map(|i| &i.steps);
    let ends = steps.filter(|step| step.row == "end");
    ends.filter_map(|step| {
        let thread = step.threads.first().map(String::as_str).unwrap_or_default();
        Spot::parse(&step.place, &format!("{thread} {}", step.text))
    })
    .collect()
}

/// The stacks of the trial, or the schedule, with the finding's token.
fn on_stacks(finding: &FindingFacts, runs: &[Run]) -> Vec<Spot> {
    let trials = runs.iter().flat_map(|run| &run.trials).map(|trial| &trial.observation);
    let native = trials
        .filter(|o| finding.lane == "native" && o.trial.to_string() == finding.token)
        .find_map(|o| o.stacks.as_ref());
    let found = runs.iter().flat_map(|run| &run.searches).flat_map(|search| &search.findings);
    let controlled = found.filter(|f| f.token() == finding.token).find_map(|f| f.stacks.as_ref());
    let threads = native.or(controlled).map(|stacks| &stacks.threads[..]).unwrap_or_default();
    threads.iter().filter_map(stands).collect()
}

/// The innermost call of the reader's own sources.
fn stands(thread: &ThreadStack) -> Option<Spot> {
    thread.frames.iter().find_map(|frame| {
        let function = frame.function.as_deref().unwrap_or("an unknown function");
        let about = format!("{} stands in {function}", thread.name);
        Spot::new(frame.file.as_deref()?, frame.line?, &about)
    })
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
