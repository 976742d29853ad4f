//! Graphs for the tests of the pictures, written by hand so that no snapshot follows the wording of a
//! builder.

use crate::detect::waits::WaitsFor;
use crate::verdict::{Confidence, Kind};

use super::{Cycle, Holder, Node, Thing, WaitGraph, Want};

const WHY_PROVEN: &str = "the lock names its owner";
const WHY_INFERRED: &str = "the lock's address lies in a live part of its stack";

fn runs(tid: i32, name: &str, function: &str, at: &str) -> Node {
    Node {
        tid,
        name: name.into(),
        doing: "runs".into(),
        what: WaitsFor::Unknown,
        idle: false,
        wants: None,
        function: Some(function.into()),
        at: Some(at.into()),
    }
}

fn waits(tid: i32, name: &str, what: WaitsFor, thing: usize, function: &str, at: &str) -> Node {
    let doing = format!("waits for {what}");
    let wants = Some(Want { thing, timed: false });
    Node { doing, what, wants, ..runs(tid, name, function, at) }
}

fn mutex(nth: u64, holders: Vec<Holder>) -> Thing {
    Thing {
        what: "std Mutex".into(),
        address: 0x7f3a_5c00_1000 + nth * 0x40,
        place: Some("heap".into()),
        state: Some("locked".into()),
        holders,
        owned: true,
        every: false,
        closed: true,
        orphan: false,
        outside: None,
        notes: vec![],
    }
}

fn end_of(tid: i32) -> Thing {
    let why = "a thread is joined by its id".into();
    let holders = vec![Holder {
        tid,
        confidence: Confidence::Proven,
        weak: false,
        mentions: 0,
        why,
        site: None,
    }];
    let what = format!("end of thread {tid}");
    Thing { what, place: None, state: None, ..mutex(900, holders) }
}

fn proven(tid: i32, site: &str) -> Holder {
    Holder {
        tid,
        confidence: Confidence::Proven,
        weak: false,
        mentions: 0,
        why: WHY_PROVEN.into(),
        site: Some(site.into()),
    }
}

fn inferred(tid: i32, site: &str) -> Holder {
    Holder { confidence: Confidence::Inferred, why: WHY_INFERRED.into(), ..proven(tid, site) }
}

fn deadlock(confidence: Confidence, tids: Vec<i32>, things: Vec<usize>) -> Cycle {
    let kind = if tids.len() == 1 { Kind::SelfDeadlock } else { Kind::Deadlock };
    Cycle { closed: true, firm: true, with: vec![], kind, confidence, tids, things }
}

/// Two workers take two locks in opposite order; main waits for the first of them to end.
pub(super) fn abba() -> WaitGraph {
    let (transfer, audit) = ("bank::transfer", "bank::audit");
    WaitGraph {
        threads: vec![
            waits(4710, "main", WaitsFor::Join, 0, "bank::main", "src/main.rs:9"),
            waits(4711, "worker-1", WaitsFor::Mutex, 1, transfer, "src/bank.rs:17"),
            waits(4712, "worker-2", WaitsFor::Mutex, 2, audit, "src/bank.rs:41"),
        ],
        things: vec![
            end_of(4711),
            mutex(1, vec![inferred(4712, "bank::audit at src/bank.rs:40")]),
            Thing {
                place: Some("static REGISTRY in libbank.so".into()),
                ..mutex(2, vec![proven(4711, "bank::transfer at src/bank.rs:16")])
            },
        ],
        cycles: vec![deadlock(Confidence::Inferred, vec![4711, 4712], vec![1, 2])],
    }
}

/// A callback takes the lock under which it is called.
pub(super) fn self_deadlock() -> WaitGraph {
    let what = WaitsFor::Mutex;
    WaitGraph {
        threads: vec![waits(900, "main", what, 0, "cache::on_evict", "src/cache.rs:88")],
        things: vec![mutex(0, vec![proven(900, "cache::insert at src/cache.rs:52")])],
        cycles: vec![deadlock(Confidence::Proven, vec![900], vec![0])],
    }
}

/// 64 workers wait for one lock; who has it is inferred, and that one runs.
pub(super) fn crowd() -> WaitGraph {
    let (take, at) = ("pool::take", "src/pool.rs:8");
    let mut threads = vec![runs(7000, "pool-boss", "pool::compact", "src/pool.rs:120")];
    threads.extend(
        (1..=64).map(|i| waits(7000 + i, &format!("worker-{i}"), WaitsFor::Mutex, 0, take, at)),
    );
    let things = vec![mutex(0, vec![inferred(7000, "pool::compact at src/pool.rs:101")])];
    WaitGraph { threads, things, cycles: vec![] }
}

/// Everybody waits for a signal that was given before they listened.
pub(super) fn lost_wakeup() -> WaitGraph {
    let (what, at) = (WaitsFor::Condvar, "src/queue.rs:31");
    let mut consumers = [1, 2, 3]
        .map(|i| waits(30 + i, &format!("consumer-{i}"), what, 0, "queue::pop", at))
        .to_vec();
    consumers[2].wants = Some(Want { thing: 0, timed: true });
    let mut threads = vec![waits(30, "main", WaitsFor::Receive, 1, "app::main", "src/main.rs:14")];
    threads.append(&mut consumers);
    let event = Thing {
        what: "std Condvar".into(),
        state: Some("3 wait".into()),
        owned: false,
        ..mutex(3, vec![])
    };
    let channel = Thing {
        what: "crossbeam channel".into(),
        state: None,
        notes: vec!["its senders leave no trace in it".into()],
        ..mutex(4, vec![])
    };
    WaitGraph { threads, things: vec![event, channel], cycles: vec![] }
}

/// A deadlock in one corner, a queue in front of it and a chain, while the rest goes on.
pub(super) fn partial() -> WaitGraph {
    let mut graph = abba();
    let (what, at) = (WaitsFor::Read, "src/index.rs:77");
    for i in 1..=5 {
        graph.threads.push(waits(4720 + i, &format!("req-{i}"), what, 3, "index::find", at));
    }
    graph.threads.extend([
        waits(4730, "indexer", WaitsFor::Mutex, 1, "index::fill", "src/index.rs:30"),
        waits(4731, "compactor", WaitsFor::Write, 4, "index::compact", "src/index.rs:140"),
        runs(4740, "tick", "clock::tick", "src/clock.rs:5"),
        Node { doing: "in epoll_wait".into(), ..runs(4741, "io-1", "net::poll", "src/net.rs:61") },
        Node { doing: "in epoll_wait".into(), ..runs(4742, "io-2", "net::poll", "src/net.rs:61") },
    ]);
    graph.things.push(Thing {
        what: "std RwLock".into(),
        state: Some("locked for writing".into()),
        ..mutex(5, vec![proven(4730, "index::fill at src/index.rs:28")])
    });
    graph.things.push(Thing {
        what: "std RwLock".into(),
        state: Some("3 readers".into()),
        notes: vec!["a writer waits, so new readers wait too".into()],
        ..mutex(
            6,
            vec![
                inferred(4740, "clock::tick at src/clock.rs:4"),
                inferred(4741, "net::poll at src/net.rs:50"),
                inferred(4742, "net::poll at src/net.rs:50"),
            ],
        )
    });
    graph
}

/// A ring of so many; each waits for what the next one has.
pub(super) fn ring(members: i32) -> WaitGraph {
    let index = |nth: i32| usize::try_from(nth).unwrap_or(0);
    let threads = (0..members).map(|i| {
        let name = format!("phil-{i}");
        waits(100 + i, &name, WaitsFor::Mutex, index(i), "table::eat", "src/table.rs:12")
    });
    let things = (0..members).map(|i| {
        let next = 100 + (i + 1) % members;
        mutex(i.unsigned_abs().into(), vec![proven(next, "table::eat at src/table.rs:11")])
    });
    let (threads, things) = (threads.collect(), things.collect());
    let cycle =
        deadlock(Confidence::Proven, (100..100 + members).collect(), (0..index(members)).collect());
    let cycles = if members > 0 { vec![cycle] } else { vec![] };
    WaitGraph { threads, things, cycles }
}

/// So many threads of which no two are alike: each waits for a lock of its own that main has.
pub(super) fn many(threads: i32) -> WaitGraph {
    let mut graph = crowd();
    graph.threads.truncate(1);
    graph.things.clear();
    for i in 0..threads {
        let at = format!("src/many.rs:{i}");
        let thing = graph.things.len();
        graph.threads.push(waits(8000 + i, "many", WaitsFor::Mutex, thing, "many::one", &at));
        graph.things.push(mutex(i.unsigned_abs().into(), vec![inferred(7000, "many::main")]));
    }
    graph
}

/// A ring of two and all that could break a format: quotes, line breaks, markup, emoji, length.
pub(super) fn nasty() -> WaitGraph {
    let mut graph = abba();
    let long = "<core::iter::adapters::map::Map<alloc::vec::into_iter::IntoIter<alloc::string::\
                String>, app::a::very::long::path::to::Closure> as core::iter::Iterator>::next";
    for (node, name) in graph.threads.iter_mut().zip([
        "a\"b\\",
        "x\ny\u{1b}[31m\t\u{202e}",
        "<script>alert('1')</script>&amp;`#quot;",
    ]) {
        node.name = name.into();
    }
    graph.threads[1].function = Some(long.into());
    graph.threads[2].function = Some("🦀".repeat(80));
    graph.threads[2].at = Some("src/\"quoted\" dir/--> ]]>.rs:1".into());
    graph.things[1].what = "]]> --> \\N \"Mutex\"\\".into();
    graph.things[1].place = Some("x".repeat(3000));
    graph.things[1].holders[0].why = "line one\nline two \\\" | end subgraph".into();
    graph.things[2].notes = vec!["null\0 and \u{ffff}".into()];
    graph.threads.push(Node { name: String::new(), ..runs(5000, "", "", "") });
    graph
}

/// What no builder should make: indices and ids that lead nowhere, lists of unequal length, none.
pub(super) fn broken() -> WaitGraph {
    let mut graph = abba();
    graph.threads.push(waits(1, "lost", WaitsFor::Mutex, 99, "lost::wait", "src/lost.rs:1"));
    graph.things[0].holders.push(proven(-7, "nowhere"));
    graph.cycles.push(deadlock(Confidence::Proven, vec![55, 56, 57], vec![77]));
    graph.cycles.push(deadlock(Confidence::Suspected, vec![], vec![]));
    // A circle that no cycle tells of.
    graph.threads.extend([
        waits(61, "u", WaitsFor::Mutex, 3, "u::u", "src/u.rs:1"),
        waits(62, "v", WaitsFor::Mutex, 4, "v::v", "src/v.rs:1"),
    ]);
    graph.things.extend([mutex(7, vec![inferred(62, "v")]), mutex(8, vec![inferred(61, "u")])]);
    graph
}

/// All of them with their names.
pub(super) fn all() -> Vec<(&'static str, WaitGraph)> {
    vec![
        ("empty", WaitGraph::default()),
        ("abba", abba()),
        ("self_deadlock", self_deadlock()),
        ("crowd", crowd()),
        ("lost_wakeup", lost_wakeup()),
        ("partial", partial()),
        ("ring_8", ring(8)),
        ("ring_40", ring(40)),
        ("many", many(1000)),
        ("nasty", nasty()),
        ("broken", broken()),
    ]
}
