//! AB-BA on `std::sync::Mutex`: two actors take two locks in opposite orders.
//!
//! Shape: actor 0 holds A and wants B, actor 1 holds B and wants A. The control has both meet at a
//! barrier with their first lock in hand, so neither can be through before the other has begun. The
//! look-alike has one order for all: whoever holds the second lock holds the first and waits for
//! nobody, so no cycle can close.

use std::sync::{Barrier, Mutex};

use standstill_kit::{Kind, Scenario};

use crate::pairs::Pairs;

/// Both hold their first lock before either asks for its second: fails every time.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("abba")
        .about("two actors hold one std mutex each, then ask for the other's; needs 2 actors")
        .finds(Kind::Deadlock)
        .trials(5)
        .setup(|_, info| Pairs::new(info, || ([Mutex::new(0), Mutex::new(0)], Barrier::new(2))))
        .actor(|pairs, me| {
            let Some(((locks, both_hold), side)) = pairs.of(me) else { return };
            let _first = locks[side].lock().unwrap();
            both_hold.wait();
            let _second = locks[1 - side].lock().unwrap();
        })
        .build()
}

/// The same without the hand-shake: fails seldom.
pub(crate) fn natural() -> Scenario {
    Scenario::new("abba_natural")
        .about("actors take two std mutexes, every other one in the opposite order")
        .may_find(Kind::Deadlock, "the natural version of controls/abba")
        .iterations(20)
        .setup(|_, _| [Mutex::new(0), Mutex::new(0)])
        .actor(|locks, me| {
            for _ in 0..me.iterations() {
                let mut first = locks[me.index() % 2].lock().unwrap();
                let mut second = locks[(me.index() + 1) % 2].lock().unwrap();
                *first += 1;
                *second += 1;
            }
        })
        .build()
}

/// One order for all: no cycle is possible.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("abba_look_alike")
        .about("actors take two std mutexes, all in the same order")
        .control_of("abba_natural", "one order for all")
        .setup(|_, _| [Mutex::new(0), Mutex::new(0)])
        .actor(|locks, _| {
            for _ in 0..20 {
                let mut first = locks[0].lock().unwrap();
                let mut second = locks[1].lock().unwrap();
                *first += 1;
                *second += 1;
            }
        })
        .check(|locks, results: &[()]| {
            let (sum, want) = (*locks[0].lock().unwrap(), 20 * results.len());
            if sum == want { Ok(()) } else { Err(format!("counted {sum} of {want}")) }
        })
        .build()
}
