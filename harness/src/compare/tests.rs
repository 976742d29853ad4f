//! Small runs compared: which units meet, what is shown, and what is not.

use super::pairing::{Rule, Which};
use super::*;
use crate::report::fixture::{clean, failing, header, run, unit};
use crate::store::Header;
use crate::verdict::Kind;

/// A run of `bank/transfer` with two threads in which so many trials fail.
fn transfers(n: u64, kinds: &[(Kind, u64)]) -> Run {
    let header = header(vec![unit("transfer", 2, n)]);
    run(&header, failing(&header, 0, n, kinds))
}

fn against(a: &Run, b: &Run) -> Comparison {
    compare(a, b, &[])
}

fn rules(texts: &[&str]) -> Vec<Rule> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn titles(of: &Comparison) -> Vec<(String, u32)> {
    of.pairs.iter().map(|pair| (pair.title(), pair.threads)).collect()
}

#[test]
fn fewer_failures_than_chance_explains_are_better_and_more_are_worse() {
    let (many, none) = (transfers(100, &[(Kind::Deadlock, 12)]), transfers(500, &[]));
    let better = against(&many, &none);
    assert_eq!(better.verdict, Outcome::Better);
    let test = better.pairs[0].rates.unwrap();
    assert!((test.p - 2.582_057_652_688_478e-10).abs() < 1e-18, "{test:?}");
    assert_eq!((test.p, test.tests), (test.p_adjusted, 1));
    assert_eq!(against(&none, &many).verdict, Outcome::Worse);
}

#[test]
fn a_difference_that_chance_explains_is_not_shown() {
    let (some, none) = (transfers(100, &[(Kind::Deadlock, 3)]), transfers(100, &[]));
    for (a, b) in [(&some, &none), (&none, &some), (&none, &none)] {
        assert_eq!(against(a, b).verdict, Outcome::NotShown);
    }
}

#[test]
fn what_one_test_would_show_must_hold_among_all() {
    let units = |n: u32| (1..=n).map(|threads| unit("transfer", threads, 30)).collect();
    let with = |n: u32, failures: u64| {
        let header = header(units(n));
        let some = failing(&header, 0, 30, &[(Kind::Deadlock, failures)]);
        let rest = (1..n as usize).flat_map(|unit| failing(&header, unit, 30, &[]));
        run(&header, some.into_iter().chain(rest).collect())
    };
    // 0 of 30 against 6 of 30: p = 0.024.
    assert_eq!(against(&with(1, 0), &with(1, 6)).verdict, Outcome::Worse);
    let among = against(&with(3, 0), &with(3, 6));
    assert_eq!(among.verdict, Outcome::NotShown);
    let test = among.pairs[0].rates.unwrap();
    assert_eq!(test.tests, 3);
    assert!((test.p_adjusted - 3.0 * test.p).abs() < 1e-12, "{test:?}");
}

#[test]
fn as_many_failures_of_another_kind_are_worse_once_shown() {
    let (a, b) = (transfers(100, &[(Kind::Deadlock, 30)]), transfers(100, &[(Kind::Crash, 30)]));
    let otherwise = against(&a, &b);
    let pair = &otherwise.pairs[0];
    assert_eq!(pair.rates.unwrap().p_adjusted, 1.0);
    assert_eq!((pair.kinds.len(), pair.verdict), (2, Outcome::Worse));
    let few =
        against(&transfers(100, &[(Kind::Deadlock, 3)]), &transfers(100, &[(Kind::Crash, 3)]));
    assert_eq!((few.pairs[0].kinds.len(), few.verdict), (2, Outcome::NotShown));
    let alike = against(&a, &a.clone());
    assert!(alike.pairs[0].kinds.is_empty(), "one kind is the whole rate");
}

#[test]
fn inconclusive_trials_count_for_nothing() {
    let header = header(vec![unit("transfer", 2, 10)]);
    let unsure = |index| clean(&header, 0, index).inconclusive("it was killed");
    let none = run(&header, (0..10).map(unsure).collect());
    let sure = transfers(100, &[(Kind::Deadlock, 50)]);
    for (a, b) in [(&none, &sure), (&sure, &none)] {
        let nothing = against(a, b);
        assert_eq!(nothing.verdict, Outcome::Inconclusive);
        assert_eq!(nothing.pairs[0].rates, None);
    }
    let nothing = against(&none, &sure);
    assert_eq!((nothing.pairs[0].a.inconclusive, nothing.pairs[0].a.timed), (10, 0));
    assert_eq!(nothing.pairs[0].time, None);
}

#[test]
fn units_without_a_partner_are_named() {
    let a = header(vec![unit("transfer", 2, 3), unit("transfer", 8, 3), unit("audit", 2, 3)]);
    let b = header(vec![unit("transfer", 8, 3), unit("transfer", 64, 3)]);
    let found = against(&run(&a, failing(&a, 0, 3, &[])), &run(&b, vec![]));
    assert_eq!(titles(&found), [("bank/transfer".to_owned(), 8)]);
    let alone: Vec<_> =
        found.alone.iter().map(|u| (u.only_in, u.scenario.as_str(), u.threads, u.trials)).collect();
    assert_eq!(
        alone,
        [
            (Which::A, "bank/transfer", 2, 3),
            (Which::A, "bank/audit", 2, 0),
            (Which::B, "bank/transfer", 64, 0)
        ]
    );
    assert_eq!(found.unasked, 0);
}

#[test]
fn two_scenarios_of_one_run_meet_by_a_rule() {
    let header = header(vec![
        unit("plain_get", 2, 3),
        unit("plain_put", 2, 3),
        unit("locked_get", 2, 3),
        unit("locked_put", 8, 3),
        unit("audit", 2, 3),
    ]);
    let one = run(&header, vec![]);
    let found = compare(&one, &one, &rules(&["bank/plain_*=bank/locked_*"]));
    assert_eq!(titles(&found), [("bank/plain_get -> bank/locked_get".to_owned(), 2)]);
    let alone: Vec<_> = found.alone.iter().map(|u| (u.only_in, u.scenario.as_str())).collect();
    assert_eq!(alone, [(Which::A, "bank/plain_put"), (Which::B, "bank/locked_put")]);
    assert_eq!((found.unasked, found.unlike.len(), found.same_binary.len()), (1, 0, 0));
    assert_eq!(found.verdict, Outcome::Inconclusive);
}

#[test]
fn a_rule_that_fits_nothing_is_found_out() {
    let one = transfers(1, &[]);
    let idle = |texts: &[&str]| {
        let rules = rules(texts);
        pairing::idle_rule(&one, &one, &rules).map(|(text, which, _)| (text.to_owned(), which))
    };
    assert_eq!(idle(&["bank/transfer=bank/transfer"]), None);
    assert_eq!(idle(&["bank/tarnsfer=bank/transfer"]), Some(("bank/tarnsfer".into(), Which::A)));
    assert_eq!(idle(&["bank/*=bunk/*"]), Some(("bunk/*".into(), Which::B)));
}

/// A run like `transfers(5, &[])` whose header was changed.
fn changed(change: impl FnOnce(&mut Header)) -> Run {
    let mut header = header(vec![unit("transfer", 2, 5)]);
    change(&mut header);
    run(&header, failing(&header, 0, 5, &[]))
}

#[test]
fn what_should_be_equal_and_is_not_is_named() {
    let a = changed(|_| {});
    let b = changed(|header| {
        header.environment.cores = 4;
        header.plan.jobs = 2;
        header.plan.seed = 99;
        header.plan.units[0].timeout_ms = 30_000;
        header.plan.settings.insert("model".to_owned(), "big".to_owned());
    });
    let unlike = against(&a, &b).unlike;
    let told: Vec<_> = unlike.iter().map(|u| [&u.what[..], &u.a, &u.b]).collect();
    assert_eq!(
        told,
        [
            ["settings", "none", "model=big"],
            ["trials at a time", "1", "2"],
            ["cores", "2", "4"],
            ["deadline of a trial", "4s", "30s"],
        ]
    );
}

#[test]
fn crates_that_differ_are_named_and_so_is_an_equal_binary() {
    let a = changed(|_| {});
    let same = against(&a, &changed(|_| {}));
    assert_eq!((same.same_binary, same.crates), (vec!["bank".to_owned()], vec![]));
    let newer = changed(|header| {
        let book = header.books.get_mut("bank").unwrap();
        book.sha256 = "another".to_owned();
        book.crates[1].version = "1.3.0".to_owned();
    });
    let found = against(&a, &newer);
    assert!(found.same_binary.is_empty());
    let told: Vec<_> =
        found.crates.iter().map(|c| (&c.name[..], &c.a[0][..], &c.b[0][..])).collect();
    assert_eq!(told, [("bank", "1.2.0", "1.3.0")]);
    let patched = changed(|header| {
        let book = header.books.get_mut("bank").unwrap();
        book.sha256 = "another".to_owned();
        book.crates[1].checksum = None;
    });
    assert_eq!(against(&a, &patched).crates[0].b, ["1.2.0 (from no registry)"]);
}

#[test]
fn times_are_compared_and_decide_nothing() {
    let header = header(vec![unit("transfer", 2, 40)]);
    let slowed = |by: u64| {
        let mut trials = failing(&header, 0, 40, &[]);
        trials.iter_mut().for_each(|trial| trial.observation.acted_us *= by);
        run(&header, trials)
    };
    let found = against(&slowed(1), &slowed(3));
    let pair = &found.pairs[0];
    let (time, throughput) = (pair.time.unwrap(), pair.throughput.unwrap());
    assert!((time.estimate - 3.0).abs() < 1e-9 && time.low > 2.0, "{time:?}");
    assert!((throughput.estimate - 1.0 / 3.0).abs() < 1e-9 && throughput.high < 0.5);
    // Two actors end in 1.5 ms and, trial by trial, up to 5.4 ms.
    assert!((pair.a.actors_per_second.unwrap() - 2e6 / 3450.0).abs() < 1e-6, "{:?}", pair.a);
    assert_eq!(found.verdict, Outcome::NotShown);
}
