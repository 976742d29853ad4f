//! Judgement: what an observation amounts to.
//!
//! A detector is a pure function of one [`Observation`]; it never looks at a live process, so a new
//! one can be tried on stored runs. One detector, one file, one line in `DETECTORS`.

mod chains;
pub(crate) mod crash;
mod deadline;
mod motion;
pub(crate) mod names;
mod panic;
mod partial;
pub mod scene;
mod spin;
mod standstill;
mod thread_leak;
pub mod waits;
mod wrong_result;

use crate::board::{Outcome, Phase};
use crate::observation::Observation;
use crate::os::process::signal_name;
use crate::verdict::{Finding, Kind, Verdict};

/// Judges one aspect of an observation.
type Detector = fn(&Observation) -> Option<Finding>;

/// All detectors, the weightiest first: the order of the findings in a verdict.
const DETECTORS: &[Detector] = &[
    crash::detect,
    standstill::detect,
    panic::detect,
    wrong_result::detect,
    partial::detect,
    deadline::detect,
    thread_leak::detect,
];

/// What the observation amounts to.
pub fn judge(observation: &Observation) -> Verdict {
    let findings: Vec<Finding> =
        DETECTORS.iter().filter_map(|detect| detect(observation)).collect();
    if !findings.is_empty() {
        return Verdict::Found { findings };
    }
    match unfinished(observation) {
        Some(why) => Verdict::Inconclusive { why },
        None => Verdict::Clean,
    }
}

/// Why a trial without findings cannot be called clean either.
fn unfinished(observation: &Observation) -> Option<String> {
    if observation.outcome == Outcome::NotPrepared {
        return Some(format!("it was not prepared: {}", first_line(&observation.message)));
    }
    if observation.outcome == Outcome::Undecided {
        return Some(first_line(&observation.message).to_owned());
    }
    let Some(ending) = observation.ending else {
        let why = observation.notes.first().map_or("nothing is known of its end", |n| n.as_str());
        return Some(why.to_owned());
    };
    if libc::WIFSIGNALED(ending.status) {
        let signal = libc::WTERMSIG(ending.status);
        let hint = if signal == libc::SIGKILL { ", perhaps for want of memory" } else { "" };
        return Some(format!("something ended it with {}{hint}", signal_name(signal)));
    }
    let code = libc::WEXITSTATUS(ending.status);
    if observation.phase != Phase::Done || observation.outcome == Outcome::Pending {
        let phase = serde_json::to_value(observation.phase).unwrap_or_default();
        let phase = phase.as_str().unwrap_or("unknown").to_owned();
        return Some(format!("the process exited with code {code} by itself while {phase}"));
    }
    (code != 0).then(|| format!("the process exited with code {code} when the trial had passed"))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("no reason given")
}

/// Equal for equal misbehaviour: a hash over the kind and the places that made it up, in order of
/// their text so that the order of threads does not matter.
pub(crate) fn fingerprint(kind: Kind, mut places: Vec<String>) -> String {
    places.sort();
    places.dedup();
    let text = format!("{kind}\n{}", places.join("\n"));
    format!("{:016x}", crate::protocol::Digest::of(&text).hash)
}

#[cfg(test)]
mod tests;
