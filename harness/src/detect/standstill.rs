//! Deadlock, self-deadlock, lost wake-up: every thread blocked, none left to wake another.
//!
//! That the process stands still for ever is proven by the watchdog's double collect. Which kind it
//! is follows from what each thread waits for, read from its stack. *Deadlock* claims no more than
//! the proof and is as proven as it; the two narrower kinds rest on the stacks and are inferred.

use super::fingerprint;
use super::names::path;
use super::waits::{Site, WaitsFor, site};
use crate::capture::ThreadStack;
use crate::observation::{Observation, Standstill, ThreadSeen, Wait};
use crate::verdict::{Confidence, Finding, Kind};

pub(super) fn detect(observation: &Observation) -> Option<Finding> {
    let Some(Standstill::Complete { after_us, threads }) = &observation.standstill else {
        return None;
    };
    let stacks = observation.stacks.as_ref().map_or(&[][..], |s| &s.threads);
    let waiting: Vec<Waiting<'_>> = threads.iter().map(|seen| waiting(seen, stacks)).collect();
    let (kind, why) = classify(&waiting);
    let confidence = match kind {
        Kind::Deadlock => Confidence::Proven,
        _ => Confidence::Inferred,
    };
    let who = match threads.len() {
        1 => "the only thread was blocked".to_owned(),
        n => format!("all {n} threads were blocked at one moment"),
    };
    let mut evidence = vec![format!(
        "proven: {who}, {} ms after the trial began, in waits that only a running thread of the \
         process can end, and there was none (two collects, equal waits and schedule counts)",
        after_us / 1000
    )];
    evidence.extend(why.map(|why| format!("inferred from the stacks: {why}")));
    evidence.extend(waiting.iter().map(Waiting::describe));
    let places = waiting.iter().filter(|w| !w.only_follows()).map(Waiting::place).collect();
    let summary = match kind {
        Kind::SelfDeadlock => "a thread waits for a lock that no other thread can release",
        Kind::LostWakeup => "every thread waits to be woken and nobody is left to do it",
        _ => "no thread can ever run again",
    };
    let fingerprint = fingerprint(kind, places);
    Some(Finding { kind, confidence, summary: summary.to_owned(), evidence, fingerprint })
}

/// One blocked thread and where it stands.
struct Waiting<'a> {
    seen: &'a ThreadSeen,
    stack: Option<&'a ThreadStack>,
    site: Option<Site<'a>>,
    is_main: bool,
}

fn waiting<'a>(seen: &'a ThreadSeen, stacks: &'a [ThreadStack]) -> Waiting<'a> {
    let stack = stacks.iter().find(|s| s.tid == seen.tid);
    // A snapshot tells the main thread first.
    let is_main = stacks.first().is_some_and(|s| s.tid == seen.tid);
    Waiting { seen, stack, site: stack.map(site), is_main }
}

impl Waiting<'_> {
    fn what(&self) -> WaitsFor {
        self.site.as_ref().map_or(WaitsFor::Unknown, |s| s.waits_for)
    }

    /// Whether it is the thread that made the actors and joins them, which has no part in what they
    /// do. Any other thread that joins may own what the joined one waits for.
    fn only_follows(&self) -> bool {
        self.is_main && self.what() == WaitsFor::Join
    }

    fn place(&self) -> String {
        let caller = self.site.as_ref().and_then(|s| s.caller);
        let name = caller.and_then(path);
        format!("{:?} {}", self.what(), name.unwrap_or_default())
    }

    fn describe(&self) -> String {
        let name = self.stack.map_or("thread", |s| s.name.as_str());
        let mut line = format!("{name} ({}) waits for {}", self.seen.tid, self.what());
        if let Some(frame) = self.site.as_ref().and_then(|s| s.caller) {
            line += &format!(" in {}", path(frame).unwrap_or_else(|| "?".to_owned()));
            if let (Some(file), Some(at)) = (&frame.file, frame.line) {
                line += &format!(" at {file}:{at}");
            }
        }
        if let Wait::Futex { addr, .. } = self.seen.wait {
            line += &format!(", futex {addr:#x}");
        }
        line
    }

    fn futex(&self) -> Option<u64> {
        match self.seen.wait {
            Wait::Futex { addr, .. } => Some(addr),
            _ => None,
        }
    }
}

/// The kind, and the reason for one that says more than "deadlock".
fn classify(waiting: &[Waiting<'_>]) -> (Kind, Option<String>) {
    let active: Vec<&Waiting<'_>> = waiting.iter().filter(|w| !w.only_follows()).collect();
    let Some(first) = active.first() else { return (Kind::Deadlock, None) };
    let exclusive = |w: &&Waiting<'_>| {
        matches!(w.what(), WaitsFor::Mutex | WaitsFor::Once)
            || (active.len() == 1 && w.what().is_lock())
    };
    if active.iter().all(exclusive)
        && active.iter().all(|w| w.futex() == first.futex() && w.what() == first.what())
    {
        let owner = match active.len() {
            1 => "the only thread that waits for it".to_owned(),
            n => format!("one of the {n} threads that wait for it"),
        };
        let why = format!("one lock is waited for; its owner is {owner}, or is gone");
        return (Kind::SelfDeadlock, Some(why));
    }
    if active.iter().all(|w| w.what().is_event()) {
        return (Kind::LostWakeup, Some("all wait for an event, none for an owner".to_owned()));
    }
    (Kind::Deadlock, None)
}
