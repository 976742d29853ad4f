//! Every detector, with what it is there for and with what only looks like it. How the words of a
//! judgement follow its confidence stands in [`words`], standstills in [`standstills`].

mod cycles;
mod deadlines;
mod standstills;
mod words;

use super::*;
use crate::board::ActorState;
use crate::capture::{Frame, Snapshot, ThreadStack, Trust};
use crate::observation::{
    ActorSeen, CrashSeen, Isolation, Output, Standstill, ThreadSeen, Wait, Window,
};
use crate::protocol::Ending;
use crate::trial::{Lane, Trial};
use crate::verdict::Confidence::{self, Inferred, Proven, Suspected};

/// A trial of two actors that went well.
fn passed() -> Observation {
    Observation {
        trial: Trial { scenario: "bank/transfer".into(), threads: 2, seed: 1, lane: Lane::Native },
        isolation: Isolation::Fresh,
        counts_steps: false,
        timeout_ms: 4000,
        phase: Phase::Done,
        outcome: Outcome::Passed,
        message: String::new(),
        ending: Some(exit(0)),
        killed: false,
        wall_us: 2000,
        acted_us: 1000,
        actors: vec![],
        panics: 0,
        standstill: None,
        crash: None,
        leaked_threads: 0,
        stacks: None,
        left_behind: 0,
        program: None,
        stdout: Output::default(),
        stderr: Output::default(),
        notes: vec![],
    }
}

/// The same, as it stood in the midst of its actors' work.
fn midway() -> Observation {
    let running = |tid| ActorSeen { tid, state: ActorState::Running, steps: 0 };
    let actors = vec![running(2), running(3)];
    Observation { phase: Phase::Running, outcome: Outcome::Pending, actors, ..passed() }
}

fn exit(code: i32) -> Ending {
    Ending { status: code << 8, user_us: 0, system_us: 0, max_rss_kib: 0 }
}

fn died_of(signal: i32) -> Option<Ending> {
    Some(Ending { status: signal, ..exit(0) })
}

fn stack(tid: i32, name: &str, functions: &[&str]) -> ThreadStack {
    let frame = |(nth, function): (usize, &&str)| Frame {
        pc: 0x1000 + nth as u64,
        function: Some((*function).to_owned()),
        file: None,
        line: None,
        module: None,
        module_address: None,
        inlined: false,
        trust: Trust::Unwound,
    };
    let frames = functions.iter().enumerate().map(frame).collect();
    ThreadStack { tid, name: name.to_owned(), frames, ..Default::default() }
}

fn stacks(threads: Vec<ThreadStack>) -> Option<Snapshot> {
    Some(Snapshot { threads, stopped_us: 900, ..Default::default() })
}

fn printed(text: &str) -> Output {
    Output { head: text.to_owned(), tail: String::new(), bytes: text.len() as u64 }
}

/// Kind and confidence of all findings, the weightiest first.
fn found(observation: &Observation) -> Vec<(Kind, Confidence)> {
    judge(observation).findings().iter().map(|f| (f.kind, f.confidence)).collect()
}

fn first(observation: &Observation) -> Finding {
    judge(observation).first().expect("nothing was found").clone()
}

fn why_inconclusive(observation: &Observation) -> String {
    match judge(observation) {
        Verdict::Inconclusive { why } => why,
        other => panic!("not inconclusive but {other}"),
    }
}

#[test]
fn a_trial_that_passed_is_clean() {
    assert_eq!(judge(&passed()), Verdict::Clean);
}

#[test]
fn output_notes_and_caught_panics_alone_find_nothing() {
    let chatty = Observation {
        panics: 3,
        stderr: printed("thread 'x' panicked at a.rs:1:1:\nSIGSEGV\ndeadlock detected\n"),
        notes: vec!["no stacks: not permitted".into()],
        left_behind: 1,
        ..passed()
    };
    assert_eq!(judge(&chatty), Verdict::Clean);
}

#[test]
fn a_signal_that_a_process_earns_is_a_crash() {
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT] {
        let died = Observation { ending: died_of(signal), ..midway() };
        assert_eq!(found(&died), [(Kind::Crash, Proven)]);
        assert!(first(&died).summary.contains(&signal_name(signal)));
    }
}

#[test]
fn a_crash_seen_by_its_handler_names_the_thread_and_the_last_words() {
    let crashed = Observation {
        ending: died_of(libc::SIGSEGV),
        crash: Some(CrashSeen { signal: libc::SIGSEGV, tid: 3 }),
        stacks: stacks(vec![stack(1, "main", &[]), stack(3, "actor-1", &["bank::audit"])]),
        stderr: printed("corrupted list\n\n"),
        ..midway()
    };
    let evidence = first(&crashed).evidence.join("\n");
    assert!(evidence.contains("actor-1 (3)") && evidence.contains("corrupted list"), "{evidence}");
    let elsewhere =
        Observation { stacks: stacks(vec![stack(3, "a", &["bank::close"])]), ..crashed.clone() };
    assert_ne!(first(&crashed).fingerprint, first(&elsewhere).fingerprint);
}

#[test]
fn a_signal_from_outside_is_neither_crash_nor_health() {
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let ended = Observation { ending: died_of(signal), ..midway() };
        let why = why_inconclusive(&ended);
        assert!(why.contains(&signal_name(signal)), "{why}");
    }
    let killed = Observation { ending: died_of(libc::SIGKILL), ..midway() };
    assert!(why_inconclusive(&killed).contains("want of memory"));
}

#[test]
fn an_abort_is_a_panic_where_a_panic_made_it_and_a_crash_elsewhere() {
    let message = "thread 'actor-0' panicked at src/bank.rs:7:9:\noverdrawn".to_owned();
    let aborted = Observation { ending: died_of(libc::SIGABRT), ..midway() };
    let by_panic = Observation { panics: 1, message: message.clone(), ..aborted.clone() };
    assert_eq!(found(&by_panic), [(Kind::Panic, Proven)]);
    assert!(first(&by_panic).evidence.iter().any(|line| line.contains("aborted the process")));
    assert_eq!(found(&Observation { message, ..aborted.clone() }), [(Kind::Crash, Proven)]);
    assert_eq!(found(&Observation { panics: 1, ..aborted }), [(Kind::Crash, Proven)]);
}

#[test]
fn a_panicked_actor_is_a_panic_told_by_its_place() {
    let panicked = |at: &str, name: &str| Observation {
        outcome: Outcome::Panicked,
        message: format!("thread '{name}' panicked at {at}:\noverdrawn by {name}"),
        panics: 1,
        actors: vec![ActorSeen { tid: 2, state: ActorState::Panicked, steps: 0 }],
        ..passed()
    };
    let one = panicked("src/bank.rs:7:9", "actor-0");
    assert_eq!(found(&one), [(Kind::Panic, Proven)]);
    assert!(first(&one).evidence.iter().any(|line| line == "1 of 2 actors panicked"));
    let same_place = panicked("src/bank.rs:7:9", "actor-1");
    assert_eq!(first(&one).fingerprint, first(&same_place).fingerprint);
    let elsewhere = panicked("src/bank.rs:8:9", "actor-0");
    assert_ne!(first(&one).fingerprint, first(&elsewhere).fingerprint);
}

#[test]
fn a_refused_result_is_wrong_and_equal_whatever_the_values() {
    let refused = |message: &str| Observation {
        outcome: Outcome::WrongResult,
        message: message.to_owned(),
        ..passed()
    };
    let one = first(&refused("sum is 3, not 4\n  alone: 4\n  here: 3"));
    assert_eq!((one.kind, one.confidence), (Kind::WrongResult, Proven));
    assert_eq!((one.summary.as_str(), one.evidence.len()), ("sum is 3, not 4", 3));
    assert_eq!(one.fingerprint, first(&refused("sum is 2, not 4")).fingerprint);
}

#[test]
fn threads_that_outlive_the_trial_are_a_leak_and_main_is_not_one() {
    let leaked = Observation {
        leaked_threads: 1,
        stacks: stacks(vec![stack(1, "main", &["x::main"]), stack(9, "pool", &["pool::run"])]),
        ..passed()
    };
    assert_eq!(found(&leaked), [(Kind::ThreadLeak, Proven)]);
    let evidence = first(&leaked).evidence.join("\n");
    assert!(evidence.contains("pool (9)") && !evidence.contains("main"), "{evidence}");
}

#[test]
fn the_weightiest_finding_comes_first() {
    let both = Observation {
        outcome: Outcome::WrongResult,
        message: "sum is 3".into(),
        leaked_threads: 1,
        ending: died_of(libc::SIGSEGV),
        ..passed()
    };
    let kinds: Vec<Kind> = judge(&both).findings().iter().map(|f| f.kind).collect();
    assert_eq!(kinds, [Kind::Crash, Kind::WrongResult, Kind::ThreadLeak]);
}

#[test]
fn who_leaves_early_is_not_clean() {
    for code in [0, 1, 101] {
        let left = Observation { ending: Some(exit(code)), ..midway() };
        let why = why_inconclusive(&left);
        assert!(why.contains(&format!("code {code}")) && why.contains("running"), "{why}");
    }
    // The outcome stands, but what should have been checked behind it was not.
    let hasty = Observation { phase: Phase::Checking, ..passed() };
    assert!(why_inconclusive(&hasty).contains("checking"));
    let wordless = Observation { outcome: Outcome::Pending, ..passed() };
    assert!(why_inconclusive(&wordless).contains("done"));
}

#[test]
fn who_passes_and_then_fails_is_not_clean() {
    let failed = Observation { ending: Some(exit(66)), ..passed() };
    assert!(why_inconclusive(&failed).contains("code 66"));
}

#[test]
fn who_was_not_prepared_is_not_clean() {
    let message = "no model at x.bin\nsee --set model=".to_owned();
    let unprepared =
        Observation { outcome: Outcome::NotPrepared, phase: Phase::Preparing, message, ..passed() };
    assert_eq!(why_inconclusive(&unprepared), "it was not prepared: no model at x.bin");
}

#[test]
fn an_unknown_end_is_not_clean() {
    let lost = Observation { ending: None, ..passed() };
    assert_eq!(why_inconclusive(&lost), "nothing is known of its end");
    let why = "the zygote died during the trial".to_owned();
    let noted = Observation { notes: vec![why.clone()], ..lost };
    assert_eq!(why_inconclusive(&noted), why);
}
