//! AB-BA on `parking_lot::Mutex`, without the crate's own `deadlock_detection`.
//!
//! The same shape as [`deadlock_abba`](crate::deadlock_abba), another way to wait: a waiter sleeps
//! on a word of its own thread, so that the address it sleeps on does not name the lock. Barrier
//! and look-alike as there.

use std::sync::Barrier;

use parking_lot::Mutex;
use standstill_kit::{Kind, Scenario};

use crate::pairs::Pairs;

/// Both hold their first lock before either asks for its second: fails every time.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("abba_parking_lot")
        .about("two actors hold one parking_lot mutex each, then ask for the other's; needs 2")
        .finds(Kind::Deadlock)
        .trials(5)
        .setup(|_, info| Pairs::new(info, || ([Mutex::new(0), Mutex::new(0)], Barrier::new(2))))
        .actor(|pairs, me| {
            let Some(((locks, both_hold), side)) = pairs.of(me) else { return };
            let _first = locks[side].lock();
            both_hold.wait();
            let _second = locks[1 - side].lock();
        })
        .build()
}

/// The same without the hand-shake.
pub(crate) fn natural() -> Scenario {
    Scenario::new("abba_parking_lot_natural")
        .about("actors take two parking_lot mutexes, every other one in the opposite order")
        .may_find(Kind::Deadlock, "the natural version of controls/abba_parking_lot")
        .iterations(20)
        .setup(|_, _| [Mutex::new(0), Mutex::new(0)])
        .actor(|locks, me| {
            for _ in 0..me.iterations() {
                let mut first = locks[me.index() % 2].lock();
                let mut second = locks[(me.index() + 1) % 2].lock();
                *first += 1;
                *second += 1;
            }
        })
        .build()
}

/// One order for all: no cycle is possible.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("abba_parking_lot_look_alike")
        .about("actors take two parking_lot mutexes, all in the same order")
        .setup(|_, _| [Mutex::new(0), Mutex::new(0)])
        .actor(|locks, _| {
            for _ in 0..20 {
                let mut first = locks[0].lock();
                let mut second = locks[1].lock();
                *first += 1;
                *second += 1;
            }
        })
        .check(|locks, results: &[()]| {
            let (sum, want) = (*locks[0].lock(), 20 * results.len());
            if sum == want { Ok(()) } else { Err(format!("counted {sum} of {want}")) }
        })
        .build()
}
