//! A trial that ended by itself: its exit code, or the signal that it died of.

use super::{Baseline, Judgement};
use crate::board::Outcome;
use crate::detect::crash::EARNED;
use crate::detect::fingerprint;
use crate::explore::ended::Ended;
use crate::observation::Output;
use crate::os::process::signal_name;
use crate::verdict::{Confidence, Finding, Kind};

/// What a Rust program exits with when its main thread, or a test in it, panics.
pub(super) const PANICKED: i32 = 101;

pub(super) fn exited(ended: &Ended, code: i32, baseline: &Baseline) -> Judgement {
    if code == PANICKED
        && let Some(panic) = panic_of(&ended.stderr, &ended.stdout)
    {
        return Judgement::Found(panicked(panic, "the process exited with code 101"));
    }
    if baseline.is_usual(code) {
        return Judgement::Clean;
    }
    let expected = baseline.expected();
    let mut evidence = vec![];
    if let Some(line) = last_line(&ended.stderr) {
        evidence.push(format!("last line on stderr: {line}"));
    }
    Judgement::Found(Finding {
        kind: Kind::WrongResult,
        confidence: Confidence::Proven,
        summary: format!("exit code {code} instead of {expected}"),
        evidence,
        fingerprint: fingerprint(Kind::WrongResult, vec![code.to_string()]),
    })
}

/// What a scenario says of itself: its actors' panics and its checks do not change its exit code.
pub(super) fn said(ended: &Ended) -> Judgement {
    let Some((outcome, message)) = &ended.said else { return Judgement::Clean };
    let first = message.lines().next().unwrap_or_default().to_owned();
    match outcome {
        Outcome::Passed => Judgement::Clean,
        Outcome::Panicked => Judgement::Found(match panic_in(message) {
            Some(panic) => panicked(panic, "an actor panicked"),
            None => panicked(
                Panic { place: String::new(), message: first, earlier: vec![] },
                "an actor panicked",
            ),
        }),
        Outcome::WrongResult => Judgement::Found(Finding {
            kind: Kind::WrongResult,
            confidence: Confidence::Proven,
            summary: first,
            evidence: message.lines().map(str::to_owned).collect(),
            fingerprint: fingerprint(Kind::WrongResult, vec![]),
        }),
        Outcome::NotPrepared => Judgement::Inconclusive(format!("it was not prepared: {first}")),
        Outcome::Undecided => Judgement::Inconclusive(first),
        Outcome::Pending | Outcome::Probed => {
            Judgement::Inconclusive("the scenario ended before its outcome stood".to_owned())
        }
    }
}

pub(super) fn killed(ended: &Ended, signal: i32) -> Judgement {
    let name = signal_name(signal);
    if !EARNED.contains(&signal) {
        let hint = if signal == libc::SIGKILL { ", perhaps for want of memory" } else { "" };
        return Judgement::Inconclusive(format!("something ended it with {name}{hint}"));
    }
    if signal == libc::SIGABRT
        && let Some(panic) = panic_of(&ended.stderr, &ended.stdout)
    {
        return Judgement::Found(panicked(panic, "the process aborted"));
    }
    let mut evidence = vec![format!("the process died of {name}")];
    let mut places = vec![name.clone()];
    if let Some(line) = last_line(&ended.stderr) {
        evidence.push(format!("last line on stderr: {line}"));
        // What glibc or an assertion says tells one abort from another; addresses would not repeat.
        if signal == libc::SIGABRT && !line.contains("0x") {
            places.push(line);
        }
    }
    Judgement::Found(Finding {
        kind: Kind::Crash,
        confidence: Confidence::Proven,
        summary: format!("the process died of {name}"),
        evidence,
        fingerprint: fingerprint(Kind::Crash, places),
    })
}

/// Where and why a thread panicked.
pub(super) struct Panic {
    place: String,
    message: String,
    /// Those before it, the first ones first. It may come of them, as of a thread whose panic its
    /// joiner passes on; they may as well have been caught.
    earlier: Vec<String>,
}

/// So many panics before the last one are told.
const EARLIER: usize = 3;

/// The last panic that was told of.
pub(super) fn panic_of(stderr: &Output, stdout: &Output) -> Option<Panic> {
    // libtest captures what a test says, and prints it on standard output when it has failed.
    [stderr, stdout].into_iter().find_map(|output| panic_in(&output.to_string()))
}

fn panic_in(text: &str) -> Option<Panic> {
    let mut told: Vec<(String, String)> = text.split("panicked at ").skip(1).map(told).collect();
    let (place, message) = told.pop()?;
    let earlier = told.iter().take(EARLIER);
    let earlier = earlier.map(|(place, message)| format!("{place}: {message}")).collect();
    Some(Panic { place, message, earlier })
}

/// Place and message, from what follows `panicked at`.
fn told(after: &str) -> (String, String) {
    let mut lines = after.lines();
    let place = lines.next().unwrap_or_default().trim_end_matches(':').to_owned();
    (place, lines.next().unwrap_or_default().trim().to_owned())
}

fn panicked(panic: Panic, how: &str) -> Finding {
    let Panic { place, message, earlier } = panic;
    let earlier = earlier.iter().map(|panic| format!("before it, a thread panicked at {panic}"));
    Finding {
        kind: Kind::Panic,
        confidence: Confidence::Proven,
        summary: format!("a thread panicked at {place}: {message}"),
        evidence: [how.to_owned()].into_iter().chain(earlier).collect(),
        fingerprint: fingerprint(Kind::Panic, vec![place]),
    }
}

fn last_line(output: &Output) -> Option<String> {
    let text = output.to_string();
    let line = text.lines().rfind(|line| !line.trim().is_empty())?;
    Some(line.trim().chars().take(200).collect())
}
