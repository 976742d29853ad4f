//! Several looks at a live process, which goes on as if nothing had happened.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::capture::{CaptureError, Capturer};
use crate::observation::ThreadSeen;
use crate::os::cpu;
use crate::scene::{Look, SCHEMA, Scene};
use crate::supervise::Monitor;

/// How long threads that were stopped get to be back in what they waited for, and how often they are
/// asked: where the CPUs are taken it takes them some milliseconds.
const SETTLING: Duration = Duration::from_millis(2);
const ASKED: u32 = 50;

/// How a process is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Looks at most; fewer where the second already shows that nothing moves.
    pub samples: u32,
    /// From the end of one look to the beginning of the next.
    pub every: Duration,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { samples: 8, every: Duration::from_millis(50) }
    }
}

/// Looks at processes, and keeps what it has read of binaries for the looks to come.
#[derive(Default)]
pub struct Inspector {
    capturer: Capturer,
}

impl Inspector {
    /// One that has not seen any binary yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is known of a process before it is looked at: its program and its arguments.
    pub fn introduce(pid: i32) -> Scene {
        // A main thread that has ended takes the files of its process with it; another thread's are
        // the same.
        let dir = PathBuf::from(format!("/proc/{pid}"));
        let tasks = || std::fs::read_dir(dir.join("task")).into_iter().flatten().flatten();
        let is_live = |dir: &PathBuf| std::fs::read_link(dir.join("exe")).is_ok();
        let dir = match is_live(&dir) {
            true => dir,
            false => tasks().map(|task| task.path()).find(is_live).unwrap_or(dir),
        };
        let proc = |name: &str| dir.join(name);
        let program = std::fs::read_link(proc("exe"))
            .map_or_else(|_| String::new(), |path| path.display().to_string());
        let command = std::fs::read(proc("cmdline")).unwrap_or_default();
        let command = command
            .split(|&b| b == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect::<Vec<_>>();
        let used = command.iter().rposition(|word| !word.is_empty()).map_or(0, |last| last + 1);
        Scene {
            schema: SCHEMA,
            pid,
            stopped: is_stopped(pid),
            program,
            command: command[..used].to_vec(),
            ..Scene::default()
        }
    }

    /// Looks at `scene`'s process as often as `sampling` says and adds what was seen. An error only
    /// if not a single look succeeded.
    ///
    /// What [`Capturer::capture`] asks of its callers holds here too: no other thread may wait for
    /// children meanwhile.
    pub fn look(&mut self, scene: &mut Scene, sampling: Sampling) -> Result<(), CaptureError> {
        let pid = scene.pid;
        let mut monitor = Monitor::new(pid);
        let begun = Instant::now();
        let micros = |at: Instant| at.duration_since(begun).as_micros() as u64;
        let mut next = begun;
        for _ in 0..sampling.samples.max(1) {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            let start = Instant::now();
            let before = monitor.collect(false).map_or(vec![], |c| c.threads);
            let cpu_us = cpu::process_cpu(pid).unwrap_or_default().as_micros() as u64;
            let stacks = match self.capturer.capture(pid) {
                Ok(stacks) => stacks,
                Err(error) if scene.looks.is_empty() => return Err(error),
                Err(error) => {
                    scene.notes.push(format!("It could not be looked at again: {error}."));
                    break;
                }
            };
            let after = settled(&mut monitor, &before);
            scene.wakers = monitor.outside_wakers(&after);
            scene.writers = monitor.outside_writers(&after);
            scene.looks.push(Look {
                at_us: micros(start),
                cpu_us,
                before,
                until_us: micros(Instant::now()),
                after,
                stacks,
            });
            if is_at_rest(&scene.looks) {
                break;
            }
            // However long the look took: what moves is seen in the time when nobody is disturbed.
            next = Instant::now() + sampling.every;
        }
        Ok(())
    }
}

/// The threads when whoever waited for ever before a look does so again, or has had time to.
fn settled(monitor: &mut Monitor, before: &[ThreadSeen]) -> Vec<ThreadSeen> {
    let mut threads = vec![];
    for _ in 0..ASKED {
        std::thread::sleep(SETTLING);
        threads = monitor.collect(false).map_or(vec![], |c| c.threads);
        let waits = |then: &ThreadSeen| {
            let now = threads.iter().find(|now| now.tid == then.tid);
            now.is_none_or(|now| now.wait == then.wait)
        };
        if before.iter().filter(|then| then.wait.is_futex_forever()).all(waits) {
            break;
        }
    }
    threads
}

/// Whether the process is stopped by job control or SIGSTOP (state `T` of proc(5)).
fn is_stopped(pid: i32) -> bool {
    let stat = crate::os::proc_text(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// Whether the last two looks show the same threads in the same untimed waits, none of which ran
/// between them: a third would show nothing else.
fn is_at_rest(looks: &[Look]) -> bool {
    let [.., previous, last] = looks else { return false };
    previous.after == last.before && last.before.iter().all(|t| t.wait.is_futex_forever())
}
