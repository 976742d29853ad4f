//! The words that the tests are told in.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use standstill::capture::{Frame, Snapshot, ThreadStack};

use crate::target::{self, LIMIT};

/// A running target; dropping it ends it.
pub(crate) struct Target {
    pub(crate) child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Goes with the target, which calls off the watchdog.
    _alive: mpsc::Sender<()>,
}

impl Target {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (alive, over) = mpsc::channel::<()>();
        thread::spawn(move || {
            if over.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                std::process::abort();
            }
        });
        Target { child, stdin, stdout, _alive: alive }
    }

    /// A target that has said that it is ready.
    pub(crate) fn ready(role: &str) -> Self {
        let mut target = Target::start(&mut target::command(role));
        target.read_until(|line| line == "ready");
        target
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub(crate) fn read_until(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "the target has ended");
            if wanted(line.trim_end()) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// How many signals the target has counted; it answers only while it runs.
    pub(crate) fn ping(&mut self) -> u32 {
        writeln!(self.stdin, "ping").unwrap();
        self.read_until(|line| line.starts_with("ping "))[5..].parse().unwrap()
    }

    pub(crate) fn send(&self, signal: i32) {
        // SAFETY: kill takes no pointer; the child is not reaped yet, so the pid is its own.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    /// The states of all threads, as letters: `t` would be one left stopped by a tracer.
    pub(crate) fn states(&self) -> String {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok())
            .filter_map(|s| s.lines().find_map(|l| l.strip_prefix("State:\t")?.chars().next()))
            .collect()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn thread_named<'a>(snapshot: &'a Snapshot, name: &str) -> &'a ThreadStack {
    let found = snapshot.threads.iter().find(|thread| thread.name == name);
    found.unwrap_or_else(|| panic!("no thread {name} in:\n{snapshot}"))
}

/// The first frame of `function`, of whatever module, and its place in the stack.
pub(crate) fn frame_of<'a>(thread: &'a ThreadStack, function: &str) -> (usize, &'a Frame) {
    let is_it = |frame: &Frame| {
        let name = frame.function.as_deref().unwrap_or_default();
        name.strip_suffix(function).is_some_and(|path| path.is_empty() || path.ends_with("::"))
    };
    let found = thread.frames.iter().enumerate().find(|(_, frame)| is_it(frame));
    found.unwrap_or_else(|| panic!("no {function} in\n{}", told(thread)))
}

pub(crate) fn told(thread: &ThreadStack) -> String {
    Snapshot { threads: vec![thread.clone()], ..Snapshot::default() }.to_string()
}

pub(crate) fn is_in_target(frame: &Frame) -> bool {
    frame.file.as_ref().is_some_and(|file| file.ends_with("tests/capture/target.rs"))
        && frame.line.is_some()
}
