//! Forks in the middle of a trial: what a harness, a server or a test runner does without a thought.
//!
//! The one module here that needs `unsafe` for a call: safe Rust has no bare `fork`, only programs that
//! are started anew. It is unsafe because in the child only the calling thread lives on, while what the
//! other threads held at that moment stays held. That is what the scenarios which use it are about.

use std::io;

/// Forks, does `work` in the child, waits for the child without a time limit, and says how it ended.
///
/// Where the child hangs the caller does, too, until the trial's deadline: the harness ends both, as
/// the child dies with the thread that forked it. The child should not panic: that would be told as a
/// panic of the trial.
pub(crate) fn in_a_child(work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let parent = std::process::id();
    // SAFETY: fork(2) itself has no precondition. That the child may find locks taken which nobody
    // will release is no memory unsafety; it goes on only with `work` and `_exit`, which runs no
    // handler of the parent's, unwinds into none of its frames and flushes none of its buffers.
    match unsafe { libc::fork() } {
        -1 => Err(format!("fork: {}", io::Error::last_os_error())),
        0 => {
            // SAFETY: prctl with these arguments, getppid and _exit touch no memory.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if libc::getppid() as u32 != parent {
                    libc::_exit(1);
                }
            }
            let code = i32::from(work().is_err());
            // SAFETY: as above.
            unsafe { libc::_exit(code) }
        }
        child => wait_for(child),
    }
}

fn wait_for(child: libc::pid_t) -> Result<(), String> {
    let mut status = 0;
    loop {
        // SAFETY: the place is valid for the write that waitpid makes, and the child is ours to reap.
        let reaped = unsafe { libc::waitpid(child, &mut status, 0) };
        let error = io::Error::last_os_error();
        match reaped {
            -1 if error.kind() == io::ErrorKind::Interrupted => {}
            -1 => return Err(format!("wait for the child: {error}")),
            _ if status == 0 => return Ok(()),
            _ => return Err(format!("the child ended with wait status {status:#x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_does_its_work_is_well() {
        assert_eq!(in_a_child(|| Ok(())), Ok(()));
    }

    #[test]
    fn a_child_that_fails_is_told_of() {
        let ended = in_a_child(|| Err("no".to_owned()));
        assert_eq!(ended, Err("the child ended with wait status 0x100".to_owned()));
    }
}
