//! Signals as messages: blocked, and read from a descriptor beside everything else that is waited
//! for (`signalfd(2)`). No handler ever runs in this process.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Signals that stay as they are: a thread raises them by what it does itself, and blocked they
/// would end the process without a word.
const FAULTS: [i32; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
];

/// One signal that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its number.
    pub signal: i32,
    /// The process that sent it; `None` if the kernel did, as it does to the whole foreground of a
    /// terminal.
    pub sender: Option<i32>,
}

/// Where signals come in.
pub struct Inbox {
    fd: OwnedFd,
    /// The mask that this process was given, and gives on.
    inherited: libc::sigset_t,
    /// Whether this process was told to ignore its children's ends.
    ignores_children: bool,
}

impl Inbox {
    /// Blocks all signals but the faults and reads them from now on. For a process with one thread:
    /// others would receive the signals instead. It must be called before anything else changes the
    /// signal mask, since programs started through [`Inbox::hand_down`] get the mask of this moment.
    pub fn open() -> io::Result<Inbox> {
        // SAFETY: all zeroes is a value of both types, and every pointer is to one of these locals.
        unsafe {
            let mut all = std::mem::zeroed();
            libc::sigfillset(&mut all);
            for fault in FAULTS {
                libc::sigdelset(&mut all, fault);
            }
            let mut inherited = std::mem::zeroed();
            if libc::sigprocmask(libc::SIG_SETMASK, &all, &mut inherited) == -1 {
                return Err(io::Error::last_os_error());
            }
            // Ignored, children would be gone before anybody could ask how they ended.
            let ignores_children = libc::signal(libc::SIGCHLD, libc::SIG_DFL) == libc::SIG_IGN;
            match libc::signalfd(-1, &all, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
                -1 => Err(io::Error::last_os_error()),
                fd => Ok(Inbox { fd: OwnedFd::from_raw_fd(fd), inherited, ignores_children }),
            }
        }
    }

    /// The next signal; `None` if there is none at the moment.
    pub fn next(&self) -> Option<Letter> {
        // SAFETY: it is plain numbers, for which all zeroes is a value.
        let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
        let size = size_of_val(&info);
        // SAFETY: the place is valid for `size` bytes, any of which may be written.
        let n = unsafe { libc::read(self.fd.as_raw_fd(), (&raw mut info).cast(), size) };
        // Codes above zero are the kernel's own (`SI_KERNEL`, `CLD_EXITED`).
        let sender = (info.ssi_code <= 0).then_some(info.ssi_pid as i32);
        (n == size as isize).then_some(Letter { signal: info.ssi_signo as i32, sender })
    }

    /// Makes `command`'s process begin with the signals of this process as they were before
    /// [`Inbox::open`], and die by SIGKILL with it. What this process ignores, the other ignores by
    /// the rules of `exec`, except for SIGPIPE, which Rust's runtime has changed already.
    ///
    /// The calling thread must live as long as the process is to, see
    /// [`die_with_parent`](super::process::die_with_parent).
    pub fn hand_down(&self, command: &mut Command) {
        let (mask, ignores_children) = (self.inherited, self.ignores_children);
        let parent = std::process::id() as i32;
        // SAFETY: the closure runs between fork and exec and only makes system calls that are
        // async-signal-safe, on values of its own.
        unsafe {
            command.pre_exec(move || {
                super::process::bind_to_parent(parent);
                if ignores_children {
                    libc::signal(libc::SIGCHLD, libc::SIG_IGN);
                }
                match libc::sigprocmask(libc::SIG_SETMASK, &mask, std::ptr::null_mut()) {
                    -1 => Err(io::Error::last_os_error()),
                    _ => Ok(()),
                }
            });
        }
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Sends `signal` to a child of the caller that is not yet reaped. One that may not be signalled (it
/// has changed its user) is left alone.
pub fn send(child: i32, signal: i32) {
    // SAFETY: kill touches no memory. The caller has not reaped `child`, so it names no one else.
    unsafe { libc::kill(child, signal) };
}

/// Lets `signal` do to this process what it does by default: stop it, until somebody continues it,
/// or end it. Returns if it did neither.
pub fn suffer(signal: i32) {
    // SAFETY: the set is initialised before it is used, the old mask goes to a local, and a signal
    // at its default disposition runs no code in this process.
    unsafe {
        let mut set = std::mem::zeroed();
        let mut before = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &set, &mut before);
        libc::sigprocmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
    }
}

/// Whether this process is in the foreground of a terminal, where somebody can type `fg`.
pub fn is_in_foreground() -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return false };
    // SAFETY: neither call touches memory.
    unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) == libc::getpgrp() }
}

/// Whether a process is in another session than this one, where this one's terminal is not its own.
pub fn has_left_session(pid: i32) -> bool {
    // SAFETY: getsid touches no memory.
    unsafe { libc::getsid(pid) != libc::getsid(0) }
}
