//! Recorded samples, fed in every order that matters. What a deadline tells stands in [`windows`],
//! what generated worlds do to the watchdog in [`worlds`], what nonsense does in [`nonsense`].

mod nonsense;
mod windows;
mod worlds;

use std::time::Duration;

use super::*;
use crate::board::ActorState::{self, AtGate, Finished, Panicked, Running, Unborn};

const ACTING: u64 = 1000;
const OTHER: u64 = 4000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A thread in a futex wait without a time limit.
fn blocked(tid: i32) -> ThreadSeen {
    let wait = Wait::Futex { addr: 0x1000 + tid as u64, val: 2, op: 0x80, timed: false };
    ThreadSeen { tid, wait, schedstat: [5000, 70, 3] }
}

fn doing(tid: i32, wait: Wait) -> ThreadSeen {
    ThreadSeen { wait, ..blocked(tid) }
}

fn asleep(tid: i32) -> ThreadSeen {
    doing(tid, Wait::Syscall { nr: libc::SYS_clock_nanosleep })
}

fn whole(threads: &[ThreadSeen]) -> Collect {
    Collect { threads: threads.to_vec(), complete: true }
}

/// What the monitor answers when it met somebody who is not blocked for ever.
fn broken_off(threads: &[ThreadSeen]) -> Collect {
    Collect { threads: threads.to_vec(), complete: false }
}

fn actor(tid: i32, state: ActorState, steps: u64) -> ActorSeen {
    ActorSeen { tid, state, steps }
}

/// A watchdog and the trial that it believes in.
struct Watched {
    dog: Watchdog,
    phase: Phase,
    actors: Vec<ActorSeen>,
    cpu_ms: u64,
}

impl Watched {
    /// A trial whose actors were seen to run at 10 ms.
    fn running() -> Watched {
        let deadlines = Deadlines { acting: ms(ACTING), other: ms(OTHER) };
        let dog = Watchdog::new(deadlines);
        let mut trial = Watched { dog, phase: Phase::Running, actors: vec![], cpu_ms: 7 };
        assert_eq!(trial.at(10), Output::Wait);
        trial
    }

    /// The same, and its CPU clock has stood still since.
    fn standing() -> Watched {
        let mut trial = Watched::running();
        assert_eq!(trial.at(15), Output::CollectTwice);
        trial
    }

    fn at(&mut self, at_ms: u64) -> Output {
        let (phase, actors) = (self.phase, self.actors.clone());
        let tick = Tick { at: ms(at_ms), cpu: ms(self.cpu_ms), phase, actors };
        self.dog.feed(Input::Tick(tick))
    }

    fn busy_at(&mut self, at_ms: u64) -> Output {
        self.cpu_ms += 1;
        self.at(at_ms)
    }

    fn collected(&mut self, first: Collect, second: Option<Collect>) -> Output {
        self.dog.feed(Input::Collected { first, second, wakers: vec![] })
    }

    fn surveyed(&mut self, threads: &[ThreadSeen]) -> Output {
        self.dog.feed(Input::Surveyed { all: whole(threads), wakers: vec![] })
    }

    /// Runs busily to the look before the deadline, and answers it.
    fn marked_at(at_ms: u64, actors: &[ActorSeen], threads: &[ThreadSeen]) -> Watched {
        let mut trial = Watched::running();
        trial.actors = actors.to_vec();
        assert_eq!(trial.busy_at(at_ms), Output::Survey);
        assert_eq!(trial.surveyed(threads), Output::Wait);
        trial
    }

    /// Answers the survey that is asked for at `at_ms` and takes the conclusion.
    fn window_at(&mut self, at_ms: u64, threads: &[ThreadSeen]) -> Window {
        assert_eq!(self.busy_at(at_ms), Output::Survey);
        match self.surveyed(threads) {
            Output::Conclude(Standstill::Deadline { window, .. }) => window,
            other => panic!("no deadline but {other:?}"),
        }
    }
}

#[test]
fn standing_still_twice_is_a_deadlock() {
    let mut trial = Watched::standing();
    let all = whole(&[blocked(1), blocked(2)]);
    let Output::Conclude(Standstill::Complete { after_us, threads }) =
        trial.collected(all.clone(), Some(all.clone()))
    else {
        panic!("not convicted");
    };
    assert_eq!((after_us, threads), (15_000, all.threads));
}

#[test]
fn a_single_collect_never_convicts() {
    let mut trial = Watched::standing();
    assert_eq!(trial.collected(whole(&[blocked(1), blocked(2)]), None), Output::Wait);
}

#[test]
fn nobody_seen_is_nobody_deadlocked() {
    for nobody in [whole(&[]), broken_off(&[])] {
        let mut trial = Watched::standing();
        assert_eq!(trial.collected(nobody.clone(), Some(nobody)), Output::Wait);
    }
}

#[test]
fn a_difference_between_the_collects_never_convicts() {
    let futex = |addr, val, op| Wait::Futex { addr, val, op, timed: false };
    let ran = |column: usize| {
        let mut thread = blocked(2);
        thread.schedstat[column] += 1;
        thread
    };
    for (what, second) in [
        ("it ran", whole(&[blocked(1), ran(0)])),
        ("it waited for a CPU", whole(&[blocked(1), ran(1)])),
        ("it was given a CPU", whole(&[blocked(1), ran(2)])),
        ("a thread is gone", whole(&[blocked(1)])),
        ("a thread is new", whole(&[blocked(1), blocked(2), blocked(3)])),
        ("another thread", whole(&[blocked(1), blocked(3)])),
        ("another word", whole(&[blocked(1), doing(2, futex(0x99, 2, 0x80))])),
        ("another value", whole(&[blocked(1), doing(2, futex(0x1002, 1, 0x80))])),
        ("another operation", whole(&[blocked(1), doing(2, futex(0x1002, 2, 0x89))])),
        ("it runs", broken_off(&[blocked(1), doing(2, Wait::Running)])),
        ("not all were read", broken_off(&[blocked(1), blocked(2)])),
    ] {
        let mut trial = Watched::standing();
        let first = whole(&[blocked(1), blocked(2)]);
        assert_eq!(trial.collected(first, Some(second)), Output::Wait, "{what}");
        // What moved may have come to rest: the next tick looks again.
        assert_eq!(trial.at(20), Output::CollectTwice, "{what}");
    }
}

#[test]
fn a_thread_that_may_go_on_by_itself_never_convicts() {
    let timed = Wait::Futex { addr: 0x10, val: 0, op: 0x89, timed: true };
    let in_read = Wait::Syscall { nr: libc::SYS_read };
    let woken = Wait::Syscall { nr: libc::SYS_futex };
    for wait in [Wait::Running, Wait::Unreadable, timed, in_read, woken] {
        let mut trial = Watched::standing();
        let all = whole(&[blocked(1), doing(2, wait)]);
        assert_eq!(trial.collected(all.clone(), Some(all)), Output::Wait, "{wait}");
    }
}

#[test]
fn a_waker_outside_prevents_the_proof_and_is_told_at_the_deadline() {
    let mut trial = Watched::standing();
    let all = whole(&[blocked(1)]);
    let wakers = vec!["it handles SIGTERM, which anybody may send".to_owned()];
    let (first, second) = (all.clone(), Some(all.clone()));
    let answer = trial.dog.feed(Input::Collected { first, second, wakers: wakers.clone() });
    assert_eq!(answer, Output::Wait);
    assert_eq!(trial.at(20), Output::Wait, "nothing has changed since");
    assert_eq!(trial.at(770), Output::Survey);
    let survey = Input::Surveyed { all, wakers: wakers.clone() };
    assert_eq!(trial.dog.feed(survey.clone()), Output::Wait);
    assert_eq!(trial.at(1020), Output::Survey);
    match trial.dog.feed(survey) {
        Output::Conclude(Standstill::Deadline { window, .. }) => assert_eq!(window.wakers, wakers),
        other => panic!("no deadline but {other:?}"),
    }
}

#[test]
fn nothing_is_collected_while_the_clock_moves() {
    let mut trial = Watched::running();
    for at in (15..700).step_by(5) {
        assert_eq!(trial.busy_at(at), Output::Wait);
    }
}

#[test]
fn a_sleeper_is_not_looked_at_again_before_the_clock_moves() {
    let mut trial = Watched::standing();
    assert_eq!(trial.collected(broken_off(&[asleep(1)]), None), Output::Wait);
    for at in (20..700).step_by(5) {
        assert_eq!(trial.at(at), Output::Wait);
    }
    assert_eq!(trial.busy_at(700), Output::Wait, "it woke");
    assert_eq!(trial.at(705), Output::CollectTwice, "and rests again");
}

#[test]
fn who_runs_or_hides_is_looked_at_again() {
    for wait in [Wait::Running, Wait::Unreadable] {
        let mut trial = Watched::standing();
        assert_eq!(trial.collected(broken_off(&[doing(1, wait)]), None), Output::Wait);
        assert_eq!(trial.at(20), Output::CollectTwice, "{wait}");
    }
}

#[test]
fn a_deadline_does_not_come_before_its_time() {
    let mut trial = Watched::marked_at(765, &[], &[]);
    for at in (770..1010).step_by(5) {
        assert_eq!(trial.busy_at(at), Output::Wait, "at {at}");
    }
    assert_eq!(trial.busy_at(1010), Output::Wait, "the window is not yet a quarter");
    let window = trial.window_at(1015, &[asleep(1)]);
    assert_eq!((window.ms, window.threads), (250, vec![asleep(1)]));
}

#[test]
fn a_phase_begins_its_own_deadline() {
    let mut trial = Watched::marked_at(900, &[], &[]);
    trial.phase = Phase::Checking;
    assert_eq!(trial.busy_at(1005), Output::Wait);
    assert_eq!(trial.busy_at(1005 + OTHER - OTHER / 4 - 5), Output::Wait);
    assert_eq!(trial.busy_at(1005 + OTHER - OTHER / 4), Output::Survey);
    assert_eq!(trial.surveyed(&[]), Output::Wait);
    assert_eq!(trial.busy_at(1005 + OTHER - 5), Output::Wait);
    assert_eq!(trial.busy_at(1005 + OTHER), Output::Survey);
    let Output::Conclude(Standstill::Deadline { phase, window }) = trial.surveyed(&[]) else {
        panic!("no deadline");
    };
    assert_eq!((phase, window.ms), (Phase::Checking, OTHER / 4));
}

#[test]
fn a_watchdog_that_was_kept_from_running_takes_a_whole_window_all_the_same() {
    let mut trial = Watched::running();
    assert_eq!(trial.busy_at(60_000), Output::Survey);
    assert_eq!(trial.surveyed(&[]), Output::Wait, "the first look cannot be the last");
    assert_eq!(trial.busy_at(60_245), Output::Wait);
    assert_eq!(trial.window_at(60_250, &[]).ms, ACTING / 4);
}

#[test]
fn a_trial_that_falls_still_late_is_still_proven() {
    let mut trial = Watched::marked_at(765, &[], &[]);
    assert_eq!(trial.at(770), Output::CollectTwice);
    let all = whole(&[blocked(1)]);
    let answer = trial.collected(all.clone(), Some(all));
    assert!(matches!(answer, Output::Conclude(Standstill::Complete { .. })), "{answer:?}");
}
