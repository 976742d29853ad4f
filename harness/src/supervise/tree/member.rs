//! One process of a tree, and what its watchdog says of it.

use std::time::Duration;

use crate::board::Phase;
use crate::observation::{Standstill, ThreadSeen, Window};
use crate::os::cpu;
use crate::supervise::monitor::Monitor;
use crate::supervise::partial::Partial;
use crate::supervise::watchdog::{Deadlines, Input, Output, Tick, Watchdog};

/// A process and what watches it.
pub(super) struct Member {
    pub(super) pid: i32,
    dog: Watchdog,
    pub(super) monitor: Monitor,
    pub(super) partial: Partial,
    /// When it was first seen, and its CPU time then.
    since: (Duration, Duration),
    /// What its watchdog says of the deadline.
    pub(super) due: Option<Standstill>,
    /// That it stands still, where that was put off.
    pub(super) at_rest: Option<Standstill>,
    pub(super) is_stopped: bool,
}

impl Member {
    pub(super) fn new(pid: i32, at: Duration, timeout: Duration) -> Member {
        let deadlines = Deadlines { acting: timeout, other: timeout };
        let mut dog = Watchdog::new(deadlines);
        // The deadline counts from the start of the command, however late the process came.
        let _ = dog.feed(tick(Duration::ZERO, Duration::ZERO));
        let since = (at, cpu::process_cpu(pid).unwrap_or_default());
        let (monitor, partial) = (Monitor::new(pid), Partial::new());
        Member { pid, dog, monitor, partial, since, due: None, at_rest: None, is_stopped: false }
    }

    /// Feeds the watchdog; a standstill that was proven.
    pub(super) fn sample(&mut self, at: Duration) -> Option<Standstill> {
        if self.due.is_some() || self.at_rest.is_some() {
            return None;
        }
        let mut wish = self.dog.feed(tick(at, cpu::process_cpu(self.pid)?));
        while let Some(answer) = self.monitor.answer(&wish) {
            wish = self.dog.feed(answer);
        }
        match wish {
            Output::Conclude(Standstill::Complete { after_us, threads }) => {
                self.is_left_alone(&threads).then_some(Standstill::Complete { after_us, threads })
            }
            Output::Conclude(deadline) => {
                self.due = Some(deadline);
                None
            }
            _ => None,
        }
    }

    /// Whether nobody had stopped the process when it was found standing still. A thread that is
    /// stopped on its way out of a wait shows that wait still. If none is stopped now, and none has
    /// run since, none was stopped then.
    fn is_left_alone(&mut self, threads: &[ThreadSeen]) -> bool {
        let is_stopped =
            |thread: &ThreadSeen| !matches!(thread_state(self.pid, thread.tid), Some('S' | 'D'));
        !threads.iter().any(is_stopped)
            && self.monitor.collect(false).is_some_and(|now| now.complete && now.threads == threads)
    }

    pub(super) fn is_suspect(&mut self, at: Duration) -> bool {
        if self.is_stopped || self.at_rest.is_some() {
            return false;
        }
        self.monitor.collect(false).is_some_and(|collect| self.partial.feed(at, &collect))
    }

    /// Whether it does nothing any more unless another process does.
    pub(super) fn stands(&mut self) -> bool {
        self.at_rest.is_some() || self.monitor.only_waits_for_children()
    }

    /// What the deadline finds; for one that came too late for its watchdog, the time since it came.
    pub(super) fn deadline(&mut self, at: Duration) -> Standstill {
        if let Some(due) = self.at_rest.take().or_else(|| self.due.take()) {
            return due;
        }
        let threads = self.monitor.collect(false).map_or(vec![], |all| all.threads);
        let wakers = self.monitor.outside_wakers(&threads);
        let (since, before) = self.since;
        let cpu = cpu::process_cpu(self.pid).unwrap_or(before);
        let window = Window {
            ms: at.saturating_sub(since).as_millis() as u64,
            cpu_ms: cpu.saturating_sub(before).as_millis() as u64,
            waited_ms: 0,
            step_us: None,
            actors: vec![],
            still: vec![],
            threads,
            wakers,
        };
        Standstill::Deadline { phase: Phase::Running, window }
    }
}

fn tick(at: Duration, cpu: Duration) -> Input {
    Input::Tick(Tick { at, cpu, phase: Phase::Running, actors: vec![] })
}

/// The state letter of a thread; `None` when it is gone.
fn thread_state(pid: i32, tid: i32) -> Option<char> {
    crate::supervise::stat(&format!("/proc/{pid}/task/{tid}/stat"))?.trim_start().chars().next()
}
