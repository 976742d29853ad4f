//! All processes below this one, each with a watchdog of its own.
//!
//! Nobody prepared them: there is no board, so that a process's phase is always that it runs and its
//! actors are none. One that stands still completely is told of at once; the deadline is that of the
//! whole command, and comes when it has passed for the process that the command started.
//!
//! A process that stands still need not be a hang, as long as others run that may end it: some wait for
//! nothing but to be killed. The caller may put such a standstill off until all stand.

mod member;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::children_of;
use super::partial::{self, Seen};
use crate::observation::Standstill;
use member::Member;

/// How often new processes are looked for.
const SCAN: Duration = Duration::from_millis(100);
/// What anything costs at most is one part in so many of the time.
const THRIFT: u32 = 50;

/// Something that calls for a look.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sighting {
    /// This process stands still, by proof.
    Complete(i32, Standstill),
    /// These stand still, were put off, and by now nobody is left who could end them.
    Settled(Vec<(i32, Standstill)>),
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
            let settled = self.settled();
            if !settled.is_empty() {
                return Some(Sighting::Settled(settled));
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

    /// Tells of `pid`, which stands still, only when nobody is left who could end it.
    pub(crate) fn put_off(&mut self, pid: i32, standstill: Standstill) {
        if let Some(member) = self.members.get_mut(&pid) {
            member.at_rest = Some(standstill);
        }
    }

    /// What was put off, if all processes stand by now.
    fn settled(&mut self) -> Vec<(i32, Standstill)> {
        let put_off = |m: &Member| Some((m.pid, m.at_rest.clone()?));
        let settled: Vec<_> = self.members.values().filter_map(put_off).collect();
        // One that cannot be watched may do anything.
        let all_stand = settled.is_empty()
            || (self.excused.is_empty() && self.members.values_mut().all(Member::stands));
        if all_stand { settled } else { vec![] }
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
