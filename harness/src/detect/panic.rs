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
    died && observation.panics > 0 && observation.message.contains("panicked at")
}

/// The `file:line:column` of a panic message, which tells one panic from another.
fn place(message: &str) -> String {
    let at = message.split_once("panicked at ").map_or(message, |(_, rest)| rest);
    first_line(at).trim_end_matches(':').to_owned()
}
