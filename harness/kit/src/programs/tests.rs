use proptest::prelude::*;
use standstill::board::{Cell, Outcome};
use standstill::program::{PROGRAM, Program};

use super::*;

#[derive(Clone, Debug, PartialEq)]
enum Call {
    Add(u32),
    Read,
}

fn calls() -> impl Strategy<Value = Call> {
    prop_oneof![(0..1000_u32).prop_map(Call::Add), Just(Call::Read)]
}

fn asked(program: &str) -> Preparation {
    let mut preparation = Preparation::default();
    preparation.settings.insert(PROGRAM.to_owned(), program.to_owned());
    preparation
}

fn trial(threads: usize, seed: u64) -> TrialInfo {
    TrialInfo { threads, iterations: 1, seed }
}

fn dealt(wanted: Option<&str>, info: TrialInfo) -> Program {
    let dealer = Dealer::new(calls, 2..=9);
    let wanted = wanted.map(|text| dealer.wanted(&asked(text)).unwrap().unwrap());
    dealer.deal(wanted.as_ref(), info).map(|hands| hands.program).unwrap()
}

#[test]
fn a_seed_determines_a_program_and_another_one_another() {
    let program = dealt(None, trial(4, 7));
    assert_eq!(program, dealt(None, trial(4, 7)));
    assert_eq!(program, dealt(Some("s7"), trial(4, 99)), "whatever the trial's own seed");
    assert_ne!(program.actors, dealt(None, trial(4, 8)).actors);
    assert_ne!(program.actors[0].calls, program.actors[1].calls);
    assert!(program.actors.iter().all(|part| (2..=9).contains(&part.calls.len())));
}

#[test]
fn the_generator_draws_what_it_drew_when_this_was_written() {
    // Programs are asked for by their seeds: this fails where a release of proptest makes others of
    // them, so that it can be said in the changelog.
    let program = dealt(None, trial(1, 1));
    let texts: Vec<&str> = program.actors[0].calls.iter().map(|call| &*call.text).collect();
    assert_eq!(texts, ["Add(8)", "Read", "Add(76)", "Read", "Add(11)", "Read", "Read", "Read"]);
}

#[test]
fn fewer_actors_do_what_the_first_of_more_do() {
    let (two, four) = (dealt(None, trial(2, 7)), dealt(None, trial(4, 7)));
    assert_eq!(two.actors, four.actors[..2]);
}

#[test]
fn what_is_kept_of_a_program_is_as_it_was() {
    let (whole, part) = (dealt(None, trial(4, 7)), dealt(Some("s7:1.1+3.0"), trial(2, 99)));
    assert_eq!(part.actors[0].actor, 1);
    assert_eq!(part.actors[0].calls, whole.actors[1].calls[1..2]);
    assert_eq!(part.actors[1].calls, whole.actors[3].calls[..1]);
    assert_eq!(part.wanted().to_string(), "s7:1.1+3.0");
}

#[test]
fn a_program_that_is_not_there_is_refused_in_one_sentence() {
    let dealer = Dealer::new(calls, 2..=9);
    for (text, words) in [
        ("nonsense", "names no program"),
        ("s7:0.9", "asks for call 9 of actor 0, and this scenario generates"),
    ] {
        let why = dealer.wanted(&asked(text)).unwrap_err();
        assert!(why.contains(words) && !why.contains('\n'), "{why}");
    }
    let wanted = dealer.wanted(&asked("s7:1.1+3.0")).unwrap();
    let why = dealer.deal(wanted.as_ref(), trial(8, 1)).err().unwrap();
    assert!(why.contains("takes -t 2, and the trial has -t 8"), "{why}");
}

/// What a trial of a counter comes to whose actors make their calls one after the other. `shared` is
/// what each set-up begins with.
fn comes_to(
    begin: impl Fn() -> u32 + Send + Sync + 'static,
    read: impl Fn(u32, u32) -> u32 + Send + Sync + 'static,
) -> Result<(), (Outcome, String)> {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    let scenario = Scenario::new("counter")
        .setup(move |_, _| AtomicU32::new(begin()))
        .programs(calls, 6..=6)
        .play(
            |_, _| 0,
            move |shared, own: &mut u32, call| match call {
                Call::Add(n) => {
                    *own += n;
                    shared.fetch_add(*n, SeqCst)
                }
                Call::Read => read(*own, shared.load(SeqCst)),
            },
        )
        .equal_alone()
        .build();
    let prepared = scenario.script.prepare(&mut Preparation::default()).unwrap();
    let mut stage = scenario.script.set_up(prepared, trial(2, 3));
    let told = stage.program().unwrap().unwrap().clone();
    for index in 0..2 {
        let cell = Cell::default();
        stage.act(&Actor::new(index, trial(2, 3), &cell), false);
        let steps = cell.steps.load(SeqCst);
        assert_eq!(steps, told.actors[index].calls.len() as u64, "a step a call");
    }
    stage.check()
}

#[test]
fn what_others_do_is_seen_in_what_is_shared() {
    let (outcome, why) = comes_to(|| 0, |_, shared| shared).unwrap_err();
    assert_eq!(outcome, Outcome::WrongResult, "{why}");
    assert!(why.starts_with("actor 1: its call"), "{why}");
    assert!(why.contains("alone:") && why.contains("here:"), "{why}");
}

#[test]
fn results_that_are_others_each_time_convict_nobody() {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    let begun = AtomicU32::new(0);
    let (outcome, why) = comes_to(move || begun.fetch_add(1, SeqCst), |own, _| own).unwrap_err();
    assert_eq!(outcome, Outcome::Undecided);
    assert!(why.contains("not deterministic"), "{why}");
}
