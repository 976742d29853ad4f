//! What nobody can end, told apart by what each thread waits for.

use super::*;

/// Innermost frames of some waits, as captured from optimised binaries.
const MUTEX: &[&str] = &[
    "syscall",
    "std::sys::pal::unix::futex::futex_wait",
    "<std::sys::sync::mutex::futex::Mutex>::lock_contended",
    "<std::sync::poison::mutex::Mutex<u64>>::lock",
];
const CONDVAR: &[&str] = &[
    "syscall",
    "std::sys::pal::unix::futex::futex_wait",
    "<std::sys::sync::condvar::futex::Condvar>::wait",
    "<std::sync::poison::condvar::Condvar>::wait::<bool>",
];
const PARK: &[&str] =
    &["syscall", "<std::sys::sync::thread_parking::futex::Parker>::park", "std::thread::park"];
const RECEIVE: &[&str] = &["syscall", "std::thread::park", "<std::sync::mpsc::Receiver<u8>>::recv"];
const PTHREAD_MUTEX: &[&str] = &["futex_wait", "__lll_lock_wait", "___pthread_mutex_lock"];
const JOIN: &[&str] =
    &["__futex_abstimed_wait_common", "__pthread_clockjoin_ex", "std::thread::JoinHandle<T>::join"];

/// One thread: its futex, what it waits for, and the function that wants it.
struct Stuck(u64, &'static [&'static str], &'static str);

/// A trial whose threads were proven to be blocked for ever; its main thread joins the actors.
fn stuck(actors: &[Stuck]) -> Observation {
    stuck_as(1, actors)
}

/// The same in a process whose first thread is `pid`.
fn stuck_as(pid: i32, actors: &[Stuck]) -> Observation {
    let main = Stuck(0xf000, JOIN, "standstill_kit::run::act");
    let all: Vec<(i32, &Stuck)> = (pid..).zip([&main].into_iter().chain(actors)).collect();
    let seen = |(tid, Stuck(addr, ..)): &(i32, &Stuck)| ThreadSeen {
        tid: *tid,
        wait: Wait::Futex { addr: *addr, val: 2, op: 0x80, timed: false },
        schedstat: [1, 1, 1],
    };
    let walked = |(tid, Stuck(_, frames, user)): &(i32, &Stuck)| {
        let frames: Vec<&str> = frames.iter().copied().chain([*user, "std::rt::start"]).collect();
        stack(*tid, &format!("thread-{}", tid - pid), &frames)
    };
    let threads = all.iter().map(seen).collect();
    Observation {
        standstill: Some(Standstill::Complete { after_us: 8000, threads }),
        stacks: stacks(all.iter().map(walked).collect()),
        killed: true,
        ending: died_of(libc::SIGKILL),
        ..midway()
    }
}

#[test]
fn two_threads_at_two_locks_are_a_deadlock() {
    for lock in [MUTEX, PTHREAD_MUTEX] {
        let abba = stuck(&[Stuck(0xa0, lock, "bank::deposit"), Stuck(0xb0, lock, "bank::audit")]);
        assert_eq!(found(&abba), [(Kind::Deadlock, Proven)]);
        let evidence = first(&abba).evidence.join("\n");
        for fact in ["all 3 threads", "two collects", "bank::deposit", "a mutex", "0xb0"] {
            assert!(evidence.contains(fact), "{fact} is not in {evidence}");
        }
    }
}

#[test]
fn one_lock_that_all_wait_for_is_a_self_deadlock() {
    let alone = stuck(&[Stuck(0xa0, MUTEX, "cache::get")]);
    assert_eq!(found(&alone), [(Kind::SelfDeadlock, Inferred)]);
    let crowd = stuck(&[Stuck(0xa0, MUTEX, "cache::get"), Stuck(0xa0, MUTEX, "cache::put")]);
    assert_eq!(found(&crowd), [(Kind::SelfDeadlock, Inferred)]);
}

#[test]
fn everyone_waiting_for_a_signal_is_a_lost_wakeup() {
    let waiters = stuck(&[Stuck(0xa0, CONDVAR, "queue::pop"), Stuck(0xb0, PARK, "queue::idle")]);
    assert_eq!(found(&waiters), [(Kind::LostWakeup, Inferred)]);
}

#[test]
fn a_signal_that_the_holder_of_a_lock_waits_for_is_a_deadlock() {
    let mixed = stuck(&[Stuck(0xa0, CONDVAR, "queue::pop"), Stuck(0xb0, MUTEX, "queue::push")]);
    assert_eq!(found(&mixed), [(Kind::Deadlock, Proven)]);
    let channels = stuck(&[Stuck(0xa0, RECEIVE, "a::ask"), Stuck(0xb0, RECEIVE, "b::ask")]);
    assert_eq!(found(&channels), [(Kind::Deadlock, Proven)]);
}

#[test]
fn who_joins_may_hold_what_the_joined_one_waits_for() {
    for wanted in [MUTEX, CONDVAR] {
        let joined = stuck(&[Stuck(0xa0, JOIN, "pool::stop"), Stuck(0xb0, wanted, "pool::work")]);
        assert_eq!(found(&joined), [(Kind::Deadlock, Proven)]);
    }
}

#[test]
fn without_stacks_it_is_still_a_deadlock_and_nothing_narrower() {
    let blind = Observation { stacks: None, ..stuck(&[Stuck(0xa0, MUTEX, "cache::get")]) };
    assert_eq!(found(&blind), [(Kind::Deadlock, Proven)]);
    let unnamed = stuck(&[Stuck(0xa0, &[], "mystery"), Stuck(0xb0, &[], "mystery")]);
    assert_eq!(found(&unnamed), [(Kind::Deadlock, Proven)]);
}

#[test]
fn a_panic_on_the_way_weighs_less_than_the_deadlock() {
    let message = "thread 'actor-1' panicked at a.rs:1:1:\nx".to_owned();
    let outcome = Outcome::Panicked;
    let both = Observation { message, outcome, ..stuck(&[Stuck(0xa0, MUTEX, "cache::get")]) };
    assert_eq!(found(&both), [(Kind::SelfDeadlock, Inferred), (Kind::Panic, Proven)]);
}

#[test]
fn a_fingerprint_is_of_places_and_of_nothing_else() {
    let one = stuck(&[Stuck(0xa0, MUTEX, "bank::deposit"), Stuck(0xb0, MUTEX, "bank::audit")]);
    let same = stuck_as(
        777,
        &[
            Stuck(0x1b0, MUTEX, "bank::audit"),
            Stuck(0x1a0, MUTEX, "bank::deposit"),
            Stuck(0x1a0, MUTEX, "bank::deposit"),
        ],
    );
    assert_eq!(first(&one).fingerprint, first(&same).fingerprint);
    for other in [
        [Stuck(0xa0, MUTEX, "bank::deposit"), Stuck(0xb0, MUTEX, "bank::close")],
        [Stuck(0xa0, MUTEX, "bank::deposit"), Stuck(0xb0, RECEIVE, "bank::audit")],
    ] {
        assert_ne!(first(&one).fingerprint, first(&stuck(&other)).fingerprint);
    }
}
