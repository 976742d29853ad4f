//! What outside of a process's own threads could wake one: what a proof of a standstill must exclude.

use std::path::Path;

use crate::observation::{ThreadSeen, Wait};
use crate::os::process::{shares_memory, signal_name};

/// What could end a futex wait of process `pid` although all of its `threads` are blocked: each a
/// clause. In a trial the kit's own handlers are known to wake nobody.
pub(super) fn of(pid: i32, threads: &[ThreadSeen], is_trial: bool) -> Vec<String> {
    let read = |name: &str| crate::os::proc_text(format!("/proc/{pid}/{name}"));
    let known: &[i32] = if is_trial { &[libc::SIGILL, libc::SIGFPE, libc::SIGABRT] } else { &[] };
    let mut wakers = code_that_may_run(pid, known);
    let witness = witness(pid, threads);
    let maps = read(&format!("task/{witness}/maps"));
    match &maps {
        Ok(maps) => wakers.extend(shared_words(maps, threads)),
        Err(e) => wakers.push(format!("its mappings could not be read ({e})")),
    }
    if has_a_ring(pid, witness, maps.as_deref().unwrap_or_default()) {
        wakers.push("it has an io_uring, by which the kernel may wake a futex later".to_owned());
    }
    // To ask every process of the system is the dearest question, and one obstacle is enough.
    if wakers.is_empty() {
        wakers.extend(sharers(pid, witness, threads));
    }
    wakers
}

/// What outside of the process could change memory of its own: each a clause.
pub(super) fn writers(pid: i32, threads: &[ThreadSeen]) -> Vec<String> {
    let maps = crate::os::proc_text(format!("/proc/{pid}/task/{}/maps", witness(pid, threads)));
    let Ok(maps) = maps else { return vec!["its mappings could not be read".to_owned()] };
    maps.lines().find_map(shared_mapping).into_iter().collect()
}

/// What is to be said of a line of `maps` that is memory which other processes may write to.
fn shared_mapping(line: &str) -> Option<String> {
    let mut words = line.split_ascii_whitespace();
    let rights = words.nth(1)?;
    let path = words.nth(3).unwrap_or("without a name");
    let shared = rights.ends_with('s') && rights.contains('w');
    shared.then(|| format!("it has writable memory that it may share with others ({path})"))
}

/// A thread whose files can be read: a main thread that has ended takes those of its process with it.
fn witness(pid: i32, threads: &[ThreadSeen]) -> i32 {
    threads.first().map_or(pid, |thread| thread.tid)
}

/// What could make a process act that waits for its children: as above, but for what shells do when a
/// child has ended, or somebody has typed Ctrl-C.
#[cfg(feature = "cli")]
pub(super) fn of_parent(pid: i32) -> Vec<String> {
    code_that_may_run(pid, &[libc::SIGCHLD, libc::SIGINT])
}

/// What makes a process run code of its own while all of its threads are blocked.
fn code_that_may_run(pid: i32, known: &[i32]) -> Vec<String> {
    let read = |name: &str| crate::os::proc_text(format!("/proc/{pid}/{name}"));
    let mut wakers = Vec::new();
    match read("status") {
        Ok(status) => wakers.extend(signal_handlers(&status, known)),
        Err(e) => wakers.push(format!("its signal handlers could not be read ({e})")),
    }
    // Absent where the kernel has no CONFIG_CHECKPOINT_RESTORE; then there is nothing to read.
    if read("timers").is_ok_and(|timers| !timers.trim().is_empty()) {
        wakers.push("it has POSIX timers, which run code when they expire".to_owned());
    }
    wakers
}

/// Handlers for signals that somebody could send. Left out are SIGSEGV and SIGBUS, which Rust's std
/// always catches (a program that waits to be sent one of these is not known), libc's own two, which
/// only a thread of the process sends, and those that are `known` to wake nobody.
fn signal_handlers(status: &str, known: &[i32]) -> Option<String> {
    let line = status.lines().find_map(|l| l.strip_prefix("SigCgt:"))?;
    let caught = u64::from_str_radix(line.trim(), 16).ok()?;
    let own = [libc::SIGSEGV, libc::SIGBUS, 32, 33]
        .iter()
        .chain(known)
        .fold(0, |mask, signal| mask | 1_u64 << (signal - 1));
    let foreign = caught & !own;
    let names: Vec<String> =
        (1..=64).filter(|n| foreign & 1 << (n - 1) != 0).map(signal_name).collect();
    (!names.is_empty()).then(|| format!("it handles {}, which anybody may send", names.join(", ")))
}

/// Whether the process has an io_uring, open or only mapped: what was submitted to it may wake a
/// futex (`IORING_OP_FUTEX_WAKE`) or write to memory. One that cannot be excluded counts.
fn has_a_ring(pid: i32, witness: i32, maps: &str) -> bool {
    const NAME: &str = "anon_inode:[io_uring]";
    let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/task/{witness}/fd")) else { return true };
    let mut targets = open.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
    maps.contains(NAME) || targets.any(|target| target == Path::new(NAME))
}

/// Processes made with `CLONE_VM`, but not as threads: they can wake a private futex, whoever their
/// parent is. A process that may not be asked about is one of another user's; only a child of this
/// one is then suspected.
fn sharers(pid: i32, witness: i32, threads: &[ThreadSeen]) -> Option<String> {
    let children = threads.iter().flat_map(|thread| {
        super::children_of_thread(pid, thread.tid).unwrap_or_default().into_iter()
    });
    let children: Vec<i32> = children.collect();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Some("the processes of the system could not be listed".to_owned());
    };
    let others = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|other| *other != pid);
    let shares = |other: &i32| match shares_memory(witness, *other) {
        Some(true) => true,
        None => children.contains(other),
        // The memory of one whose main thread has ended is that of its other threads.
        Some(false) => {
            rest_of(*other).into_iter().any(|tid| shares_memory(witness, tid) == Some(true))
        }
    };
    let sharer = { others }.find(shares)?;
    let whose = if children.contains(&sharer) { ", its child," } else { "" };
    Some(format!("process {sharer}{whose} may share its memory"))
}

/// The threads of a process whose main thread has ended; none of any other.
fn rest_of(pid: i32) -> Vec<i32> {
    let state = super::stat(&format!("/proc/{pid}/stat")).unwrap_or_default();
    if !state.trim_start().starts_with('Z') {
        return vec![];
    }
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect()
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
    fn handlers_of_faults_wake_nobody_and_others_might() {
        // SIGBUS and SIGSEGV.
        assert_eq!(signal_handlers("SigCgt:\t0000000000000440\n", &[]), None);
        let said = signal_handlers("Name:\tx\nSigCgt:\t0000000000004002\n", &[]).unwrap();
        assert!(said.contains("SIGINT") && said.contains("SIGTERM"), "{said}");
    }

    #[test]
    fn handlers_that_only_the_kit_is_known_to_install_wake_nobody_in_a_trial() {
        // SIGILL, SIGABRT and SIGFPE.
        let status = "SigCgt:\t00000000000000a8\n";
        let kit = [libc::SIGILL, libc::SIGFPE, libc::SIGABRT];
        let said = signal_handlers(status, &[]).unwrap();
        assert!(
            said.contains("SIGILL") && said.contains("SIGABRT") && said.contains("SIGFPE"),
            "{said}"
        );
        assert_eq!(signal_handlers(status, &kit), None);
        // SIGTRAP and SIGSYS, which the kit does not catch.
        assert!(signal_handlers("SigCgt:\t0000000040000010\n", &kit).is_some());
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
    fn memory_that_others_may_write_to_is_named() {
        assert_eq!(shared_mapping("1000-2000 rw-p 00000000 00:00 0"), None);
        assert_eq!(shared_mapping("1000-2000 r--s 00000000 00:01 7 /usr/lib/cache"), None);
        let said = shared_mapping("1000-2000 rw-s 00000000 00:01 7 /dev/zero (deleted)").unwrap();
        assert!(said.contains("/dev/zero"), "{said}");
        assert!(shared_mapping("1000-2000 rw-s 00000000 00:01 7").is_some());
    }

    #[test]
    fn nobody_shares_the_memory_of_this_process_but_its_threads() {
        let me = std::process::id() as i32;
        // SAFETY: has no preconditions.
        let thread = std::thread::spawn(|| unsafe { libc::gettid() });
        assert_ne!(shares_memory(me, 1), Some(true));
        assert_eq!(sharers(me, me, &[]), None);
        assert!(!has_a_ring(me, me, ""));
        assert!(has_a_ring(me, me, "1000-2000 rw-s 0 00:01 7 anon_inode:[io_uring]\n"));
        drop(thread.join());
    }
}
