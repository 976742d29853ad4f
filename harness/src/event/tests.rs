//! Sums over trials, and the words and grades that follow from them.

use super::*;
use crate::report::fixture::{clean, finding, header, unit};
use crate::report::json::worst;
use crate::store::TrialRecord;
use crate::verdict::Expectation;

const LEFT: &str = "the process exited by itself";

/// The sum of these trials, each given by what became of it.
fn sum(expectation: Expectation, trials: &[Became]) -> Summary {
    let mut unit = unit("transfer", 2, 100);
    unit.card.expectation = expectation.clone();
    let header = header(vec![unit]);
    let mut summary = Summary::new(0, "bank/transfer", 2);
    for (became, index) in trials.iter().zip(0..) {
        let trial = clean(&header, 0, index);
        let TrialRecord { verdict, observation, .. } = match became {
            Became::Clean => trial,
            Became::Nothing => trial.inconclusive(LEFT),
            Became::Found(kind, place) => {
                trial.with(&header, finding(*kind, Confidence::Proven, place))
            }
        };
        let grade = Grade::of(&expectation, &verdict);
        summary.add(&observation, &verdict, grade);
    }
    summary.seal();
    summary
}

enum Became {
    Clean,
    Nothing,
    Found(Kind, &'static str),
}

use Became::Found as Convicted;
use Became::{Clean, Nothing};

fn finds() -> Expectation {
    Expectation::Finds { kind: Kind::Deadlock }
}

#[test]
fn a_rate_counts_judged_trials_alone() {
    let trials = [Clean, Clean, Nothing, Convicted(Kind::Crash, "a"), Nothing];
    let summary = sum(Expectation::Clean, &trials);
    assert_eq!(summary.rate, Rate { k: 1, n: 3 });
    assert_eq!((summary.clean, summary.inconclusive, summary.trials()), (2, 2, 5));
    assert_eq!(summary.why_inconclusive, BTreeMap::from([(LEFT.to_owned(), 2)]));
    assert_eq!((summary.as_expected, summary.unexpected, summary.missed), (2, 1, 0));
}

#[test]
fn findings_are_counted_by_kind_and_told_apart_by_fingerprint() {
    let trials = [
        Convicted(Kind::Deadlock, "a"),
        Convicted(Kind::Crash, "a"),
        Convicted(Kind::Deadlock, "b"),
        Convicted(Kind::Deadlock, "a"),
    ];
    let summary = sum(Expectation::Clean, &trials);
    let counts: Vec<_> =
        summary.findings.iter().map(|f| (f.kind, f.trials, f.fingerprints.len())).collect();
    assert_eq!(counts, [(Kind::Deadlock, 3, 2), (Kind::Crash, 1, 1)]);
}

#[test]
fn times_are_of_trials_whose_actors_all_ended() {
    let summary = sum(Expectation::Clean, &[Clean, Nothing, Clean, Clean]);
    assert_eq!((summary.median_us, summary.p99_us), (Some(1700), Some(1800)));
    let none = sum(Expectation::Clean, &[Nothing]);
    assert_eq!((none.median_us, none.p99_us), (None, None));
}

#[test]
fn nothing_found_is_a_bound_over_the_judged_trials() {
    let sentence = sum(Expectation::Clean, &[Clean, Clean, Nothing]).sentence();
    assert_eq!(
        sentence,
        "nothing found in 2 judged trials, which bounds the probability of a finding in one to at \
         most 84.19 % (upper end of the 95 % interval); 1 of 3 trials inconclusive"
    );
}

#[test]
fn what_was_found_is_a_rate_over_the_judged_trials() {
    let trials = [Convicted(Kind::Deadlock, "a"), Clean, Nothing];
    let sentence = sum(Expectation::Clean, &trials).sentence();
    assert!(sentence.starts_with("deadlock (proven) in 1 of 2 (50.00 %, 95 %"), "{sentence}");
    assert!(sentence.ends_with("; 1 of 3 trials inconclusive") && !sentence.contains("nothing"));
}

#[test]
fn without_judged_trials_nothing_is_bounded() {
    assert_eq!(sum(Expectation::Clean, &[]).sentence(), "no trial was run");
    let sentence = sum(Expectation::Clean, &[Nothing]).sentence();
    assert_eq!(sentence, "1 of 1 trials inconclusive");
}

#[test]
fn the_worst_trial_grades_the_unit() {
    use Grade::{AsExpected, Inconclusive, Missed, Unexpected};
    let deadlock = || Convicted(Kind::Deadlock, "a");
    for (expectation, trials, grade) in [
        (Expectation::Clean, vec![Clean], AsExpected),
        (Expectation::Clean, vec![Clean, Nothing], Inconclusive),
        (Expectation::Clean, vec![Nothing, deadlock()], Unexpected),
        (Expectation::Clean, vec![], Inconclusive),
        (finds(), vec![deadlock()], AsExpected),
        (finds(), vec![deadlock(), Clean], Missed),
        (finds(), vec![deadlock(), Nothing], Inconclusive),
        (finds(), vec![Clean, Convicted(Kind::Crash, "a")], Unexpected),
    ] {
        assert_eq!(sum(expectation, &trials).grade(), grade);
    }
}

#[test]
fn the_worst_unit_grades_the_campaign() {
    let good = || sum(Expectation::Clean, &[Clean]);
    let unsure = || sum(Expectation::Clean, &[Nothing]);
    let missed = || sum(finds(), &[Clean]);
    let bad = || sum(Expectation::Clean, &[Convicted(Kind::Crash, "a")]);
    assert_eq!(worst(&[]), Grade::AsExpected);
    assert_eq!(worst(&[good(), good()]), Grade::AsExpected);
    assert_eq!(worst(&[good(), unsure()]), Grade::Inconclusive);
    assert_eq!(worst(&[unsure(), missed(), good()]), Grade::Missed);
    assert_eq!(worst(&[missed(), good(), bad()]), Grade::Unexpected);
}

#[test]
fn a_row_of_a_table_says_rate_and_bound_and_no_more() {
    let mut summary = Summary::new(0, "bank/transfer", 2);
    assert_eq!(summary.short(), "nothing judged");
    summary.rate = Rate { k: 0, n: 20 };
    summary.inconclusive = 1;
    assert_eq!(summary.short(), "0 of 20, at most 16.84 %, 1 inconclusive");
}
