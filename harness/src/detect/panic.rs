//! Panic: an actor panicked, or the trial did on its behalf.

use super::{fingerprint, first_line};
use crate::board::Outcome;
use crate::observation::Observation;
use crate::verdict::{Confidence, Finding, Kind};

pub(super) fn detect(observation: &Observation) -> Option<Finding> {
    use crate::board::ActorState::Panicked;
    let panicked = observation.outcome == Outcome::Panicked
        || observation.actors.iter().any(|a| a.state == Panicked)
        || aborted(observation);
    if !panicked {
        return None;
    }
    let summary = first_line(&observation.message).to_owned();
    let mut evidence: Vec<String> = observation.message.lines().map(str::to_owned).collect();
    let actors = observation.actors.iter().filter(|a| a.state == Panicked).count();
    evidence.push(match (aborted(observation), actors) {
        (true, _) => "the panic aborted the process".to_owned(),
        (false, n) => format!("{n} of {} actors panicked", observation.trial.threads),
    });
    let (kind, confidence) = (Kind::Panic, Confidence::Proven);
    let fingerprint = fingerprint(kind, vec![place(&observation.message)]);
    Some(Finding { kind, confidence, summary, evidence, fingerprint })
}

/// Whether the process was aborted by a panic (`panic = "abort"`, a panic in a destructor or across
/// a C frame).
pub(super) fn aborted(observation: &Observation) -> bool {
    let died = observation
        .ending
        .is_some_and(|e| libc::WIFSIGNALED(e.status) && libc::WTERMSIG(e.status) == libc::SIGABRT);
    died && observation.panics > 0
        && observation.message.contains("panicked at")
        && aborts_in_panic(observation) != Some(false)
}

/// Whether the thread that aborted was panicking; `None` where its stack was not seen. A panic that
/// was caught leaves its message, and an `abort` that came later has nothing to do with it.
fn aborts_in_panic(observation: &Observation) -> Option<bool> {
    let tid = observation.crash?.tid;
    let stacks = &observation.stacks.as_ref()?.threads;
    let stack = stacks.iter().find(|s| s.tid == tid).filter(|s| !s.frames.is_empty())?;
    /// Parts of what std and core call on the way from a panic to an abort.
    const WAYS: [&str; 6] = [
        "rust_panic",
        "begin_panic",
        "panic_fmt",
        "panic_nounwind",
        "panic_in_cleanup",
        "panic_with_hook",
    ];
    let mut names = stack.frames.iter().filter_map(|f| f.function.as_deref());
    Some(names.any(|name| WAYS.iter().any(|way| name.contains(way))))
}

/// The `file:line:column` of a panic message, which tells one panic from another.
fn place(message: &str) -> String {
    let at = message.split_once("panicked at ").map_or(message, |(_, rest)| rest);
    first_line(at).trim_end_matches(':').to_owned()
}
