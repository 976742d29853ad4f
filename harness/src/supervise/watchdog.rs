//! The watchdog: a pure state machine that is fed samples and says when a trial stands still.
//!
//! It proves a complete standstill by *double collect*. Every thread is read twice, one collect
//! after the other. If both show the same threads, each in the same untimed futex wait with the same
//! schedule count, then no thread ran between its two readings, so all of them were blocked at the
//! moment between the collects; what is blocked on memory of its own process can only be woken by a
//! thread of that process; and there is none left to do it. A single collect proves nothing: it
//! reads the first thread before the second has woken it.
//!
//! Anything else waits for the deadline, and is described by what happened in the last quarter of
//! the time before it. Time, samples and decisions are plain values, so that tests can feed every
//! order of them.

use std::time::Duration;

use crate::board::Phase;
use crate::observation::{ActorSeen, ActorWindow, Standstill, ThreadSeen, Wait, Window};

/// How often a trial is looked at.
pub const PERIOD: Duration = Duration::from_millis(5);

/// One reading of all threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collect {
    /// The threads by id. Not all of them if `complete` is false.
    pub threads: Vec<ThreadSeen>,
    /// Whether all threads were read, and there was at least one.
    pub complete: bool,
}

impl Collect {
    fn all_in_futex(&self) -> bool {
        let somebody = self.complete && !self.threads.is_empty();
        somebody && self.threads.iter().all(|t| t.wait.is_futex_forever())
    }
}

/// What can be read at little cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Time since the trial was ordered.
    pub at: Duration,
    /// CPU time of the process.
    pub cpu: Duration,
    /// How far the trial is.
    pub phase: Phase,
    /// Its actors.
    pub actors: Vec<ActorSeen>,
}

/// What the watchdog is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A look at clock and board.
    Tick(Tick),
    /// The answer to [`Output::CollectTwice`].
    Collected {
        /// The first collect.
        first: Collect,
        /// The second, made when the first had ended; `None` if the first was not all futex waits.
        second: Option<Collect>,
        /// What outside the threads could wake one; empty if that was not asked because the two
        /// collects differ.
        wakers: Vec<String>,
    },
    /// The answer to [`Output::Survey`].
    Surveyed {
        /// All threads.
        all: Collect,
        /// What outside the threads could wake one.
        wakers: Vec<String>,
    },
}

/// What the watchdog wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Nothing until the next tick.
    Wait,
    /// A double collect, now.
    CollectTwice,
    /// One collect of all threads, whatever they do.
    Survey,
    /// The trial is over; this is why.
    Conclude(Standstill),
}

/// The deadlines of one trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For the actors, from the opening of the gate.
    pub acting: Duration,
    /// For each other phase, from its beginning.
    pub other: Duration,
}

/// Watches one trial.
#[derive(Debug)]
pub struct Watchdog {
    deadlines: Deadlines,
    now: Tick,
    /// When the present phase began, and the CPU time then.
    since: Duration,
    since_cpu: Duration,
    /// CPU time in this phase when a step was last seen to have been made, and all steps until then.
    stepped: Option<(Duration, u64)>,
    /// CPU time at which a collect last found somebody who was not blocked for ever. Until the clock
    /// moves nobody has run, so nothing can have changed.
    idle_cpu: Option<Duration>,
    /// The look taken a quarter of the time before the deadline.
    mark: Option<Mark>,
}

#[derive(Debug)]
struct Mark {
    tick: Tick,
    threads: Vec<ThreadSeen>,
}

impl Watchdog {
    /// A watchdog at the moment at which the trial is ordered.
    pub fn new(deadlines: Deadlines) -> Watchdog {
        let now = Tick {
            at: Duration::ZERO,
            cpu: Duration::ZERO,
            phase: Phase::Starting,
            actors: vec![],
        };
        let (since, since_cpu) = (Duration::ZERO, Duration::ZERO);
        Watchdog { deadlines, now, since, since_cpu, stepped: None, idle_cpu: None, mark: None }
    }

    /// Takes one input and says what is wanted next.
    pub fn feed(&mut self, input: Input) -> Output {
        match input {
            Input::Tick(tick) => self.tick(tick),
            Input::Collected { first, second, wakers } => self.collected(first, second, &wakers),
            Input::Surveyed { all, wakers } => self.surveyed(all.threads, wakers),
        }
    }

    fn tick(&mut self, tick: Tick) -> Output {
        if tick.phase != self.now.phase {
            self.since = tick.at;
            self.since_cpu = tick.cpu;
            self.stepped = None;
            self.mark = None;
        }
        let steps = tick.actors.iter().fold(0, |all: u64, actor| all.saturating_add(actor.steps));
        if steps > self.stepped.map_or(0, |(_, before)| before) {
            self.stepped = Some((tick.cpu.saturating_sub(self.since_cpu), steps));
        }
        let moved = tick.cpu != self.now.cpu;
        self.now = tick;
        let deadline = self.deadline();
        if self.is_over() || (self.mark.is_none() && self.spent() >= deadline - deadline / 4) {
            return Output::Survey;
        }
        if !moved && self.idle_cpu != Some(self.now.cpu) {
            return Output::CollectTwice;
        }
        Output::Wait
    }

    fn deadline(&self) -> Duration {
        match self.now.phase {
            Phase::Running => self.deadlines.acting,
            _ => self.deadlines.other,
        }
    }

    fn spent(&self) -> Duration {
        self.now.at.saturating_sub(self.since)
    }

    /// Whether the deadline has passed and the window before it was seen in full. A watchdog that was
    /// itself kept from running concludes later, not on less.
    fn is_over(&self) -> bool {
        let seen = self.mark.as_ref().map(|m| self.now.at.saturating_sub(m.tick.at));
        self.spent() >= self.deadline() && seen.is_some_and(|seen| seen >= self.deadline() / 4)
    }

    fn collected(&mut self, first: Collect, second: Option<Collect>, wakers: &[String]) -> Output {
        let proven = wakers.is_empty() && first.all_in_futex() && second.as_ref() == Some(&first);
        if proven {
            let after_us = self.now.at.as_micros() as u64;
            return Output::Conclude(Standstill::Complete { after_us, threads: first.threads });
        }
        // Somebody who runs, or whom `/proc` hides, may look different at the very same clock.
        let settled = second.is_none_or(|second| second == first)
            && first.threads.iter().all(|t| !matches!(t.wait, Wait::Running | Wait::Unreadable));
        self.idle_cpu = settled.then_some(self.now.cpu);
        Output::Wait
    }

    fn surveyed(&mut self, threads: Vec<ThreadSeen>, wakers: Vec<String>) -> Output {
        let over = self.is_over();
        let Some(mark) = self.mark.as_ref().filter(|_| over) else {
            self.mark = Some(Mark { tick: self.now.clone(), threads });
            return Output::Wait;
        };
        let window = Window {
            ms: self.now.at.saturating_sub(mark.tick.at).as_millis() as u64,
            cpu_ms: self.now.cpu.saturating_sub(mark.tick.cpu).as_millis() as u64,
            step_us: self.stepped.map(|(cpu, steps)| cpu.as_micros() as u64 / steps),
            waited_ms: waited(&mark.threads, &threads).as_millis() as u64,
            actors: actor_windows(mark, &self.now.actors, &threads),
            still: still(&mark.threads, &threads),
            threads,
            wakers,
        };
        Output::Conclude(Standstill::Deadline { phase: self.now.phase, window })
    }
}

/// How long the threads of the second survey waited for a CPU since the first.
fn waited(then: &[ThreadSeen], now: &[ThreadSeen]) -> Duration {
    let before = |tid| then.iter().find(|t| t.tid == tid).map_or(0, |t| t.schedstat[1]);
    let since = now.iter().map(|t| t.schedstat[1].saturating_sub(before(t.tid)));
    Duration::from_nanos(since.fold(0, u64::saturating_add))
}

/// Who waited without a time limit at both surveys and did not run between them.
fn still(then: &[ThreadSeen], now: &[ThreadSeen]) -> Vec<i32> {
    let waits = now.iter().filter(|thread| thread.wait.is_futex_forever());
    waits.filter(|thread| then.contains(thread)).map(|thread| thread.tid).collect()
}

fn actor_windows(mark: &Mark, now: &[ActorSeen], threads: &[ThreadSeen]) -> Vec<ActorWindow> {
    use crate::board::ActorState::{Finished, Panicked, Running};
    let is = |actor: &ActorSeen, state| actor.state == state;
    let has_ended = |actor: &ActorSeen| is(actor, Finished) || is(actor, Panicked);
    let count = |threads: &[ThreadSeen], tid| {
        threads
            .iter()
            .find(|t| t.tid == tid && t.wait != Wait::Unreadable)
            .map(|t| (t.schedstat[0], t.schedstat[2]))
    };
    now.iter()
        .enumerate()
        .map(|(i, actor)| {
            let before = mark.tick.actors.get(i);
            let (then, now) = (count(&mark.threads, actor.tid), count(threads, actor.tid));
            let ran = then.zip(now).map(|(then, now)| then != now);
            ActorWindow {
                steps_before: before.map_or(0, |b| b.steps),
                steps_after: actor.steps,
                started: is(actor, Running) && !before.is_some_and(|b| is(b, Running)),
                ended: has_ended(actor) && !before.is_some_and(has_ended),
                state: actor.state,
                ran,
                cpu_us: then.zip(now).map(|(then, now)| now.0.saturating_sub(then.0) / 1000),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
