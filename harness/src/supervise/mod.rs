//! One trial, from its order to its observation.
//!
//! A worker owns a [`Cell`]: a keeper process, below it perhaps a zygote, below that the trial. The
//! worker reads the trial's output, feeds the [watchdog], captures stacks when there is reason to,
//! kills what has to be killed, and writes down what it saw.
//!
//! A program that nobody prepared is run and watched in place by `program` and `tree`.

mod cell;
pub mod keeper;
mod monitor;
mod output;
mod packet;
#[cfg(feature = "cli")]
pub(crate) mod partial;
#[cfg(feature = "cli")]
pub(crate) mod program;
#[cfg(feature = "cli")]
pub(crate) mod tree;
mod wakers;
mod watch;
pub mod watchdog;

pub(crate) use monitor::Monitor;

pub use cell::{Cell, CellError, Request, Target};

/// The longest packet on a control socket, in bytes.
pub const PACKET: usize = 128 * 1024;

/// The children of a process's thread, dead ones not yet reaped included.
///
/// `/proc/PID/task/TID/children` needs `CONFIG_PROC_CHILDREN`, which distributions set; without it
/// every process is asked for its parent.
pub(crate) fn children_of(pid: i32, tid: i32) -> Vec<i32> {
    if let Some(children) = children_of_thread(pid, tid) {
        return children;
    }
    let Ok(processes) = std::fs::read_dir("/proc") else { return vec![] };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|child| parent_of(*child) == Some(pid))
        .collect()
}

/// The children that one thread started; `None` where the kernel does not tell.
pub(crate) fn children_of_thread(pid: i32, tid: i32) -> Option<Vec<i32>> {
    let list = crate::os::proc_text(format!("/proc/{pid}/task/{tid}/children")).ok()?;
    Some(list.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect())
}

/// Why `/proc` cannot be believed, if so: in a pid namespace that did not mount its own, the numbers
/// in it belong to other processes.
pub(crate) fn foreign_proc() -> Option<String> {
    let me = std::process::id().to_string();
    match std::fs::read_link("/proc/self") {
        Ok(link) if link.as_os_str() == me.as_str() => None,
        _ => Some(
            "/proc is not mounted, or is that of another pid namespace; mount it anew (for instance \
             with `unshare --mount-proc`)"
                .to_owned(),
        ),
    }
}

fn parent_of(pid: i32) -> Option<i32> {
    stat(&format!("/proc/{pid}/stat"))?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// What follows the name in a `stat` file.
fn stat(path: &str) -> Option<String> {
    let stat = crate::os::proc_text(path).ok()?;
    // The name in parentheses may hold anything, also parentheses and spaces.
    Some(stat.rsplit_once(')')?.1.to_owned())
}
