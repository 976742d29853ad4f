//! All processes below this one, each with a watchdog of its own.
//!
//! Nobody prepared them: there is no board, so that a process's phase is always that it runs and its
//! actors are none. One that stands still completely is told of at once; the deadline is that of the
//! whole command, and comes when it has passed for the process that the command started.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::children_of;
use super::monitor::Monitor;
use super::partial::{self, Partial, Seen};
use super::watchdog::{Deadlines, Input, Output, Tick, Watchdog};
use crate::board::Phase;
use crate::observation::{Standstill, ThreadSeen, Window};
use crate::os::cpu;

/// How often new processes are looked for.
const SCAN: Duration = Duration::from_millis(100);
/// What anything costs at most is one part in so many of the time.
const THRIFT: u32 = 50;

/// Something that calls for a look.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sighting {
    /// This process stands still, by proof.
    Complete(i32, Standstill),
    /// Threads of this process may be deadlocked while others go on.
    Suspect(i32),
    /// The command has not ended by its deadline.
    Deadline,
}

/// The processes under watch.
pub(crate) struct Tree {
    main: i32,
    /// Children of this process that are not of the command.
    strangers: BTreeSet<i32>,
    timeout: Duration,
    members: BTreeMap<i32, Member>,
    /// Those that cannot be watched, and those that need not be any more.
    excused: BTreeSet<i32>,
    scan: Rhythm,
    collect: Rhythm,
    is_past_deadline: bool,
    /// What could not be seen, each a sentence; for the caller to take.
    pub(crate) notes: Vec<String>,
}

/// When something is to be done again.
struct Rhythm {
    every: Duration,
    next: Instant,
}

impl Rhythm {
    fn new(every: Duration) -> Rhythm {
        Rhythm { every, next: Instant::now() }
    }

    fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    /// To be called when it has been done, which `began` then.
    fn done(&mut self, began: Instant) {
        self.next = Instant::now() + self.every.max(began.elapsed() * THRIFT);
    }
}

struct Member {
    pid: i32,
    dog: Watchdog,
    monitor: Monitor,
    partial: Partial,
    /// When it was first seen, and its CPU time then.
    since: (Duration, Duration),
    /// What its watchdog says of the deadline.
    due: Option<Standstill>,
    is_stopped: bool,
}

impl Tree {
    /// The tree of a command that has just been started as process `main`. The `strangers` are no
    /// part of it, though they are children of this process.
    pub(crate) fn new(main: i32, timeout: Option<Duration>, strangers: BTreeSet<i32>) -> Tree {
        let timeout = timeout.unwrap_or(Duration::MAX);
        Tree {
            main,
            strangers,
            timeout,
            members: BTreeMap::new(),
            excused: BTreeSet::new(),
            scan: Rhythm::new(SCAN),
            collect: Rhythm::new(partial::EVERY),
            is_past_deadline: false,
            notes: vec![],
        }
    }

    /// Whether `pid` is one of its processes, as far as is known.
    pub(crate) fn contains(&self, pid: i32) -> bool {
        pid == self.main || self.members.contains_key(&pid) || self.excused.contains(&pid)
    }

    /// Looks at every process, `at` after the start of the command. The first sighting only: the
    /// next is seen at the next tick.
    pub(crate) fn tick(&mut self, at: Duration) -> Option<Sighting> {
        if self.scan.is_due() {
            let began = Instant::now();
            self.rescan(at);
            self.scan.done(began);
        }
        for member in self.members.values_mut() {
            if let Some(standstill) = member.sample(at) {
                return Some(Sighting::Complete(member.pid, standstill));
            }
        }
        if self.collect.is_due() {
            let began = Instant::now();
            // All of them are fed; a second suspect is one at the next collect, too.
            let suspects: Vec<i32> = self
                .members
                .values_mut()
                .filter_map(|m| m.is_suspect(at).then_some(m.pid))
                .collect();
            self.collect.done(began);
            if let Some(suspect) = suspects.first() {
                return Some(Sighting::Suspect(*suspect));
            }
        }
        let is_due = match self.members.get(&self.main) {
            Some(main) => main.due.is_some(),
            None => at >= self.timeout,
        };
        (is_due && !self.is_past_deadline).then_some(Sighting::Deadline)
    }

    /// What the deadline finds: each process and the time before. There is no other deadline.
    pub(crate) fn at_deadline(&mut self, at: Duration) -> Vec<(i32, Standstill)> {
        self.is_past_deadline = true;
        let Tree { members, main, .. } = self;
        let mut all: Vec<(i32, Standstill)> =
            members.values_mut().map(|m| (m.pid, m.deadline(at))).collect();
        all.sort_by_key(|(pid, _)| (pid != main, *pid));
        all
    }

    /// Takes what a look at `pid`, a suspect, has shown; whether it is enough to convict.
    pub(crate) fn looked(&mut self, pid: i32, at: Duration, took: Duration, seen: Seen) -> bool {
        self.members.get_mut(&pid).is_some_and(|member| member.partial.looked(at, took, seen))
    }

    /// Watches `pid` no more: it has been told of.
    pub(crate) fn excuse(&mut self, pid: i32) {
        self.members.remove(&pid);
        self.excused.insert(pid);
    }

    fn rescan(&mut self, at: Duration) {
        let mut live = BTreeMap::new();
        let me = std::process::id() as i32;
        let mut parents = vec![me];
        while let Some(parent) = parents.pop() {
            for child in children(parent) {
                let Some(state) = process_state(child) else { continue };
                let is_own = child != me && !self.strangers.contains(&child);
                if is_own && live.insert(child, state).is_none() {
                    parents.push(child);
                }
            }
        }
        self.members.retain(|pid, _| live.contains_key(pid));
        self.excused.retain(|pid| live.contains_key(pid));
        for (pid, state) in live {
            if has_ended(pid, state) {
                self.members.remove(&pid);
                continue;
            }
            if self.excused.contains(&pid) {
                continue;
            }
            if let Some(why) = unreadable(pid) {
                self.excuse(pid);
                self.notes.push(format!("Process {pid} is not watched: {why}."));
                continue;
            }
            let timeout = if self.is_past_deadline { Duration::MAX } else { self.timeout };
            let member = self.members.entry(pid).or_insert_with(|| Member::new(pid, at, timeout));
            member.is_stopped = matches!(state, 'T' | 't');
            if member.is_stopped {
                member.partial.forget();
            }
        }
    }
}

impl Member {
    fn new(pid: i32, at: Duration, timeout: Duration) -> Member {
        let deadlines = Deadlines { acting: timeout, other: timeout };
        let mut dog = Watchdog::new(deadlines);
        // The deadline counts from the start of the command, however late the process came.
        let _ = dog.feed(tick(Duration::ZERO, Duration::ZERO));
        let since = (at, cpu::process_cpu(pid).unwrap_or_default());
        let (monitor, partial) = (Monitor::new(pid), Partial::new());
        Member { pid, dog, monitor, partial, since, due: None, is_stopped: false }
    }

    /// Feeds the watchdog; a standstill that was proven.
    fn sample(&mut self, at: Duration) -> Option<Standstill> {
        if self.due.is_some() {
            return None;
        }
        let mut wish = self.dog.feed(tick(at, cpu::process_cpu(self.pid)?));
        while let Some(answer) = self.monitor.answer(&wish) {
            wish = self.dog.feed(answer);
        }
        match wish {
            Output::Conclude(Standstill::Complete { after_us, threads }) => {
                self.is_left_alone(&threads).then_some(Standstill::Complete { after_us, threads })
            }
            Output::Conclude(deadline) => {
                self.due = Some(deadline);
                None
            }
            _ => None,
        }
    }

    /// Whether nobody had stopped the process when it was found standing still. A thread that is
    /// stopped on its way out of a wait shows that wait still. If none is stopped now, and none has
    /// run since, none was stopped then.
    fn is_left_alone(&mut self, threads: &[ThreadSeen]) -> bool {
        let is_stopped =
            |thread: &ThreadSeen| !matches!(thread_state(self.pid, thread.tid), Some('S' | 'D'));
        !threads.iter().any(is_stopped)
            && self.monitor.collect(false).is_some_and(|now| now.complete && now.threads == threads)
    }

    fn is_suspect(&mut self, at: Duration) -> bool {
        if self.is_stopped {
            return false;
        }
        self.monitor.collect(false).is_some_and(|collect| self.partial.feed(at, &collect))
    }

    /// What the deadline finds; for one that came too late for its watchdog, the time since it came.
    fn deadline(&mut self, at: Duration) -> Standstill {
        if let Some(due) = self.due.take() {
            return due;
        }
        let threads = self.monitor.collect(false).map_or(vec![], |all| all.threads);
        let wakers = self.monitor.outside_wakers(&threads);
        let (since, before) = self.since;
        let cpu = cpu::process_cpu(self.pid).unwrap_or(before);
        let window = Window {
            ms: at.saturating_sub(since).as_millis() as u64,
            cpu_ms: cpu.saturating_sub(before).as_millis() as u64,
            waited_ms: 0,
            actors: vec![],
            still: vec![],
            threads,
            wakers,
        };
        Standstill::Deadline { phase: Phase::Running, window }
    }
}

fn tick(at: Duration, cpu: Duration) -> Input {
    Input::Tick(Tick { at, cpu, phase: Phase::Running, actors: vec![] })
}

/// The children of all threads of a process.
pub(crate) fn children(pid: i32) -> BTreeSet<i32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return BTreeSet::new() };
    let tids = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok());
    tids.flat_map(|tid| children_of(pid, tid)).collect()
}

/// The state letter of a process; `None` when it is gone.
fn process_state(pid: i32) -> Option<char> {
    super::stat(&format!("/proc/{pid}/stat"))?.trim_start().chars().next()
}

/// The state letter of a thread; `None` when it is gone.
fn thread_state(pid: i32, tid: i32) -> Option<char> {
    super::stat(&format!("/proc/{pid}/task/{tid}/stat"))?.trim_start().chars().next()
}

/// Whether a process has ended and waits to be reaped. One whose main thread alone has ended looks
/// the same but for its other threads.
fn has_ended(pid: i32, state: char) -> bool {
    let tasks = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    matches!(state, 'Z' | 'X') && tasks() <= 1
}

/// Why a process cannot be watched, if so.
fn unreadable(pid: i32) -> Option<String> {
    let error = std::fs::read(format!("/proc/{pid}/task/{pid}/syscall")).err()?;
    let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
    denied.then(|| format!("it runs with other rights than this one ({error})"))
}

#[cfg(test)]
mod tests;
