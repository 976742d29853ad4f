//! How a trial ended: facts, no judgement.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use serde::{Deserialize, Serialize};
use standstill_scheduler::abi::{
    Blocked, Decision, Event, Op, Order, Outcome, STANDS_DEADLOCK, STANDS_ENDLESS,
};

use super::output::Printed;
use super::places::{Line, Place, is_own};
use crate::board::Outcome as BoardOutcome;
use crate::capture::Frame;
use crate::observation::Output;
use crate::os::process::signal_name;
use crate::scene::Scene;

/// What the last thing was that is known of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It exited with this code.
    Exited(i32),
    /// A signal ended it that nobody here had sent.
    Killed(i32),
    /// The model says that it stands still; it was killed then.
    Stood(Stand),
    /// No step was made until the time was up; it was killed then.
    Silent,
    /// The time for all trials was up.
    Cut,
}

/// Why the runtime stopped a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stand {
    /// Nobody can run, and nobody waits for time or for the outside.
    Deadlock,
    /// The steps that it was given are over.
    Endless,
}

impl How {
    /// From a wait status.
    pub fn of_status(status: i32) -> How {
        if libc::WIFSIGNALED(status) {
            How::Killed(libc::WTERMSIG(status))
        } else {
            How::Exited(libc::WEXITSTATUS(status))
        }
    }

    /// From one of the runtime's `STANDS_*`.
    pub fn of_stand(stand: u32) -> Option<How> {
        match stand {
            STANDS_DEADLOCK => Some(How::Stood(Stand::Deadlock)),
            STANDS_ENDLESS => Some(How::Stood(Stand::Endless)),
            _ => None,
        }
    }
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            How::Exited(code) => write!(f, "exited with code {code}"),
            How::Killed(signal) => write!(f, "was ended by {}", signal_name(*signal)),
            How::Stood(Stand::Deadlock) => f.write_str("stood still"),
            How::Stood(Stand::Endless) => f.write_str("did not end in the steps it was given"),
            How::Cut => f.write_str("was cut short"),
            How::Silent => f.write_str("made no step until the time was up"),
        }
    }
}

/// The counters of an [`Outcome`], copied when the trial was over. Their meaning is told there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Numbers {
    pub threads: u32,
    pub steps: u64,
    /// Of those, the ones under fair choices.
    pub fair_steps: u64,
    pub switches: u64,
    pub preemptions: u32,
    pub hash: u64,
    pub virtual_ns: u64,
    pub decisions: u32,
    pub events: u32,
    pub seized: u32,
    pub unmodelled: u32,
    pub strays: u32,
    pub early: u32,
    pub blocked: u32,
    pub blocked_more: u32,
    pub widest: u32,
    pub missed: u32,
    pub changes: u64,
    pub fair_changes: u64,
}

impl Numbers {
    /// Steps that it took to come to the end: what went before fair choices may have been a schedule
    /// that nobody could have made progress in.
    pub fn needed(&self) -> u64 {
        if self.fair_steps > 0 { self.fair_steps } else { self.steps }
    }

    /// A copy of the counters as they stand.
    pub fn of(outcome: &Outcome, order: &Order) -> Numbers {
        let steps = outcome.steps.load(Relaxed);
        Numbers {
            threads: outcome.threads.load(Relaxed),
            steps,
            fair_steps: steps.saturating_sub(order.fair_after),
            switches: outcome.switches.load(Relaxed),
            preemptions: outcome.preemptions.load(Relaxed),
            hash: outcome.hash.load(Relaxed),
            virtual_ns: outcome.virtual_ns.load(Relaxed),
            decisions: outcome.decisions.load(Relaxed),
            events: outcome.events.load(Relaxed),
            seized: outcome.seized.load(Relaxed),
            unmodelled: outcome.unmodelled.load(Relaxed),
            strays: outcome.strays.load(Relaxed),
            early: outcome.early.load(Relaxed),
            blocked: outcome.blocked.load(Relaxed),
            blocked_more: outcome.blocked_more.load(Relaxed),
            widest: outcome.widest.load(Relaxed),
            missed: outcome.missed.load(Relaxed),
            changes: outcome.changes.load(Relaxed),
            fair_changes: outcome.fair_changes.load(Relaxed),
        }
    }

    /// What the model did not see or had to force, each a clause: with any of these a conclusion from
    /// the model is no proof, and the schedule may not repeat.
    pub fn doubts(&self) -> Vec<String> {
        let counted = [
            (self.strays, "threads ran without control"),
            (self.seized, "times a thread was passed over that slept or spun out of sight"),
            (self.unmodelled, "calls that could block were not modelled"),
        ];
        let some = counted.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, what)| format!("{count} {what}")).collect()
    }
}

/// All that is known of a trial that is over.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How.
    pub how: How,
    /// The process that it ran in.
    pub pid: i32,
    /// The counters.
    pub numbers: Numbers,
    /// The threads of a trial that stood still, in the order of their creation.
    pub blocked: Vec<Blocked>,
    /// What the addresses in `blocked` are, as far as somebody looked.
    pub places: BTreeMap<u64, Place>,
    /// The departures from the default rule that were made.
    pub decisions: Vec<Decision>,
    /// What was recorded, if that was asked for.
    pub events: Vec<Event>,
    /// The beginning and the end of what it printed.
    pub stdout: Output,
    /// See `stdout`.
    pub stderr: Output,
    /// All that it printed on its standard output, where that is compared.
    pub printed: Option<Printed>,
    /// What a scenario says that it came to, and in which words.
    pub said: Option<(BoardOutcome, String)>,
    /// What the outside monitor saw, where it looked.
    pub scene: Option<Scene>,
}

impl Ended {
    /// A trial that no process ran: it ended so, with these numbers, and nothing else is known of it.
    #[cfg(test)]
    pub(super) fn fabricated(how: How, numbers: Numbers) -> Ended {
        Ended {
            how,
            pid: 1,
            numbers,
            blocked: vec![],
            places: BTreeMap::new(),
            decisions: vec![],
            events: vec![],
            stdout: Output::default(),
            stderr: Output::default(),
            printed: None,
            said: None,
            scene: None,
        }
    }

    /// The addresses that tell where its threads wait, and where they took what others wait for.
    pub fn addresses(&self) -> Vec<u64> {
        self.blocked.iter().flat_map(|thread| [thread.pc, thread.owner_pc]).collect()
    }

    /// Where a thread stands, in the program's own terms: the innermost call outside of libraries of
    /// the language, from its stack where somebody looked, else from the address alone.
    pub fn place_of(&self, thread: &Blocked) -> Option<String> {
        let stacks = self.scene.as_ref().and_then(|scene| scene.looks.last());
        let stack = stacks.and_then(|look| {
            look.stacks.threads.iter().find(|stack| stack.tid as u32 == thread.tid)
        });
        let own = stack.and_then(|stack| {
            stack.frames.iter().find_map(|frame| {
                let function = frame.function.as_deref()?;
                let file = frame.file.as_deref().filter(|file| is_own(function, file))?;
                Some(Line::new(function, Some(file), frame.line).to_string())
            })
        });
        own.or_else(|| self.places.get(&thread.pc).map(ToString::to_string))
    }

    /// The functions that a thread waits in, the innermost first: those of its stack, as far as its own
    /// code, where somebody looked, else those of the address alone.
    pub fn functions_of(&self, thread: &Blocked) -> Vec<&str> {
        let stacks = self.scene.as_ref().and_then(|scene| scene.looks.last());
        let stack = stacks.and_then(|look| {
            look.stacks.threads.iter().find(|stack| stack.tid as u32 == thread.tid)
        });
        if let Some(stack) = stack.filter(|stack| !stack.frames.is_empty()) {
            let is_library = |frame: &&Frame| {
                let file = frame.file.as_deref().unwrap_or_default();
                !is_own(frame.function.as_deref().unwrap_or("std::"), file)
            };
            let library = stack.frames.iter().take_while(is_library);
            return library.filter_map(|frame| frame.function.as_deref()).collect();
        }
        let place = self.places.get(&thread.pc);
        place.iter().flat_map(|place| &place.frames).map(|line| line.function.as_str()).collect()
    }

    /// Whether both ended alike, and printed the same if they exited and that is compared.
    pub fn ends_like(&self, other: &Ended) -> bool {
        let said = |ended: &Ended| ended.said.as_ref().map(|(outcome, _)| *outcome);
        let is_same_output = match (&self.printed, &other.printed) {
            (Some(one), Some(two)) if matches!(self.how, How::Exited(_)) => one.is_like(two),
            _ => true,
        };
        self.how == other.how && said(self) == said(other) && is_same_output
    }

    /// Takes in what its addresses are called, and what follows from that.
    pub fn name(&mut self, places: BTreeMap<u64, Place>) {
        self.places = places;
        super::judge::standstill::forget_owners_of_events(self);
    }

    /// Whether every decision is known, so that they repeat the schedule.
    pub fn has_all_decisions(&self) -> bool {
        self.decisions.len() as u64 == u64::from(self.numbers.decisions)
    }
}

/// An operation as a reader calls it: what a thread that is about to do it waits for.
pub fn waits_for(op: Op) -> &'static str {
    match op {
        Op::None => "nothing: it could run",
        Op::Join => "the end of a thread",
        Op::MutexLock | Op::MutexTry | Op::MutexUnlock => "a mutex",
        Op::CondRelock => "the mutex of a condition variable that woke it",
        Op::ReadLock => "a read-write lock, to read",
        Op::WriteLock => "a read-write lock, to write",
        Op::RwTry | Op::RwUnlock => "a read-write lock",
        Op::CondWait | Op::CondSignal | Op::CondBroadcast => "a condition variable",
        Op::BarrierWait => "a barrier",
        Op::Once => "a once-initialisation that another thread runs",
        Op::SemWait | Op::SemTry | Op::SemPost => "a semaphore",
        Op::FutexWait | Op::FutexWake => "a futex",
        Op::SpinLock | Op::SpinTry | Op::SpinUnlock => "a spin lock",
        Op::Sleep | Op::Clock => "a time",
        Op::Io | Op::Outside => "something outside",
        Op::Fork => "a fork",
        Op::Start | Op::Create | Op::Exit | Op::Cancel => "its turn",
        Op::Yield | Op::Rmw | Op::Load | Op::Store | Op::Pause => "memory to change",
    }
}
