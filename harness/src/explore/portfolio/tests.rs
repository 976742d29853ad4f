use std::collections::BTreeMap;

use super::*;
use crate::explore::ended::{How, Numbers};

fn trial(steps: u64, hash: u64) -> Ended {
    Ended::fabricated(How::Exited(0), Numbers { steps, hash, ..Numbers::default() })
}

fn take(portfolio: &mut Portfolio) -> Assignment {
    match portfolio.assign() {
        Next::Trial(assignment) => assignment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_trial_follows_the_default_rule_and_tells_the_length() {
    let mut portfolio = Portfolio::new(Mix::Portfolio, &[Level::Atomics], 1, 3, None);
    let first = take(&mut portfolio);
    assert!(first.is_default_rule() && first.order.max_steps == FIRST);
    portfolio.ended(&first, &trial(30_000, 1));
    let second = take(&mut portfolio);
    assert!(!second.is_default_rule());
    assert_eq!((second.order.length, second.order.max_steps), (30_000, 1_500_000));
    assert_eq!(second.order.fair_after, 750_000);
}

#[test]
fn the_portfolio_leaves_no_strategy_out() {
    let mut portfolio = Portfolio::new(Mix::Portfolio, &[Level::Atomics], 7, 3, None);
    let mut shares: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for _ in 0..4000 {
        let order = take(&mut portfolio).order;
        *shares.entry((order.strategy, order.depth)).or_default() += 1;
    }
    let share = |strategy: u32, depth: u32| shares[&(strategy, depth)];
    assert!((850..1150).contains(&share(POS, 0)), "{shares:?}");
    assert!((1850..2150).contains(&share(FOCUS, 0)), "{shares:?}");
    assert!((100..300).contains(&share(RANDOM, 0)), "{shares:?}");
    assert!((2..=5).all(|depth| (120..280).contains(&share(PCT, depth))), "{shares:?}");
}

#[test]
fn one_seed_gives_one_campaign() {
    let seeds = |seed| {
        let mut portfolio = Portfolio::new(Mix::Only(RANDOM), &[Level::Atomics], seed, 3, Some(5));
        let seeds: Vec<u64> = (0..5).map(|_| take(&mut portfolio).order.seed).collect();
        assert!(matches!(portfolio.assign(), Next::Done));
        seeds
    };
    assert_eq!(seeds(1), seeds(1));
    assert_ne!(seeds(1), seeds(2));
}

#[test]
fn every_set_of_delays_within_the_bound_comes_up_once() {
    let mut portfolio = Portfolio::new(Mix::Delays { bound: 2 }, &[Level::Atomics], 1, 0, None);
    let mut seen = vec![];
    while let Next::Trial(assignment) = portfolio.assign() {
        let steps: Vec<u32> = assignment.script.iter().map(|d| d.step).collect();
        // Every delay changes the schedule of this program of three steps.
        let hash = steps.iter().fold(1, |hash, step| hash * 10 + u64::from(*step));
        portfolio.ended(&assignment, &trial(3, hash));
        seen.push(steps);
    }
    let expected: [&[u32]; 10] =
        [&[], &[0], &[1], &[2], &[0, 0], &[0, 1], &[0, 2], &[1, 1], &[1, 2], &[2, 2]];
    assert_eq!(seen, expected);
    assert!(portfolio.proof().unwrap().contains("all 10 schedules seen"));
}

#[test]
fn a_delay_without_effect_is_not_extended() {
    let mut portfolio = Portfolio::new(Mix::Delays { bound: 2 }, &[Level::Atomics], 1, 0, None);
    let mut trials = 0;
    while let Next::Trial(assignment) = portfolio.assign() {
        portfolio.ended(&assignment, &trial(3, 5));
        trials += 1;
    }
    assert_eq!(trials, 4);
}

#[test]
fn nothing_is_proven_where_control_was_not_complete_or_a_trial_was_lost() {
    let mut portfolio = Portfolio::new(Mix::Delays { bound: 0 }, &[Level::Atomics], 1, 0, None);
    let only = take(&mut portfolio);
    assert!(matches!(portfolio.assign(), Next::Wait));
    let mut seized = trial(3, 5);
    seized.numbers.seized = 1;
    portfolio.ended(&only, &seized);
    assert!(matches!(portfolio.assign(), Next::Done) && portfolio.proof().is_none());

    let mut portfolio = Portfolio::new(Mix::Delays { bound: 1 }, &[Level::Atomics], 1, 0, None);
    let only = take(&mut portfolio);
    portfolio.lost(&only);
    assert!(matches!(portfolio.assign(), Next::Done) && portfolio.proof().is_none());
}
