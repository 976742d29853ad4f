//! What `/proc` tells of a live process: the samples that feed the watchdog.
//!
//! A collect reads `/proc/PID/task/TID/{syscall,schedstat}` of every thread (proc(5); the parent of
//! a process may, also unprivileged). The files stay open from one collect to the next, so that a
//! collect costs two reads a thread.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use super::wakers;
use super::watchdog::{Collect, Input, Output};
use crate::observation::{ThreadSeen, Wait};

/// Reads one process.
pub(crate) struct Monitor {
    pid: i32,
    /// Whether the kit runs in it.
    is_trial: bool,
    threads: BTreeMap<i32, Files>,
}

struct Files {
    syscall: File,
    schedstat: File,
}

impl Monitor {
    pub(crate) fn new(pid: i32) -> Monitor {
        Monitor { pid, is_trial: false, threads: BTreeMap::new() }
    }

    /// One of a process in which the kit has installed its handlers.
    pub(crate) fn of_trial(pid: i32) -> Monitor {
        Monitor { is_trial: true, ..Monitor::new(pid) }
    }

    /// What the watchdog wishes to know; `None` if it wishes nothing, or when the process is gone.
    pub(crate) fn answer(&mut self, wish: &Output) -> Option<Input> {
        match wish {
            Output::Wait | Output::Conclude(_) => None,
            Output::CollectTwice => {
                let first = self.collect(true)?;
                let second = if first.complete { self.collect(true) } else { None };
                let wakers = match &second {
                    Some(second) if *second == first => self.outside_wakers(&first.threads),
                    _ => vec![],
                };
                Some(Input::Collected { first, second, wakers })
            }
            Output::Survey => {
                let all = self.collect(false)?;
                let wakers = self.outside_wakers(&all.threads);
                Some(Input::Surveyed { all, wakers })
            }
        }
    }

    /// Reads every thread; `None` when the process is gone. With `early_out` it stops at the first
    /// thread that is not in an untimed futex wait: no deadlock can be proven then.
    pub(crate) fn collect(&mut self, early_out: bool) -> Option<Collect> {
        let mut live = Vec::with_capacity(self.threads.len() + 1);
        for entry in std::fs::read_dir(format!("/proc/{}/task", self.pid)).ok()? {
            live.push(entry.ok()?.file_name().to_str()?.parse::<i32>().ok()?);
        }
        live.sort_unstable();
        self.threads.retain(|tid, _| live.binary_search(tid).is_ok());
        let mut seen = Vec::with_capacity(live.len());
        let has_others = live.len() > 1;
        for tid in live {
            let thread = self.look_at(tid);
            let blocked = thread.wait.is_futex_forever();
            // A main thread that has ended is kept until the last of the others has; it runs no more.
            if !blocked && tid == self.pid && has_others && has_ended(tid) {
                continue;
            }
            seen.push(thread);
            if early_out && !blocked {
                return Some(Collect { threads: seen, complete: false });
            }
        }
        Some(Collect { complete: !seen.is_empty(), threads: seen })
    }

    fn look_at(&mut self, tid: i32) -> ThreadSeen {
        let unreadable = ThreadSeen { tid, wait: Wait::Unreadable, schedstat: [0; 3] };
        let files = match self.threads.entry(tid) {
            std::collections::btree_map::Entry::Occupied(e) => e.into_mut(),
            std::collections::btree_map::Entry::Vacant(e) => {
                let open = |name| File::open(format!("/proc/{}/task/{tid}/{name}", self.pid));
                match (open("syscall"), open("schedstat")) {
                    (Ok(syscall), Ok(schedstat)) => e.insert(Files { syscall, schedstat }),
                    _ => return unreadable,
                }
            }
        };
        let count = |files: &Files| {
            let mut buffer = [0; 128];
            match files.schedstat.read_at(&mut buffer, 0) {
                Ok(n) if n > 0 => Some(parse_schedstat(&buffer[..n])),
                _ => None,
            }
        };
        // The count is read before the wait and again after it. Equal counts in two collects then say
        // that the thread did not run from before the first reading of its wait until after the
        // second; and one that was woken between the two, and has not run, is not seen to wait.
        let (Some(schedstat), mut buffer) = (count(files), [0; 256]) else { return unreadable };
        let wait = match files.syscall.read_at(&mut buffer, 0) {
            Ok(n) if n > 0 => parse_syscall(&buffer[..n]),
            _ => return unreadable,
        };
        let ran_meanwhile = wait.is_futex_forever() && count(files) != Some(schedstat);
        let wait = if ran_meanwhile { Wait::Running } else { wait };
        // A thread that exists has been scheduled; zero says that this kernel does not count.
        if schedstat[2] == 0 {
            return unreadable;
        }
        ThreadSeen { tid, wait, schedstat }
    }

    /// Whether it waits for its children, and does nothing else before one of them ends: as a shell
    /// does for a command.
    #[cfg(feature = "cli")]
    pub(crate) fn only_waits_for_children(&mut self) -> bool {
        // Some shells wait for the signal that says so.
        const CALLS: [i64; 3] = [libc::SYS_wait4, libc::SYS_waitid, libc::SYS_rt_sigsuspend];

        let waits = |wait: Wait| matches!(wait, Wait::Syscall { nr } if CALLS.contains(&nr));
        let all = self.collect(false).map_or(vec![], |collect| collect.threads);
        all.iter().any(|thread| waits(thread.wait))
            && all.iter().all(|thread| waits(thread.wait) || thread.wait.is_futex_forever())
            && wakers::of_parent(self.pid).is_empty()
    }

    /// What outside of the process could change its memory: each a clause.
    pub(crate) fn outside_writers(&self, threads: &[ThreadSeen]) -> Vec<String> {
        wakers::writers(self.pid, threads)
    }

    /// What could end a futex wait although every thread is blocked: each a clause.
    pub(crate) fn outside_wakers(&self, threads: &[ThreadSeen]) -> Vec<String> {
        wakers::of(self.pid, threads, self.is_trial)
    }
}

/// Whether the main thread of a process has ended.
fn has_ended(pid: i32) -> bool {
    let stat = super::stat(&format!("/proc/{pid}/task/{pid}/stat")).unwrap_or_default();
    stat.trim_start().starts_with(['Z', 'X'])
}

/// `running`, or the number and six arguments in hexadecimal, then stack and program counter.
fn parse_syscall(text: &[u8]) -> Wait {
    let Ok(text) = std::str::from_utf8(text) else { return Wait::Unreadable };
    let mut words = text.split_ascii_whitespace();
    let nr = match words.next() {
        Some("running") => return Wait::Running,
        Some(word) => match word.parse::<i64>() {
            // -1: blocked, but not in a system call (a page fault, a stop).
            Ok(-1) => return Wait::Running,
            Ok(nr) => nr,
            Err(_) => return Wait::Unreadable,
        },
        None => return Wait::Unreadable,
    };
    let argument = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    let mut arguments = [0; 6];
    for value in &mut arguments {
        let Some(read) = words.next().and_then(argument) else { return Wait::Unreadable };
        *value = read;
    }
    Wait::of_call(nr, arguments)
}

fn parse_schedstat(text: &[u8]) -> [u64; 3] {
    let mut words = std::str::from_utf8(text).unwrap_or("").split_ascii_whitespace();
    std::array::from_fn(|_| words.next().and_then(|w| w.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn futex_waits_are_told_by_operation_and_timeout() {
        let forever = parse_syscall(b"202 0x7f01 0x80 0x2 0x0 0x0 0x0 0x7ffc 0x7f02\n");
        assert_eq!(forever, Wait::Futex { addr: 0x7f01, val: 2, op: 0x80, timed: false });
        assert!(
            !parse_syscall(b"202 0x7f01 0x89 0x2 0x7ffe 0x0 0x0 0x7ffc 0x7f02\n")
                .is_futex_forever()
        );
        // A join: FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, not private.
        assert!(
            parse_syscall(b"202 0x7f01 0x109 0x2 0x0 0x0 0x0 0x7ffc 0x7f02\n").is_futex_forever()
        );
        // A waker that was caught in the act waits for nobody.
        assert_eq!(
            parse_syscall(b"202 0x7f01 0x81 0x1 0x0 0x0 0x0 0x1 0x2\n"),
            Wait::Syscall { nr: 202 }
        );
    }

    #[test]
    fn other_states_are_never_a_futex_wait() {
        assert_eq!(parse_syscall(b"running\n"), Wait::Running);
        assert_eq!(parse_syscall(b"-1 0x7ffc 0x7f02\n"), Wait::Running);
        assert_eq!(
            parse_syscall(b"35 0x1 0x0 0x0 0x0 0x0 0x0 0x1 0x2\n"),
            Wait::Syscall { nr: 35 }
        );
        for torn in [&b""[..], b"\xff", b"202", b"202 0x1", b"no number"] {
            assert_eq!(parse_syscall(torn), Wait::Unreadable);
        }
    }

    #[test]
    fn this_very_process_is_not_deadlocked() {
        let mut monitor = Monitor::new(std::process::id() as i32);
        let collect = monitor.collect(false).unwrap();
        assert!(collect.threads.iter().any(|t| !t.wait.is_futex_forever()));
        assert!(Monitor::new(i32::MAX - 1).collect(false).is_none());
    }
}
