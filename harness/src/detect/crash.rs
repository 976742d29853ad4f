//! Crash: the process died of a signal that it raised by what it did.

use super::names::path;
use super::{fingerprint, first_line};
use crate::observation::Observation;
use crate::os::process::signal_name;
use crate::verdict::{Confidence, Finding, Kind};

/// Signals that a process earns; any other came from outside, and says nothing about it.
const EARNED: [i32; 7] = [
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
    let signal = observation.crash.map(|c| c.signal).or(died).filter(|s| EARNED.contains(s))?;
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
                let named = stack.frames.iter().filter_map(path);
                places.extend(named.filter(|name| !is_handler(name)).take(4));
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

/// Frames of the crash handler and of the way into it, which every crash shares.
fn is_handler(name: &str) -> bool {
    name.starts_with("standstill_kit::hooks")
        || name.starts_with("std::")
        || matches!(name.trim_start_matches('_'), "restore_rt" | "nanosleep" | "GI_nanosleep")
}
