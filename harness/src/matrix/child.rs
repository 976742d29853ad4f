//! Other programs that a matrix runs: cargo, and standstill itself.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// How often it is asked whether the child has ended, and whether somebody wants that.
const PERIOD: Duration = Duration::from_millis(10);

/// A child that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it wrote.
    pub stdout: String,
    /// What it wrote.
    pub stderr: String,
}

/// Runs a command to its end. Its process group is its own, so that what is typed here reaches it once
/// and through us: when `stop` is set it is asked to end as Ctrl-C asks.
pub fn run(mut command: Command, stop: &AtomicBool) -> io::Result<Ended> {
    crate::os::process::die_with_parent(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let mut is_told = false;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if stop.load(SeqCst) && !is_told {
            is_told = true;
            let _ = kill_process_group(Pid::from_child(&child), Signal::INT);
        }
        std::thread::sleep(PERIOD);
    };
    let text = |reader: std::thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
    };
    Ok(Ended { status, stdout: text(stdout), stderr: text(stderr) })
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// What a program that failed gave as its reason: its last error that says more than that there was one.
pub fn reason(ended: &Ended) -> String {
    let is_error = |line: &&str| line.starts_with("error");
    let says_more = |line: &&str| {
        !["error: could not compile", "error: aborting due", "error: could not document"]
            .iter()
            .any(|empty| line.starts_with(empty))
    };
    let errors = || ended.stderr.lines().filter(is_error);
    let line = errors().rfind(says_more).or_else(|| errors().next_back());
    let line = line.or_else(|| ended.stderr.lines().rfind(|line| !line.trim().is_empty()));
    let line = line.map(|line| line.trim().trim_start_matches("error: ").to_owned());
    // A build script that panics says why on the line after.
    let mut lines = ended.stderr.lines().map(str::trim);
    let is_script = |line: &String| line.starts_with("failed to run custom build command");
    let panic = lines.find(|line| line.contains("panicked at ")).and_then(|_| lines.next());
    let line = line.map(|line| match panic {
        Some(panic) if is_script(&line) => format!("{line}: {panic}"),
        _ => line,
    });
    line.unwrap_or_else(|| format!("it ended with {} and said nothing", ended.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, stop: bool) -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, &AtomicBool::new(stop)).unwrap()
    }

    #[test]
    fn the_reason_is_the_last_error_that_says_something() {
        let errors =
            "error[E0277]: `Rc<i32>` cannot be sent\n  --> src\nerror: could not compile `x`\n";
        assert_eq!(
            reason(&shell(&format!("printf '%s' '{errors}' >&2; exit 1"), false)),
            "error[E0277]: `Rc<i32>` cannot be sent"
        );
        let script = "error: failed to run custom build command for `x`\n  thread panicked at b.rs:1:\n  no cmake\n";
        assert_eq!(
            reason(&shell(&format!("printf '%s' '{script}' >&2; exit 1"), false)),
            "failed to run custom build command for `x`: no cmake"
        );
        assert_eq!(reason(&shell("echo oh no >&2; exit 1", false)), "oh no");
        assert!(reason(&shell("exit 3", false)).contains("said nothing"));
    }

    #[test]
    fn both_streams_are_read_however_much_there_is() {
        let ended = shell("seq 1 50000; seq 1 50000 >&2", false);
        assert!(ended.status.success());
        assert_eq!((ended.stdout.lines().count(), ended.stderr.lines().count()), (50_000, 50_000));
    }

    #[test]
    fn a_child_is_asked_to_end_with_us() {
        use std::os::unix::process::ExitStatusExt;
        let ended = shell("exec sleep 1000", true);
        assert_eq!(ended.status.signal(), Some(2));
    }
}
