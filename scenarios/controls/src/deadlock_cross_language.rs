//! Cross-language: a Rust mutex and a C mutex in opposite orders.
//!
//! One actor holds the Rust mutex and calls into C, which takes its own; the other is in a callback
//! that C makes with its mutex in hand, and asks for the Rust mutex. Neither side sees both locks in
//! its source. The control has both meet at a barrier before the second lock. In the look-alike the
//! callback only collects, and the Rust mutex is taken after C has given its own back.

use std::sync::{Barrier, Mutex};

use standstill_kit::{Kind, Scenario};

use crate::ffi::PthreadPair;
use crate::pairs::Pairs;

/// A Rust cache over a C registry.
struct Cache {
    entries: Mutex<usize>,
    registry: PthreadPair,
    both_hold: Barrier,
}

impl Cache {
    fn new() -> Cache {
        Cache { entries: Mutex::new(0), registry: PthreadPair::new(), both_hold: Barrier::new(2) }
    }

    fn meet(&self) {
        self.both_hold.wait();
    }

    /// Rust's lock, then C's.
    fn refresh(&self, meet: impl Fn()) {
        let mut entries = self.entries.lock().unwrap();
        meet();
        self.registry.visit(|| *entries += 1);
    }

    /// C's lock, then Rust's.
    fn notify(&self, meet: impl Fn()) {
        self.registry.visit(|| {
            meet();
            *self.entries.lock().unwrap() += 1;
        });
    }

    /// C's lock, and Rust's when that is given back.
    fn notify_later(&self) {
        let mut seen = 0;
        self.registry.visit(|| seen += 1);
        *self.entries.lock().unwrap() += seen;
    }
}

/// Each holds its own language's lock before either asks for the other's.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("cross_language")
        .about(
            "one actor calls C with a Rust mutex held, C calls back another with its own; needs 2",
        )
        .finds(Kind::Deadlock)
        .trials(5)
        .setup(|_, info| Pairs::new(info, Cache::new))
        .actor(|caches, me| match caches.of(me) {
            Some((cache, 0)) => cache.refresh(|| cache.meet()),
            Some((cache, _)) => cache.notify(|| cache.meet()),
            None => {}
        })
        .build()
}

/// The same without the barrier.
pub(crate) fn natural() -> Scenario {
    Scenario::new("cross_language_natural")
        .about("actors call C with a Rust mutex held while C calls back others with its own")
        .may_find(Kind::Deadlock, "the natural version of controls/cross_language")
        .setup(|_, _| Cache::new())
        .actor(|cache, me| {
            for _ in 0..20 {
                if me.index() % 2 == 0 { cache.refresh(|| ()) } else { cache.notify(|| ()) }
            }
        })
        .build()
}

/// Callbacks take no lock of Rust.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("cross_language_look_alike")
        .about("actors call C with a Rust mutex held; C's callbacks take no lock")
        .setup(|_, _| Cache::new())
        .actor(|cache, me| {
            for _ in 0..20 {
                if me.index() % 2 == 0 { cache.refresh(|| ()) } else { cache.notify_later() }
            }
        })
        .check(|cache, results: &[()]| {
            let (sum, want) = (*cache.entries.lock().unwrap(), 20 * results.len());
            if sum == want { Ok(()) } else { Err(format!("counted {sum} of {want}")) }
        })
        .build()
}
