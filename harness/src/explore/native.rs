//! The command run as it is: what control is compared with.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::ended::{Ended, How, Numbers};
use super::judge::Native;
use super::rerun::scene;
use super::sink::Sinks;
use super::target::Target;
use crate::board::{Board, Outcome};
use crate::inspect::Inspector;
use crate::os::control::{ANY_CPU, kill_group, randomize};
use crate::os::process::lift;
use crate::scene::Scene;

/// Runs it once without the runtime, in the same environment otherwise; `None` if it was not over
/// when the time was, or when `stop` said so.
pub fn run(
    target: &Target,
    cpu: usize,
    patience: Duration,
    stop: &dyn Fn() -> bool,
) -> io::Result<Option<Native>> {
    Ok(as_native(follow(target, (cpu, false), patience, stop, &mut |_| None)?))
}

/// The same as its users run it: on any CPU, with addresses of the kernel's choice.
pub fn run_at_large(
    target: &Target,
    patience: Duration,
    stop: &dyn Fn() -> bool,
) -> io::Result<Option<Native>> {
    Ok(as_native(follow(target, (ANY_CPU, true), patience, stop, &mut |_| None)?))
}

fn as_native(ended: Ended) -> Option<Native> {
    let failed = |(outcome, _): &(Outcome, String)| {
        [Outcome::Panicked, Outcome::WrongResult].contains(outcome)
    };
    let failed = ended.said.as_ref().is_some_and(failed);
    let Ended { how, stdout, stderr, printed, .. } = ended;
    let native = Native { how, stdout, stderr, printed, failed };
    (![How::Silent, How::Cut].contains(&how)).then_some(native)
}

/// Runs it the same way and, if it is late, looks at it before it is killed.
pub fn attempt(
    target: &Target,
    cpu: usize,
    patience: Duration,
    stop: &AtomicBool,
    inspector: &mut Inspector,
) -> io::Result<Ended> {
    let mut look = |pid| Some(scene(inspector, pid));
    follow(target, (cpu, false), patience, &|| stop.load(Relaxed), &mut look)
}

fn follow(
    target: &Target,
    (cpu, randomly): (usize, bool),
    patience: Duration,
    stop: &dyn Fn() -> bool,
    look: &mut dyn FnMut(i32) -> Option<Scene>,
) -> io::Result<Ended> {
    let mut sinks = Sinks::new()?;
    let board = target.has_board().then(|| Board::create("standstill-board")).transpose()?;
    let lifted = board.as_ref().and_then(Board::fd).map(lift).transpose()?;
    let lifted = lifted.as_ref().map(AsFd::as_fd);
    let mut command = target.command(&sinks, cpu, &[], lifted)?;
    if randomly {
        randomize(&mut command);
    }
    let mut child = command.spawn()?;
    let pid = child.id() as i32;
    let exit = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    let deadline = Instant::now() + patience;
    let tick = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    let mut is_over = false;
    while !is_over && Instant::now() < deadline && !stop() {
        is_over = matches!(poll(&mut [PollFd::new(&exit, PollFlags::IN)], Some(&tick)), Ok(1));
        sinks.relieve();
    }
    let late = match stop() {
        _ if is_over => None,
        true => Some((How::Cut, None)),
        false => Some((How::Silent, look(pid))),
    };
    if late.is_some() {
        kill_group(pid);
    }
    let status = How::of_status(child.wait()?.into_raw());
    let (how, scene) = late.unwrap_or((status, None));
    Ok(Ended {
        how,
        pid,
        numbers: Numbers::default(),
        blocked: vec![],
        places: Default::default(),
        decisions: vec![],
        events: vec![],
        stdout: sinks.stdout.output(),
        stderr: sinks.stderr.output(),
        printed: target.same_output.then(|| sinks.stdout.printed()).flatten(),
        said: board.as_ref().map(|board| (board.outcome(), board.message())),
        scene,
    })
}
