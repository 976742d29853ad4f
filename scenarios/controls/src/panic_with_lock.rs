//! Panic with a lock in hand: the mutex is poisoned, and the others go on.
//!
//! Actor 0 panics with the lock in hand; the others wait until the lock says that it is poisoned and
//! then take it all the same, as careful code does. The panic is what is wrong. In the look-alike it
//! is caught within the actor, which restores what it had begun and clears the poison.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use standstill_kit::{Kind, Scenario};

const CLAIM: &str = "A mutex is poisoned whenever a thread panics while holding the mutex; once \
                     poisoned, all other threads are unable to access the data by default.";
const SOURCE: &str = "https://doc.rust-lang.org/std/sync/struct.Mutex.html#poisoning";

/// Actor 0 panics, the others see the poison.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("panic_with_lock")
        .about("an actor panics with a std mutex in hand; the others take it from the poison")
        .contract(CLAIM, SOURCE)
        .finds(Kind::Panic)
        .trials(5)
        .setup(|_, _| Mutex::new(0))
        .actor(|lock, me| {
            if me.index() == 0 {
                let _held = lock.lock();
                panic!("the control panics with the lock in hand");
            }
            while !lock.is_poisoned() {
                std::thread::sleep(Duration::from_micros(50));
            }
            *lock.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        })
        .build()
}

/// The number of the next place may be taken by another between look and use.
pub(crate) fn natural() -> Scenario {
    const PLACES: usize = 20;
    Scenario::new("panic_with_lock_natural")
        .about("actors look whether places are left, then take one that may be the one too many")
        .contract(CLAIM, SOURCE)
        .may_find(Kind::Panic, "the natural version of controls/panic_with_lock")
        .setup(|_, _| (AtomicUsize::new(0), Mutex::new([0_u32; PLACES])))
        .actor(|(next, places), _| {
            while next.load(SeqCst) < PLACES {
                let place = next.fetch_add(1, SeqCst);
                let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
                places[place] += 1;
            }
        })
        .build()
}

/// The panic stays within the actor, and the poison is cleared.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("panic_with_lock_look_alike")
        .about("actors catch their own panics and clear the poison before they go on")
        .contract(
            "After calling clear_poison, it will return to not being poisoned.",
            "https://doc.rust-lang.org/std/sync/struct.Mutex.html#method.clear_poison",
        )
        .setup(|_, _| Mutex::new(0))
        .actor(|lock, _| {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                let mut held = lock.lock().unwrap_or_else(PoisonError::into_inner);
                *held += 1;
                panic!("the look-alike panics, and catches it");
            }));
            assert!(caught.is_err());
            lock.clear_poison();
        })
        .check(|lock, results: &[()]| {
            let (sum, want) = (*lock.lock().unwrap(), results.len());
            if sum == want { Ok(()) } else { Err(format!("counted {sum} of {want}")) }
        })
        .build()
}
