//! A process of a stranger's, with a deadline and an end.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::ReproError;
use crate::os::control::kill_group;
use crate::os::process::die_with_parent;

/// A process that is over, or was ended.
pub(super) struct Ended {
    /// None if it was late, or is not wanted any more.
    pub(super) status: Option<ExitStatus>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a command until it ends, time is up, or `stop` says so. Nothing of its group outlives it.
pub(super) fn follow(
    mut command: Command,
    until: Instant,
    stop: &AtomicBool,
) -> Result<Ended, ReproError> {
    let failed = |error| ReproError::System("run the reproducer", error);
    let mut files = [tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?];
    let [stdout, stderr] = [files[0].try_clone(), files[1].try_clone()];
    command.stdin(Stdio::null()).stdout(stdout.map_err(failed)?).stderr(stderr.map_err(failed)?);
    die_with_parent(&mut command);
    let mut child = command.spawn().map_err(|error| {
        ReproError::Start(command.get_program().to_string_lossy().into_owned(), error)
    })?;
    let exit = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
    let exit = exit.map_err(|error| failed(error.into()))?;
    let tick = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    let mut is_over = false;
    while !is_over && Instant::now() < until && !stop.load(Relaxed) {
        is_over = matches!(poll(&mut [PollFd::new(&exit, PollFlags::IN)], Some(&tick)), Ok(1));
    }
    // It is not reaped yet, so its group is still its own, and whoever it left behind is in it.
    kill_group(child.id() as i32);
    let status = child.wait().map_err(failed)?;
    let [stdout, stderr] = files.each_mut().map(text);
    let is_ours = status.signal() == Some(libc::SIGKILL) && !is_over;
    Ok(Ended { status: (!is_ours).then_some(status), stdout, stderr })
}

/// The end of what a process wrote.
fn text(file: &mut File) -> String {
    /// More nobody reads.
    const KEPT: u64 = 1 << 20;

    let length = file.seek(SeekFrom::End(0)).unwrap_or(0);
    let mut bytes = vec![];
    let _ = file.seek(SeekFrom::Start(length.saturating_sub(KEPT)));
    let _ = file.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
