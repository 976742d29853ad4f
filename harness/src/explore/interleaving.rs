//! The interleaving of a short schedule, as a reader follows it with a finger.
//!
//! Facts only, no layout: what each thread did in which order, with everything left out that concerns
//! one thread alone. [`report::interleaving`](crate::report::interleaving) draws it.

mod names;
pub mod switches;
mod what;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use standstill_scheduler::abi::{EVENT_BLOCKED, EVENT_RESUMED, EVENT_TIMED_OUT, Event, Op};

use super::ended::Ended;
use super::judge::standstill::{ring, what};
use super::places::Place;
use names::{Named, named};
use what::{is_acquiring, is_life};

/// Rows of operations beyond which only those near switches are kept.
const MANY: usize = 40;
/// How many next to a switch are near it.
const NEAR: usize = 3;

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The threads that do something in it, in the order of their creation.
    pub threads: Vec<u32>,
    /// From first to last.
    pub rows: Vec<Row>,
    /// What the letters stand for.
    pub objects: Vec<Object>,
    /// How threads stand at the end.
    pub ends: Vec<End>,
    /// What it comes to.
    pub verdict: String,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "kebab-case")]
pub enum Row {
    /// A thread did something.
    Did {
        /// The step.
        step: u32,
        /// The thread.
        thread: u32,
        /// What.
        op: String,
        /// On what: a letter, or nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        object: Option<String>,
        /// What came of it.
        mark: Mark,
        /// Where: file and line, and the function.
        place: String,
    },
    /// Steps that concern nobody else.
    Folded {
        /// Whose.
        threads: Vec<u32>,
        /// How many.
        steps: u32,
    },
    /// A thread could have gone on, and another runs.
    Preempted {
        /// The one that could.
        from: u32,
        /// The one that runs.
        to: u32,
    },
}

/// What came of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Nothing to be told.
    None,
    /// The thread has what it asked for.
    Has,
    /// The thread waits.
    Waits,
    /// The thread was woken.
    Woken,
    /// The wait ended by its timeout.
    TimedOut,
}

/// What a letter stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// The letter.
    pub name: String,
    /// Its address.
    pub address: u64,
}

/// How a thread stands at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The thread.
    pub thread: u32,
    /// `waits for B, which 2 has`.
    pub text: String,
    /// Where it stands.
    pub place: String,
}

/// The table of a recorded run with a verdict. `places` are those of its events, by
/// [`address`](super::rerun::address).
pub fn table(ended: &Ended, places: &BTreeMap<u64, Place>, verdict: Option<&str>) -> Table {
    let events = &ended.events;
    let mut named: Vec<Named> = events.iter().map(|event| named(event, places)).collect();
    if named.iter().all(|name| !name.is_program) {
        named.iter_mut().for_each(|name| name.is_program = name.place.is_some());
    }
    let shown = shown(ended, &named);
    let mut drawn = Drawn {
        objects: vec![],
        last_place: BTreeMap::new(),
        last_op: BTreeMap::new(),
        rows: vec![],
    };
    let mut preempted = switches::preemptions(events, &ended.decisions).into_iter().peekable();
    let mut folded_step = 0;
    for (nth, event) in events.iter().enumerate() {
        while let Some(switch) = preempted.next_if(|switch| switch.step < event.step) {
            drawn.rows.push(Row::Preempted { from: switch.from, to: switch.to });
        }
        let name = &named[nth];
        if let Some(place) = &name.place {
            drawn.last_place.insert(event.thread, place.clone());
        }
        match shown[nth] {
            Shown::Row(mark) => drawn.did(event, name, mark),
            Shown::Part => {}
            Shown::Folded if event.step == folded_step => {}
            Shown::Folded => drawn.fold(event.thread),
        }
        folded_step = event.step;
    }
    drawn.finish(ended, verdict)
}

/// What becomes of an event in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Row(Mark),
    /// It belongs to the row before it of its thread.
    Part,
    Folded,
}

fn shown(ended: &Ended, named: &[Named]) -> Vec<Shown> {
    let events = &ended.events;
    let objects = objects(ended, named);
    let next = next_of_thread(events);
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    // Threads inside of an operation that has been told to wait.
    let mut inside: BTreeSet<u32> = BTreeSet::new();
    // Those whose last wait was for a lock.
    let mut asking: BTreeSet<u32> = BTreeSet::new();
    let mut out: Vec<Shown> = vec![];
    for (nth, event) in events.iter().enumerate() {
        let (op, name) = (Op::of(event.op), &named[nth]);
        let is_resumed = event.flags & EVENT_RESUMED != 0;
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
        let is_part = is_same && !is_life(op) && name.place.is_none();
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
            () => match outcome(nth, events, named, &next) {
                Mark::None if is_acquiring(op, name.api.as_deref()) => Shown::Row(Mark::Has),
                mark => Shown::Row(mark),
            },
        });
        if out.last() == Some(&Shown::Row(Mark::Waits)) {
            match is_acquiring(op, name.api.as_deref()) {
                true => asking.insert(event.thread),
                false => asking.remove(&event.thread),
            };
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

/// The table as far as it is drawn.
struct Drawn {
    objects: Vec<u64>,
    last_place: BTreeMap<u32, String>,
    last_op: BTreeMap<u32, String>,
    rows: Vec<Row>,
}

impl Drawn {
    fn did(&mut self, event: &Event, name: &Named, mark: Mark) {
        let op = Op::of(event.op);
        let object = match is_life(op) || event.object == 0 {
            true => None,
            false => Some(self.letter(event.object)),
        };
        // A wait inside of a library: the program was last seen here.
        let last = || self.last_place.get(&event.thread).cloned();
        let place = if is_life(op) && !matches!(op, Op::Create | Op::Join) {
            String::new()
        } else {
            name.place.clone().or_else(last).unwrap_or_default()
        };
        let mut op = what::text(event, name.api.as_deref());
        // What a thread comes out of is what it went into.
        if event.flags & EVENT_RESUMED != 0
            && let Some(begun) = self.last_op.get(&event.thread)
        {
            op = begun.clone();
        }
        self.last_op.insert(event.thread, op.clone());
        self.rows.push(Row::Did {
            step: event.step,
            thread: event.thread,
            op,
            object,
            mark,
            place,
        });
    }

    fn fold(&mut self, thread: u32) {
        match self.rows.last_mut() {
            Some(Row::Folded { threads, steps }) => {
                *steps += 1;
                if !threads.contains(&thread) {
                    threads.push(thread);
                }
            }
            _ => self.rows.push(Row::Folded { threads: vec![thread], steps: 1 }),
        }
    }

    /// A, B, ... Z, AA, AB, ...
    fn letter(&mut self, object: u64) -> String {
        let nth = self.objects.iter().position(|known| *known == object).unwrap_or_else(|| {
            self.objects.push(object);
            self.objects.len() - 1
        });
        let letter = |nth: usize| char::from(b'A' + (nth % 26) as u8);
        match nth / 26 {
            0 => letter(nth).to_string(),
            more => [letter(more - 1), letter(nth)].iter().collect(),
        }
    }

    fn finish(mut self, ended: &Ended, verdict: Option<&str>) -> Table {
        let name = |thread: u32| if thread == 0 { "main".to_owned() } else { thread.to_string() };
        let ends = ended.blocked.iter().map(|thread| {
            let op = Op::of(thread.op);
            let text = match (op, thread.object) {
                (Op::None, _) => "could run".to_owned(),
                (Op::Join, joined) => format!("waits for {}", name(joined as u32)),
                (_, 0) => format!("waits for {}", what(ended, thread)),
                (_, object) => {
                    let letter = self.letter(object);
                    let owner = thread.owner.checked_sub(1).map(name);
                    let owner = owner.map_or(String::new(), |owner| format!(": {owner} has it"));
                    format!("waits for {letter}{owner}")
                }
            };
            End { thread: thread.thread, text, place: names::end(ended, thread) }
        });
        let ends: Vec<End> = ends.collect();
        let mut threads: Vec<u32> = self.rows.iter().flat_map(Row::threads).collect();
        threads.extend(ends.iter().map(|end| end.thread));
        threads.sort_unstable();
        threads.dedup();
        let Drawn { objects, rows, .. } = &mut self;
        let (objects, rows) = (std::mem::take(objects), std::mem::take(rows));
        let objects = objects
            .into_iter()
            .map(|address| Object { name: self.letter(address), address })
            .collect::<Vec<_>>();
        let verdict = verdict.map_or_else(|| format!("it {}", ended.how), str::to_owned);
        Table { threads, rows, objects, ends, verdict }
    }
}

impl Row {
    /// The threads that it is about.
    pub fn threads(&self) -> Vec<u32> {
        match self {
            Row::Did { thread, .. } => vec![*thread],
            Row::Folded { threads, .. } => threads.clone(),
            Row::Preempted { from, to } => vec![*from, *to],
        }
    }
}

#[cfg(test)]
mod tests;
