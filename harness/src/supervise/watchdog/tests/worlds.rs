//! Small worlds of threads that compute, wait, wake, sleep, start others and end, and that go on
//! doing so between any two readings of a collect. The world knows whether anybody can ever run
//! again; the watchdog has to find out.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Doing {
    /// On a CPU.
    Runs,
    /// Woken, and not yet on a CPU.
    Woken,
    Waits(u64),
    WaitsAWhile(u64),
    Sleeps,
    Gone,
}

/// Wakes another thread and waits.
const PASS_ON: u8 = 6;
const WAIT: u8 = 14;

struct World {
    threads: Vec<(Doing, [u64; 3])>,
    cpu: u64,
    /// What is still to happen: pairs of thread and act.
    script: std::vec::IntoIter<(u8, u8)>,
    /// Whether each thread, at the moment before it is looked at, wakes another and waits: a
    /// ping-pong in step with the collects, in which nobody is ever seen to run.
    sly: bool,
}

impl World {
    fn new(threads: usize, sly: bool, script: Vec<(u8, u8)>) -> World {
        let threads = vec![(Doing::Runs, [1; 3]); threads];
        World { threads, cpu: 1, script: script.into_iter(), sly }
    }

    /// Whether nobody is left who could run.
    fn is_dead(&self) -> bool {
        let gone_or_waits = |d: &Doing| matches!(d, Doing::Gone | Doing::Waits(_));
        self.threads.iter().all(|(doing, _)| gone_or_waits(doing))
    }

    /// Lets a few things happen, often none; nothing once the script has ended.
    fn go_on(&mut self, most: u8) {
        let Some((often, _)) = self.script.next() else { return };
        for _ in 0..(often % (most + 3)).saturating_sub(2) {
            let Some((who, act)) = self.script.next() else { return };
            let movable = |d: Doing| !matches!(d, Doing::Gone | Doing::Waits(_));
            let movable: Vec<usize> =
                (0..self.threads.len()).filter(|i| movable(self.threads[*i].0)).collect();
            if !movable.is_empty() {
                self.act(movable[usize::from(who) % movable.len()], act);
            }
        }
    }

    fn act(&mut self, who: usize, act: u8) {
        match self.threads[who].0 {
            // Time passes for it.
            Doing::WaitsAWhile(_) | Doing::Sleeps => self.threads[who].0 = Doing::Woken,
            Doing::Woken => {
                self.threads[who].0 = Doing::Runs;
                self.threads[who].1[2] += 1;
                self.runs(who, act);
            }
            Doing::Runs => self.runs(who, act),
            Doing::Waits(_) | Doing::Gone => {}
        }
    }

    fn runs(&mut self, who: usize, act: u8) {
        self.cpu += 1;
        let word = u64::from(act / 16 % 2);
        match act % 16 {
            0 => self.threads[who].0 = Doing::Sleeps,
            1 => self.threads[who].0 = Doing::WaitsAWhile(word),
            2 => self.threads[who].0 = Doing::Gone,
            3 if self.threads.len() < 6 => self.threads.push((Doing::Woken, [0; 3])),
            4..6 => self.wake(word),
            PASS_ON..14 => {
                self.wake(word);
                self.threads[who].0 = Doing::Waits(word);
            }
            WAIT => self.threads[who].0 = Doing::Waits(word),
            _ => {}
        }
    }

    fn wake(&mut self, word: u64) {
        let waits = |d| d == Doing::Waits(word) || d == Doing::WaitsAWhile(word);
        if let Some(waiter) = self.threads.iter_mut().find(|t| waits(t.0)) {
            waiter.0 = Doing::Woken;
        }
    }

    /// Reads as the monitor does, one file after the other, while the world goes on.
    fn collect(&mut self) -> Collect {
        let there = |(_, t): &(usize, &(Doing, _))| t.0 != Doing::Gone;
        let listed: Vec<usize> =
            self.threads.iter().enumerate().filter(there).map(|(i, _)| i).collect();
        let mut threads = vec![];
        for i in listed {
            self.go_on(2);
            if self.sly {
                self.act(i, PASS_ON);
            }
            let futex = |addr, timed| Wait::Futex { addr, val: 0, op: 0x80, timed };
            let schedstat = self.threads[i].1;
            self.go_on(2);
            let wait = match self.threads[i].0 {
                Doing::Runs | Doing::Woken => Wait::Running,
                Doing::Waits(word) => futex(word, false),
                Doing::WaitsAWhile(word) => futex(word, true),
                Doing::Sleeps => Wait::Syscall { nr: libc::SYS_nanosleep },
                Doing::Gone => Wait::Unreadable,
            };
            self.go_on(2);
            let ran_meanwhile = wait.is_futex_forever() && self.threads[i].1 != schedstat;
            let wait = if ran_meanwhile { Wait::Running } else { wait };
            let blocked = wait.is_futex_forever();
            threads.push(ThreadSeen { tid: i as i32, wait, schedstat });
            if !blocked {
                return broken_off(&threads);
            }
        }
        Collect { complete: !threads.is_empty(), threads }
    }

    /// One look, as the supervisor takes it; the conclusion if there is one.
    fn look(&mut self, dog: &mut Watchdog, look: u64) -> Option<Standstill> {
        self.go_on(1);
        let (at, cpu) = (PERIOD * look as u32, Duration::from_nanos(self.cpu));
        let tick = Tick { at, cpu, phase: Phase::Running, actors: vec![] };
        let mut wish = dog.feed(Input::Tick(tick));
        loop {
            wish = dog.feed(match wish {
                Output::Wait => return None,
                Output::Conclude(standstill) => return Some(standstill),
                Output::CollectTwice => {
                    let first = self.collect();
                    self.go_on(1);
                    let second = first.complete.then(|| self.collect());
                    Input::Collected { first, second, wakers: vec![] }
                }
                Output::Survey => Input::Surveyed { all: self.collect(), wakers: vec![] },
            });
        }
    }
}

fn script() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec(any::<(u8, u8)>(), 0..250)
}

/// Looks after the world has come to rest until it is convicted: one to see the clock stand, one
/// that the survey takes, one to collect.
const LOOKS: u64 = 3;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn who_is_convicted_can_never_run_again_and_who_cannot_is_convicted(
        threads in 1..5_usize,
        sly in any::<bool>(),
        script in script(),
        deadline in prop_oneof![Just(ms(50)), Just(ms(3_600_000))],
    ) {
        let mut dog = Watchdog::new(Deadlines { acting: deadline, other: deadline });
        let mut world = World::new(threads, sly, script);
        let (mut look, mut dead_since) = (0, None);
        loop {
            look += 1;
            if world.is_dead() && dead_since.is_none() {
                dead_since = Some(look);
            }
            let alive = world.threads.iter().any(|(doing, _)| *doing != Doing::Gone);
            match world.look(&mut dog, look) {
                Some(Standstill::Complete { threads, .. }) => {
                    prop_assert!(world.is_dead(), "{threads:?} convicted in {:?}", world.threads);
                    break;
                }
                Some(Standstill::Deadline { .. }) => {
                    prop_assert!(PERIOD * look as u32 >= deadline);
                    break;
                }
                None if alive => {
                    let rested = dead_since.map_or(0, |since| look - since);
                    prop_assert!(rested < LOOKS, "not convicted after {rested} looks");
                }
                None => {}
            }
            if world.script.len() == 0 && dead_since.is_none() && !world.is_dead() {
                break;
            }
            if !alive {
                break;
            }
        }
    }
}

/// The property above would hold of a watchdog that sleeps, and of worlds that never move.
#[test]
fn these_worlds_come_to_both_ends() {
    let script = vec![(3, 0), (0, WAIT)];
    let mut dog = Watchdog::new(Deadlines { acting: ms(100), other: ms(100) });
    let mut world = World::new(1, false, script);
    let ends: Vec<_> = (1..=5).filter_map(|look| world.look(&mut dog, look)).collect();
    assert!(matches!(ends[..], [Standstill::Complete { .. }, ..]), "{ends:?}");

    let mut dog = Watchdog::new(Deadlines { acting: ms(100), other: ms(100) });
    let mut sleeper = World::new(1, false, vec![(3, 0), (0, 0)]);
    let ends: Vec<_> = (1..=30).filter_map(|look| sleeper.look(&mut dog, look)).collect();
    assert!(matches!(ends[..], [Standstill::Deadline { .. }, ..]), "{ends:?}");
}
