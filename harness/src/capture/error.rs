//! Why a capture fails, and what would make it work.

use std::fs;
use std::io;

/// Why no stacks could be captured. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The system does not allow tracing the process.
    #[error("trace process {pid}: {hint}")]
    Denied {
        /// The process.
        pid: i32,
        /// What stands in the way, and what would grant it.
        hint: String,
    },
    /// There is no such process, or it ended meanwhile.
    #[error("capture process {pid}: there is no such process, or it has ended")]
    Gone {
        /// The process.
        pid: i32,
    },
    /// Stacks cannot be walked on this machine.
    #[error(
        "capture process {pid}: stacks need x86-64 Linux, and this is {}",
        std::env::consts::ARCH
    )]
    Unsupported {
        /// The process.
        pid: i32,
    },
    /// The system failed in another way.
    #[error("{action} process {pid}: {source}")]
    System {
        /// The process.
        pid: i32,
        /// What was attempted, as a verb.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl CaptureError {
    /// Sorts a failure to `action` the process by what a user can do about it.
    pub(super) fn new(pid: i32, action: &'static str, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::ESRCH | libc::ENOENT) => CaptureError::Gone { pid },
            Some(libc::EPERM | libc::EACCES | libc::ENOSYS) => {
                let hint = Obstacles::look(pid).hint(&source);
                CaptureError::Denied { pid, hint }
            }
            _ => CaptureError::System { pid, action, source },
        }
    }
}

/// All that is known to forbid tracing, as found on this system.
#[derive(Debug, Default)]
struct Obstacles {
    /// The process asks to trace itself.
    own: bool,
    /// It is a part of the kernel, and has no memory of its own.
    kernel: bool,
    /// Who traces the process already.
    tracer: Option<i32>,
    /// `/proc/sys/kernel/yama/ptrace_scope`, where the system has it.
    ptrace_scope: Option<u8>,
    /// A seccomp filter watches our own system calls, as in most containers.
    seccomp: bool,
}

impl Obstacles {
    fn look(pid: i32) -> Self {
        let status = |pid: &str, key: &str| -> Option<i32> {
            let text = crate::os::proc_text(format!("/proc/{pid}/status")).ok()?;
            text.lines().find_map(|l| l.strip_prefix(key))?.trim().parse().ok()
        };
        Obstacles {
            own: u32::try_from(pid) == Ok(std::process::id()),
            kernel: is_kernel_thread(pid),
            tracer: status(&pid.to_string(), "TracerPid:").filter(|&tracer| tracer != 0),
            ptrace_scope: fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope")
                .ok()
                .and_then(|text| text.trim().parse().ok()),
            seccomp: status("self", "Seccomp:") == Some(2),
        }
    }

    fn hint(&self, source: &io::Error) -> String {
        if self.own {
            return "a process cannot trace itself".into();
        }
        if self.kernel {
            return "it is a kernel thread and cannot be looked at".into();
        }
        if let Some(tracer) = self.tracer {
            return format!(
                "process {tracer} traces it already (a debugger or strace?); end that one first"
            );
        }
        let mut hint = format!("{source}; tracing needs the same user, or CAP_SYS_PTRACE");
        match self.ptrace_scope {
            None | Some(0) => {}
            Some(1) => hint.push_str(
                "; kernel.yama.ptrace_scope is 1, so only an ancestor may trace: start the process \
                 from here, run with CAP_SYS_PTRACE (sudo), or `sysctl kernel.yama.ptrace_scope=0`",
            ),
            Some(2) => hint.push_str(
                "; kernel.yama.ptrace_scope is 2, so only CAP_SYS_PTRACE (sudo) may trace",
            ),
            Some(scope) => hint.push_str(&format!(
                "; kernel.yama.ptrace_scope is {scope}, which forbids all tracing until reboot"
            )),
        }
        if self.seccomp {
            hint.push_str(
                "; a seccomp filter is active: start the container with --cap-add=SYS_PTRACE or \
                 --security-opt seccomp=unconfined",
            );
        }
        hint
    }
}

/// Whether the flags of a process (field 9 of `stat`) say so.
fn is_kernel_thread(pid: i32) -> bool {
    /// `linux/sched.h`.
    const PF_KTHREAD: u64 = 0x0020_0000;
    let stat = crate::os::proc_text(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    // The state, which comes next, is field 3.
    let flags = after_name.split_ascii_whitespace().nth(9 - 3).and_then(|f| f.parse().ok());
    flags.is_some_and(|flags: u64| flags & PF_KTHREAD != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errno(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    #[test]
    fn an_error_number_says_what_went_wrong() {
        let sort = |number| CaptureError::new(1, "trace", errno(number));
        assert!(matches!(sort(libc::ESRCH), CaptureError::Gone { pid: 1 }));
        assert!(matches!(sort(libc::EPERM), CaptureError::Denied { pid: 1, .. }));
        assert!(matches!(sort(libc::EACCES), CaptureError::Denied { pid: 1, .. }));
        assert!(matches!(sort(libc::ENOSYS), CaptureError::Denied { pid: 1, .. }));
        let other = sort(libc::EIO).to_string();
        assert!(other.starts_with("trace process 1: "), "{other}");
    }

    #[test]
    fn a_denial_names_the_process_and_what_would_grant_it() {
        let hint = |obstacles: Obstacles| obstacles.hint(&errno(libc::EPERM));
        let plain = hint(Obstacles::default());
        assert!(plain.contains("CAP_SYS_PTRACE") && !plain.contains("yama"), "{plain}");
        let yama = hint(Obstacles { ptrace_scope: Some(1), ..Default::default() });
        assert!(yama.contains("ptrace_scope is 1") && yama.contains("ancestor"), "{yama}");
        let locked = hint(Obstacles { ptrace_scope: Some(3), ..Default::default() });
        assert!(locked.contains("until reboot"), "{locked}");
        let container = hint(Obstacles { seccomp: true, ..Default::default() });
        assert!(container.contains("--cap-add=SYS_PTRACE"), "{container}");
        let kernel = hint(Obstacles { kernel: true, ..Default::default() });
        assert_eq!(kernel, "it is a kernel thread and cannot be looked at");
        assert!(!is_kernel_thread(std::process::id() as i32));
        let traced = hint(Obstacles { tracer: Some(77), ..Default::default() });
        assert!(traced.contains("process 77"), "{traced}");

        let denied = CaptureError::Denied { pid: 1, hint: plain };
        assert!(denied.to_string().starts_with("trace process 1: "), "{denied}");
    }
}
