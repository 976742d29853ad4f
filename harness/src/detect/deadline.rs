//! Livelock, starvation, slow, hang: the deadline passed, and nothing was proven.
//!
//! A passed deadline alone never becomes a deadlock: that takes a cycle (see `partial`). What it
//! becomes depends on the last quarter of the time: who made steps, who ran, how much CPU was used.
//! All of it is `suspected`. Who had less of a CPU than its steps need is not blamed for making none.

mod pace;

use super::names::path;
use super::{fingerprint, waits};
use crate::board::Phase;
use crate::observation::{ActorWindow, Observation, Standstill, Wait, Window};
use crate::verdict::{Confidence, Finding, Kind};
use pace::Pace;

/// Share of one core, in percent, from which a process counts as busy: used, or waited for because
/// others had the CPUs.
const BUSY: u64 = 20;

pub(super) fn detect(observation: &Observation) -> Option<Finding> {
    let Some(Standstill::Deadline { phase, window }) = &observation.standstill else {
        return None;
    };
    // A cycle says why, and with more right.
    if super::partial::detect(observation).is_some() {
        return None;
    }
    let percent = |ms: u64| ms.saturating_mul(100) / window.ms.max(1);
    let busy = percent(window.cpu_ms.saturating_add(window.waited_ms)) >= BUSY;
    let (kind, summary) = classify(*phase, window, busy, observation.counts_steps);
    let mut evidence = vec![
        format!(
            "the deadline of {} ms passed (phase: {})",
            observation.timeout_ms,
            serde_json::to_value(phase).unwrap_or_default().as_str().unwrap_or("?"),
        ),
        format!(
            "in the last {} ms the process used {} % of one core",
            window.ms,
            percent(window.cpu_ms)
        ),
    ];
    if window.waited_ms > window.cpu_ms {
        evidence.push(format!(
            "its threads waited {} ms for a CPU in that time: the machine was busy with something else, \
             or they are many",
            window.waited_ms
        ));
    }
    evidence.extend(steps(window));
    if observation.counts_steps {
        evidence.extend(Pace::of(window).map(|pace| pace.tell()));
    }
    evidence.extend(blocked(window));
    evidence.extend(doings(window));
    for waker in &window.wakers {
        evidence.push(format!("a deadlock cannot be proven here: {waker}"));
    }
    let places = observation.stacks.iter().flat_map(|s| &s.threads).map(place).collect();
    let fingerprint = fingerprint(kind, places);
    Some(Finding { kind, confidence: Confidence::Suspected, summary, evidence, fingerprint })
}

fn classify(phase: Phase, window: &Window, busy: bool, counts_steps: bool) -> (Kind, String) {
    let unfinished = || window.actors.iter().filter(|a| a.unfinished());
    let progressed = window.actors.iter().filter(|a| a.progressed()).count();
    // Many threads on few cores, spinning at that, hardly get to a step at all: that is slow.
    let pace = Pace::of(window);
    let was_due = |actor: &ActorWindow| pace.is_none_or(|pace| pace.makes_due(actor));
    let were_due = pace.is_none_or(|pace| pace.makes_all_due(unfinished().count()));
    let tries =
        unfinished().filter(|a| !a.progressed() && a.ran == Some(true) && was_due(a)).count();
    if phase != Phase::Running {
        let what = if busy { "busy" } else { "idle" };
        return (Kind::Hang, format!("the trial did not get to its actors' end; it was {what}"));
    }
    match (progressed, counts_steps, busy) {
        (1.., true, _) if tries > 0 => (
            Kind::Starvation,
            format!("{} kept running without a step while others made steps", actors(tries)),
        ),
        (1.., ..) => (Kind::Slow, format!("{} still made progress", actors(progressed))),
        (0, true, true) if !were_due => (
            Kind::Slow,
            "no actor made a step, and they had too little CPU time to be due for one".to_owned(),
        ),
        (0, true, true) if window.waited_ms > window.cpu_ms => {
            (Kind::Livelock, "the actors ran or waited for a CPU, and none made a step".to_owned())
        }
        (0, true, true) => {
            (Kind::Livelock, "the actors kept running and none made a step".to_owned())
        }
        (0, false, true) => (
            Kind::Hang,
            "busy until the deadline; livelock and slow work look alike without steps".to_owned(),
        ),
        (0, _, false) => {
            let threads = &window.threads;
            let doing = if threads.is_empty() {
                "no thread could be seen"
            } else if threads.iter().all(|t| t.wait.is_futex_forever()) {
                "every thread waited on a futex"
            } else if threads.iter().any(|t| t.wait == Wait::Running) {
                "some thread ran, but little"
            } else if threads.iter().any(|t| is_sleep(&t.wait)) {
                "sleeping"
            } else {
                "waiting for something outside its own threads"
            };
            (Kind::Hang, format!("idle until the deadline: {doing}"))
        }
    }
}

/// `1 actor`, `2 actors`.
fn actors(n: usize) -> String {
    format!("{n} actor{}", if n == 1 { "" } else { "s" })
}

/// Actors that never ran while others progressed, in one line: some of them may wait for one another
/// for ever, which this lane cannot prove.
fn blocked(window: &Window) -> Option<String> {
    let progressed = window.actors.iter().any(|a| a.progressed());
    let idle = |a: &&ActorWindow| a.unfinished() && !a.progressed() && a.ran == Some(false);
    let blocked = window.actors.iter().filter(idle).count();
    (progressed && blocked > 0).then(|| {
        format!("{} did not run at all in that time while others progressed", actors(blocked))
    })
}

fn is_sleep(wait: &Wait) -> bool {
    let sleeps = [libc::SYS_nanosleep, libc::SYS_clock_nanosleep, libc::SYS_pause];
    matches!(wait, Wait::Syscall { nr } if sleeps.contains(nr))
}

/// What the steps say, in one line. The target wrote them, so they may be any numbers.
fn steps(window: &Window) -> Option<String> {
    let made = window.actors.iter().map(|a| a.steps_after.saturating_sub(a.steps_before));
    let (least, most) = (made.clone().min()?, made.clone().max()?);
    let total = made.fold(0, u64::saturating_add);
    let ended = window.actors.iter().filter(|a| a.ended).count();
    let n = actors(window.actors.len());
    Some(format!("{n} made {total} steps in that time (least {least}, most {most}); {ended} ended"))
}

/// How many threads did what, in one line.
fn doings(window: &Window) -> Option<String> {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for thread in &window.threads {
        let doing = match thread.wait {
            Wait::Futex { timed: false, .. } => "waiting for a futex".to_owned(),
            Wait::Futex { timed: true, .. } => "waiting for a futex with a time limit".to_owned(),
            other => other.to_string(),
        };
        *counts.entry(doing).or_default() += 1;
    }
    let list: Vec<String> = counts.iter().map(|(doing, n)| format!("{n} {doing}")).collect();
    (!list.is_empty()).then(|| format!("threads at the end: {}", list.join(", ")))
}

/// A thread's place for the fingerprint: the innermost named caller, since a busy thread's own
/// innermost frame changes from sample to sample.
fn place(stack: &crate::capture::ThreadStack) -> String {
    waits::site(stack).caller.and_then(path).unwrap_or_default()
}
