//! Sentences about fabricated trials.

use standstill_scheduler::abi::{Blocked, Op};

use super::*;
use crate::explore::ended::Numbers;
use crate::explore::places::{Line, Place};
use crate::verdict::Kind;

fn ended(how: How) -> Ended {
    Ended::fabricated(how, Numbers { steps: 10_000_000, ..Numbers::default() })
}

fn said(text: &str) -> Output {
    Output { head: text.to_owned(), tail: String::new(), bytes: text.len() as u64 }
}

/// A standstill of these threads: operation, object, owner plus one.
fn stood(threads: &[(Op, u64, u32)]) -> Ended {
    let thread = |(nth, (op, object, owner)): (usize, &(Op, u64, u32))| Blocked {
        thread: nth as u32,
        op: *op as u32,
        object: *object,
        owner: *owner,
        pc: 0x1000 + nth as u64,
        ..Blocked::default()
    };
    let blocked = threads.iter().enumerate().map(thread).collect();
    Ended { blocked, ..ended(How::Stood(Stand::Deadlock)) }
}

/// Natively well, and `good` trials that ended.
fn well(good: u64) -> Baseline {
    let native = Native {
        how: How::Exited(0),
        stdout: said(""),
        stderr: said(""),
        printed: None,
        failed: false,
    };
    Baseline { good, longest: 1000, ..Baseline::new(Some(native)) }
}

fn natively(how: How, stderr: &str) -> Baseline {
    Baseline::new(Some(Native {
        how,
        stdout: said(""),
        stderr: said(stderr),
        printed: None,
        failed: false,
    }))
}

fn found(judgement: Judgement) -> (Kind, Confidence) {
    match judgement {
        Judgement::Found(finding) => (finding.kind, finding.confidence),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ring_of_owners_is_a_proven_deadlock_and_of_one_a_self_deadlock() {
    let two = stood(&[(Op::Join, 1, 0), (Op::MutexLock, 8, 3), (Op::MutexLock, 16, 2)]);
    assert_eq!(found(judge(&two, &well(0))), (Kind::Deadlock, Confidence::Proven));
    let own = stood(&[(Op::MutexLock, 8, 1)]);
    assert_eq!(found(judge(&own, &well(0))), (Kind::SelfDeadlock, Confidence::Proven));
    let joins = stood(&[(Op::Join, 1, 0), (Op::MutexLock, 8, 1)]);
    assert_eq!(found(judge(&joins, &well(0))), (Kind::Deadlock, Confidence::Proven));
}

#[test]
fn waits_without_an_owner_are_called_what_they_are() {
    let lost = stood(&[(Op::Join, 1, 0), (Op::CondWait, 8, 0)]);
    assert_eq!(found(judge(&lost, &well(1))), (Kind::LostWakeup, Confidence::Inferred));
    let barrier = stood(&[(Op::Join, 1, 0), (Op::BarrierWait, 8, 0)]);
    assert_eq!(found(judge(&barrier, &well(1))).0, Kind::Deadlock);
    let nested = stood(&[(Op::MutexLock, 8, 2), (Op::CondWait, 16, 0)]);
    assert_eq!(found(judge(&nested, &well(1))).0, Kind::Deadlock);
}

#[test]
fn a_futex_is_what_its_function_uses_it_for() {
    let mut trial = stood(&[(Op::Join, 1, 0), (Op::FutexWait, 8, 0), (Op::FutexWait, 16, 0)]);
    assert_eq!(found(judge(&trial, &well(1))).0, Kind::LostWakeup);
    for pc in [0x1001, 0x1002] {
        let function = "std::sys::sync::mutex::futex::Mutex::lock_contended".to_owned();
        let frames = vec![Line { function, at: String::new() }];
        trial.places.insert(pc, Place { module: "app".into(), address: 1, frames });
    }
    assert_eq!(found(judge(&trial, &well(1))).0, Kind::Deadlock);
    trial.blocked.pop();
    assert_eq!(found(judge(&trial, &well(1))).0, Kind::SelfDeadlock);
}

#[test]
fn a_lock_of_parking_lot_is_not_taken_for_an_event() {
    let mut trial = stood(&[(Op::FutexWait, 8, 0), (Op::FutexWait, 16, 0)]);
    for pc in [0x1000, 0x1001] {
        let names = [
            "<parking_lot_core::thread_parker::imp::ThreadParker>::park",
            "parking_lot_core::parking_lot::park",
            "<parking_lot::raw_mutex::RawMutex>::lock_slow",
        ];
        let frames = names.map(|function| Line { function: function.into(), at: String::new() });
        let place = Place { module: "app".into(), address: 1, frames: frames.to_vec() };
        trial.places.insert(pc, place);
    }
    assert_eq!(found(judge(&trial, &well(1))).0, Kind::Deadlock);
}

#[test]
fn a_standstill_beside_uncontrolled_threads_proves_nothing_without_a_ring() {
    let mut trial = stood(&[(Op::CondWait, 8, 0)]);
    trial.numbers.strays = 1;
    assert!(matches!(judge(&trial, &well(9)), Judgement::Inconclusive(_)));
    let mut ring = stood(&[(Op::MutexLock, 8, 2), (Op::MutexLock, 16, 1)]);
    ring.numbers.strays = 1;
    assert_eq!(found(judge(&ring, &well(9))), (Kind::Deadlock, Confidence::Inferred));
}

#[test]
fn what_control_alone_may_cause_is_held_until_a_trial_ends_well() {
    for how in [How::Exited(3), How::Killed(libc::SIGSEGV)] {
        assert!(matches!(judge(&ended(how), &well(0)), Judgement::Held(_)), "{how}");
        assert!(matches!(judge(&ended(how), &well(1)), Judgement::Found(_)), "{how}");
    }
    let lost = stood(&[(Op::CondWait, 8, 0)]);
    assert!(matches!(judge(&lost, &well(0)), Judgement::Held(_)));
}

#[test]
fn an_exit_code_is_judged_by_the_programs_own_habit() {
    let code = |code: i32, baseline: &Baseline| judge(&ended(How::Exited(code)), baseline);
    assert_eq!(code(0, &well(1)), Judgement::Clean);
    assert_eq!(found(code(3, &well(1))).0, Kind::WrongResult);
    // `grep` that finds nothing ends with 1, whoever schedules it.
    let habit = natively(How::Exited(1), "");
    assert_eq!(code(1, &habit), Judgement::Clean);
    // Unless other schedules end well: then it is the schedule that decides.
    let mut mixed = natively(How::Exited(1), "");
    mixed.add(&ended(How::Exited(0)), false);
    assert_eq!(found(code(1, &mixed)).0, Kind::WrongResult);
    assert_eq!(code(0, &mixed), Judgement::Clean);
}

#[test]
fn a_panic_is_told_with_its_place_and_natively_too() {
    let text = "thread 'main' (7) panicked at src/main.rs:9:5:\nassertion failed: left == right\n";
    let trial = Ended { stderr: said(text), ..ended(How::Exited(101)) };
    let Judgement::Found(finding) = judge(&trial, &natively(How::Exited(101), text)) else {
        panic!("not found");
    };
    assert_eq!(finding.kind, Kind::Panic);
    assert!(finding.summary.contains("src/main.rs:9:5"), "{}", finding.summary);
    assert!(finding.evidence.iter().any(|e| e.contains("natively too")));
    let aborted = Ended { stderr: said(text), ..ended(How::Killed(libc::SIGABRT)) };
    assert_eq!(found(judge(&aborted, &well(1))).0, Kind::Panic);
}

#[test]
fn a_panic_that_came_before_is_told_too() {
    let text = "thread 't' panicked at a.rs:1:1:\nfirst\nnote: x\n\nthread 'main' panicked at b.rs:2:2:\npassed on\n";
    let trial = Ended { stderr: said(text), ..ended(How::Exited(101)) };
    let Judgement::Found(finding) = judge(&trial, &well(1)) else { panic!("not found") };
    assert!(finding.summary.ends_with("b.rs:2:2: passed on"), "{}", finding.summary);
    let before = "before it, a thread panicked at a.rs:1:1: first";
    assert!(finding.evidence.iter().any(|line| line == before), "{:?}", finding.evidence);
}

#[test]
fn a_signal_from_outside_says_nothing() {
    for signal in [libc::SIGKILL, libc::SIGTERM] {
        let judged = judge(&ended(How::Killed(signal)), &well(5));
        assert!(matches!(judged, Judgement::Inconclusive(_)));
    }
    assert!(matches!(judge(&ended(How::Silent), &well(5)), Judgement::Inconclusive(_)));
}

#[test]
fn endless_is_said_only_where_others_end_soon_and_control_was_complete() {
    let endless = ended(How::Stood(Stand::Endless));
    assert!(matches!(judge(&endless, &well(3)), Judgement::Endless(_)));
    assert!(matches!(judge(&endless, &well(2)), Judgement::Inconclusive(_)));
    let mut long = well(3);
    long.longest = endless.numbers.steps / 20;
    assert!(matches!(judge(&endless, &long), Judgement::Inconclusive(_)));
    let mut seized = endless.clone();
    seized.numbers.seized = 1;
    assert!(matches!(judge(&seized, &well(3)), Judgement::Inconclusive(_)));
}

#[test]
fn equal_standstills_have_equal_fingerprints_whatever_their_addresses() {
    let at = |object: u64| match judge(
        &stood(&[(Op::MutexLock, object, 2), (Op::MutexLock, 8, 1)]),
        &well(1),
    ) {
        Judgement::Found(finding) => finding.fingerprint,
        other => panic!("{other:?}"),
    };
    assert_eq!(at(64), at(128));
}

#[test]
fn a_scenario_that_fails_natively_too_is_told_at_once() {
    let native = Native {
        how: How::Exited(0),
        stdout: said(""),
        stderr: said(""),
        printed: None,
        failed: true,
    };
    let baseline = Baseline::new(Some(native));
    let words = "counted 1 of 2".to_owned();
    let trial = Ended { said: Some((Outcome::WrongResult, words)), ..ended(How::Exited(0)) };
    let Judgement::Found(finding) = judge(&trial, &baseline) else { panic!("not found") };
    assert_eq!((finding.kind, finding.summary.as_str()), (Kind::WrongResult, "counted 1 of 2"));
    assert!(finding.evidence.iter().any(|e| e.contains("natively too")));
    let passed = Ended { said: Some((Outcome::Passed, String::new())), ..ended(How::Exited(0)) };
    assert_eq!(judge(&passed, &baseline), Judgement::Clean);
}

#[test]
fn an_output_counts_where_both_ended_alike_and_another_trial_printed_the_same() {
    let printed = |text: &str| Some(Printed::of(text.as_bytes()));
    let trial =
        |code: i32, text: &str| Ended { printed: printed(text), ..ended(How::Exited(code)) };
    let natively = |code: i32| {
        let (stdout, stderr) = (said(""), said(""));
        let how = How::Exited(code);
        Baseline::new(Some(Native { how, stdout, stderr, printed: printed("a\n"), failed: false }))
    };
    let mut baseline = natively(0);
    assert_eq!(judge(&trial(0, "a\n"), &baseline), Judgement::Clean);
    // What control changes in every trial is no bug of a schedule.
    baseline.add(&trial(0, "b\n"), false);
    assert!(matches!(judge(&trial(0, "b\n"), &baseline), Judgement::Held(_)));
    baseline.add(&trial(0, "a\n"), false);
    let Judgement::Found(finding) = judge(&trial(0, "b\n"), &baseline) else { panic!("not found") };
    assert_eq!((finding.kind, finding.confidence), (Kind::WrongResult, Confidence::Proven));
    assert_eq!(
        finding.evidence[..2],
        [
            r#"line 1 without control: "a\n""#.to_owned(),
            r#"line 1 under control: "b\n""#.to_owned(),
        ]
    );
    // A failed run prints what it likes, and is no reference.
    assert_eq!(judge(&trial(0, "b\n"), &natively(3)), Judgement::Clean);
    let mut slow = trial(0, "b\n");
    slow.numbers.early = 1;
    assert!(matches!(judge(&slow, &baseline), Judgement::Inconclusive(_)));
}
