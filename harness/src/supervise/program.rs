//! A program that is run in place: it has this process's streams, terminal and process group, gets
//! the signals that are sent to this process, and is waited for.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::DumpableBehavior;

use crate::os::process::{self, Change};
use crate::os::signals::{self, Inbox, Letter};

/// Time between two looks that counts as time in which the program could run. More has passed only
/// if this process itself was stopped, or starved.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// Why a program could not be started. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// There is no such file.
    #[error("run `{0}`: {1}")]
    NotFound(String, String),
    /// There is one, and it is no program for this user.
    #[error("run `{0}`: {1}")]
    NotExecutable(String, String),
    /// The system failed.
    #[error("{0}: {1}")]
    System(&'static str, #[source] io::Error),
}

/// A running program.
pub(crate) struct Program {
    pub(crate) pid: i32,
    /// Children that this process had before: a shell that becomes standstill by `exec` leaves it
    /// its background jobs.
    pub(crate) strangers: BTreeSet<i32>,
    inbox: Inbox,
    /// Its wait status, once it has ended.
    pub(crate) status: Option<i32>,
    is_stopped: bool,
    last: Instant,
    /// Time for which it could have run.
    awake: Duration,
}

impl Program {
    /// Starts `name`, which is looked for in `PATH`. For a process with one thread, which from now on
    /// takes in every orphan below it.
    pub(crate) fn start(name: &OsStr, arguments: &[OsString]) -> Result<Program, StartError> {
        let system = |what| move |error: io::Error| StartError::System(what, error);
        let inbox = Inbox::open().map_err(system("take over signals"))?;
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|error| StartError::System("become a subreaper", error.into()))?;
        let strangers = super::tree::children(std::process::id() as i32);
        let mut command = Command::new(name);
        command.args(arguments);
        inbox.hand_down(&mut command);
        let child = command.spawn().map_err(|error| start_error(name, error))?;
        Ok(Program {
            pid: child.id() as i32,
            strangers,
            inbox,
            status: None,
            is_stopped: false,
            last: Instant::now(),
            awake: Duration::ZERO,
        })
    }

    /// The file that was started as `name`, where it is still there.
    pub(crate) fn path(name: &OsStr) -> Option<PathBuf> {
        let named = Path::new(name);
        if name.as_encoded_bytes().contains(&b'/') {
            return named.canonicalize().ok();
        }
        let path = std::env::var_os("PATH")?;
        let is_program = |path: &PathBuf| {
            let meta = path.metadata();
            meta.is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        };
        let found = std::env::split_paths(&path).map(|dir| dir.join(named)).find(is_program)?;
        found.canonicalize().ok()
    }

    /// The children that this process has because of it.
    pub(crate) fn children(&self) -> BTreeSet<i32> {
        &super::tree::children(std::process::id() as i32) - &self.strangers
    }

    /// Time since the start, without that for which the program was stopped.
    pub(crate) fn awake(&mut self) -> Duration {
        let gap = self.last.elapsed();
        self.last += gap;
        if !self.is_stopped {
            self.awake += gap.min(LONGEST_GAP);
        }
        self.awake
    }

    /// Waits for at most `pause`, and does meanwhile what is called for: hands on signals, reaps,
    /// stops together with the program. `is_below` tells the program's own processes.
    pub(crate) fn wait(&mut self, pause: Duration, is_below: impl Fn(i32) -> bool) {
        let pause =
            Timespec { tv_sec: pause.as_secs() as i64, tv_nsec: i64::from(pause.subsec_nanos()) };
        let _ = poll(&mut [PollFd::new(&self.inbox, PollFlags::IN)], Some(&pause));
        while let Some(letter) = self.inbox.next() {
            self.hand_on(letter, &is_below);
        }
        while self.status.is_none()
            && let Some((pid, change)) = process::changed_child()
        {
            if pid == self.pid {
                self.follow(change);
            }
        }
    }

    /// Hands a signal on, unless the program has it already: from the kernel, which sends what is
    /// typed at a terminal to all of the foreground, or from one of its own, who sent it to the
    /// whole group. Neither reaches a program that has left for a session of its own. What this
    /// process did to itself, by writing to a pipe that nobody reads, concerns nobody else.
    fn hand_on(&self, Letter { signal, sender }: Letter, is_below: &impl Fn(i32) -> bool) {
        let has_it = match sender {
            None => !signals::has_left_session(self.pid),
            Some(sender) => is_below(sender) || sender == std::process::id() as i32,
        };
        if !has_it && signal != libc::SIGCHLD && self.status.is_none() {
            signals::send(self.pid, signal);
        }
    }

    fn follow(&mut self, change: Change) {
        match change {
            Change::Ended(status) => self.status = Some(status),
            Change::Continued => {
                self.awake();
                self.is_stopped = false;
            }
            Change::Stopped(signal) => {
                self.awake();
                self.is_stopped = true;
                // Whoever started this process is to see it stopped as the program is. Only SIGSTOP
                // reaches a process whose terminal nobody attends: nobody would say `fg`.
                let typed = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU].contains(&signal);
                if typed || signals::is_in_foreground() {
                    signals::suffer(signal);
                }
            }
        }
    }
}

/// Says why a program cannot be run, and what was perhaps meant.
fn start_error(name: &OsStr, error: io::Error) -> StartError {
    let shown = name.to_string_lossy().into_owned();
    let path = std::path::Path::new(name);
    let has_slash = shown.contains('/');
    match error.kind() {
        io::ErrorKind::NotFound if shown.is_empty() => {
            StartError::NotFound(shown, "its name is empty".to_owned())
        }
        io::ErrorKind::NotFound => StartError::NotFound(
            shown.clone(),
            if has_slash && path.exists() {
                "the interpreter or loader that it names is missing".to_owned()
            } else if has_slash {
                "there is no such file".to_owned()
            } else if path.exists() {
                format!("it is not in PATH; is ./{shown} meant?")
            } else if shown.contains(' ') {
                "it is not in PATH; a program and its arguments are words of their own, not one in \
                 quotes"
                    .to_owned()
            } else {
                "it is not in PATH".to_owned()
            },
        ),
        io::ErrorKind::PermissionDenied if path.is_dir() => {
            StartError::NotExecutable(shown, "it is a directory".to_owned())
        }
        io::ErrorKind::PermissionDenied => StartError::NotExecutable(
            shown,
            "it may not be executed by this user (chmod +x would allow it)".to_owned(),
        ),
        io::ErrorKind::ArgumentListTooLong | io::ErrorKind::InvalidInput => {
            StartError::NotExecutable(shown, error.to_string())
        }
        _ if error.raw_os_error() == Some(libc::ENOEXEC) => {
            StartError::NotExecutable(shown, "it is no program for this machine".to_owned())
        }
        _ => StartError::System("start a process", error),
    }
}

/// Ends as the program did, so that whoever waits for this process sees the same; the exit code
/// where that is one.
pub(crate) fn end_like(status: i32) -> u8 {
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        // The program has left a core file if that was wanted; this process has nothing to tell.
        process::write_no_core_files();
        // Where core files go through a pipe, the limit alone is not heeded.
        let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
        signals::suffer(signal);
        return 128_u8.wrapping_add(signal as u8);
    }
    libc::WEXITSTATUS(status) as u8
}
