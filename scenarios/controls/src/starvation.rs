//! Starvation: one actor tries for ever, and the others always have what it wants.
//!
//! The readers of a lock go hand over hand: each takes its next guard before it gives back the one it
//! has, so the lock is never free of readers, and actor 0, who only tries to write, never gets in.
//! All meet at a barrier when the readers have their first guards. In the look-alike the readers are
//! as greedy, and stop.

use std::sync::Barrier;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use standstill_kit::{Actor, Kind, Scenario};

/// A lock and the barrier at which all meet before actor 0 begins to try.
struct Ward {
    lock: RwLock<u64>,
    all_read: Barrier,
}

impl Ward {
    fn new(actors: usize) -> Ward {
        Ward { lock: RwLock::new(0), all_read: Barrier::new(actors) }
    }

    /// Never without a guard, `rounds` times.
    fn read_hand_over_hand(&self, me: &Actor<'_>, rounds: u64) {
        let mut guard = self.lock.read();
        self.all_read.wait();
        for _ in 0..rounds {
            std::thread::sleep(Duration::from_micros(500));
            // The old guard is dropped when the new one is there.
            guard = self.lock.read_recursive();
            me.step();
        }
        drop(guard);
    }

    fn try_to_write(&self, me: &Actor<'_>) {
        self.all_read.wait();
        loop {
            if let Some(mut value) = self.lock.try_write() {
                *value += 1;
                return me.step();
            }
            std::thread::yield_now();
        }
    }
}

/// The readers never stop.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("starvation")
        .about("readers that overlap for ever keep a writer out; needs 2 actors")
        .finds(Kind::Starvation)
        .counts_steps()
        .trials(5)
        .timeout(Duration::from_secs(1))
        .setup(|_, info| Ward::new(info.threads))
        .actor(|ward, me| match me.index() {
            0 => ward.try_to_write(me),
            _ => ward.read_hand_over_hand(me, u64::MAX),
        })
        .build()
}

/// Greedy actors leave the lock free for a moment now and then; a patient one seldom hits it.
pub(crate) fn natural() -> Scenario {
    Scenario::new("starvation_natural")
        .about("one actor tries a lock now and then that others hardly ever leave alone")
        .may_find(Kind::Starvation, "the natural version of controls/starvation")
        .counts_steps()
        .trials(2)
        .timeout(Duration::from_secs(1))
        .setup(|_, _| Mutex::new(false))
        .actor(|served, me| {
            if me.index() == 0 {
                loop {
                    if let Some(mut served) = served.try_lock() {
                        *served = true;
                        return me.step();
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            while !*served.lock() {
                let _held = served.lock();
                me.step();
                std::thread::sleep(Duration::from_micros(200));
            }
        })
        .build()
}

/// The readers stop after a while.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("starvation_look_alike")
        .about("readers that overlap for some milliseconds keep a writer out until they are done")
        .counts_steps()
        .setup(|_, info| Ward::new(info.threads))
        .actor(|ward, me| match me.index() {
            0 => ward.try_to_write(me),
            _ => ward.read_hand_over_hand(me, 10),
        })
        .check(|ward, _| match *ward.lock.read() {
            1 => Ok(()),
            n => Err(format!("the writer wrote {n} times")),
        })
        .build()
}
