//! Locks taken in an order that does not fit.

use std::sync::{Condvar, Mutex};

use crate::both;

/// Two locks, taken the other way round by the second thread.
pub(crate) fn abba(fixed: bool) {
    let (a, b) = (Mutex::new(0), Mutex::new(0));
    let take = |first: &Mutex<i32>, second: &Mutex<i32>| {
        let mut from = first.lock().unwrap();
        let mut to = second.lock().unwrap();
        (*from, *to) = (*from - 1, *to + 1);
    };
    both(|| take(&a, &b), || if fixed { take(&a, &b) } else { take(&b, &a) });
}

/// The same, but one thread is there at once and the other after a long way: one switch has to come
/// at the right moment, and then none for long. Random walks do not find it.
pub(crate) fn abba_far(fixed: bool) {
    let (a, b, way) = (Mutex::new(0), Mutex::new(0), Mutex::new(0));
    let take = |first: &Mutex<i32>, second: &Mutex<i32>| {
        let mut from = first.lock().unwrap();
        let mut to = second.lock().unwrap();
        (*from, *to) = (*from - 1, *to + 1);
    };
    both(
        || take(&a, &b),
        || {
            for _ in 0..50 {
                *way.lock().unwrap() += 1;
            }
            if fixed { take(&a, &b) } else { take(&b, &a) }
        },
    );
}

/// Dijkstra's five philosophers: all take the fork on their left first.
pub(crate) fn dining(fixed: bool) {
    const SEATS: usize = 5;
    let forks: [Mutex<u32>; SEATS] = Default::default();
    std::thread::scope(|scope| {
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

/// Three locks, three threads, each of which takes two: the last one closes a ring.
pub(crate) fn ring(fixed: bool) {
    let locks: [Mutex<u32>; 3] = Default::default();
    std::thread::scope(|scope| {
        for (first, second) in [(0, 1), (1, 2), if fixed { (0, 2) } else { (2, 0) }] {
            let locks = &locks;
            scope.spawn(move || {
                let mut one = locks[first].lock().unwrap();
                let mut other = locks[second].lock().unwrap();
                (*one, *other) = (*one + 1, *other + 1);
            });
        }
    });
}

/// A reader-writer lock whose readers may become the writer.
#[derive(Default)]
struct Upgradable {
    /// Readers, and whether one of them waits to be the only one.
    state: Mutex<(u32, bool)>,
    changed: Condvar,
}

impl Upgradable {
    fn read(&self) {
        self.state.lock().unwrap().0 += 1;
    }

    /// Waits until the caller is the only reader. With `fixed`, refuses where another waits already.
    fn upgrade(&self, fixed: bool) -> bool {
        let mut state = self.state.lock().unwrap();
        if fixed && state.1 {
            return false;
        }
        state.1 = true;
        while state.0 > 1 {
            state = self.changed.wait(state).unwrap();
        }
        state.1 = false;
        true
    }

    fn leave(&self) {
        self.state.lock().unwrap().0 -= 1;
        self.changed.notify_all();
    }
}

/// Two readers both wait for the other to leave, to become the writer.
pub(crate) fn rw_upgrade(fixed: bool) {
    let lock = Upgradable::default();
    let grow = || {
        loop {
            lock.read();
            let upgraded = lock.upgrade(fixed);
            lock.leave();
            if upgraded {
                return;
            }
            std::thread::yield_now();
        }
    };
    both(grow, grow);
}
