//! Inputs that no trial gives, in any order: times that run backwards, answers that nobody asked
//! for. The promises hold all the same.

use proptest::prelude::*;

use super::*;

fn wait() -> impl Strategy<Value = Wait> {
    let forever = (0..2_u64, 0..2_u32).prop_map(|(addr, val)| (addr, val, false));
    let timed = (0..2_u64, 0..2_u32).prop_map(|(addr, val)| (addr, val, true));
    let futex = |(addr, val, timed)| Wait::Futex { addr, val, op: 0x80, timed };
    prop_oneof![
        6 => forever.prop_map(futex),
        1 => timed.prop_map(futex),
        1 => Just(Wait::Running),
        1 => Just(Wait::Syscall { nr: libc::SYS_read }),
        1 => Just(Wait::Unreadable),
    ]
}

fn threads() -> impl Strategy<Value = Vec<ThreadSeen>> {
    let thread = (0..4, wait(), 0..2_u64).prop_map(|(tid, wait, runs)| ThreadSeen {
        tid,
        wait,
        schedstat: [runs; 3],
    });
    prop::collection::vec(thread, 0..4)
}

fn collect() -> impl Strategy<Value = Collect> {
    (threads(), prop::bool::weighted(0.8))
        .prop_map(|(threads, complete)| Collect { threads, complete })
}

fn wakers() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![3 => Just(vec![]), 1 => Just(vec!["somebody".to_owned()])]
}

/// Small times meet deadlines, huge ones meet overflows.
fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![4 => (0..6000_u64).prop_map(ms), 1 => any::<u64>().prop_map(ms)]
}

fn deadline() -> impl Strategy<Value = Duration> {
    prop_oneof![9 => time(), 1 => Just(Duration::MAX)]
}

fn phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![Phase::Starting, Phase::Running, Phase::Checking, Phase::Done])
}

fn actors() -> impl Strategy<Value = Vec<ActorSeen>> {
    let states = prop::sample::select(vec![Unborn, AtGate, Running, Finished, Panicked]);
    let one =
        (-1..3, states, any::<u64>()).prop_map(|(tid, state, steps)| actor(tid, state, steps));
    prop::collection::vec(one, 0..4)
}

fn input() -> impl Strategy<Value = Input> {
    let tick = (time(), 0..3_u64, phase(), actors()).prop_map(|(at, cpu, phase, actors)| Tick {
        at,
        cpu: ms(cpu),
        phase,
        actors,
    });
    let same = (collect(), wakers()).prop_map(|(c, wakers)| Input::Collected {
        first: c.clone(),
        second: Some(c),
        wakers,
    });
    let any = (collect(), prop::option::of(collect()), wakers())
        .prop_map(|(first, second, wakers)| Input::Collected { first, second, wakers });
    let survey = (collect(), wakers()).prop_map(|(all, wakers)| Input::Surveyed { all, wakers });
    prop_oneof![4 => tick.prop_map(Input::Tick), 1 => same, 1 => any, 2 => survey]
}

/// Whether one answer holds the whole proof, said without the watchdog's own words.
fn is_proof(input: &Input) -> bool {
    let Input::Collected { first, second: Some(second), wakers } = input else { return false };
    let blocked = |t: &ThreadSeen| matches!(t.wait, Wait::Futex { timed: false, .. });
    wakers.is_empty()
        && first.complete
        && second.complete
        && first.threads == second.threads
        && !first.threads.is_empty()
        && first.threads.iter().all(blocked)
}

proptest! {
    #[test]
    fn no_order_of_inputs_convicts_without_the_proof_or_before_the_deadline(
        acting in deadline(),
        other in deadline(),
        inputs in prop::collection::vec(input(), 0..60),
    ) {
        let mut dog = Watchdog::new(Deadlines { acting, other });
        let (mut now, mut since, mut phase) = (Duration::ZERO, Duration::ZERO, Phase::Starting);
        for input in inputs {
            if let Input::Tick(tick) = &input {
                if tick.phase != phase {
                    (phase, since) = (tick.phase, tick.at);
                }
                now = tick.at;
            }
            match dog.feed(input.clone()) {
                Output::Conclude(Standstill::Complete { threads, .. }) => {
                    prop_assert!(is_proof(&input), "{input:?}");
                    prop_assert!(!threads.is_empty());
                }
                Output::Conclude(Standstill::Deadline { phase: of, window }) => {
                    let deadline = if phase == Phase::Running { acting } else { other };
                    prop_assert_eq!(of, phase);
                    prop_assert!(now.saturating_sub(since) >= deadline);
                    prop_assert!(ms(window.ms) + ms(1) > deadline / 4);
                }
                Output::Wait | Output::Survey | Output::CollectTwice => {}
            }
        }
    }

    #[test]
    fn a_proof_always_convicts(all in collect(), wakers in wakers()) {
        let input = Input::Collected { first: all.clone(), second: Some(all), wakers };
        let proof = is_proof(&input);
        let convicted = matches!(
            Watched::standing().dog.feed(input),
            Output::Conclude(Standstill::Complete { .. })
        );
        prop_assert_eq!(convicted, proof);
    }
}
