use super::*;
use std::vec::Vec;

fn order(strategy: u32, seed: u64) -> Order {
    Order {
        seed,
        length: 50,
        fair_after: 1000,
        max_steps: 2000,
        step_ns: 100,
        strategy,
        depth: 3,
        flags: 0,
        script: 0,
        memory_every: 0,
        pad: 0,
    }
}

fn candidates(threads: &[u32]) -> Vec<Candidate> {
    threads.iter().map(|&thread| Candidate { thread, object: 7, pc: 7, writes: true }).collect()
}

/// Runs `steps` choices over threads 0, 1, 2.
fn walk(strategy: u32, seed: u64, steps: u64) -> Vec<u32> {
    let mut state = std::boxed::Box::new(Strategy::IDLE);
    state.begin(&order(strategy, seed));
    (1..3).for_each(|thread| state.created(thread));
    let all = candidates(&[0, 1, 2]);
    let mut current = 0;
    (0..steps)
        .map(|step| {
            let view = View { step, current, candidates: &all };
            current = state.choose(&view, &[]).thread;
            current
        })
        .collect()
}

#[test]
fn one_seed_gives_one_schedule_and_two_seeds_give_two() {
    for strategy in [RANDOM, PCT, POS] {
        assert_eq!(walk(strategy, 9, 60), walk(strategy, 9, 60));
        let distinct: std::collections::HashSet<_> =
            (0..40).map(|seed| walk(strategy, seed, 60)).collect();
        assert!(distinct.len() > 20, "strategy {strategy}: {} of 40", distinct.len());
    }
}

#[test]
fn pct_switches_at_its_change_points_only() {
    for seed in 0..200 {
        let chosen = walk(PCT, seed, 60);
        let switches = chosen.windows(2).filter(|w| w[0] != w[1]).count();
        assert!(switches <= 2, "depth 3 has two change points, seed {seed} switched {switches}");
    }
}

#[test]
fn pct_reaches_every_order_of_three_threads() {
    let firsts: std::collections::HashSet<u32> = (0..60).map(|s| walk(PCT, s, 1)[0]).collect();
    assert_eq!(firsts.len(), 3);
}

#[test]
fn a_demoted_thread_runs_only_when_no_other_can() {
    let mut state = std::boxed::Box::new(Strategy::IDLE);
    state.begin(&order(PCT, 4));
    state.created(1);
    state.demote(0);
    state.demote(1);
    let both = candidates(&[0, 1]);
    let view = View { step: 0, current: 1, candidates: &both };
    assert_eq!(state.choose(&view, &[]).thread, 0, "the one demoted last is the lowest");
}

#[test]
fn the_default_rule_goes_on_and_else_takes_the_next() {
    let all = candidates(&[0, 2, 5]);
    let at = |current| View { step: 0, current, candidates: &all }.default_choice();
    assert_eq!([at(2), at(3), at(6)], [2, 5, 0]);
}

#[test]
fn a_given_schedule_is_followed_and_says_where_it_could_not_be() {
    let mut state = std::boxed::Box::new(Strategy::IDLE);
    state.begin(&order(GIVEN, 0));
    let script = [
        Decision { step: 1, thread: 2 },
        Decision { step: 3, thread: 9 },
        Decision { step: 4, thread: 0 },
    ];
    let all = candidates(&[0, 1, 2]);
    let mut current = 0;
    let mut said = Vec::new();
    for step in 0..6 {
        let choice = state.choose(&View { step, current, candidates: &all }, &script);
        current = choice.thread;
        said.push((choice.thread, choice.missed));
    }
    let expected = [(0, false), (2, false), (2, false), (2, true), (0, false), (0, false)];
    assert_eq!(said, expected);
}

#[test]
fn each_delay_skips_one_thread() {
    let mut state = std::boxed::Box::new(Strategy::IDLE);
    state.begin(&order(DELAYS, 0));
    let script: Vec<_> = [1, 3, 3].map(|step| Decision { step, thread: 0 }).into();
    let all = candidates(&[0, 1, 2]);
    let mut current = 0;
    let mut said = Vec::new();
    for step in 0..5 {
        current = state.choose(&View { step, current, candidates: &all }, &script).thread;
        said.push(current);
    }
    assert_eq!(said, [0, 1, 1, 0, 0]);
}

#[test]
fn pos_keeps_the_order_of_operations_that_do_not_race() {
    // Thread 1 and 2 use different objects: after 0 has drawn the highest and run, their relative
    // order is what it was.
    let mut state = std::boxed::Box::new(Strategy::IDLE);
    for seed in 0..100 {
        state.begin(&order(POS, seed));
        let view = [(1, 16), (2, 32)].map(|(thread, object)| Candidate {
            thread,
            object,
            pc: 0,
            writes: true,
        });
        let first = state.choose(&View { step: 0, current: 1, candidates: &view }, &[]).thread;
        let third = Candidate { thread: 3, object: 48, pc: 0, writes: true };
        let other = view.iter().find(|c| c.thread != first).copied().unwrap_or_default();
        // The other is still pending with its old draw; only newcomers draw.
        let kept = state.pos.priority[slot(other.thread)];
        state.choose(&View { step: 1, current: first, candidates: &[other, third] }, &[]);
        assert_eq!(state.pos.priority[slot(other.thread)], kept);
    }
}

#[test]
fn segments_run_their_threads_for_their_steps() {
    let mut state = std::boxed::Box::new(Strategy::IDLE);
    state.begin(&order(SEGMENTS, 1));
    let entry = |thread, step| Decision { step, thread };
    // Thread 2 cannot run and is left out; behind the script the running thread goes on.
    let script = [entry(1, 2), entry(2, 9), entry(0, 1), entry(1, u32::MAX)];
    let all = candidates(&[0, 1]);
    let mut current = 0;
    let mut next = |candidates: &[Candidate]| {
        let view = View { step: 0, current, candidates };
        current = state.choose(&view, &script).thread;
        current
    };
    assert_eq!([next(&all), next(&all), next(&all), next(&all), next(&all)], [1, 1, 0, 1, 1]);
    // A segment ends when its thread blocks, and does not begin again.
    assert_eq!([next(&all[..1]), next(&all)], [0, 0]);
}

#[test]
fn focus_goes_on_where_nothing_is_drawn_and_turns_where_it_is() {
    // Two sites: in some trials one is drawn, in some both, in most none; switches happen there only.
    let (mut turned, mut stayed) = (0, 0);
    for seed in 0..400 {
        let mut state = std::boxed::Box::new(Strategy::IDLE);
        state.begin(&order(FOCUS, seed));
        (1..3).for_each(|thread| state.created(thread));
        let mut current = 0;
        let mut switches = 0;
        for step in 0..40 {
            let site = 100 + (step % 2) as usize;
            let all = [0, 1, 2].map(|thread| Candidate {
                thread,
                object: site << 12,
                pc: site,
                writes: true,
            });
            let next = state.choose(&View { step, current, candidates: &all }, &[]).thread;
            switches += u32::from(next != current);
            current = next;
        }
        // The first choice of a parking trial is by priority.
        if switches > 2 { turned += 1 } else { stayed += 1 }
    }
    assert!(turned > 20 && stayed > 200, "{turned} turned, {stayed} stayed");
}
