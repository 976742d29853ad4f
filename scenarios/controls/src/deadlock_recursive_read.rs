//! Recursive read: a reader takes a second read guard after a writer has queued.
//!
//! A fair reader-writer lock lets no new reader past a waiting writer. The writer waits for the
//! reader's first guard, the reader for the writer. The control's reader asks for its second guard
//! only when `try_read` refuses it, and nothing but the queued writer can be the reason. The
//! look-alike goes the same way and then takes its guard with `read_recursive`, which passes writers
//! that still wait.

use std::sync::Barrier;
use std::time::Duration;

use parking_lot::RwLock;
use standstill_kit::{Kind, Scenario};

use crate::pairs::Pairs;

const CLAIM: &str = "Note that attempts to recursively acquire a read lock on a RwLock when the \
                     current thread already holds one may result in a deadlock.";
const SOURCE: &str = "https://docs.rs/lock_api/0.4/lock_api/struct.RwLock.html#method.read";

/// Returns when a writer is in the queue; the caller holds a read guard.
fn until_writer_queues(lock: &RwLock<u32>) {
    while lock.try_read().is_some() {
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// The writer has queued before the reader comes again.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("recursive_read")
        .about("a reader takes a second read guard when a writer has queued; needs 2 actors")
        .contract(CLAIM, SOURCE)
        .finds(Kind::Deadlock)
        .trials(5)
        .setup(|_, info| Pairs::new(info, || (RwLock::new(0), Barrier::new(2))))
        .actor(|pairs, me| {
            let Some(((lock, reads), side)) = pairs.of(me) else { return };
            if side == 0 {
                let _first = lock.read();
                reads.wait();
                until_writer_queues(lock);
                let _second = lock.read();
            } else {
                reads.wait();
                *lock.write() += 1;
            }
        })
        .build()
}

/// A writer may or may not come between the reader's two guards.
pub(crate) fn natural() -> Scenario {
    Scenario::new("recursive_read_natural")
        .about("readers take two read guards, one inside the other, while writers write")
        .contract(CLAIM, SOURCE)
        .may_find(Kind::Deadlock, "the natural version of controls/recursive_read")
        .setup(|_, _| RwLock::new(0))
        .actor(|lock, me| {
            for _ in 0..20 {
                if me.index() % 2 == 0 {
                    let first = lock.read();
                    let second = lock.read();
                    assert_eq!(*first, *second);
                } else {
                    *lock.write() += 1;
                }
            }
        })
        .build()
}

/// The same order of events; the second guard does not queue.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("recursive_read_look_alike")
        .about("a reader takes a second, recursive read guard when a writer has queued")
        .contract(
            "Unlike read, this method is guaranteed to succeed without blocking if another read \
             lock is held at the time of the call.",
            "https://docs.rs/lock_api/0.4/lock_api/struct.RwLock.html#method.read_recursive",
        )
        .setup(|_, info| Pairs::new(info, || (RwLock::new(0), Barrier::new(2))))
        .actor(|pairs, me| {
            let Some(((lock, reads), side)) = pairs.of(me) else { return };
            if side == 0 {
                let first = lock.read();
                reads.wait();
                until_writer_queues(lock);
                let second = lock.read_recursive();
                assert_eq!((*first, *second), (0, 0));
            } else {
                reads.wait();
                *lock.write() += 1;
            }
        })
        .check(|pairs, _| match pairs.iter().find(|(lock, _)| *lock.read() != 1) {
            None => Ok(()),
            Some((lock, _)) => Err(format!("a writer left {} instead of 1", *lock.read())),
        })
        .build()
}
