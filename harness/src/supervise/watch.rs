//! One trial under watch: samples for the watchdog, stacks when there is reason to, a kill.

use std::os::fd::OwnedFd;
use std::sync::atomic::{Ordering::Relaxed, Ordering::Release};
use std::time::{Duration, Instant};

use super::monitor::Monitor;
use super::watchdog::{Deadlines, Input, Output as Wish, PERIOD, Tick, Watchdog};
use crate::board::{Board, Phase};
use crate::capture::{Capturer, Snapshot};
use crate::observation::{ActorSeen, CrashSeen, Standstill};
use crate::os::cpu;

/// How long a target that waited to be looked at, and was, may take to go on.
const GOING_ON: Duration = Duration::from_secs(5);

/// One trial under watch, and what was seen of it so far.
pub(super) struct Watch {
    begun: Instant,
    watchdog: Watchdog,
    /// Process id, samples and the means to kill it; none when it could not be started.
    process: Option<(i32, Monitor, Option<Killer>)>,
    pub(super) standstill: Option<Standstill>,
    pub(super) crash: Option<CrashSeen>,
    pub(super) leaked: u32,
    pub(super) stacks: Option<Snapshot>,
    /// CPU time that capturing them took.
    pub(super) capturing: Duration,
    pub(super) notes: Vec<String>,
    /// When a crash or a leak was looked at.
    seen_at: Option<Instant>,
    pub(super) killed_at: Option<Instant>,
}

impl Watch {
    pub(super) fn new(begun: Instant, deadlines: Deadlines, pid: Option<i32>) -> Watch {
        Watch {
            begun,
            watchdog: Watchdog::new(deadlines),
            process: pid.map(|pid| (pid, Monitor::of_trial(pid), Killer::new(pid))),
            standstill: None,
            crash: None,
            leaked: 0,
            stacks: None,
            capturing: Duration::ZERO,
            notes: vec![],
            seen_at: None,
            killed_at: None,
        }
    }

    /// When to look again.
    pub(super) fn next_look(&self) -> Instant {
        let looks = self.begun.elapsed().as_nanos() / PERIOD.as_nanos() + 1;
        self.begun + PERIOD * looks as u32
    }

    /// Looks at the board and, where that calls for it, at the threads.
    pub(super) fn look(&mut self, board: &Board, capturer: &mut Capturer) {
        let (Some((pid, ..)), None) = (&self.process, self.killed_at) else { return };
        let pid = *pid;
        match board.phase() {
            Phase::Crashed if self.crash.is_none() => {
                let (signal, tid) = (board.signal.load(Relaxed), board.detail.load(Relaxed));
                self.crash = Some(CrashSeen { signal: signal as i32, tid: tid as i32 });
                self.capture(pid, capturer);
                self.seen_at = Some(Instant::now());
                board.seen.store(1, Release);
            }
            Phase::Leaked if self.leaked == 0 => {
                self.leaked = board.detail.load(Relaxed).max(1);
                self.capture(pid, capturer);
                self.seen_at = Some(Instant::now());
                board.seen.store(1, Release);
            }
            Phase::Crashed | Phase::Leaked => {
                if self.seen_at.is_none_or(|at| at.elapsed() > GOING_ON) {
                    self.notes.push("it did not go on after it had been looked at".to_owned());
                    self.kill();
                }
            }
            phase => self.sample(pid, phase, board, capturer),
        }
    }

    fn sample(&mut self, pid: i32, phase: Phase, board: &Board, capturer: &mut Capturer) {
        let (Some((_, monitor, _)), Some(cpu)) = (&mut self.process, cpu::process_cpu(pid)) else {
            return;
        };
        let tick = Tick { at: self.begun.elapsed(), cpu, phase, actors: actors_of(board) };
        let mut wish = self.watchdog.feed(Input::Tick(tick));
        while let Some(answer) = monitor.answer(&wish) {
            wish = self.watchdog.feed(answer);
        }
        if let Wish::Conclude(mut standstill) = wish {
            if let Standstill::Complete { after_us, .. } = &mut standstill {
                // The watchdog knows when the look began; the proof took two collects more.
                *after_us = self.begun.elapsed().as_micros() as u64;
            }
            self.standstill = Some(standstill);
            self.capture(pid, capturer);
            self.kill();
        }
    }

    fn capture(&mut self, pid: i32, capturer: &mut Capturer) {
        let cpu = cpu::own_cpu();
        match capturer.capture(pid) {
            Ok(stacks) => self.stacks = Some(stacks),
            Err(error) => self.notes.push(format!("no stacks: {error}")),
        }
        self.capturing += cpu::own_cpu().saturating_sub(cpu);
    }

    /// Kills the trial's process; what it started is for the keeper's sweep.
    pub(super) fn kill(&mut self) {
        self.killed_at = Some(Instant::now());
        if let Some((.., Some(killer))) = &self.process {
            killer.kill();
        }
    }
}

/// Kills one process and never another: a pidfd does not follow a number to its next owner.
struct Killer(OwnedFd);

impl Killer {
    fn new(pid: i32) -> Option<Killer> {
        let pid = rustix::process::Pid::from_raw(pid)?;
        rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok().map(Killer)
    }

    fn kill(&self) {
        let _ = rustix::process::pidfd_send_signal(&self.0, rustix::process::Signal::KILL);
    }
}

/// The actors as they stand on the board.
pub(super) fn actors_of(board: &Board) -> Vec<ActorSeen> {
    let seen = |cell: &crate::board::Cell| ActorSeen {
        tid: cell.tid.load(Relaxed) as i32,
        state: cell.state(),
        steps: cell.steps.load(Relaxed),
    };
    board.cast().iter().map(seen).collect()
}
