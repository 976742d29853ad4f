//! Cycles beside live threads, and busy processes at their deadline.

use super::super::scene::judge as judge_scene;
use super::*;
use crate::capture::{AROUND, Mention, Outsider, Word};
use crate::graph::WaitGraph;
use crate::scene::{Look, Scene};

const LOCK: &[&str] = &["futex_wait", "__lll_lock_wait", "pthread_mutex_lock"];
const STD: &[&str] = &["syscall", "<std::sys::sync::mutex::futex::Mutex>::lock_contended"];

fn futex(addr: u64) -> Wait {
    Wait::Futex { addr, val: 2, op: 0x80, timed: false }
}

/// A thread at `address`, in these primitives, called from `user`.
fn waiter(tid: i32, address: u64, primitives: &[&str], user: &str) -> ThreadStack {
    let frames: Vec<&str> = primitives.iter().copied().chain([user]).collect();
    ThreadStack { wait: Some(futex(address)), ..stack(tid, "worker", &frames) }
}

/// The memory of a mutex of glibc: the word, the count, the owner, the users, the kind.
fn pthread_mutex(address: u64, owner: u64) -> Word {
    let mut around = vec![0; 2 * AROUND as usize];
    let lock = AROUND as usize;
    around[lock] = 2;
    around[lock + 1] = owner | 1 << 32;
    Word { address, around, ..Word::default() }
}

fn mentioned(address: u64, tids: &[i32]) -> Word {
    let mention =
        |tid: &i32| Mention { value: address, tid: *tid, frame: Some(1), at: 8, in_code: false };
    // Twice each: once could be a mere reference.
    let mentions = tids.iter().chain(tids).map(mention).collect();
    Word { address, mentions, ..Word::default() }
}

fn seen(tid: i32, wait: Wait, runs: u64) -> ThreadSeen {
    ThreadSeen { tid, wait, schedstat: [runs, 0, runs] }
}

/// Two looks, 300 ms apart, at the same stacks; `restless` threads ran in between.
fn twice(stacks: Snapshot, restless: &[i32]) -> Scene {
    let at = |nth: u64| {
        let threads: Vec<ThreadSeen> = stacks
            .threads
            .iter()
            .map(|thread| {
                let runs = if restless.contains(&thread.tid) { nth * 1_000_000 } else { 0 };
                seen(thread.tid, thread.wait.unwrap_or(Wait::Running), 1 + runs)
            })
            .collect();
        let (before, after) = (threads.clone(), threads);
        let (at_us, until_us) = (nth * 300_000, nth * 300_000 + 1000);
        Look { at_us, until_us, cpu_us: 0, before, after, stacks: stacks.clone() }
    };
    Scene { pid: 1, looks: vec![at(0), at(1)], ..Scene::default() }
}

fn server() -> ThreadStack {
    ThreadStack { wait: Some(Wait::Running), ..stack(1, "main", &["accept_loop"]) }
}

fn abba() -> Snapshot {
    Snapshot {
        threads: vec![server(), waiter(2, 0xa0, LOCK, "debit"), waiter(3, 0xb0, LOCK, "credit")],
        words: vec![pthread_mutex(0xa0, 3), pthread_mutex(0xb0, 2)],
        ..Snapshot::default()
    }
}

fn found_in(scene: &Scene) -> Vec<(Kind, Confidence)> {
    judge_scene(scene).findings().iter().map(|f| (f.kind, f.confidence)).collect()
}

#[test]
fn a_cycle_of_named_owners_is_proven_beside_a_live_server() {
    let scene = twice(abba(), &[1]);
    assert_eq!(found_in(&scene), [(Kind::Deadlock, Proven)]);
    let evidence = judge_scene(&scene).findings()[0].evidence.join("\n");
    for fact in ["debit", "credit", "pthread mutex", "0xa0", "did not run"] {
        assert!(evidence.contains(fact), "{fact} is not in {evidence}");
    }
}

#[test]
fn a_cycle_one_of_whose_threads_ran_is_none() {
    assert_eq!(found_in(&twice(abba(), &[1, 3])), []);
    let once = Scene { looks: vec![twice(abba(), &[]).looks.remove(0)], ..Scene::default() };
    assert_eq!(found_in(&once), []);
}

#[test]
fn owners_found_on_stacks_are_inferred_and_guesses_convict_nobody() {
    let threads = || vec![server(), waiter(2, 0xa0, STD, "get"), waiter(3, 0xb0, STD, "put")];
    let words = vec![mentioned(0xa0, &[2, 3]), mentioned(0xb0, &[2, 3])];
    let known = Snapshot { threads: threads(), words, ..Snapshot::default() };
    assert_eq!(found_in(&twice(known, &[1])), [(Kind::Deadlock, Inferred)]);
    // The server knows the locks too, and may well have them.
    let words = vec![mentioned(0xa0, &[1, 2, 3]), mentioned(0xb0, &[1, 2, 3])];
    let guess = Snapshot { threads: threads(), words, ..Snapshot::default() };
    assert_eq!(found_in(&twice(guess, &[1])), []);
    // Nobody's stack shows who has it: it may be in a box of the server's.
    let words = vec![mentioned(0xa0, &[2])];
    let alone = vec![server(), waiter(2, 0xa0, STD, "get")];
    let unknown = Snapshot { threads: alone, words, ..Snapshot::default() };
    assert_eq!(found_in(&twice(unknown, &[1])), []);
}

#[test]
fn whichever_of_several_has_a_lock_they_are_stuck_if_none_of_them_can_go_on() {
    let join = Wait::Futex { addr: 0x7010, val: 2, op: 0x109, timed: false };
    let frames = ["futex_wait", "__pthread_clockjoin_ex", "main"];
    let joiner = ThreadStack { wait: Some(join), ..stack(1, "main", &frames) };
    let worker = ThreadStack { tls: 0x7000, ..waiter(2, 0xa0, STD, "get") };
    let threads = vec![joiner, worker, waiter(3, 0xb0, STD, "put")];
    let mut descriptor = vec![0; 2 * AROUND as usize];
    descriptor[AROUND as usize] = 2;
    let descriptor = Word { address: 0x7010, around: descriptor, ..Word::default() };
    let words = vec![descriptor, mentioned(0xa0, &[1, 2, 3]), mentioned(0xb0, &[1, 2, 3])];
    let snapshot = Snapshot { threads, words, ..Snapshot::default() };
    let restless = twice(snapshot.clone(), &[1]);
    assert_eq!(found_in(&restless), [], "whoever moved may have had it");
    // A handler of a signal, which keeps it from being proven that all stand still.
    let scene = Scene { wakers: vec!["a signal".into()], ..twice(snapshot, &[]) };
    assert_eq!(found_in(&scene), [(Kind::Deadlock, Inferred)]);
}

#[test]
fn a_mutex_that_names_its_waiter_is_a_self_deadlock() {
    let threads = vec![server(), waiter(2, 0xa0, LOCK, "visit")];
    let words = vec![pthread_mutex(0xa0, 2)];
    let snapshot = Snapshot { threads, words, ..Snapshot::default() };
    assert_eq!(found_in(&twice(snapshot, &[1])), [(Kind::SelfDeadlock, Proven)]);
}

#[test]
fn an_owner_is_as_sure_as_ids_are_used_but_once() {
    let started = |mut thread: ThreadStack, at| {
        thread.started = at;
        thread
    };
    for (second, sure) in [(20, Proven), (10, Proven), (9, Inferred)] {
        let threads = vec![
            started(waiter(1, 0xa0, LOCK, "visit"), 10),
            started(waiter(3, 0xb0, LOCK, "visit"), second),
        ];
        let words = vec![pthread_mutex(0xa0, 3), pthread_mutex(0xb0, 1)];
        let snapshot = Snapshot { threads, words, ..Snapshot::default() };
        let graph = WaitGraph::of(&snapshot);
        assert_eq!(graph.cycles[0].confidence, sure, "{graph:?}");
        let told = graph.things[0].holders[0].why.contains("have begun again");
        assert_eq!(told, sure == Inferred);
    }
}

#[test]
fn an_owner_in_another_process_is_named_and_no_orphan() {
    let outsiders = vec![Outsider { tid: 77, pid: 70, name: "server".into() }];
    let word = |outsiders| Word { shared: true, outsiders, ..pthread_mutex(0xa0, 77) };
    let thing = |word| {
        let threads = vec![waiter(2, 0xa0, LOCK, "visit")];
        WaitGraph::of(&Snapshot { threads, words: vec![word], ..Snapshot::default() })
            .things
            .remove(0)
    };
    // The waiter's own id, unless another pid namespace has written it.
    for (ambiguous, sure) in [(false, Proven), (true, Suspected)] {
        let own = Word { ambiguous, ..pthread_mutex(0xa0, 2) };
        assert_eq!(thing(own).holders[0].confidence, sure);
    }
    let known = thing(word(outsiders));
    assert_eq!(known.outside.as_deref(), Some("thread 77 of process 70 (server)"));
    let hidden = thing(word(vec![]));
    assert!(hidden.notes[0].contains("cannot be seen from here"), "{hidden:?}");
    assert!(!known.orphan && !hidden.orphan && known.owned && hidden.owned);
}

#[test]
fn an_owner_that_is_no_thread_is_said_and_never_made_up() {
    let threads = vec![waiter(2, 0xa0, LOCK, "visit")];
    let words = vec![pthread_mutex(0xa0, 77)];
    let snapshot = Snapshot { threads, words, ..Snapshot::default() };
    let graph = WaitGraph::of(&snapshot);
    assert!(graph.things[0].orphan && graph.things[0].holders.is_empty(), "{graph:?}");
    assert_eq!(found_in(&twice(snapshot, &[])), [(Kind::Deadlock, Proven)]);
}

#[test]
fn memory_that_only_looks_like_a_mutex_proves_nothing() {
    let nameless = |tid, address| ThreadStack { frames: vec![], ..waiter(tid, address, &[], "") };
    let threads = vec![server(), nameless(2, 0xa0), nameless(3, 0xb0)];
    let words = vec![pthread_mutex(0xa0, 3), pthread_mutex(0xb0, 2)];
    let snapshot = Snapshot { threads, words, ..Snapshot::default() };
    assert_eq!(found_in(&twice(snapshot, &[1])), [(Kind::Deadlock, Inferred)]);
}

/// A trial that passed its deadline with these stacks, of which some threads never moved.
fn late(stacks: Snapshot, still: &[i32]) -> Observation {
    let threads = stacks.threads.iter().map(|t| seen(t.tid, Wait::Running, 1)).collect();
    let window = Window {
        ms: 250,
        cpu_ms: 200,
        waited_ms: 0,
        step_us: None,
        actors: vec![],
        threads,
        still: still.to_vec(),
        wakers: vec![],
    };
    Observation {
        standstill: Some(Standstill::Deadline { phase: Phase::Running, window }),
        stacks: Some(stacks),
        killed: true,
        ending: died_of(libc::SIGKILL),
        ..midway()
    }
}

#[test]
fn a_trial_that_is_late_because_of_a_cycle_is_a_deadlock_and_nothing_else() {
    assert_eq!(found(&late(abba(), &[2, 3])), [(Kind::Deadlock, Proven)]);
    assert_eq!(found(&late(abba(), &[2])), [(Kind::Hang, Suspected)]);
}

/// One thread over eight looks: its program counter and its state at each.
fn busy(states: &[(u64, u64)], function: &str) -> Scene {
    let looks = states.iter().zip(0_u64..).map(|((pc, state), nth)| {
        let mut thread = ThreadStack { wait: Some(Wait::Running), ..stack(1, "main", &[function]) };
        (thread.frames[0].pc, thread.state, thread.near) = (*pc, *state, 1);
        let threads = vec![seen(1, Wait::Running, 1 + nth * 50_000_000)];
        let stacks = Snapshot { threads: vec![thread], ..Snapshot::default() };
        let (before, after) = (threads.clone(), threads);
        let (at_us, until_us) = (nth * 50_000, nth * 50_000);
        Look { at_us, until_us, cpu_us: 0, before, after, stacks }
    });
    let looks = looks.collect();
    let standstill = late(Snapshot::default(), &[]).standstill;
    Scene { looks, standstill, ..Scene::default() }
}

#[test]
fn who_comes_back_to_the_same_state_spins_and_whoever_does_not_is_slow() {
    let spin = [(1, 1), (2, 2), (1, 1), (1, 1), (2, 2), (1, 1), (2, 2), (1, 1)];
    let scene = busy(&spin, "ggml_barrier");
    assert_eq!(found_in(&scene), [(Kind::Livelock, Inferred)]);
    assert!(judge_scene(&scene).findings()[0].summary.contains("ggml_barrier"));
    let mut blind = scene.clone();
    blind.looks[3].stacks.threads[0].near = 0;
    let watched = Scene { wakers: vec!["it handles SIGALRM".into()], ..scene.clone() };
    let shared = Scene { writers: vec!["it shares memory".into()], ..scene.clone() };
    for unsure in [blind, watched, shared] {
        assert_eq!(found_in(&unsure), [(Kind::Livelock, Suspected)]);
    }
    let mut polling = scene.clone();
    polling.looks[3].stacks.threads[0].left = Some(libc::SYS_poll);
    assert_eq!(found_in(&polling), [(Kind::Slow, Suspected)]);
    polling.looks[3].stacks.threads[0].left = Some(libc::SYS_sched_yield);
    assert_eq!(found_in(&polling), [(Kind::Livelock, Inferred)]);
    let work: Vec<(u64, u64)> = (1..=8).map(|n| (n % 2, n)).collect();
    assert_eq!(found_in(&busy(&work, "checksum")), [(Kind::Slow, Suspected)]);
}
