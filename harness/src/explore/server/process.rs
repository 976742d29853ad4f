//! A process under control, and the conversation over its socket: sixteen bytes a message.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use standstill_scheduler::abi::{self, Message};

use crate::explore::ended::How;
use crate::os::control::kill_group;

/// How long a killed process may take to be gone.
const DYING: Duration = Duration::from_secs(5);

/// The same when the time for all trials is up: then the process that forked it goes, too.
const LAST: Duration = Duration::from_millis(300);

/// A process under control, and the end of its socket.
pub(super) struct Process {
    pub(super) child: Child,
    exit: OwnedFd,
    pub(super) socket: OwnedFd,
    /// Whether it can be forked.
    pub(super) forks: bool,
}

/// What came of waiting.
pub(super) enum Said {
    Message(Message),
    Nothing,
    Gone,
}

impl Process {
    pub(super) fn new(child: Child, socket: OwnedFd) -> io::Result<Process> {
        let exit = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        Ok(Process { child, exit, socket, forks: false })
    }

    pub(super) fn say(&self, what: u32, value: i64) -> io::Result<()> {
        let mut bytes = [0; size_of::<Message>()];
        bytes[..4].copy_from_slice(&what.to_ne_bytes());
        bytes[8..].copy_from_slice(&value.to_ne_bytes());
        rustix::net::send(&self.socket, &bytes, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// The next message, for at most `patience`.
    pub(super) fn wait(&mut self, patience: Duration) -> Said {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left =
                Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            let mut polled =
                [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(&self.exit, PollFlags::IN)];
            match poll(&mut polled, Some(&left)) {
                Ok(0) => return Said::Nothing,
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return Said::Gone,
            }
            // What was said before the end is heard first.
            if polled[0].revents().is_empty() {
                return Said::Gone;
            }
            let mut bytes = [0; size_of::<Message>()];
            return match rustix::net::recv(&self.socket, &mut bytes[..], RecvFlags::DONTWAIT) {
                Ok((n, _)) if n == bytes.len() => Said::Message(message(&bytes)),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                _ => Said::Gone,
            };
        }
    }

    /// Waits until the trial is reported to have ended, or until the process, which ran it, has; hardly
    /// longer than `until`, when an answer is due.
    pub(super) fn await_end(&mut self, until: Instant) -> bool {
        if !self.forks {
            self.bury();
            return true;
        }
        let now = Instant::now();
        let deadline = (now + DYING).min(until.max(now) + LAST);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.wait(left) {
                Said::Message(Message { what: abi::SAYS_ENDED, .. }) => return true,
                Said::Message(_) => continue,
                Said::Nothing | Said::Gone => return false,
            }
        }
    }

    /// Kills what is left of it and reaps it; how it ended.
    pub(super) fn bury(&mut self) -> How {
        use std::os::unix::process::ExitStatusExt;
        // It may have closed its socket and live on.
        let mut polled = [PollFd::new(&self.exit, PollFlags::IN)];
        let moment = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        let _ = poll(&mut polled, Some(&moment));
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            kill_group(self.child.id() as i32);
        }
        self.child.wait().map_or(How::Killed(libc::SIGKILL), |s| How::of_status(s.into_raw()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            kill_group(self.child.id() as i32);
            let _ = self.child.wait();
        }
    }
}

/// Sixteen bytes as a message.
fn message(bytes: &[u8; 16]) -> Message {
    let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    let [.., a, b, c, d, e, f, g, h] = *bytes;
    Message {
        what: u32::from_ne_bytes(word(0)),
        pid: i32::from_ne_bytes(word(4)),
        value: i64::from_ne_bytes([a, b, c, d, e, f, g, h]),
    }
}
