//! Crash: the process died of a signal that it raised by what it did.

use super::names::path;
use super::{fingerprint, first_line};
use crate::capture::Frame;
use crate::observation::Observation;
use crate::os::process::signal_name;
use crate::verdict::{Confidence, Finding, Kind};

/// Signals that a process earns; any other came from outside, and says nothing about it.
pub(crate) const EARNED: [i32; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
    libc::SIGTRAP,
    libc::SIGSYS,
];

pub(super) fn detect(observation: &Observation) -> Option<Finding> {
    let died = observation
        .ending
        .filter(|e| libc::WIFSIGNALED(e.status))
        .map(|e| libc::WTERMSIG(e.status));
    // The kernel's word first: what stands on the board may be scribble.
    let earned = |signal: &i32| EARNED.contains(signal);
    let signal = died.filter(earned).or(observation.crash.map(|c| c.signal).filter(earned))?;
    // A panic that aborts is a panic.
    if signal == libc::SIGABRT && super::panic::aborted(observation) {
        return None;
    }
    let mut evidence = vec![format!("the process died of {}", signal_name(signal))];
    let mut places = vec![signal_name(signal)];
    if let Some(crash) = observation.crash {
        let stacks = observation.stacks.iter().flat_map(|s| &s.threads);
        match stacks.into_iter().find(|s| s.tid == crash.tid) {
            Some(stack) => {
                evidence.push(format!("{} ({}) received it", stack.name, stack.tid));
                let crashed: Vec<String> = interrupted(&stack.frames)
                    .iter()
                    .filter_map(path)
                    .skip_while(|name| is_way_to_die(name))
                    .take(4)
                    .collect();
                evidence.extend(crashed.first().map(|name| format!("it was in {name}")));
                places.extend(crashed);
            }
            None => evidence.push(format!("thread {} received it", crash.tid)),
        }
    }
    let last_words = observation.stderr.to_string();
    if let Some(line) = last_words.lines().rfind(|l| !l.trim().is_empty()) {
        evidence.push(format!("last line on stderr: {}", first_line(line)));
    }
    let summary = format!("the process died of {}", signal_name(signal));
    let (kind, confidence) = (Kind::Crash, Confidence::Proven);
    let fingerprint = fingerprint(kind, places);
    Some(Finding { kind, confidence, summary, evidence, fingerprint })
}

/// The frames of a stack without those of the signal handler on it.
fn interrupted(frames: &[Frame]) -> &[Frame] {
    let is_signal = |f: &Frame| f.function.as_deref() == Some("<signal handler called>");
    frames.iter().rposition(is_signal).map_or(frames, |at| &frames[at + 1..])
}

/// Functions that raise the signal for their caller, whom all such crashes share.
fn is_way_to_die(name: &str) -> bool {
    let c_name = name.trim_start_matches('_').trim_start_matches("GI_");
    name.starts_with("std::")
        || name.starts_with("core::")
        || ["pthread_kill", "raise", "abort", "assert_fail", "libc_message", "kill"]
            .iter()
            .any(|way| c_name.starts_with(way))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_raised_a_signal_is_found_behind_the_ways_to_raise_it() {
        for way in ["__pthread_kill_implementation", "raise", "__GI_abort", "std::process::abort"] {
            assert!(is_way_to_die(way), "{way}");
        }
        assert!(!is_way_to_die("app::abort") && !is_way_to_die("whisper_init_state"));
    }
}
