//! The keeper: a small process between a worker and the processes of its trials.
//!
//! It exists so that nothing is ever left behind. It is the subreaper (`PR_SET_CHILD_SUBREAPER`) of
//! everything below it, so that a process whose parent has died becomes its child instead of
//! escaping to init, whatever session or group it has moved to; and it notices the harness's death,
//! even by `SIGKILL`, because the socket between them closes. It runs no code but its own and has
//! one thread, so that children may tie their lives to it with `PR_SET_PDEATHSIG`.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvFlags, SendFlags};

use super::PACKET;
use crate::os::process::{self, Reap};
use crate::protocol::{FromKeeper, Launch, ROLE_VAR, ToKeeper, ZYGOTE_FD};

/// How long a sweep goes on against processes that do not die (`SIGKILL` cannot reach one that
/// waits for a disk).
const SWEEP: Duration = Duration::from_secs(5);

/// Runs a keeper until its harness is gone.
pub fn main() -> ExitCode {
    match Keeper::new().and_then(Keeper::serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

struct Keeper {
    harness: OwnedFd,
    /// The zygote's end of its socket to the harness, until there is a zygote.
    zygote_end: Option<OwnedFd>,
    zygote: Option<i32>,
    /// The trial that runs, and a descriptor that polls readable when it has ended.
    trial: Option<(i32, OwnedFd)>,
}

impl Keeper {
    fn new() -> io::Result<Keeper> {
        process::write_no_core_files();
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let harness = process::lift(io::stdin().as_fd())?;
        let null = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        let zygote_end = process::claim(ZYGOTE_FD).and_then(|fd| process::lift(fd.as_fd()).ok());
        Ok(Keeper { harness, zygote_end, zygote: None, trial: None })
    }

    fn serve(mut self) -> io::Result<()> {
        let mut packet = vec![0; PACKET];
        loop {
            let mut polled = vec![PollFd::new(&self.harness, PollFlags::IN)];
            if let Some((_, ended)) = &self.trial {
                polled.push(PollFd::new(ended, PollFlags::IN));
            }
            match poll(&mut polled, None) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            let ended = polled.get(1).is_some_and(|p| !p.revents().is_empty());
            let called = !polled[0].revents().is_empty();
            if ended
                && let Some((pid, _)) = self.trial.take()
                && let Some((_, ending)) = process::reap(Reap::Wait(pid))?
            {
                self.say(&FromKeeper::Ended(ending));
            }
            if called {
                let n = match rustix::net::recv(&self.harness, &mut packet[..], RecvFlags::empty())
                {
                    Err(rustix::io::Errno::INTR) => continue,
                    Ok((n, _)) => n,
                    Err(_) => 0,
                };
                if n == 0 {
                    // The harness has hung up: it is done, or dead. Either way nobody stays.
                    self.zygote = None;
                    self.sweep();
                    return Ok(());
                }
                match serde_json::from_slice(&packet[..n])? {
                    ToKeeper::Spawn(launch) => self.spawn(&launch),
                    ToKeeper::Sweep => {
                        let killed = self.sweep();
                        self.say(&FromKeeper::Swept { killed });
                    }
                }
            }
        }
    }

    fn spawn(&mut self, launch: &Launch) {
        let answer = match self.start(launch) {
            Ok(pid) => FromKeeper::Started { pid },
            Err(why) => FromKeeper::Failed {
                why: format!("failed to start {}: {why}", launch.exe.display()),
            },
        };
        self.say(&answer);
    }

    fn start(&mut self, launch: &Launch) -> io::Result<i32> {
        let mut command = Command::new(&launch.exe);
        command.args(&launch.args).env_remove(ROLE_VAR).envs(&launch.env).stdin(Stdio::null());
        process::die_with_parent(&mut command);
        let zygote_end = if launch.zygote { self.zygote_end.take() } else { None };
        if let Some(end) = &zygote_end {
            process::pass_fd(&mut command, end.as_raw_fd(), ZYGOTE_FD);
        }
        let child: Child = command.spawn()?;
        let pid = child.id() as i32;
        if launch.zygote {
            self.zygote = Some(pid);
        } else {
            let id = rustix::process::Pid::from_child(&child);
            let ended = rustix::process::pidfd_open(id, rustix::process::PidfdFlags::empty())?;
            self.trial = Some((pid, ended));
        }
        Ok(pid)
    }

    fn sweep(&mut self) -> u32 {
        let killed = sweep(&self.zygote.into_iter().collect());
        self.trial = None;
        killed
    }

    fn say(&self, message: &FromKeeper) {
        // If nobody listens the next receive says so.
        let json = serde_json::to_vec(message).unwrap_or_default();
        let _ = rustix::net::send(&self.harness, &json, SendFlags::NOSIGNAL);
    }
}

/// Kills every descendant of this process, which must be a subreaper, but `spared` and those below
/// them; how many that were. Killing a process hands its children to us, so going on until there are
/// none finds all of them.
pub(crate) fn sweep(spared: &BTreeSet<i32>) -> u32 {
    let deadline = Instant::now() + SWEEP;
    let mut killed = BTreeSet::new();
    loop {
        while matches!(process::reap(Reap::AnyEnded), Ok(Some(_))) {}
        let left: Vec<i32> =
            children_of_self().into_iter().filter(|pid| !spared.contains(pid)).collect();
        if left.is_empty() || Instant::now() > deadline {
            return killed.len() as u32;
        }
        for pid in left {
            killed.insert(pid);
            process::kill_child(pid);
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Children of this process, dead ones not yet reaped included.
fn children_of_self() -> Vec<i32> {
    let me = std::process::id();
    super::children_of(me as i32, me as i32)
}
