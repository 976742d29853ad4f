//! The interleaving of a short schedule, as a reader follows it with a finger.
//!
//! Facts only, no layout: what each thread did in which order, with everything left out that concerns
//! one thread alone. [`report::interleaving`](crate::report::interleaving) draws it.

mod drawn;
mod names;
mod shown;
pub mod switches;
mod what;

use std::collections::BTreeMap;

use super::ended::Ended;
use super::places::Place;
use drawn::Drawn;
use names::{Named, named};
use serde::{Deserialize, Serialize};
use shown::{Shown, shown};

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
    /// The thread did not get it at once, and goes on asking.
    Tries,
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
    let mut drawn = Drawn::default();
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
