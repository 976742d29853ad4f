//! The command run once as it is: what control is compared with.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::ended::How;
use super::judge::Native;
use super::sink::Sinks;
use super::target::Target;
use crate::board::{Board, Outcome};
use crate::os::control::kill_group;
use crate::os::process::lift;

/// Runs it without the runtime, in the same environment otherwise; `None` if it was not over when the
/// time was, or when `stop` said so.
pub fn run(
    target: &Target,
    cpu: usize,
    patience: Duration,
    stop: &dyn Fn() -> bool,
) -> io::Result<Option<Native>> {
    let mut sinks = Sinks::new()?;
    let board = target.has_board().then(|| Board::create("standstill-board")).transpose()?;
    let lifted = board.as_ref().and_then(Board::fd).map(lift).transpose()?;
    let lifted = lifted.as_ref().map(AsFd::as_fd);
    let mut child = target.command(&sinks, cpu, &[], lifted)?.spawn()?;
    let exit = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    let deadline = Instant::now() + patience;
    let tick = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    let mut is_over = false;
    while !is_over && Instant::now() < deadline && !stop() {
        is_over = matches!(poll(&mut [PollFd::new(&exit, PollFlags::IN)], Some(&tick)), Ok(1));
        sinks.relieve();
    }
    if !is_over {
        kill_group(child.id() as i32);
    }
    let how = How::of_status(child.wait()?.into_raw());
    let failed = board
        .as_ref()
        .is_some_and(|board| [Outcome::Panicked, Outcome::WrongResult].contains(&board.outcome()));
    let (stdout, stderr) = (sinks.stdout.output(), sinks.stderr.output());
    let native = Native { how, stdout, stderr, failed };
    Ok(is_over.then_some(native))
}
