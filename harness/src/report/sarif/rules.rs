//! What the kinds of finding are, for whoever has never heard of them.

use serde_json::{Value, json};

use crate::report::page::Page;
use crate::verdict::{KINDS, Kind};

/// One for each kind that was found.
pub(super) fn rules(page: &Page) -> Vec<Value> {
    let found = |kind: &&Kind| page.findings.iter().any(|f| f.kind == kind.name());
    let rule = |kind: &Kind| {
        json!({
            "id": kind.name(),
            "shortDescription": { "text": about(*kind) },
            "help": { "text": HELP },
            "properties": { "tags": ["concurrency"], "confidences": confidences(page, *kind) },
        })
    };
    KINDS.iter().filter(found).map(rule).collect()
}

const HELP: &str = "How sure standstill is of the kind is each result's confidence: proven (an error) \
    was seen directly, inferred (a warning) was concluded from stacks or memory, and suspected (a \
    note) only fits what was seen until a deadline passed. How often it was seen, and what bounds \
    that, is told in the report beside this file.";

/// How sure its findings are, each word once.
fn confidences(page: &Page, kind: Kind) -> Vec<&str> {
    let of = page.findings.iter().filter(|f| f.kind == kind.name());
    let mut words: Vec<&str> = of.map(|f| f.confidence.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Deadlock => "Threads wait for one another and none can ever be woken.",
        Kind::SelfDeadlock => "A thread waits for something that only itself could release.",
        Kind::LostWakeup => "Everyone waits for an event, and nobody is left to signal it.",
        Kind::Livelock => "Threads run, and none makes the progress that was promised.",
        Kind::Starvation => "Some actors progress while another keeps trying and makes none.",
        Kind::Hang => "A deadline passed and nothing explains why.",
        Kind::Slow => "A deadline passed while the work was still progressing.",
        Kind::DataRace => "Two threads touched one location without order, one of them writing.",
        Kind::Crash => "The process died of a signal.",
        Kind::Panic => "An actor panicked.",
        Kind::WrongResult => "A check refused the result.",
        Kind::ThreadLeak => "Threads that were started during the trial outlived it.",
    }
}
