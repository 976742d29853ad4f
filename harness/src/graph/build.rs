//! From a snapshot to the graph.

use std::collections::HashMap;

use super::holders::{self, Search};
use super::read::{self, Read};
use super::{Holder, Node, Thing, WaitGraph, Want, cycles};
use crate::capture::text::shorten;
use crate::capture::{Frame, Place, Snapshot, ThreadStack, Word};
use crate::detect::names::path;
use crate::detect::waits::{self, WaitsFor};
use crate::observation::{ThreadSeen, Wait};
use crate::verdict::Confidence;

/// What tells one thing from another: its family and where it is.
type Identity = (String, u64);

#[derive(Default)]
struct Found {
    read: Option<Read>,
    waiters: Vec<(i32, WaitsFor)>,
}

impl WaitGraph {
    /// The graph of a moment of which the threads' waits are known from elsewhere: what was stored
    /// before snapshots had them.
    pub fn seen(snapshot: &Snapshot, threads: &[ThreadSeen]) -> WaitGraph {
        let mut snapshot = snapshot.clone();
        for seen in threads {
            match snapshot.threads.iter_mut().find(|thread| thread.tid == seen.tid) {
                Some(thread) => thread.wait = Some(thread.wait.unwrap_or(seen.wait)),
                None => snapshot.threads.push(ThreadStack {
                    tid: seen.tid,
                    wait: Some(seen.wait),
                    ..ThreadStack::default()
                }),
            }
        }
        WaitGraph::of(&snapshot)
    }

    /// The graph of one moment.
    pub fn of(snapshot: &Snapshot) -> WaitGraph {
        let mut graph = WaitGraph::default();
        let mut known: HashMap<Identity, usize> = HashMap::new();
        let mut found: Vec<Found> = Vec::new();
        for thread in &snapshot.threads {
            let site = waits::site(thread);
            let mut node = node(thread, site.caller);
            node.what =
                if thread.wait == Some(Wait::Running) { WaitsFor::Unknown } else { site.waits_for };
            if let Some(read) = read::read(snapshot, thread, &site) {
                node.what = read.what.unwrap_or(node.what);
                let identity = (read.thing.what.clone(), read.thing.address);
                let nth = *known.entry(identity).or_insert_with(|| {
                    found.push(Found::default());
                    found.len() - 1
                });
                found[nth].waiters.push((thread.tid, node.what));
                // Of a rwlock, a writer's and a reader's words tell different parts.
                let worth = |read: &Read| (read.readers.is_some(), read.known_by.is_some());
                let better = found[nth].read.as_ref().is_none_or(|old| worth(old) < worth(&read));
                if better {
                    found[nth].read = Some(read);
                }
                let timed = !thread.wait.is_some_and(|wait| wait.is_futex_forever());
                node.wants = Some(Want { thing: nth, timed });
            }
            let idle = waits::idle(thread);
            node.idle = idle.is_some();
            node.doing = doing(thread, &node, idle);
            graph.threads.push(node);
        }
        let borrowed: Vec<Borrowed> = found.iter().flat_map(|f| borrowed(snapshot, f)).collect();
        graph.things = found.into_iter().map(|found| thing(snapshot, found)).collect();
        scopes(&mut graph, &borrowed);
        graph.cycles = cycles::find(&graph);
        graph
    }
}

fn node(thread: &ThreadStack, caller: Option<&Frame>) -> Node {
    let caller = caller.or_else(|| waits::program_frame(thread, 0));
    Node {
        tid: thread.tid,
        name: thread.name.clone(),
        doing: String::new(),
        what: WaitsFor::Unknown,
        idle: false,
        wants: None,
        function: caller.and_then(path),
        at: caller.and_then(source),
    }
}

/// What a thread does, as a predicate.
fn doing(thread: &ThreadStack, node: &Node, idle: Option<&str>) -> String {
    if let Some(pool) = idle {
        return format!("is {pool}, and waits for work");
    }
    match thread.wait {
        Some(Wait::Futex { .. }) => format!("waits for {}", node.what),
        Some(Wait::Running) => "runs".to_owned(),
        Some(wait) => format!("is {wait}"),
        None => "cannot be seen".to_owned(),
    }
}

/// A thread that waits for something on another one's stack: the thread, and whose stack it is.
type Borrowed = (i32, i32);

/// Who waits for this on whose stack.
fn borrowed(snapshot: &Snapshot, found: &Found) -> Vec<Borrowed> {
    let Some(owner) = found.read.as_ref().and_then(|read| lies_on(snapshot, &read.thing)) else {
        return vec![];
    };
    let others = found.waiters.iter().map(|(tid, _)| *tid).filter(|tid| *tid != owner);
    others.map(|tid| (tid, owner)).collect()
}

/// On whose stack a thing lies.
fn lies_on(snapshot: &Snapshot, thing: &Thing) -> Option<i32> {
    let mut places = snapshot.words.iter().filter_map(|word| {
        let near = word.address.wrapping_sub(thing.address) < 16;
        let pointee = word
            .pointees
            .iter()
            .find(|p| p.address == thing.address || p.address & !1 == thing.address);
        let own = if near { word.place.as_ref() } else { None };
        own.or_else(|| pointee?.place.as_ref())
    });
    places.find_map(|place| match place {
        Place::Stack { tid } => Some(*tid),
        _ => None,
    })
}

/// Whoever waits for the end of its scoped threads waits for each that has borrowed from its stack.
fn scopes(graph: &mut WaitGraph, borrowed: &[Borrowed]) {
    let joining = graph.threads.iter().filter(|node| node.what == WaitsFor::Join);
    let wants: Vec<(i32, usize)> =
        joining.filter_map(|node| Some((node.tid, node.wants?.thing))).collect();
    for (tid, thing) in wants {
        let Some(thing) = graph.things.get_mut(thing).filter(|t| t.holders.is_empty()) else {
            continue;
        };
        let scoped = borrowed.iter().filter(|(_, owner)| *owner == tid);
        thing.holders.extend(scoped.map(|(scoped, _)| Holder {
            tid: *scoped,
            confidence: Confidence::Inferred,
            weak: false,
            mentions: 0,
            why: "it borrows from the stack of the thread that waits".to_owned(),
            site: None,
        }));
        (thing.every, thing.closed) = (true, !thing.holders.is_empty());
    }
}

fn thing(snapshot: &Snapshot, found: Found) -> Thing {
    let Some(Read { mut thing, known_by, readers, .. }) = found.read else {
        // Every entry is made with a reading.
        return Thing::default();
    };
    if let Some(address) = known_by {
        let lies_on = lies_on(snapshot, &thing);
        let search = Search { snapshot, address, waiters: &found.waiters, lies_on, readers };
        holders::find(&mut thing, &search);
    }
    // Whoever says who has it says it of the one that has it.
    thing.closed |= thing.holders.iter().any(|h| h.confidence == Confidence::Proven);
    thing
}

/// `bank::transfer at src/bank.rs:17`.
pub(super) fn location(frame: &Frame) -> Option<String> {
    let function = path(frame)?;
    Some(match source(frame) {
        Some(at) => format!("{function} at {at}"),
        None => function,
    })
}

fn source(frame: &Frame) -> Option<String> {
    let file = shorten(frame.file.as_deref()?);
    Some(frame.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")))
}

/// Where an address lies that is the word's own or near it, or one that it points to.
pub(super) fn place(snapshot: &Snapshot, word: &Word, address: u64) -> Option<String> {
    let pointee = word.pointees.iter().find(|p| p.address == address || p.address & !1 == address);
    let (place, from) = match pointee {
        Some(pointee) => (pointee.place.as_ref()?, pointee.address),
        None => (word.place.as_ref()?, word.address),
    };
    let thread = |tid: &i32| {
        let name = snapshot.threads.iter().find(|t| t.tid == *tid).map_or("", |t| t.name.as_str());
        if name.is_empty() { format!("thread {tid}") } else { format!("thread {tid} ({name})") }
    };
    Some(match place {
        Place::Symbol { name, offset, module } => {
            match offset.wrapping_sub(from.wrapping_sub(address)) {
                0 => format!("static {name} in {module}"),
                offset => format!("static {name} + {offset} in {module}"),
            }
        }
        Place::Module { module, address } => format!("data of {module} at {address:#x}"),
        Place::Stack { tid } => format!("the stack of {}", thread(tid)),
        Place::Tls { tid } => format!("the thread-local data of {}", thread(tid)),
        Place::Heap { allocation: None } => "heap".to_owned(),
        Place::Heap { allocation: Some((begin, size)) } => match address.saturating_sub(*begin) {
            0 => format!("heap, an allocation of {size} bytes"),
            into => format!("heap, {into} bytes into an allocation of {size}"),
        },
        Place::Mapping { path } => format!("shared memory or file {path}"),
    })
}
