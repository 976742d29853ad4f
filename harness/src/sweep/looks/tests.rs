use super::*;

#[test]
fn looks_double_up_to_the_most_trials_that_there_may_be() {
    assert_eq!(Looks::new(0.01, 400).sizes(), [25, 50, 100, 200, 400]);
    assert_eq!(Looks::new(0.01, 30).sizes(), [25, 30]);
    assert_eq!(Looks::new(0.01, 3).sizes(), [3]);
}

#[test]
fn four_hundred_clean_trials_lie_below_one_percent_and_two_hundred_do_not() {
    let looks = Looks::new(0.01, 400);
    assert_eq!(looks.says(3, Rate { k: 0, n: 200 }), Says::Undecided);
    assert_eq!(looks.says(4, Rate { k: 0, n: 400 }), Says::Below);
    let high = looks.ends(4, Rate { k: 0, n: 400 }).high.unwrap();
    assert!((high - 0.0092).abs() < 1e-4, "{high}");
    // No early look was counted for the upper end, so none may be told.
    assert_eq!(looks.ends(0, Rate { k: 25, n: 25 }).high, None);
}

#[test]
fn one_failure_says_nothing_of_a_floor_and_many_do() {
    let looks = Looks::new(0.01, 400);
    assert_eq!(looks.says(0, Rate { k: 1, n: 25 }), Says::Undecided);
    assert_eq!(looks.says(4, Rate { k: 1, n: 400 }), Says::Undecided);
    assert_eq!(looks.says(0, Rate { k: 25, n: 25 }), Says::Fails);
    assert_eq!(looks.says(4, Rate { k: 40, n: 400 }), Says::Fails);
}

#[test]
fn nothing_judged_says_nothing() {
    let looks = Looks::new(0.5, 400);
    assert!((0..5).all(|nth| looks.says(nth, Rate { k: 0, n: 0 }) == Says::Undecided));
}

#[test]
fn the_number_of_trials_that_is_needed_is_the_least_that_does() {
    for floor in [0.001, 0.01, 0.05, 0.3] {
        let needed = Looks::needed(floor);
        let says = |most: u64| {
            let looks = Looks::new(floor, most);
            looks.says(looks.sizes().len() - 1, Rate { k: 0, n: most })
        };
        assert_eq!((says(needed), says(needed - 1)), (Says::Below, Says::Undecided), "{floor}");
    }
}

/// The probability that a rate of exactly `p` is called `wrong` at any look, worked out by following
/// every number of failures through the looks: no sampling, and nothing of the interval is used but
/// its verdicts.
fn risk(looks: &Looks, p: f64, wrong: Says) -> f64 {
    let mut alive = vec![1.0]; // by the number of failures so far, of campaigns that go on
    let (mut n, mut risk) = (0, 0.0);
    for (nth, size) in looks.sizes().iter().enumerate() {
        for _ in n..*size {
            alive.resize(alive.len() + 1, 0.0);
            for k in (0..alive.len()).rev() {
                let before = if k == 0 { 0.0 } else { alive[k - 1] };
                alive[k] = alive[k] * (1.0 - p) + before * p;
            }
        }
        n = *size;
        for (k, mass) in alive.iter_mut().enumerate() {
            let says = looks.says(nth, Rate { k: k as u64, n });
            risk += if says == wrong { *mass } else { 0.0 };
            *mass = if says == Says::Undecided { *mass } else { 0.0 };
        }
    }
    risk
}

#[test]
fn all_looks_together_are_wrong_no_more_often_than_promised() {
    for (floor, most) in [(0.01, 400), (0.05, 400), (0.1, 1600), (0.3, 200)] {
        let looks = Looks::new(floor, most);
        let just_below = risk(&looks, floor * 0.999, Says::Fails);
        let at_floor = risk(&looks, floor, Says::Below);
        assert!(just_below <= SHARE && at_floor <= SHARE, "{floor}: {just_below} {at_floor}");
        // A check that cannot fail would be none: without its share a look is wrong too often.
        let naive = Looks { low: 1, high: 1, ..looks.clone() };
        assert!(naive.low != looks.low, "{floor}");
        // And what fails always is found at the first look that could.
        assert!(risk(&looks, 1.0, Says::Fails) > 0.999);
    }
}
