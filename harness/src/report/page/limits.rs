//! What a report cannot know, each a sentence.

use super::words::counted;
use crate::store::Run;
use crate::verdict::Confidence;

/// What these runs could not have seen.
pub(super) fn limitations(runs: &[Run]) -> Vec<String> {
    let mut lines = Vec::new();
    let native = runs.iter().any(|run| run.planned() > 0);
    let controlled = runs.iter().any(|run| !run.searches.is_empty());
    if native {
        lines.extend(NATIVE.map(str::to_owned));
    }
    if controlled {
        lines.extend(CONTROLLED.map(str::to_owned));
    }
    let of_trials = runs.iter().flat_map(|run| &run.trials).filter_map(|t| t.verdict.first());
    let searches = runs.iter().flat_map(|run| &run.searches);
    let found = of_trials.chain(searches.clone().flat_map(|s| &s.findings).map(|f| &f.finding));
    if found.clone().any(|f| f.confidence == Confidence::Suspected) {
        lines.push(
            "A *suspected* finding says that a deadline passed and what was seen until then; it does \
             not exclude that the work would have ended later."
                .to_owned(),
        );
    }
    if found.clone().any(|f| f.confidence == Confidence::Inferred) {
        lines.push(
            "An *inferred* kind was read from stacks; that no thread could be woken is proven all \
             the same where the evidence says so."
                .to_owned(),
        );
    }
    let trials = runs.iter().flat_map(|run| &run.trials);
    let unseen =
        trials.filter(|t| t.observation.notes.iter().any(|n| n.starts_with("no stacks"))).count();
    if unseen > 0 {
        let trials = counted(unseen as u64, "trial");
        lines.push(format!("In {trials} the stacks could not be captured."));
    }
    for search in searches {
        lines.extend(search.notes.iter().map(|note| format!("{}: {note}", search.subject)));
    }
    lines
}

const NATIVE: [&str; 5] = [
    "The operating system chose the schedules of one machine with the number of cores above; a \
     schedule that it never chose was never tried.",
    "A bound holds for trials like these: this binary, these inputs, this machine.",
    "Data races are not looked for in this lane; they show only as a crash or a wrong result.",
    "A cycle among some threads while others live on is seen only as a passed deadline.",
    "A trial ends by `_exit`: what goes wrong in exit handlers and static destructors was not seen.",
];

const CONTROLLED: [&str; 4] = [
    "Chosen schedules are sequentially consistent, one thread at a time: what only the reordering of a \
     weak memory model shows was not looked for.",
    "How often a chosen schedule fails says nothing of how often a program fails in use; rates of the two \
     lanes do not compare.",
    "A bound over chosen schedules holds for schedules drawn as this search draws them, at its levels of \
     scheduling points.",
    "Processes that a trial starts in turn are not controlled; time is virtual.",
];

/// What of the stored runs could not be read.
pub(crate) fn damaged(runs: &[Run]) -> Vec<String> {
    let of = |run: &Run| {
        let dir = run.dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lines: Vec<String> =
            run.damaged.iter().take(10).map(|damage| damage.line.to_string()).collect();
        let damaged = (!run.damaged.is_empty()).then(|| {
            let count = counted(run.damaged.len() as u64, "line");
            let (verb, noun) = if run.damaged.len() == 1 {
                ("is no record and was", "line")
            } else {
                ("are no records and were", "lines")
            };
            format!("{count} of {dir} {verb} left out ({noun} {})", lines.join(", "))
        });
        let torn = run.torn.then(|| format!("the last line of {dir} is torn and was left out"));
        damaged.into_iter().chain(torn).collect::<Vec<_>>()
    };
    runs.iter().flat_map(of).collect()
}
