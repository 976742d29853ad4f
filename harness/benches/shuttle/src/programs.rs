//! What `harness/benches/classics` does with std's types, with shuttle's. The correct twins are there
//! for the rate: they run to their end under every schedule.

use shuttle::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

/// A name, and what runs it: `true` for the correct twin.
pub(crate) type Program = (&'static str, fn(bool));

pub(crate) const ALL: [Program; 4] = [
    ("abba", abba),
    ("lost-wakeup", lost_wakeup),
    ("dining", dining),
    ("lost-update", lost_update),
];

fn both(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    thread::scope(|scope| {
        scope.spawn(one);
        scope.spawn(other);
    });
}

fn abba(fixed: bool) {
    let (a, b) = (Mutex::new(0), Mutex::new(0));
    let take = |first: &Mutex<i32>, second: &Mutex<i32>| {
        let mut from = first.lock().unwrap();
        let mut to = second.lock().unwrap();
        (*from, *to) = (*from - 1, *to + 1);
    };
    both(|| take(&a, &b), || if fixed { take(&a, &b) } else { take(&b, &a) });
}

fn lost_wakeup(fixed: bool) {
    let (ready, lock, changed) = (AtomicBool::new(false), Mutex::new(()), Condvar::new());
    both(
        || {
            if fixed {
                let mut guard = lock.lock().unwrap();
                while !ready.load(SeqCst) {
                    guard = changed.wait(guard).unwrap();
                }
            } else if !ready.load(SeqCst) {
                drop(changed.wait(lock.lock().unwrap()).unwrap());
            }
        },
        || {
            let guard = fixed.then(|| lock.lock().unwrap());
            ready.store(true, SeqCst);
            drop(guard);
            changed.notify_one();
        },
    );
}

fn dining(fixed: bool) {
    const SEATS: usize = 5;
    let forks: [Mutex<u32>; SEATS] = std::array::from_fn(|_| Mutex::new(0));
    thread::scope(|scope| {
        for seat in 0..SEATS {
            let forks = &forks;
            scope.spawn(move || {
                let (left, right) = (seat, (seat + 1) % SEATS);
                let (first, second) =
                    if fixed && right < left { (right, left) } else { (left, right) };
                let mut one = forks[first].lock().unwrap();
                let mut other = forks[second].lock().unwrap();
                (*one, *other) = (*one + 1, *other + 1);
            });
        }
    });
}

fn lost_update(fixed: bool) {
    let count = AtomicU32::new(0);
    let add = || {
        if fixed {
            count.fetch_add(1, SeqCst);
        } else {
            count.store(count.load(SeqCst) + 1, SeqCst);
        }
    };
    both(add, add);
    assert_eq!(count.load(SeqCst), 2, "an update was lost");
}
