//! The facts seen of one trial. No judgement: what they amount to is for [`detect`](crate::detect).

use serde::{Deserialize, Serialize};

use crate::board::{ActorState, Outcome, Phase};
use crate::capture::Snapshot;
use crate::program::Program;
use crate::protocol::Ending;
use crate::trial::Trial;

/// Everything that was seen of one trial. It is what the run directory stores, so that old runs can
/// be judged again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Which trial.
    pub trial: Trial,
    /// How its process was made.
    pub isolation: Isolation,
    /// Whether the scenario promises steps; see `Card::counts_steps`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counts_steps: bool,
    /// The deadline that applied, in milliseconds.
    pub timeout_ms: u64,
    /// How far the trial came.
    pub phase: Phase,
    /// What it says of itself.
    pub outcome: Outcome,
    /// Its words: a panic, a wrong result, a failed preparation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// How the process ended; `None` if it could not be started or reaped.
    pub ending: Option<Ending>,
    /// Whether the harness killed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub killed: bool,
    /// Microseconds from the order to the end of the process.
    pub wall_us: u64,
    /// Microseconds from the opening of the gate to the end of the last actor; 0 if that was not
    /// seen.
    pub acted_us: u64,
    /// The actors, by number. Left out where all of them finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<ActorSeen>,
    /// Panics in any thread of the trial, also those that somebody caught.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub panics: u32,
    /// What the watchdog concluded, if it had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standstill: Option<Standstill>,
    /// The crash that the handler in the target caught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<CrashSeen>,
    /// What its actors were given to do, where that was generated and something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// Threads that outlived the trial.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leaked_threads: u32,
    /// All stacks, when there was reason to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacks: Option<Snapshot>,
    /// Processes that the trial left behind and that were killed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_behind: u32,
    /// What it printed.
    #[serde(default, skip_serializing_if = "Output::is_empty")]
    pub stdout: Output,
    /// What it printed on the error stream.
    #[serde(default, skip_serializing_if = "Output::is_empty")]
    pub stderr: Output,
    /// What could not be seen or done, each a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// How a trial's process is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// A new process that prepares for itself.
    Fresh,
    /// A fork of one that has prepared.
    Zygote,
}

/// One actor as last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorSeen {
    /// Kernel thread id; 0 if it never ran.
    pub tid: i32,
    /// Where it was.
    pub state: ActorState,
    /// Steps made.
    pub steps: u64,
}

/// A crash as its handler saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashSeen {
    /// The signal.
    pub signal: i32,
    /// The thread that received it.
    pub tid: i32,
}

/// Why the watchdog ended a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "seen")]
pub enum Standstill {
    /// Every thread was blocked, at one moment, in a wait that only another thread of the same
    /// process could end.
    Complete {
        /// Microseconds from the order to the proof.
        after_us: u64,
        /// The threads, in the same order in both collects.
        threads: Vec<ThreadSeen>,
    },
    /// The deadline passed.
    Deadline {
        /// The phase whose deadline it was.
        phase: Phase,
        /// What happened in the time before the deadline.
        window: Window,
    },
}

/// The last stretch before a deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Its length in milliseconds.
    pub ms: u64,
    /// CPU time that the process used in it, in milliseconds.
    pub cpu_ms: u64,
    /// Time in it for which its threads, added up, were ready to run and waited for a CPU, in
    /// milliseconds: a process that others keep off the CPU is busy all the same.
    #[serde(default)]
    pub waited_ms: u64,
    /// CPU time of the process for each step of an actor, on average over all steps up to the last, in
    /// us; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_us: Option<u64>,
    /// The actors, by number.
    pub actors: Vec<ActorWindow>,
    /// What each thread was doing at its end.
    pub threads: Vec<ThreadSeen>,
    /// Threads that waited on the same futex without a time limit all the while, and never ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub still: Vec<i32>,
    /// What outside the process's own threads could still wake one, each a clause.
    pub wakers: Vec<String>,
}

/// One actor over a [`Window`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorWindow {
    /// Steps before it.
    pub steps_before: u64,
    /// Steps after it.
    pub steps_after: u64,
    /// Whether the actor passed the start gate in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub started: bool,
    /// Whether the actor ended in it.
    pub ended: bool,
    /// Where it was at its end.
    pub state: ActorState,
    /// Whether its thread ran in it at all; `None` where that could not be read.
    pub ran: Option<bool>,
    /// CPU time of its thread in it, in us; `None` where that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<u64>,
}

impl ActorWindow {
    /// Whether the actor got anywhere.
    pub fn progressed(&self) -> bool {
        self.started || self.ended || self.steps_after != self.steps_before
    }
    /// Whether it still has work to do.
    pub fn unfinished(&self) -> bool {
        matches!(self.state, ActorState::Running | ActorState::AtGate | ActorState::Unborn)
    }
}

/// One thread at one moment, as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadSeen {
    /// Kernel thread id.
    pub tid: i32,
    /// What it waits for.
    pub wait: Wait,
    /// Nanoseconds on a CPU, nanoseconds waiting for one, and times it was given one
    /// (`/proc/PID/task/TID/schedstat`). A thread that runs for however short a time changes the
    /// last.
    pub schedstat: [u64; 3],
}

/// What a thread waits for (`/proc/PID/task/TID/syscall`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "in")]
pub enum Wait {
    /// Nothing: it runs, or is about to.
    Running,
    /// A futex.
    Futex {
        /// Address of the word.
        addr: u64,
        /// The value it was expected to hold.
        val: u32,
        /// Operation and flags as passed to the kernel.
        op: u32,
        /// Whether the wait has a time limit.
        timed: bool,
    },
    /// Another system call.
    Syscall {
        /// Its number on x86-64.
        nr: i64,
    },
    /// `/proc` did not say.
    Unreadable,
}

impl Wait {
    /// What system call `nr` with these arguments waits for.
    pub fn of_call(nr: i64, [addr, op, val, timeout, ..]: [u64; 6]) -> Wait {
        // A timed wait that was interrupted goes on as this call, its arguments still in place.
        let resumed = nr == libc::SYS_restart_syscall;
        if nr != libc::SYS_futex && !resumed {
            return Wait::Syscall { nr };
        }
        let (op, val, timed) = (op as u32, val as u32, timeout != 0);
        match (op & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) as u32) as i32 {
            _ if resumed && (!timed || addr % 4 != 0 || addr < 4096) => Wait::Syscall { nr },
            libc::FUTEX_WAIT
            | libc::FUTEX_WAIT_BITSET
            | libc::FUTEX_LOCK_PI
            | libc::FUTEX_LOCK_PI2
            | libc::FUTEX_WAIT_REQUEUE_PI => Wait::Futex { addr, val, op, timed },
            _ => Wait::Syscall { nr },
        }
    }

    /// Whether it is a futex wait without a time limit.
    pub fn is_futex_forever(&self) -> bool {
        matches!(self, Wait::Futex { timed: false, .. })
    }
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wait::Running => f.write_str("running"),
            Wait::Futex { addr, timed: false, .. } => write!(f, "waiting for futex {addr:#x}"),
            Wait::Futex { addr, timed: true, .. } => {
                write!(f, "waiting for futex {addr:#x} with a time limit")
            }
            Wait::Syscall { nr } => match syscall_name(*nr) {
                Some(name) => write!(f, "in {name}"),
                None => write!(f, "in system call {nr}"),
            },
            Wait::Unreadable => f.write_str("unreadable"),
        }
    }
}

/// Names of the system calls in which programs commonly wait (x86-64, `asm/unistd_64.h`).
fn syscall_name(nr: i64) -> Option<&'static str> {
    const NAMES: [(i64, &str); 26] = [
        (libc::SYS_read, "read"),
        (libc::SYS_readv, "readv"),
        (libc::SYS_write, "write"),
        (libc::SYS_poll, "poll"),
        (libc::SYS_ppoll, "ppoll"),
        (libc::SYS_select, "select"),
        (libc::SYS_pselect6, "pselect6"),
        (libc::SYS_epoll_wait, "epoll_wait"),
        (libc::SYS_epoll_pwait, "epoll_pwait"),
        (libc::SYS_accept, "accept"),
        (libc::SYS_accept4, "accept4"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_recvmsg, "recvmsg"),
        (libc::SYS_wait4, "wait4 (a child)"),
        (libc::SYS_waitid, "waitid (a child)"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        (libc::SYS_pause, "pause"),
        (libc::SYS_restart_syscall, "a timed wait that goes on"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_sched_yield, "sched_yield"),
        (libc::SYS_futex, "futex"),
        (libc::SYS_rt_sigtimedwait, "sigtimedwait"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_fcntl, "fcntl"),
    ];
    NAMES.iter().find(|(known, _)| *known == nr).map(|(_, name)| *name)
}

/// What was printed: its beginning, its end, and how much there was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The first bytes.
    pub head: String,
    /// The last bytes; empty if `head` holds everything.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
    /// All bytes, kept or not.
    pub bytes: u64,
}

impl Output {
    /// Whether nothing was printed.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.head)?;
        if !self.tail.is_empty() {
            let kept = (self.head.len() + self.tail.len()) as u64;
            write!(f, "\n[... {} bytes left out ...]\n", self.bytes.saturating_sub(kept))?;
            f.write_str(&self.tail)?;
        }
        Ok(())
    }
}
