//! AB-BA on `pthread_mutex_t`, in C.
//!
//! The shape of [`deadlock_abba`](crate::deadlock_abba) with locks and barrier of C: nothing of the
//! cycle is visible to Rust. The look-alike calls the same function with one order for all.

use standstill_kit::{Kind, Scenario};

use crate::ffi::PthreadPair;
use crate::pairs::Pairs;

const CLAIM: &str = "If the mutex is already locked by another thread, the calling thread shall \
                     block until the mutex becomes available.";
const SOURCE: &str =
    "https://pubs.opengroup.org/onlinepubs/9699919799/functions/pthread_mutex_lock.html";

/// Both hold their first mutex before either asks for its second.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("pthread_abba")
        .about("two actors hold one pthread mutex each, then ask for the other's; needs 2 actors")
        .contract(CLAIM, SOURCE)
        .finds(Kind::Deadlock)
        .trials(5)
        .setup(|_, info| Pairs::new(info, PthreadPair::new))
        .actor(|pairs, me| pairs.of(me).map(|(pair, side)| pair.count(side, true)))
        .build()
}

/// The same without the barrier.
pub(crate) fn natural() -> Scenario {
    Scenario::new("pthread_abba_natural")
        .about("actors take two pthread mutexes, every other one in the opposite order")
        .contract(CLAIM, SOURCE)
        .may_find(Kind::Deadlock, "the natural version of controls/pthread_abba")
        .iterations(20)
        .setup(|_, _| PthreadPair::new())
        .actor(|pair, me| (0..me.iterations()).map(|_| pair.count(me.index() % 2, false)).last())
        .build()
}

/// One order for all.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("pthread_abba_look_alike")
        .about("actors take two pthread mutexes, all in the same order")
        .contract(CLAIM, SOURCE)
        .setup(|_, _| PthreadPair::new())
        .actor(|pair, _| (0..20).map(|_| pair.count(0, false)).max().unwrap_or(0))
        .check(|_, results: &[u64]| {
            let (most, want) = (results.iter().copied().max(), 20 * results.len() as u64);
            if most == Some(want) { Ok(()) } else { Err(format!("counted {most:?} of {want}")) }
        })
        .build()
}
