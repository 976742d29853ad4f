//! A fair semaphore: permits in the order in which they were asked for.
//!
//! Without turns, callers who want one permit would overtake one who wants several for ever.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Permits, and who is next.
#[derive(Debug)]
pub(crate) struct Semaphore {
    desk: Mutex<Desk>,
    changed: Condvar,
    all: usize,
}

#[derive(Debug)]
struct Desk {
    free: usize,
    /// The number that whoever comes gets.
    next: u64,
    /// The number whose turn it is.
    serving: u64,
}

impl Semaphore {
    /// With that many permits, and at least one.
    pub(crate) fn new(all: usize) -> Semaphore {
        let all = all.max(1);
        let desk = Mutex::new(Desk { free: all, next: 0, serving: 0 });
        Semaphore { desk, changed: Condvar::new(), all }
    }

    /// As many as asked for, but at least one and at most all: else nobody could ever have them.
    pub(crate) fn fitting(&self, wanted: usize) -> usize {
        wanted.clamp(1, self.all)
    }

    /// Waits for its turn and for as many permits as [fit](Self::fitting).
    pub(crate) fn acquire(&self, wanted: usize) -> Permits<'_> {
        let count = self.fitting(wanted);
        let mut desk = self.desk();
        let number = desk.next;
        desk.next += 1;
        let waits = |desk: &mut Desk| desk.serving != number || desk.free < count;
        let waited = self.changed.wait_while(desk, waits);
        let mut desk = waited.unwrap_or_else(PoisonError::into_inner);
        desk.free -= count;
        desk.serving += 1;
        drop(desk);
        // The next one may be content with what is left.
        self.changed.notify_all();
        Permits { of: self, count }
    }

    /// The lock is held for some sums, which leave nothing half done.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Permits that go back when they are dropped.
#[derive(Debug)]
pub(crate) struct Permits<'s> {
    of: &'s Semaphore,
    count: usize,
}

impl Drop for Permits<'_> {
    fn drop(&mut self) {
        self.of.desk().free += self.count;
        self.of.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::thread;

    #[test]
    fn no_more_are_taken_than_there_are() {
        let (semaphore, taken) = (Semaphore::new(4), AtomicUsize::new(0));
        thread::scope(|scope| {
            for wanted in [1, 2, 3, 4, 9] {
                let (semaphore, taken) = (&semaphore, &taken);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let permits = semaphore.acquire(wanted);
                        let before = taken.fetch_add(permits.count, SeqCst);
                        assert!(before + permits.count <= 4, "{before} and {wanted}");
                        taken.fetch_sub(permits.count, SeqCst);
                    }
                });
            }
        });
        assert_eq!(semaphore.desk().free, 4);
    }

    #[test]
    fn none_and_too_many_are_made_to_fit() {
        let semaphore = Semaphore::new(0);
        assert_eq!(semaphore.acquire(0).count, 1);
        assert_eq!(semaphore.acquire(7).count, 1);
    }

    #[test]
    fn who_came_first_is_first_even_with_the_larger_wish() {
        let (semaphore, order) = (Semaphore::new(2), Mutex::new(vec![]));
        let arrivals = |expected| {
            while semaphore.desk().next < expected {
                thread::yield_now();
            }
        };
        let one = semaphore.acquire(1);
        thread::scope(|scope| {
            let wants = |wanted| {
                let _permits = semaphore.acquire(wanted);
                order.lock().unwrap().push(wanted);
            };
            scope.spawn(move || wants(2));
            arrivals(2);
            // One permit is free, but it is not this one's turn.
            scope.spawn(move || wants(1));
            arrivals(3);
            drop(one);
        });
        assert_eq!(*order.lock().unwrap(), [2, 1]);
    }

    #[test]
    fn a_panic_gives_its_permits_back() {
        let semaphore = Semaphore::new(1);
        let panicked = thread::scope(|scope| {
            let act = || {
                let _permits = semaphore.acquire(1);
                panic!("in a call");
            };
            scope.spawn(act).join()
        });
        assert!(panicked.is_err());
        assert_eq!(semaphore.acquire(1).count, 1);
    }
}
