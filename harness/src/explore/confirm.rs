//! Native confirmation: does what control showed also come about without it?
//!
//! Two kinds of runs, both on all CPUs, with the kernel as scheduler and in real time. Plain ones are
//! the program as it is. In the others the runtime is loaded and decides nothing: where a thread waited
//! for its turn in the minimal schedule it sleeps, the longer the more turns it waited for. Such a
//! moment is named by how often the thread had come to the runtime. Sleeping widens windows and makes
//! no order that the program could not have by itself (Edelstein, O., et al. (2002). Multithreaded Java program test
//! generation. IBM Systems Journal 41(1)).
//!
//! What counts is the kind of what is found. A run that is late is looked at, and counts only where
//! its threads are seen to wait for ever.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use standstill_scheduler::abi::{Decision, Event, FLAG_NOISE, FLAG_RECORD, MAX_DECISIONS, Order};

use super::ended::{Ended, How};
use super::interleaving::switches::turns;
use super::judge::{Baseline, Judgement, judge};
use super::native;
use super::rerun::{Look, Rerun};
use super::server::ServerError;
use super::target::Target;
use crate::detect::scene;
use crate::inspect::Inspector;
use crate::os::control::ANY_CPU;
use crate::os::process::signal_name;
use crate::verdict::Kind;

/// How long a turn is, one after the other.
const SLEEPS: [Duration; 3] =
    [Duration::from_millis(10), Duration::from_millis(1), Duration::from_millis(30)];
/// Sleeps at one moment, at most.
const MOST: u32 = 16;
/// What a run gets beyond three times the longest that ended.
const GRACE: Duration = Duration::from_millis(500);
/// The longest that ended, until one has.
const UNKNOWN: Duration = Duration::from_millis(500);

/// How often something was seen in runs without control.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Runs with sleeps that showed the finding's kind, and all of them.
    pub with_sleeps: (u32, u32),
    /// The same of plain runs.
    pub plain: (u32, u32),
    /// Runs of either sort that showed something else, by what it was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<Kind, u32>,
    /// Runs of either sort that were late, and of which nothing could be said.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub late: u32,
    /// Runs with sleeps in which no thread came to a moment at which it was to sleep.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sleepless: u32,
    /// Runs of each sort that were asked for; 0 in records of an earlier standstill.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub asked: u32,
    /// Why there are fewer than that, if there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Confirmed {
    /// Whether it was seen without control at all.
    pub fn is_native(&self) -> bool {
        self.with_sleeps.0 > 0 || self.plain.0 > 0
    }

    /// That there are fewer runs than were asked for, and why.
    pub fn remark(&self) -> Option<String> {
        let why = self.cut_short.as_ref()?;
        Some(format!("{} of each sort were asked for: {why}", self.asked))
    }

    /// Counts a run; whether it showed the kind.
    fn count(&mut self, kind: Kind, seen: Seen) -> u32 {
        match seen {
            Seen::Kind(seen) if is_like(seen, kind) => return 1,
            Seen::Kind(other) => *self.others.entry(other).or_default() += 1,
            Seen::Late => self.late += 1,
            Seen::Well => {}
        }
        0
    }
}

/// Whether both are the same, or both a standstill: which of the sorts it is depends on what can be
/// known of the locks, and the model knows other things than a look from outside.
fn is_like(one: Kind, other: Kind) -> bool {
    let stands = |kind| matches!(kind, Kind::Deadlock | Kind::SelfDeadlock | Kind::LostWakeup);
    one == other || stands(one) && stands(other)
}

/// What one run showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing.
    Well,
    /// A failure of this kind.
    Kind(Kind),
    /// It was late, and nothing shows that it would never have ended.
    Late,
}

/// What bounds a confirmation.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Runs of each sort.
    pub attempts: u32,
    /// No run is begun later.
    pub until: Instant,
}

/// Runs the target without control: first as it is, then with sleeps at the switches of a recorded
/// schedule that ended with a finding of this kind. Half of the time is for either.
pub fn confirm(
    target: &Target,
    baseline: &Baseline,
    (kind, events): (Kind, &[Event]),
    order: &Order,
    bounds: Bounds,
    stop: &AtomicBool,
) -> Result<Confirmed, ServerError> {
    let mut confirmed = Confirmed { asked: bounds.attempts, ..Confirmed::default() };
    let mut longest = None;
    let given = bounds.until.saturating_duration_since(Instant::now());
    let half = Instant::now() + bounds.until.saturating_duration_since(Instant::now()) / 2;
    let is_over =
        |until| Instant::now() >= until || stop.load(std::sync::atomic::Ordering::Relaxed);
    let mut inspector = Inspector::new();
    while confirmed.plain.1 < bounds.attempts && !is_over(half) {
        let begun = Instant::now();
        let patience = patience(longest, bounds.until);
        let ended = native::attempt(target, ANY_CPU, patience, stop, &mut inspector)
            .map_err(|error| ServerError::System("run the program without control", error))?;
        if ended.how == How::Cut {
            break;
        }
        if ended.how != How::Silent {
            longest = longest.max(Some(begun.elapsed()));
        }
        confirmed.plain.1 += 1;
        confirmed.plain.0 += confirmed.count(kind, seen(&ended, baseline));
    }
    let script = moments(events);
    if script.is_empty() {
        // Nothing was asked of a schedule in which nobody waited for a turn, or that is not known.
        let plain = (confirmed.plain.1, bounds.attempts);
        confirmed.cut_short = why_fewer(plain, given, stop);
        return Ok(confirmed);
    }
    let mut target = target.clone();
    // A program that stood still in every plain run has told no length.
    let asleep = SLEEPS.into_iter().max().unwrap_or_default() * script.len().min(50) as u32;
    target.timeout = patience(longest, bounds.until) + asleep;
    let mut rerun = Rerun::start(&target, baseline, ANY_CPU, bounds.until, stop)?;
    while confirmed.with_sleeps.1 < bounds.attempts && !is_over(bounds.until) {
        let sleep = SLEEPS[confirmed.with_sleeps.1 as usize % SLEEPS.len()];
        let flags = order.flags & !FLAG_RECORD | FLAG_NOISE;
        let order = Order { length: sleep.as_nanos() as u64, flags, ..*order };
        let ended = rerun.run(&order, &script, Look::Stacks, bounds.until)?.ended;
        if ended.how == How::Cut {
            break;
        }
        confirmed.with_sleeps.1 += 1;
        confirmed.sleepless += u32::from(ended.numbers.switches == 0);
        confirmed.with_sleeps.0 += confirmed.count(kind, seen(&ended, baseline));
    }
    let fewest = confirmed.plain.1.min(confirmed.with_sleeps.1);
    confirmed.cut_short = why_fewer((fewest, bounds.attempts), given, stop);
    Ok(confirmed)
}

/// What ended it before there were as many runs as were asked for.
fn why_fewer((made, asked): (u32, u32), given: Duration, stop: &AtomicBool) -> Option<String> {
    (made < asked).then(|| match stop.load(std::sync::atomic::Ordering::Relaxed) {
        true => "stopped by an interrupt".to_owned(),
        false => {
            format!("stopped after {} s, half of them for either sort", given.as_secs_f64().round())
        }
    })
}

/// How long a run may take.
fn patience(longest: Option<Duration>, until: Instant) -> Duration {
    let patience = longest.unwrap_or(UNKNOWN) * 3 + GRACE;
    patience.min(until.saturating_duration_since(Instant::now()))
}

/// Who is to sleep when: each thread before each of its turns for as many sleeps as there were turns
/// since its last, so that turns follow one another as they did under control.
fn moments(events: &[Event]) -> Vec<Decision> {
    let turns = turns(events);
    let sleeps = turns.iter().flat_map(|turn| {
        let moment = Decision { step: turn.entry, thread: turn.thread };
        std::iter::repeat_n(moment, turn.waited.min(MOST) as usize)
    });
    sleeps.take(MAX_DECISIONS).collect()
}

/// What is said of a process that handles the runtime's two signals and no others.
fn ours() -> String {
    let [trap, tick] = [libc::SIGTRAP, libc::SIGPROF].map(signal_name);
    format!("it handles {trap}, {tick}, which anybody may send")
}

/// What a run without control shows: nobody is parked there, so the detectors for processes that
/// nobody prepared judge who is late.
pub(crate) fn seen(ended: &Ended, baseline: &Baseline) -> Seen {
    if ended.how == How::Silent {
        let found = ended.scene.clone().map(|mut scene| {
            // Handlers of the runtime that wake nobody here: in these runs it controls nothing.
            scene.wakers.retain(|waker| waker != &ours());
            scene::judge(&scene)
        });
        let kind = found.as_ref().and_then(|verdict| verdict.first()).map(|finding| finding.kind);
        return kind.map_or(Seen::Late, Seen::Kind);
    }
    match judge(ended, baseline) {
        Judgement::Found(finding) | Judgement::Held(finding) => Seen::Kind(finding.kind),
        _ => Seen::Well,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_runs_than_were_asked_for_are_explained() {
        let (running, stopped) = (AtomicBool::new(false), AtomicBool::new(true));
        let given = Duration::from_millis(19_960);
        assert_eq!(why_fewer((20, 20), given, &running), None);
        let cut_short = why_fewer((9, 20), given, &running);
        let confirmed = Confirmed { asked: 20, cut_short, ..Confirmed::default() };
        let told =
            "20 of each sort were asked for: stopped after 20 s, half of them for either sort";
        assert_eq!(confirmed.remark().as_deref(), Some(told));
        assert_eq!(why_fewer((9, 20), given, &stopped).unwrap(), "stopped by an interrupt");
        let text = serde_json::to_string(&confirmed).unwrap();
        assert_eq!(serde_json::from_str::<Confirmed>(&text).unwrap(), confirmed);
        assert_eq!(
            serde_json::to_string(&Confirmed::default()).unwrap().matches("asked").count(),
            0
        );
    }

    #[test]
    fn only_the_kind_counts_as_confirmation() {
        let mut confirmed = Confirmed::default();
        let runs = [
            (Seen::Kind(Kind::Deadlock), 1),
            (Seen::Kind(Kind::Crash), 0),
            (Seen::Late, 0),
            (Seen::Well, 0),
        ];
        for (seen, expected) in runs {
            assert_eq!(confirmed.count(Kind::Deadlock, seen), expected);
        }
        assert_eq!((confirmed.others[&Kind::Crash], confirmed.late), (1, 1));
        assert!(!confirmed.is_native());
        assert!(Confirmed { plain: (1, 9), ..confirmed }.is_native());
    }
}
