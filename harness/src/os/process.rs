//! Starting, owning and reaping processes.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::protocol::Ending;

/// Makes `command` find the descriptor `from` as `to`, open across `exec`.
///
/// Several calls add up. No `to` may be a `from` of a later call, or it would be overwritten first:
/// callers use numbers above 100 as sources (see [`lift`]).
pub fn pass_fd(command: &mut Command, from: RawFd, to: RawFd) {
    // SAFETY: the closure runs between fork and exec and only calls dup2, which is
    // async-signal-safe; dup2 also clears close-on-exec on the copy because `from != to`.
    unsafe {
        command.pre_exec(move || {
            if libc::dup2(from, to) == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
        });
    }
}

/// A close-on-exec copy of `fd` numbered at least 100, out of the way of the numbers that
/// [`pass_fd`] hands out.
pub fn lift(fd: BorrowedFd<'_>) -> io::Result<std::os::fd::OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(fd, 100).map_err(|error| match error {
        rustix::io::Errno::INVAL | rustix::io::Errno::MFILE => {
            io::Error::other("the limit on open files is too low (see ulimit -n)")
        }
        other => other.into(),
    })
}

/// Makes the process that `command` starts die with SIGKILL when this one dies, and lead a process
/// group of its own.
///
/// The caller's thread must live as long as the child is to: the kernel sends the signal when the
/// *thread* that forked ends (`prctl(2)`). The keeper and the zygote have one thread each.
pub fn die_with_parent(command: &mut Command) {
    let parent = std::process::id() as i32;
    command.process_group(0);
    // SAFETY: the closure only makes system calls that are async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            bind_to_parent(parent);
            Ok(())
        });
    }
}

/// In a fresh child: asks for SIGKILL at the parent's death, and goes at once if it came before.
pub fn bind_to_parent(parent: i32) {
    // SAFETY: prctl with these arguments, getppid and _exit touch no memory.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            libc::_exit(1);
        }
    }
}

/// What [`fork`] returned to whom.
pub enum Forked {
    /// In the new process.
    Child,
    /// In the old one.
    Parent {
        /// The new process.
        child: i32,
    },
}

/// `fork(2)` through libc, so that its own bookkeeping (cached thread ids, malloc's locks) follows.
///
/// # Errors
/// When the process is not single-threaded: a lock that another thread holds at this moment would
/// stay locked in the child for ever, and the harness would make the hang that it reports. Also when
/// the kernel refuses.
pub fn fork() -> io::Result<Forked> {
    let threads = thread_count();
    if threads != 1 {
        return Err(io::Error::other(format!("the process has {threads} threads, not one")));
    }
    // SAFETY: the process has exactly one thread, this one, so the child is a full copy and may go
    // on to do anything that the parent could.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent { child }),
    }
}

/// Threads of this process as the kernel counts them.
pub fn thread_count() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Ends the process at once: no destructors, no exit handlers.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit touches no memory and does not return.
    unsafe { libc::_exit(code) }
}

/// Which children [`reap`] waits for.
#[derive(Clone, Copy, Debug)]
pub enum Reap {
    /// This one, for as long as it takes.
    Wait(i32),
    /// Any that has already ended.
    AnyEnded,
}

/// `wait4(2)`: the child's id and how it ended. `Ok(None)`: children live, none has ended yet.
///
/// # Errors
/// `ECHILD` when there is no such child.
pub fn reap(which: Reap) -> io::Result<Option<(i32, Ending)>> {
    let (pid, flags) = match which {
        Reap::Wait(pid) => (pid, 0),
        Reap::AnyEnded => (-1, libc::WNOHANG),
    };
    let mut status = 0;
    // SAFETY: rusage is plain numbers, for which all zeroes is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both places are valid for the writes that wait4 makes.
        match unsafe { libc::wait4(pid, &mut status, flags, &mut usage) } {
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            0 => return Ok(None),
            child => {
                let us = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
                let ending = Ending {
                    status,
                    user_us: us(usage.ru_utime),
                    system_us: us(usage.ru_stime),
                    max_rss_kib: usage.ru_maxrss as u64,
                };
                return Ok(Some((child, ending)));
            }
        }
    }
}

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It ended, with this wait status, and is reaped.
    Ended(i32),
    /// This signal stopped it.
    Stopped(i32),
    /// It goes on.
    Continued,
}

/// A child of which there is something new; `None` if there is nothing, or no child.
pub fn changed_child() -> Option<(i32, Change)> {
    let mut status = 0;
    let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
    // SAFETY: the place is valid for the write that waitpid makes.
    let child = unsafe { libc::waitpid(-1, &mut status, flags) };
    let change = if libc::WIFSTOPPED(status) {
        Change::Stopped(libc::WSTOPSIG(status))
    } else if libc::WIFCONTINUED(status) {
        Change::Continued
    } else {
        Change::Ended(status)
    };
    (child > 0).then_some((child, change))
}

/// SIGKILL to a process that is a child of the caller and not yet reaped.
pub fn kill_child(pid: i32) {
    // SAFETY: kill touches no memory. The caller has not reaped `pid`, so it names no one else.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Takes over an inherited descriptor by its number, close-on-exec from now on; `None` if it is not
/// open.
pub fn claim(fd: RawFd) -> Option<std::os::fd::OwnedFd> {
    use std::os::fd::FromRawFd;
    // SAFETY: fcntl on any number is harmless; it fails where nothing is open.
    if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
        return None;
    }
    // SAFETY: it is open, and the protocol gives the number to the caller alone.
    Some(unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) })
}

/// `SIGSEGV`, or `signal 40` for one without a name.
pub fn signal_name(signal: i32) -> String {
    const NAMES: [(i32, &str); 22] = [
        (libc::SIGHUP, "SIGHUP"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGQUIT, "SIGQUIT"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGUSR1, "SIGUSR1"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGUSR2, "SIGUSR2"),
        (libc::SIGPIPE, "SIGPIPE"),
        (libc::SIGALRM, "SIGALRM"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGCHLD, "SIGCHLD"),
        (libc::SIGCONT, "SIGCONT"),
        (libc::SIGXCPU, "SIGXCPU"),
        (libc::SIGXFSZ, "SIGXFSZ"),
        (libc::SIGSYS, "SIGSYS"),
        (libc::SIGPROF, "SIGPROF"),
        (libc::SIGWINCH, "SIGWINCH"),
    ];
    match NAMES.iter().find(|(number, _)| *number == signal) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("signal {signal}"),
    }
}

/// Version of the C library, where it is glibc.
#[cfg(target_env = "gnu")]
pub fn glibc_version() -> Option<String> {
    // SAFETY: gnu_get_libc_version returns a static string.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    version.to_str().ok().map(str::to_owned)
}

/// Version of the C library, where it is glibc.
#[cfg(not(target_env = "gnu"))]
pub fn glibc_version() -> Option<String> {
    None
}

/// Turns a write beyond the file size limit into an error instead of a deadly signal, for this
/// thread and those that it starts. Processes that std starts do not inherit it.
pub fn refuse_large_files_by_error() {
    // SAFETY: the set is initialised before it is used, and a null place for the old mask is allowed.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGXFSZ);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
}

/// Whether two threads of the system use one address space (`kcmp(2)`); `None` where the kernel does
/// not say. One that has ended uses none, and shares it with no living thread.
pub fn shares_memory(one: i32, other: i32) -> Option<bool> {
    const KCMP_VM: libc::c_long = 1;
    // SAFETY: kcmp touches no memory of this process.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_VM, 0, 0) };
    // 1, 2 and 3 say that they differ.
    match order {
        0 => Some(true),
        -1 if io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH) => None,
        _ => Some(false),
    }
}

/// Keeps this process and what it starts from writing core files: a campaign of crashes would fill
/// the user's directory with them.
pub fn write_no_core_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Core).maximum;
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}
