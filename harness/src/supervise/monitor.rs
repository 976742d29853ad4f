//! What `/proc` tells of a live process: the samples that feed the watchdog.
//!
//! A collect reads `/proc/PID/task/TID/{syscall,schedstat}` of every thread (proc(5); the parent of
//! a process may, also unprivileged). The files stay open from one collect to the next, so that a
//! collect costs two reads a thread.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use super::watchdog::{Collect, Input, Output};
use crate::observation::{ThreadSeen, Wait};

/// Reads one process.
pub(crate) struct Monitor {
    pid: i32,
    threads: BTreeMap<i32, Files>,
}

struct Files {
    syscall: File,
    schedstat: File,
}

impl Monitor {
    pub(crate) fn new(pid: i32) -> Monitor {
        Monitor { pid, threads: BTreeMap::new() }
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
        for tid in live {
            let thread = self.look_at(tid);
            let blocked = thread.wait.is_futex_forever();
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

    /// What could end a futex wait although every thread is blocked: each a clause.
    pub(crate) fn outside_wakers(&self, threads: &[ThreadSeen]) -> Vec<String> {
        let read = |name| crate::os::proc_text(format!("/proc/{}/{name}", self.pid));
        let mut wakers = Vec::new();
        match read("status") {
            Ok(status) => wakers.extend(signal_handlers(&status)),
            Err(e) => wakers.push(format!("its signal handlers could not be read ({e})")),
        }
        // Absent where the kernel has no CONFIG_CHECKPOINT_RESTORE; then there is nothing to read.
        if read("timers").is_ok_and(|timers| !timers.trim().is_empty()) {
            wakers.push("it has POSIX timers, which run code when they expire".to_owned());
        }
        // A process made with CLONE_VM, but not as a thread, can wake a private futex.
        for thread in threads {
            for child in super::children_of_thread(self.pid, thread.tid).unwrap_or_default() {
                if crate::os::process::may_share_memory(self.pid, child) {
                    wakers.push(format!("process {child}, its child, may share its memory"));
                }
            }
        }
        match read("maps") {
            Ok(maps) => wakers.extend(shared_words(&maps, threads)),
            Err(e) => wakers.push(format!("its mappings could not be read ({e})")),
        }
        wakers
    }
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

/// Handlers for signals that somebody could send. Left out are those of faults, which only the
/// running thread raises itself (std catches SIGSEGV and SIGBUS, the kit all of them), and libc's
/// own two, which only a thread of the process sends.
fn signal_handlers(status: &str) -> Option<String> {
    let line = status.lines().find_map(|l| l.strip_prefix("SigCgt:"))?;
    let caught = u64::from_str_radix(line.trim(), 16).ok()?;
    let own = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, 32, 33]
        .iter()
        .fold(0, |mask, signal| mask | 1_u64 << (signal - 1));
    let foreign = caught & !own;
    let names: Vec<String> = (1..=64)
        .filter(|n| foreign & 1 << (n - 1) != 0)
        .map(crate::os::process::signal_name)
        .collect();
    (!names.is_empty()).then(|| format!("it handles {}, which anybody may send", names.join(", ")))
}

/// Futex words that another process could share: not marked private, and in a shared mapping.
fn shared_words(maps: &str, threads: &[ThreadSeen]) -> Vec<String> {
    let is_shared = |addr: u64| {
        for line in maps.lines() {
            let mut words = line.split_ascii_whitespace();
            let Some((low, high)) = words.next().and_then(|range| range.split_once('-')) else {
                continue;
            };
            let (low, high) = (u64::from_str_radix(low, 16), u64::from_str_radix(high, 16));
            if let (Ok(low), Ok(high)) = (low, high)
                && (low..high).contains(&addr)
            {
                return words.next().is_some_and(|rights| rights.ends_with('s'));
            }
        }
        // Unmapped: nobody could share it, but nobody could wait there either. Prove nothing.
        true
    };
    threads
        .iter()
        .filter_map(|thread| match thread.wait {
            Wait::Futex { addr, op, .. } if op & libc::FUTEX_PRIVATE_FLAG as u32 == 0 => {
                is_shared(addr)
                    .then(|| format!("futex {addr:#x} may be shared with other processes"))
            }
            _ => None,
        })
        .collect()
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
    fn handlers_of_faults_wake_nobody_and_others_might() {
        assert_eq!(signal_handlers("SigCgt:\t0000000000000440\n"), None);
        let said = signal_handlers("Name:\tx\nSigCgt:\t0000000000004002\n").unwrap();
        assert!(said.contains("SIGINT") && said.contains("SIGTERM"), "{said}");
    }

    #[test]
    fn a_shared_operation_in_private_memory_stays_inside_the_process() {
        let maps = "1000-2000 rw-p 00000000 00:00 0\n3000-4000 rw-s 00000000 00:01 7 /memfd:x\n";
        let waits = |addr, op| ThreadSeen {
            tid: 1,
            wait: Wait::Futex { addr, val: 0, op, timed: false },
            schedstat: [0; 3],
        };
        assert!(shared_words(maps, &[waits(0x1800, 0)]).is_empty());
        assert!(shared_words(maps, &[waits(0x3800, 0x80)]).is_empty());
        assert_eq!(shared_words(maps, &[waits(0x3800, 0)]).len(), 1);
        assert_eq!(shared_words(maps, &[waits(0x9000, 0)]).len(), 1);
    }

    #[test]
    fn this_very_process_is_not_deadlocked() {
        let mut monitor = Monitor::new(std::process::id() as i32);
        let collect = monitor.collect(false).unwrap();
        assert!(collect.threads.iter().any(|t| !t.wait.is_futex_forever()));
        assert!(Monitor::new(i32::MAX - 1).collect(false).is_none());
    }
}
