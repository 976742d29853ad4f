//! A trial that did not end in the steps that it was given, half of them under fair choices.
//!
//! A schedule may be unlucky, and a program may be long. Fair choices take the luck away: a thread
//! that could help the others is chosen again and again. The length is known from trials that ended.

use standstill_scheduler::abi::Op;

use super::{Baseline, Judgement};
use crate::detect::fingerprint;
use crate::explore::ended::Ended;
use crate::verdict::{Confidence, Finding, Kind};

/// Trials that must have ended as they should before another can be called endless.
const KNOWN: u64 = 3;
/// How many times the longest of them an endless one must be.
const TIMES: u64 = 25;

pub(super) fn judge(ended: &Ended, baseline: &Baseline) -> Judgement {
    let numbers = &ended.numbers;
    let steps = numbers.steps;
    let unclear = |why: String| {
        Judgement::Inconclusive(format!("it did not end in {steps} steps, and {why}"))
    };
    let doubts = numbers.doubts();
    if !doubts.is_empty() {
        return unclear(doubts.join(", "));
    }
    let outside = |op: u32| matches!(Op::of(op), Op::Io | Op::Outside);
    if ended.blocked.iter().any(|thread| outside(thread.op)) {
        return unclear("a thread waits for something outside".to_owned());
    }
    if baseline.good < KNOWN || numbers.needed() < TIMES * baseline.longest {
        return unclear("too little is known of how long it takes".to_owned());
    }
    let idle = numbers.changes == numbers.fair_changes;
    let busy = ended.blocked.iter().filter(|t| is_busy(t.op)).count();
    let mut evidence = vec![
        format!("{steps} steps, {} of them under fair choices", numbers.fair_steps),
        format!(
            "{} other trials ended, and needed at most {} steps",
            baseline.good, baseline.longest
        ),
    ];
    evidence.push(if idle {
        "no lock, wake-up or atomic changed anything under fair choices".to_owned()
    } else {
        format!("{} changes of state under fair choices", numbers.changes - numbers.fair_changes)
    });
    evidence.extend(ended.blocked.iter().map(|t| super::standstill::line(ended, t)));
    Judgement::Endless(Finding {
        kind: Kind::Livelock,
        confidence: if idle { Confidence::Proven } else { Confidence::Inferred },
        summary: format!("{busy} threads run and never come to an end"),
        evidence,
        fingerprint: fingerprint(Kind::Livelock, vec![]),
    })
}

/// Whether a thread that is about to do this could run.
fn is_busy(op: u32) -> bool {
    !matches!(
        Op::of(op),
        Op::Join | Op::CondWait | Op::BarrierWait | Op::FutexWait | Op::SemWait | Op::MutexLock
    )
}
