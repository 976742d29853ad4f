//! The wait-for graph: which thread waits for what, and who has it.
//!
//! A graph is plain data, made by `build` from a [`Snapshot`](crate::capture::Snapshot) alone, so that it can
//! be made again of a stored one. Every edge from a thing to a thread that holds it carries its own
//! confidence; a thing without holders is one of which nobody knows who has it, and is shown as such.

mod build;
pub(crate) mod cycles;
pub mod dot;
pub mod draw;
#[cfg(test)]
mod fixture;
pub mod fold;
mod holders;
pub mod mermaid;
mod read;
pub mod svg;
mod words;

use serde::{Deserialize, Serialize};

use crate::detect::waits::WaitsFor;
use crate::verdict::{Confidence, Kind};

/// Threads, what they wait for, and the cycles among them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WaitGraph {
    /// All threads, the main thread first, then by id.
    pub threads: Vec<Node>,
    /// What is waited for, in the order in which a thread that waits for it comes first.
    pub things: Vec<Thing>,
    /// Closed chains of waiting, the surest first, then the shortest. A thread is in at most one.
    pub cycles: Vec<Cycle>,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Kernel thread id.
    pub tid: i32,
    /// Thread name; may be empty, and need not be unique.
    pub name: String,
    /// What it does, as a predicate: `waits for a mutex`, `runs`, `in epoll_wait`.
    pub doing: String,
    /// What kind of thing it waits for; [`WaitsFor::Unknown`] where it runs or the stack names none.
    pub what: WaitsFor,
    /// Whether it belongs to a pool and waits for work: its wait is part of nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
    /// What it waits for; none where it does not wait in a way that has an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants: Option<Want>,
    /// The function of the program that waits: the first outside the primitive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Its file and line, `src/bank.rs:17`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// Index into [`WaitGraph::things`].
    pub thing: usize,
    /// Whether the wait has a time limit, and so ends by itself.
    pub timed: bool,
}

/// Something that is waited for: a lock, an event, the end of a thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    /// What it is: `std Mutex`, `pthread mutex (recursive)`, `end of thread 4711`.
    pub what: String,
    /// Its address; of a join, that of the word which the kernel clears. Several things in one are
    /// told apart by it.
    pub address: u64,
    /// Where it lies: `static REGISTRY in libx.so`, `heap`, `the stack of thread 4711`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What its memory says: `locked`, `3 readers`, `2 of 3 have arrived`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Who has it, or must end; more than one for readers, or where it is not sure which. Empty:
    /// unknown, or nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
    /// Whether somebody must have it (a lock), or it is an event that leaves no owner behind.
    #[serde(default)]
    pub owned: bool,
    /// Whether all of its holders must act before a waiter goes on (readers before a writer, joined
    /// threads), and not just the one of them that has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub every: bool,
    /// Whether whoever has it is one of the holders, as far as stacks and code can show.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Whether it names an owner that is no thread of this process.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub orphan: bool,
    /// Who of another process has it: `thread 4712 of process 4711 (server)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<String>,
    /// What is odd about it, each a clause: its owner is no thread of this process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A thread that has a thing, or may have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// The thread; always one of [`WaitGraph::threads`].
    pub tid: i32,
    /// Proven where the lock itself says so, inferred where its address was found on the stack.
    pub confidence: Confidence,
    /// Whether it would know the lock's address anyway, because the lock lies on its own stack.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weak: bool,
    /// How often the lock's address was found on its stack.
    #[serde(default)]
    pub mentions: u32,
    /// What that rests on, as a clause.
    pub why: String,
    /// Where it was taken, as far as can be known: the function on whose part of the stack the guard
    /// lies, with file and line of the call in progress there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// A closed chain: each thread waits for a thing that the next one has, the last for one of the
/// first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// Deadlock, or self-deadlock where it has one member.
    pub kind: Kind,
    /// The least confidence of its edges.
    pub confidence: Confidence,
    /// The threads, in the order of waiting, the least id first.
    pub tids: Vec<i32>,
    /// Whether it is a knot: nobody outside of `tids` and `with` shows a trace of what they wait for. If
    /// whoever has it is among those that do, none of them can go on, whichever has what.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Whether owners that were found on stacks are enough to convict. They are where every thread of
    /// the process waits for ever; else only where all members wait for locks and one holder of each
    /// stands out. Whoever joins, or waits for one lock while it merely knows another, looks the same
    /// as one that has a lock; and who has it may keep its guard on the heap.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub firm: bool,
    /// Others that may have what a member waits for, or what one of these waits for. Where there are
    /// any, the cycle stands or falls with them: none of them may be able to run either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<i32>,
    /// What each of them waits for: `things[i]` is wanted by `tids[i]` and held by the next.
    pub things: Vec<usize>,
}

impl Cycle {
    /// How sure it is that its threads wait for one another.
    pub fn sure(&self) -> Confidence {
        match self.confidence {
            Confidence::Proven => Confidence::Proven,
            _ if !self.firm => Confidence::Suspected,
            sure if self.closed => sure.max(Confidence::Inferred),
            sure => sure,
        }
    }
}

impl WaitGraph {
    /// The node of a thread.
    pub fn node(&self, tid: i32) -> Option<&Node> {
        self.threads.iter().find(|node| node.tid == tid)
    }

    /// The thing that a thread waits for.
    pub fn wanted_by(&self, tid: i32) -> Option<&Thing> {
        self.things.get(self.node(tid)?.wants?.thing)
    }

    /// The cycle that a thread is part of.
    pub fn cycle_of(&self, tid: i32) -> Option<&Cycle> {
        self.cycles.iter().find(|cycle| cycle.tids.contains(&tid))
    }
}
