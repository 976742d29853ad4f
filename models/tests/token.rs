//! The token of `standstill-scheduler`: one thread runs at a time, and none is forgotten.

// Std's, as dropping loom's is a step of the model, which a thread that unwinds must not take.
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use standstill_models::Model;

use kernel::wait as futex_wait;

mod kernel;

/// The product's own file, over loom and a futex that is a model.
#[path = "."]
mod token {
    #[path = "../../harness/scheduler/src/runtime/token/protocol.rs"]
    mod protocol;

    pub(crate) use super::{AtomicU32, Ordering, futex_wait, futex_wake};
    pub(crate) use protocol::{come_back, hand_over, lock, park, unlock};
}

fn futex_wake(word: &AtomicU32, _: usize) {
    kernel::wake_all(word);
}

/// What a thread does when the token is its own.
#[derive(Clone, Copy)]
enum Turn {
    /// Works, and lets another run.
    Work,
    /// Is outside for a moment, as in a call that blocks, and comes back.
    Outside,
}

/// The runtime in small: who could run, under the guard, and what only the holder touches.
struct World {
    guard: AtomicU32,
    holder: AtomicU32,
    go: [AtomicU32; 3],
    ready: UnsafeCell<[bool; 3]>,
    held: UnsafeCell<u32>,
    rules: Rules,
}

// SAFETY: the cells are touched under the guard, or by the holder of the token: what the model is to
// show, and what loom's cells check.
unsafe impl Sync for World {}
// SAFETY: as above; nothing belongs to one thread.
unsafe impl Send for World {}

/// The steps of the protocol that the broken twins do wrongly.
#[derive(Clone, Copy)]
struct Rules {
    hand_over: fn(&World, Option<usize>, Option<usize>),
    come_back: fn(&World, usize) -> bool,
}

const SOUND: Rules = Rules {
    hand_over: |w, me, next| token::hand_over(&w.guard, &w.holder, &w.go, me, next),
    come_back: |w, me| token::come_back(&w.guard, &w.holder, me),
};

impl World {
    fn new(threads: usize, rules: Rules) -> Arc<World> {
        Arc::new(World {
            guard: AtomicU32::new(0),
            holder: AtomicU32::new(1),
            go: std::array::from_fn(|_| AtomicU32::new(0)),
            ready: UnsafeCell::new(std::array::from_fn(|n| n < threads)),
            held: UnsafeCell::new(0),
            rules,
        })
    }

    /// Only whoever has the token may do this; loom fails the model if two do at once.
    fn work(&self) {
        // SAFETY: what the model is to show, and what loom's cell checks.
        self.held.with_mut(|held| unsafe { *held += 1 });
    }

    /// Notes whether a thread can run. The guard is held.
    fn note(&self, me: usize, can_run: bool) {
        // SAFETY: under the guard, as loom's cell checks.
        self.ready.with_mut(|ready| unsafe { (*ready)[me] = can_run });
    }

    /// Decides: the next thread after `me` that can run.
    fn pass(&self, me: usize) -> Option<usize> {
        // SAFETY: under the guard, as loom's cell checks.
        let next = self
            .ready
            .with(|ready| unsafe { (1..=3).map(|step| (me + step) % 3).find(|n| (*ready)[*n]) });
        (self.rules.hand_over)(self, Some(me), next);
        next
    }

    fn live(&self, me: usize, turns: &[Turn]) {
        for turn in turns {
            self.work();
            token::lock(&self.guard);
            match turn {
                Turn::Work => {
                    if self.pass(me) != Some(me) {
                        token::park(&self.go[me], || ());
                    }
                }
                Turn::Outside => {
                    self.note(me, false);
                    self.pass(me);
                    token::lock(&self.guard);
                    self.note(me, true);
                    if !(self.rules.come_back)(self, me) {
                        token::park(&self.go[me], || ());
                    }
                }
            }
        }
        self.work();
        token::lock(&self.guard);
        self.note(me, false);
        self.pass(me);
    }
}

const TOKEN: Model = Model::bounded("token", 2);

/// Runs threads with these turns; the first has the token.
fn run(rules: Rules, turns: &'static [&'static [Turn]]) -> impl Fn() + Sync + Send + 'static {
    move || {
        let world = World::new(turns.len(), rules);
        let threads: Vec<_> = (1..turns.len())
            .map(|me| {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    token::park(&world.go[me], || ());
                    world.live(me, turns[me]);
                })
            })
            .collect();
        world.live(0, turns[0]);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(world.holder.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn three_threads_pass_the_token_around() {
    TOKEN.holds(
        "three threads pass the token around",
        run(SOUND, &[&[Turn::Work], &[Turn::Work], &[]]),
    );
}

#[test]
fn a_thread_that_comes_back_gets_it_or_waits_for_it() {
    TOKEN.holds(
        "a thread that comes back gets it or waits for it",
        run(SOUND, &[&[Turn::Outside], &[Turn::Work]]),
    );
}

#[test]
fn two_threads_that_come_back_at_once_do_not_both_take_it() {
    TOKEN.holds(
        "of two threads that come back at once one takes it",
        run(SOUND, &[&[Turn::Outside], &[Turn::Outside]]),
    );
}

/// Wakes before it sets the word: whoever looks in between sleeps for ever.
#[test]
fn a_twin_that_wakes_too_early_forgets_a_thread() {
    let hand_over = |w: &World, me: Option<usize>, next: Option<usize>| {
        w.holder.store(next.map_or(0, |n| n as u32 + 1), Ordering::Relaxed);
        token::unlock(&w.guard);
        if let Some(next) = next.filter(|next| me != Some(*next)) {
            futex_wake(&w.go[next], 1);
            w.go[next].store(1, Ordering::Release);
        }
    };
    TOKEN.rejects(
        "wakes before it sets the word",
        "deadlock",
        run(Rules { hand_over, ..SOUND }, &[&[Turn::Work], &[Turn::Work]]),
    );
}

/// Takes a free token after it gave the guard up: another may have taken it by then.
#[test]
fn a_twin_that_takes_it_without_the_guard_lets_two_run() {
    let come_back = |w: &World, me: usize| {
        let free = w.holder.load(Ordering::Relaxed) == 0;
        token::unlock(&w.guard);
        if free {
            w.holder.store(me as u32 + 1, Ordering::Relaxed);
        }
        free
    };
    TOKEN.rejects(
        "takes a free token without the guard",
        "Causality violation",
        run(Rules { come_back, ..SOUND }, &[&[Turn::Outside], &[Turn::Outside]]),
    );
}
