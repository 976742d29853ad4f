//! Thread leak: threads started during the trial were alive a grace period after everything that
//! the trial made had been dropped.

use super::names::path;
use super::{fingerprint, waits};
use crate::observation::Observation;
use crate::verdict::{Confidence, Finding, Kind};

pub(super) fn detect(observation: &Observation) -> Option<Finding> {
    if observation.leaked_threads == 0 {
        return None;
    }
    let n = observation.leaked_threads;
    let s = if n == 1 { "" } else { "s" };
    let summary = format!("{n} thread{s} outlived the trial");
    let mut evidence = vec![format!("{summary} and a grace period of a quarter of a second")];
    let mut places = vec![];
    let process = observation.stacks.iter().flat_map(|s| s.threads.iter().skip(1));
    for stack in process {
        let place = waits::site(stack).caller.and_then(path).unwrap_or_else(|| "?".to_owned());
        evidence.push(format!("{} ({}) in {place}", stack.name, stack.tid));
        places.push(place);
    }
    let (kind, confidence) = (Kind::ThreadLeak, Confidence::Proven);
    let fingerprint = fingerprint(kind, places);
    Some(Finding { kind, confidence, summary, evidence, fingerprint })
}
