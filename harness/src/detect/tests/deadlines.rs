//! What a passed deadline may be called, and what it looks like but must not be called.

use super::*;
use crate::observation::ActorWindow;

const SECOND: u64 = 1000;
const BUSY: u64 = 900;
const IDLE: u64 = 1;

fn actor(steps: u64, ran: Option<bool>) -> ActorWindow {
    let (steps_before, steps_after) = (10, 10 + steps);
    let state = ActorState::Running;
    ActorWindow { steps_before, steps_after, started: false, ended: false, state, ran }
}

fn stepping() -> ActorWindow {
    actor(3, Some(true))
}

fn trying() -> ActorWindow {
    actor(0, Some(true))
}

fn resting() -> ActorWindow {
    actor(0, Some(false))
}

fn ended() -> ActorWindow {
    ActorWindow { ended: true, state: ActorState::Finished, ..trying() }
}

/// A trial whose deadline passed, after a last second in which this was seen.
fn late(cpu_ms: u64, actors: &[ActorWindow], waits: &[Wait]) -> Observation {
    let seen = |(tid, wait): (i32, &Wait)| ThreadSeen { tid, wait: *wait, schedstat: [1; 3] };
    let threads = (1..).zip(waits).map(seen).collect();
    let window = Window {
        still: vec![],
        ms: SECOND,
        cpu_ms,
        waited_ms: 0,
        actors: actors.to_vec(),
        threads,
        wakers: vec![],
    };
    Observation {
        standstill: Some(Standstill::Deadline { phase: Phase::Running, window }),
        killed: true,
        ending: died_of(libc::SIGKILL),
        ..midway()
    }
}

/// The same of a scenario that promises steps.
fn late_counting(cpu_ms: u64, actors: &[ActorWindow]) -> Observation {
    Observation { counts_steps: true, ..late(cpu_ms, actors, &[Wait::Running]) }
}

const LOCKED: Wait = Wait::Futex { addr: 0xa0, val: 2, op: 0x80, timed: false };
const ASLEEP: Wait = Wait::Syscall { nr: libc::SYS_clock_nanosleep };
const FOR_A_CHILD: Wait = Wait::Syscall { nr: libc::SYS_wait4 };

#[test]
fn who_still_progresses_is_slow() {
    for cpu in [BUSY, IDLE] {
        assert_eq!(found(&late_counting(cpu, &[stepping()])), [(Kind::Slow, Suspected)]);
        assert_eq!(found(&late(cpu, &[ended(), trying()], &[])), [(Kind::Slow, Suspected)]);
    }
    let late_starter = ActorWindow { started: true, ..trying() };
    assert_eq!(found(&late_counting(BUSY, &[late_starter])), [(Kind::Slow, Suspected)]);
}

#[test]
fn who_runs_without_a_step_while_others_step_is_starved() {
    let starved = late_counting(BUSY, &[stepping(), trying()]);
    assert_eq!(found(&starved), [(Kind::Starvation, Suspected)]);
    assert!(first(&starved).summary.starts_with("1 actor kept running without a step"));
}

#[test]
fn who_rests_or_has_ended_or_cannot_be_seen_is_not_starved() {
    let done = ActorWindow { state: ActorState::Finished, ..trying() };
    for other in [resting(), done, actor(0, None)] {
        let trial = late_counting(BUSY, &[stepping(), other]);
        assert_eq!(found(&trial), [(Kind::Slow, Suspected)], "{other:?}");
    }
    // Without the promise of steps, none made says nothing.
    let unpromised = late(BUSY, &[ended(), trying()], &[]);
    assert_eq!(found(&unpromised), [(Kind::Slow, Suspected)]);
}

#[test]
fn busy_without_a_promised_step_is_a_livelock() {
    assert_eq!(found(&late_counting(BUSY, &[trying(), trying()])), [(Kind::Livelock, Suspected)]);
}

#[test]
fn busy_without_the_promise_is_a_hang_that_may_be_either() {
    let spinning = late(BUSY, &[trying()], &[Wait::Running]);
    assert_eq!(found(&spinning), [(Kind::Hang, Suspected)]);
    assert!(first(&spinning).summary.contains("look alike"));
}

#[test]
fn idle_is_a_hang_told_by_what_was_waited_for() {
    for (waits, words) in [
        (&[LOCKED, LOCKED][..], "every thread waited on a futex"),
        (&[LOCKED, ASLEEP], "sleeping"),
        (&[LOCKED, FOR_A_CHILD], "waiting for something outside its own threads"),
        (&[], "no thread could be seen"),
    ] {
        for counts_steps in [true, false] {
            let hung = Observation { counts_steps, ..late(IDLE, &[resting()], waits) };
            assert_eq!(found(&hung), [(Kind::Hang, Suspected)]);
            assert!(first(&hung).summary.ends_with(words), "{}", first(&hung).summary);
        }
    }
}

#[test]
fn a_deadline_outside_the_actors_work_is_a_hang_whatever_they_seem_to_do() {
    for phase in [Phase::Preparing, Phase::SettingUp, Phase::Checking] {
        let mut trial = late_counting(BUSY, &[stepping(), trying()]);
        if let Some(Standstill::Deadline { phase: of, .. }) = &mut trial.standstill {
            *of = phase;
        }
        assert_eq!(found(&trial), [(Kind::Hang, Suspected)]);
    }
}

#[test]
fn the_evidence_says_what_was_seen_in_the_window() {
    let evidence = first(&late(420, &[stepping(), ended()], &[LOCKED, LOCKED, ASLEEP])).evidence;
    assert_eq!(
        evidence,
        [
            "the deadline of 4000 ms passed (phase: running)",
            "in the last 1000 ms the process used 42 % of one core",
            "2 actors made 3 steps in that time (least 0, most 3); 1 ended",
            "threads at the end: 1 in clock_nanosleep, 2 waiting for a futex",
        ]
    );
}

#[test]
fn wrong_and_late_are_both_told() {
    let refused = Outcome::WrongResult;
    let trial =
        Observation { outcome: refused, message: "sum is 3".into(), ..late(IDLE, &[], &[]) };
    assert_eq!(found(&trial), [(Kind::WrongResult, Proven), (Kind::Hang, Suspected)]);
}

#[test]
fn a_busy_threads_innermost_frame_does_not_tell_one_hang_from_another() {
    let hung = |innermost, user| {
        let main = stack(1, "main", &["syscall", "std::thread::scope", "kit::act"]);
        let stacks = stacks(vec![main, stack(2, "actor-0", &[innermost, user])]);
        first(&Observation { stacks, ..late(BUSY, &[trying()], &[]) }).fingerprint
    };
    assert_eq!(hung("core::hint::spin_loop", "a::spin"), hung("std::thread::yield_now", "a::spin"));
    assert_ne!(hung("core::hint::spin_loop", "a::spin"), hung("core::hint::spin_loop", "b::spin"));
}

#[test]
fn who_is_kept_off_the_cpu_is_busy_all_the_same() {
    let mut late = late_counting(30, &[trying(), trying()]);
    assert_eq!(first(&late).kind, Kind::Hang);
    if let Some(Standstill::Deadline { window, .. }) = &mut late.standstill {
        window.waited_ms = 900;
    }
    assert_eq!(first(&late).kind, Kind::Livelock);
    assert!(first(&late).evidence.iter().any(|line| line.contains("waited 900 ms for a CPU")));
}
