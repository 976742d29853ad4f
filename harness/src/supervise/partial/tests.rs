use proptest::prelude::*;

use super::*;
use crate::observation::Wait;

fn waiting(tid: i32, runs: u64) -> ThreadSeen {
    let wait = Wait::Futex { addr: 0x1000 + tid as u64, val: 2, op: 0x80, timed: false };
    ThreadSeen { tid, wait, schedstat: [runs; 3] }
}

fn running(tid: i32, runs: u64) -> ThreadSeen {
    ThreadSeen { tid, wait: Wait::Running, schedstat: [runs; 3] }
}

/// A process, and when it is collected.
struct World {
    partial: Partial,
    now: Duration,
}

impl World {
    fn new() -> World {
        World { partial: Partial::new(), now: Duration::ZERO }
    }

    fn collect(&mut self, threads: &[ThreadSeen]) -> bool {
        self.now += EVERY;
        self.partial.feed(self.now, &Collect { threads: threads.to_vec(), complete: true })
    }

    /// Collects until a look is due; after how many.
    fn until_due(&mut self, threads: &[ThreadSeen], most: u32) -> Option<u32> {
        (1..=most).find(|_| self.collect(threads))
    }

    fn look(&mut self, seen: Seen) -> bool {
        self.partial.looked(self.now, Duration::from_millis(5), seen)
    }
}

#[test]
fn threads_that_run_or_move_on_are_never_looked_at() {
    let mut world = World::new();
    for runs in 1..200 {
        assert!(!world.collect(&[running(1, runs), waiting(2, runs)]));
    }
}

#[test]
fn a_thread_is_stuck_after_four_equal_collects() {
    let mut world = World::new();
    assert_eq!(world.until_due(&[running(1, 1), waiting(2, 7)], 100), Some(STEADY));
}

#[test]
fn an_idle_pool_is_looked_at_once() {
    let mut world = World::new();
    let pool = |runs| [running(1, runs), waiting(2, runs), waiting(3, runs)];
    assert!(world.until_due(&pool(7), 10).is_some());
    assert!(!world.look(Seen::Nothing));
    // The look has made them run.
    assert_eq!(world.until_due(&pool(8), 1000), None);
}

#[test]
fn whoever_joins_the_stuck_calls_for_another_look() {
    let mut world = World::new();
    assert!(world.until_due(&[running(1, 1), waiting(2, 7)], 10).is_some());
    world.look(Seen::Nothing);
    assert_eq!(world.until_due(&[running(1, 1), waiting(2, 8)], 20), None);
    assert_eq!(world.until_due(&[waiting(1, 2), waiting(2, 8)], 20), Some(STEADY));
}

#[test]
fn who_has_run_since_the_look_is_new_again() {
    let mut world = World::new();
    assert!(world.until_due(&[waiting(2, 7)], 10).is_some());
    world.look(Seen::Nothing);
    assert_eq!(world.until_due(&[waiting(2, 8)], 20), None);
    assert!(world.until_due(&[waiting(2, 9)], 20).is_some());
}

#[test]
fn fruitless_looks_become_rare_and_a_quiet_time_forgives() {
    let mut world = World::new();
    let mut times = Vec::new();
    for round in 0..7 {
        assert!(world.until_due(&[waiting(2, 10 * round)], 100).is_some());
        times.push(world.now);
        world.look(Seen::Nothing);
        world.collect(&[waiting(2, 10 * round + 1)]);
    }
    let pauses: Vec<u64> = times.windows(2).map(|t| (t[1] - t[0]).as_secs()).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
    assert_eq!(world.until_due(&[waiting(2, 61)], 100), None);
    assert!(world.until_due(&[waiting(2, 99)], 10).is_some());
    world.look(Seen::Nothing);
    assert_eq!(world.partial.pause, SHORTEST);
}

#[test]
fn a_look_that_takes_long_is_not_soon_repeated() {
    let mut world = World::new();
    assert!(world.until_due(&[waiting(2, 7)], 10).is_some());
    world.partial.looked(world.now, Duration::from_secs(3), Seen::Nothing);
    world.collect(&[waiting(2, 8)]);
    assert_eq!(world.until_due(&[waiting(2, 9)], 239), Some(239));
}

#[test]
fn what_is_inferred_must_be_seen_twice_with_time_in_between() {
    let mut world = World::new();
    let pair = |runs| [running(1, 1), waiting(2, runs), waiting(3, runs)];
    assert!(world.until_due(&pair(7), 10).is_some());
    assert!(!world.look(Seen::Inferred("a".into())));
    let first = world.now;
    assert!(world.until_due(&pair(8), 20).is_some());
    assert!(world.now - first >= SHORTEST);
    assert!(world.look(Seen::Inferred("a".into())));
}

#[test]
fn another_suspicion_confirms_nothing() {
    let mut world = World::new();
    assert!(world.until_due(&[waiting(2, 7)], 10).is_some());
    assert!(!world.look(Seen::Inferred("a".into())));
    assert!(world.until_due(&[waiting(2, 8)], 20).is_some());
    assert!(!world.look(Seen::Inferred("b".into())));
    // Nor is it followed up at once.
    assert_eq!(world.until_due(&[waiting(2, 9)], 100), None);
}

#[test]
fn proof_is_enough() {
    let mut world = World::new();
    assert!(world.until_due(&[waiting(2, 7)], 10).is_some());
    assert!(world.look(Seen::Proven));
}

fn thread() -> impl Strategy<Value = ThreadSeen> {
    (0..4, 0..2_u64, any::<bool>())
        .prop_map(|(tid, runs, waits)| if waits { waiting(tid, runs) } else { running(tid, runs) })
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        3 => Just(Seen::Nothing),
        1 => prop::sample::select(vec!["a", "b"]).prop_map(|which| Seen::Inferred(which.into())),
    ]
}

proptest! {
    #[test]
    fn looks_are_rare_are_called_for_and_convict_only_what_was_seen_twice(
        rounds in prop::collection::vec(
            (prop::collection::vec(thread(), 0..5), 0..3000_u64, seen()), 0..200),
    ) {
        let mut partial = Partial::new();
        let (mut now, mut last) = (Duration::ZERO, None::<(Duration, Seen)>);
        for (threads, pause, seen) in rounds {
            now += Duration::from_millis(pause);
            let somebody_waits = threads.iter().any(|t| t.wait.is_futex_forever());
            let suspected = matches!(last, Some((_, Seen::Inferred(_))));
            if !partial.feed(now, &Collect { threads, complete: true }) {
                continue;
            }
            prop_assert!(somebody_waits || suspected);
            if let Some((then, _)) = &last {
                prop_assert!(now - *then >= SHORTEST);
            }
            let enough = partial.looked(now, Duration::ZERO, seen.clone());
            let same_twice = seen != Seen::Nothing && last.is_some_and(|(_, before)| before == seen);
            prop_assert!(!enough || same_twice);
            last = Some((now, seen));
            if enough {
                break;
            }
        }
    }
}
