//! What a passed deadline may be called, and what it looks like but must not be called.

use super::*;
use crate::observation::ActorWindow;

const SECOND: u64 = 1000;
const BUSY: u64 = 900;
const IDLE: u64 = 1;

fn actor(steps: u64, ran: Option<bool>) -> ActorWindow {
    let (steps_before, steps_after) = (10, 10 + steps);
    let state = ActorState::Running;
    let (started, ended, cpu_us) = (false, false, None);
    ActorWindow { steps_before, steps_after, started, ended, state, ran, cpu_us }
}

/// An actor whose thread had so much CPU time in the window, in ms.
fn having(actor: ActorWindow, ms: u64) -> ActorWindow {
    ActorWindow { cpu_us: Some(ms * 1000), ..actor }
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
        step_us: None,
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

/// A trial in which a step used to take 20 ms of CPU.
fn late_at_pace(cpu_ms: u64, actors: &[ActorWindow]) -> Observation {
    let mut late = late_counting(cpu_ms, actors);
    if let Some(Standstill::Deadline { window, .. }) = &mut late.standstill {
        window.waited_ms = 5000;
        window.step_us = Some(20_000);
    }
    late
}

#[test]
fn who_had_too_little_of_a_cpu_for_a_step_is_slow() {
    let crowded = having(trying(), 30);
    let both = late_at_pace(159, &[crowded, crowded]);
    assert_eq!(found(&both), [(Kind::Slow, Suspected)]);
    let told = "up to the last of them a step took 20.0 ms of CPU on average; in that time the process \
                had 159.0 ms";
    assert!(first(&both).evidence.iter().any(|line| line == told), "{:#?}", first(&both).evidence);
    let beside = late_at_pace(BUSY, &[having(stepping(), 400), crowded]);
    assert_eq!(found(&beside), [(Kind::Slow, Suspected)]);
}

#[test]
fn who_had_the_cpu_of_many_steps_and_made_none_is_blamed_for_it() {
    let stuck = having(trying(), 80);
    assert_eq!(found(&late_at_pace(160, &[stuck, stuck])), [(Kind::Livelock, Suspected)]);
    let starved = late_at_pace(BUSY, &[having(stepping(), 400), stuck]);
    assert_eq!(found(&starved), [(Kind::Starvation, Suspected)]);
    let unseen = late_at_pace(BUSY, &[having(stepping(), 400), trying()]);
    assert_eq!(found(&unseen), [(Kind::Starvation, Suspected)]);
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
    assert!(first(&late).summary.contains("ran or waited for a CPU"), "{}", first(&late).summary);
    assert!(first(&late).evidence.iter().any(|line| line.contains("waited 900 ms for a CPU")));
}
