//! Wrong result: the scenario's oracle or check refused what the actors returned.

use super::{fingerprint, first_line};
use crate::board::Outcome;
use crate::observation::Observation;
use crate::verdict::{Confidence, Finding, Kind};

pub(super) fn detect(observation: &Observation) -> Option<Finding> {
    if observation.outcome != Outcome::WrongResult {
        return None;
    }
    let (kind, confidence) = (Kind::WrongResult, Confidence::Proven);
    Some(Finding {
        kind,
        confidence,
        summary: first_line(&observation.message).to_owned(),
        evidence: observation.message.lines().map(str::to_owned).collect(),
        // Values differ from trial to trial; that the oracle refused does not.
        fingerprint: fingerprint(kind, vec![observation.trial.scenario.clone()]),
    })
}
