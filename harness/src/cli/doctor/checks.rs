//! What can be asked without running anything under control.

use std::process::{Command, Stdio};

use super::Finding;
use crate::environment::Environment;
use crate::inspect::{Inspector, Sampling};
use crate::os::proc_text;

/// All of them.
pub(super) fn all() -> Vec<Finding> {
    vec![
        Finding::new("this system", system()),
        Finding::new("the process table", table()),
        Finding::new("stacks and locks of other processes", look()),
        Finding::new("a debugger for replay --gdb", gdb()),
    ]
}

fn system() -> Result<String, String> {
    let here = Environment::here();
    let glibc = crate::os::process::glibc_version();
    let text = format!("{}, {} {}", std::env::consts::ARCH, std::env::consts::OS, here.kernel);
    match glibc {
        Some(version) if cfg!(controlled) => Ok(format!("{text}, glibc {version}")),
        _ => Err(format!(
            "{text}: programs are controlled on x86-64 Linux with glibc only; watch, inspect and \
             stress work all the same"
        )),
    }
}

fn table() -> Result<String, String> {
    match crate::supervise::foreign_proc() {
        Some(why) => Err(why),
        None => Ok("/proc shows this process as itself".to_owned()),
    }
}

/// Looks at a child that sleeps: what watch, inspect and every hang verdict stand on.
fn look() -> Result<String, String> {
    let mut child = Command::new("sleep")
        .arg("30")
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("`sleep` could not be started: {error}"))?;
    let pid = child.id() as i32;
    let mut scene = Inspector::introduce(pid);
    let sampling = Sampling { samples: 1, every: std::time::Duration::from_millis(10) };
    let looked = Inspector::new().look(&mut scene, sampling);
    let _ = child.kill();
    let _ = child.wait();
    looked.map_err(|error| format!("failed to {error}"))?;
    let scope = proc_text("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    Ok(match scope.trim() {
        "" | "0" => "a child could be looked at".to_owned(),
        scope => format!(
            "a child could be looked at; inspect of other processes may need root \
             (kernel.yama.ptrace_scope is {scope})"
        ),
    })
}

fn gdb() -> Result<String, String> {
    let output = Command::new("gdb").arg("--version").stdin(Stdio::null()).output();
    let missing = "there is no gdb; install it to stop a replay in a debugger".to_owned();
    let output = output.map_err(|_| missing.clone())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(str::to_owned).ok_or(missing)
}
