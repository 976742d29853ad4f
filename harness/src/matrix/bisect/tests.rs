//! Bisections over simulated versions, with fixed seeds.

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { alpha: 0.05, enough: 20, most: 20_000, first: 20, least: 1 };

/// xorshift64*, which is plenty for coins.
struct Coins(u64);

impl Coins {
    fn new(seed: u64) -> Coins {
        Coins(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn lands(&mut self, probability: f64) -> bool {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        (random as f64) < probability * (1u64 << 53) as f64
    }
}

/// A world in which versions fail with these probabilities; none where there is no program.
struct World {
    rates: Vec<Option<f64>>,
    coins: Coins,
    trials: u64,
}

impl World {
    /// Bad from `from` on, with one probability for all.
    fn bad_from(versions: usize, from: usize, rate: f64, seed: u64) -> World {
        let rates = (0..versions).map(|at| Some(if at < from { 0.0 } else { rate })).collect();
        World { rates, coins: Coins::new(seed), trials: 0 }
    }

    fn run(&mut self, mut bisection: Bisection) -> (Answer, Bisection) {
        for _ in 0..100_000 {
            let (at, trials) = match bisection.next() {
                Next::Trials { at, trials } => (at, trials),
                Next::Done(answer) => return (answer, bisection),
            };
            let Some(rate) = self.rates[at] else {
                bisection.is_unbuildable(at);
                continue;
            };
            let Tally { k, n, run } = bisection.tally(at);
            let failed = (0..trials).filter(|_| self.coins.lands(rate)).count() as u64;
            self.trials += trials;
            bisection.saw(at, Tally { k: k + failed, n: n + trials, run: run + trials });
        }
        panic!("it does not end: {bisection:?}");
    }
}

fn answer(world: &mut World, rules: Rules) -> Answer {
    let bisection = Bisection::new(rules, world.rates.len(), true);
    world.run(bisection).0
}

#[test]
fn the_first_bad_version_is_found_wherever_it_is() {
    for versions in 2..12 {
        for from in 1..versions {
            let mut world = World::bad_from(versions, from, 0.8, (versions * 100 + from) as u64);
            let found = answer(&mut world, Rules { alpha: 1e-6, most: 1_000_000, ..RULES });
            assert_eq!(found, Answer::Between { good: from - 1, bad: from }, "{versions}");
        }
    }
}

#[test]
fn a_fix_is_found_as_a_break_is() {
    for from in 1..8 {
        let mut world = World::bad_from(8, 8 - from, 0.8, from as u64);
        world.rates.reverse();
        let found = answer(&mut world, Rules { alpha: 1e-6, most: 1_000_000, ..RULES });
        assert_eq!(found, Answer::Between { good: from, bad: from - 1 });
    }
}

#[test]
fn what_cannot_be_built_is_passed_over_and_left_open() {
    let mut world = World::bad_from(9, 5, 1.0, 1);
    (3..7).for_each(|at| world.rates[at] = None);
    assert_eq!(answer(&mut world, RULES), Answer::Between { good: 2, bad: 7 });
    let mut world = World::bad_from(9, 5, 1.0, 1);
    world.rates[0] = None;
    assert_eq!(answer(&mut world, RULES), Answer::EndUnbuildable(0));
}

#[test]
fn without_a_failing_end_or_with_two_there_is_no_boundary() {
    let mut world = World::bad_from(6, 6, 0.0, 1);
    assert_eq!(answer(&mut world, RULES), Answer::NeitherFails);
    assert_eq!(world.trials, 2 * RULES.most, "both ends get all that they may");
    assert_eq!(answer(&mut World::bad_from(6, 0, 0.5, 1), RULES), Answer::BothFail);
}

#[test]
fn a_failure_too_seldom_for_the_trials_allowed_leaves_it_undecided() {
    let rules = Rules { most: 400, ..RULES };
    let bisection = Bisection::new(rules, 9, true);
    let (found, bisection) = World::bad_from(9, 4, 0.01, 12).run(bisection);
    assert_eq!(found, Answer::EndUndecided, "{bisection:?}");
    assert!(bisection.needed() > Some(400) && bisection.side(0) == Some(Side::Undecided));
}

#[test]
fn time_that_is_over_ends_a_step_and_with_it_the_bisection() {
    let mut bisection = Bisection::new(RULES, 9, true);
    bisection.saw(8, Tally { k: 20, n: 20, run: 20 });
    bisection.saw(0, Tally { k: 0, n: 50, run: 50 });
    let Next::Trials { at: 4, .. } = bisection.next() else { panic!("{bisection:?}") };
    bisection.is_late(4);
    assert_eq!(bisection.next(), Next::Done(Answer::Between { good: 0, bad: 8 }));
    // Late before anything has failed: the other end may still fail.
    let mut bisection = Bisection::new(RULES, 3, true);
    bisection.is_late(2);
    assert_eq!(bisection.next(), Next::Trials { at: 0, trials: 20 });
    bisection.saw(0, Tally { k: 1, n: 20, run: 20 });
    bisection.is_late(0);
    assert!(bisection.rate().unwrap() > 0.0, "one failure gives a rate");
}

/// Of many bisections at most the share `alpha` may name a wrong boundary: with few failures, with
/// many, and with such as fail just as often as makes bounds tight.
#[test]
fn wrong_answers_are_as_seldom_as_is_promised() {
    const RUNS: u64 = 1500;
    for (rate, enough) in [(0.02, 20), (0.02, 3), (0.08, 20), (0.3, 5), (0.7, 20)] {
        let rules = Rules { alpha: 0.2, enough, ..RULES };
        let mut wrong = 0;
        for seed in 0..RUNS {
            let from = 1 + (seed % 15) as usize;
            let mut world = World::bad_from(16, from, rate, seed + 1);
            match answer(&mut world, rules) {
                Answer::Between { good, bad } if good + 1 == bad => {
                    wrong += u64::from(bad != from);
                }
                other => panic!("{other:?}"),
            }
        }
        // Promised is 20 %; what it costs that each share is kept by itself lies in between.
        let share = wrong as f64 / RUNS as f64;
        assert!(share <= rules.alpha, "{wrong} of {RUNS} at rate {rate}");
    }
}

/// The bound itself, at the same stopping rule: it may be too high in the share alpha / steps.
#[test]
fn the_bound_of_the_rate_is_seldom_too_high() {
    const RUNS: u64 = 4000;
    for (rate, enough) in [(0.02, 20), (0.08, 5), (0.08, 20), (0.3, 2), (0.7, 20), (0.97, 20)] {
        let rules = Rules { alpha: 0.4, enough, ..RULES };
        let mut high = 0;
        let mut allowed = 0.0;
        for seed in 0..RUNS {
            let bisection = Bisection::new(rules, 2, true);
            let (_, bisection) = World::bad_from(2, 1, rate, seed + 7).run(bisection);
            high += u64::from(bisection.rate().unwrap() > rate);
            allowed = bisection.alpha();
        }
        assert!(high as f64 <= allowed * RUNS as f64, "{high} of {RUNS} at rate {rate}");
    }
}

proptest! {
    /// Whatever fails, and whatever cannot be built: it ends, the good and the bad one are what they
    /// were found to be, and nothing that could have been tested lies between them.
    #[test]
    fn an_answer_holds_what_was_seen(
        rates in prop::collection::vec(prop::option::weighted(0.8, 0.0..=1.0f64), 2..40),
        healthy in 0..40usize,
        suspect_last: bool,
        seed: u64,
    ) {
        let rates = rates.into_iter().enumerate().map(|(at, rate)| {
            if at < healthy { rate.map(|_| 0.0) } else { rate }
        });
        let mut world = World { rates: rates.collect(), coins: Coins::new(seed), trials: 0 };
        let rules = Rules { most: 600, ..RULES };
        let bisection = Bisection::new(rules, world.rates.len(), suspect_last);
        let (answer, bisection) = world.run(bisection);
        for at in 0..world.rates.len() {
            prop_assert!(bisection.tally(at).run <= rules.most);
            if bisection.side(at) == Some(Side::Bad) {
                prop_assert!(bisection.tally(at).k > 0);
            }
            if bisection.side(at) == Some(Side::Good) {
                let tally = bisection.tally(at);
                prop_assert!(tally.k == 0 && tally.n >= bisection.needed().unwrap());
            }
        }
        if let Answer::Between { good, bad } = answer {
            prop_assert_eq!(bisection.side(good), Some(Side::Good));
            prop_assert_eq!(bisection.side(bad), Some(Side::Bad));
            let inside: Vec<_> =
                (good.min(bad) + 1..good.max(bad)).map(|at| bisection.side(at)).collect();
            let decided = inside.contains(&Some(Side::Undecided));
            prop_assert!(decided || inside.iter().all(|side| *side == Some(Side::Unbuildable)));
        }
    }
}
