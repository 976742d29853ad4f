//! Which events the table shows: those that concern more than one thread.

use std::collections::{BTreeMap, BTreeSet};

use standstill_scheduler::abi::{
    EVENT_BLOCKED, EVENT_FAILED, EVENT_RESUMED, EVENT_TIMED_OUT, EVENT_TOOK, Event, Op,
};

use super::Mark;
use super::names::Named;
use super::what::{is_access, is_acquiring, is_life};
use crate::explore::ended::Ended;
use crate::explore::judge::standstill::ring;

/// Rows of operations beyond which only those near switches are kept.
const MANY: usize = 40;
/// How many next to a switch are near it.
const NEAR: usize = 3;

/// What becomes of an event in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Row(Mark),
    /// It belongs to the row before it of its thread.
    Part,
    Folded,
}

/// What becomes of each event.
pub(super) fn shown(ended: &Ended, named: &[Named]) -> Vec<Shown> {
    let events = &ended.events;
    let objects = objects(ended, named);
    let next = next_of_thread(events);
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    // Threads inside of an operation that has been told to wait.
    let mut inside: BTreeSet<u32> = BTreeSet::new();
    // Those whose last wait was for a lock.
    let mut asking: BTreeSet<u32> = BTreeSet::new();
    // Threads, and the words that they did not get at once.
    let mut trying: BTreeSet<(u32, u64)> = BTreeSet::new();
    let mut out: Vec<Shown> = vec![];
    let creates = |event: &Event| event.op == Op::Create as u32;
    let alone = events.iter().position(creates).unwrap_or(0);
    for (nth, event) in events.iter().enumerate() {
        let (op, name) = (Op::of(event.op), &named[nth]);
        // Before there is a second thread nothing interleaves.
        if nth < alone && !is_life(op) {
            out.push(Shown::Folded);
            continue;
        }
        let is_resumed = event.flags & EVENT_RESUMED != 0;
        let asks = (event.thread, event.object);
        if trying.contains(&asks) && event.flags & EVENT_TOOK != 0 {
            trying.remove(&asks);
            inside.remove(&event.thread);
            last.insert(event.thread, event.object);
            out.push(Shown::Row(Mark::Has));
            continue;
        }
        if inside.contains(&event.thread) && !is_resumed && !name.is_call() && !is_life(op) {
            out.push(Shown::Part);
            continue;
        }
        inside.remove(&event.thread);
        if op == Op::Pause && last.get(&event.thread).is_some_and(|object| objects.contains(object))
        {
            out.push(Shown::Part);
            continue;
        }
        let before = last.insert(event.thread, event.object);
        let is_same = before == Some(event.object) && event.object != 0;
        // What a library does next with the same object, out of sight of the program.
        let is_part = is_same && !is_life(op) && op != Op::FutexWait && name.place.is_none();
        let ahead = next[nth].map(|nth| &events[nth]);
        out.push(match () {
            () if event.flags & EVENT_BLOCKED != 0 && is_same => Shown::Part,
            () if is_life(op) => match op {
                Op::Create if event.object == 0 => Shown::Part,
                Op::Join if event.flags & EVENT_RESUMED != 0 => Shown::Part,
                _ => Shown::Row(if ahead.is_some_and(blocks(event)) {
                    Mark::Waits
                } else {
                    Mark::None
                }),
            },
            () if !objects.contains(&event.object) => {
                last.insert(event.thread, 0);
                Shown::Folded
            }
            () if event.flags & EVENT_TIMED_OUT != 0 => Shown::Row(Mark::TimedOut),
            () if event.flags & EVENT_RESUMED != 0 => match outcome(nth, events, named, &next) {
                Mark::Waits => Shown::Part,
                _ if asking.contains(&event.thread) => Shown::Row(Mark::Has),
                _ => Shown::Row(Mark::Woken),
            },
            () if is_part => Shown::Part,
            () if name.api.as_deref() == Some("unlock") => Shown::Row(Mark::None),
            // An access to memory waits for nothing, whatever comes after it.
            () if is_access(op) && !is_acquiring(op, name.api.as_deref()) => Shown::Row(Mark::None),
            () => match outcome(nth, events, named, &next) {
                Mark::None if is_acquiring(op, name.api.as_deref()) => {
                    match event.flags & EVENT_FAILED {
                        0 => Shown::Row(Mark::Has),
                        _ => Shown::Row(Mark::Tries),
                    }
                }
                mark => Shown::Row(mark),
            },
        });
        if out.last() == Some(&Shown::Row(Mark::Waits)) {
            match is_acquiring(op, name.api.as_deref()) {
                true => asking.insert(event.thread),
                false => asking.remove(&event.thread),
            };
        }
        if out.last() == Some(&Shown::Row(Mark::Tries)) {
            inside.insert(event.thread);
            trying.insert(asks);
        }
        let is_resumed_to_wait = is_resumed && out.last() == Some(&Shown::Part);
        if out.last() == Some(&Shown::Row(Mark::Waits)) || is_resumed_to_wait {
            inside.insert(event.thread);
        }
    }
    if out.iter().filter(|shown| matches!(shown, Shown::Row(_))).count() > MANY {
        thin(events, &mut out);
    }
    out
}

/// Whether an event is the blocking of the same operation.
fn blocks(of: &Event) -> impl Fn(&Event) -> bool {
    let (op, object) = (of.op, of.object);
    move |next| next.flags & EVENT_BLOCKED != 0 && next.op == op && next.object == object
}

/// Whether the operation that begins with this event ended in a wait: until the program is seen again,
/// its thread is inside of it.
fn outcome(nth: usize, events: &[Event], named: &[Named], next: &[Option<usize>]) -> Mark {
    let mut at = nth;
    while let Some(later) = next[at] {
        let event = &events[later];
        if event.flags & EVENT_BLOCKED != 0 {
            return Mark::Waits;
        }
        if named[later].is_call() || is_life(Op::of(event.op)) {
            return Mark::None;
        }
        at = later;
    }
    Mark::None
}

/// The index of each event's next of the same thread.
fn next_of_thread(events: &[Event]) -> Vec<Option<usize>> {
    let mut next = vec![None; events.len()];
    let mut later: BTreeMap<u32, usize> = BTreeMap::new();
    for (nth, event) in events.iter().enumerate().rev() {
        next[nth] = later.insert(event.thread, nth);
    }
    next
}

/// The objects whose operations are shown: in a ring those that its threads wait for, else those and
/// all that more than one thread touches, one of them to change it, by its own code.
fn objects(ended: &Ended, named: &[Named]) -> BTreeSet<u64> {
    #[derive(Default)]
    struct Touched {
        threads: BTreeSet<u32>,
        writes: bool,
        own: bool,
    }
    let waits = |op| !matches!(op, Op::None | Op::Join | Op::Sleep | Op::Io | Op::Outside);
    let stuck =
        ended.blocked.iter().filter(|thread| waits(Op::of(thread.op)) && thread.object != 0);
    let mut objects: BTreeSet<u64> = stuck.map(|thread| thread.object).collect();
    if ring(&ended.blocked).len() > 1 {
        return objects;
    }
    let mut all: BTreeMap<u64, Touched> = BTreeMap::new();
    let mut counts = BTreeSet::new();
    for (event, name) in ended.events.iter().zip(named) {
        let op = Op::of(event.op);
        if event.object == 0 || is_life(op) || !waits(op) {
            continue;
        }
        if name.is_count() {
            counts.insert(event.object);
        }
        let touched = all.entry(event.object).or_default();
        touched.threads.insert(event.thread);
        touched.writes |= op.writes();
        touched.own |= name.place.is_some();
    }
    let is_contested = |t: &Touched| t.threads.len() > 1 && t.writes && t.own;
    let contested = all.into_iter().filter(|(o, t)| is_contested(t) && !counts.contains(o));
    objects.extend(contested.map(|(object, _)| object));
    objects
}

/// Folds rows that are far from every switch.
fn thin(events: &[Event], shown: &mut [Shown]) {
    let rows: Vec<usize> = (0..events.len())
        .filter(|nth| matches!(shown[*nth], Shown::Row(_)) && !is_life(Op::of(events[*nth].op)))
        .collect();
    let switches = |pair: &[usize]| events[pair[0]].thread != events[pair[1]].thread;
    let mut near = vec![false; rows.len()];
    for at in rows.windows(2).enumerate().filter(|(_, pair)| switches(pair)).map(|(at, _)| at + 1) {
        near[at.saturating_sub(NEAR)..(at + NEAR).min(rows.len())].fill(true);
    }
    // How it ends is near, too.
    let end = near.len().saturating_sub(2 * NEAR);
    near[end..].fill(true);
    for (nth, _) in rows.into_iter().zip(near).filter(|(_, near)| !near) {
        shown[nth] = Shown::Folded;
    }
}
