//! The pool, of anything.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Things to lend.
pub(crate) struct Pool<T> {
    stock: Mutex<Stock<T>>,
    /// Somebody may look again: a thing has come back, or was not made after all.
    changed: Condvar,
    at_most: usize,
}

struct Stock<T> {
    idle: Vec<T>,
    /// Lent, or being made.
    out: usize,
}

impl<T> Pool<T> {
    pub(crate) fn new(at_most: usize) -> Self {
        let stock = Mutex::new(Stock { idle: Vec::new(), out: 0 });
        Pool { stock, changed: Condvar::new(), at_most: at_most.max(1) }
    }

    /// An idle thing, or one that `make` makes, without the lock, or the next that comes back.
    pub(crate) fn lend<E>(
        pool: &Arc<Pool<T>>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Lent<T>, E> {
        let all_out = |stock: &mut Stock<T>| stock.idle.is_empty() && stock.out >= pool.at_most;
        let waited = pool.changed.wait_while(pool.stock(), all_out);
        let mut stock = waited.unwrap_or_else(PoisonError::into_inner);
        stock.out += 1;
        let idle = stock.idle.pop();
        drop(stock);
        // Comes back empty, and makes room for another, if `make` fails or panics.
        let mut lent = Lent { thing: None, pool: Arc::clone(pool) };
        lent.thing = Some(idle.map_or_else(make, Ok)?);
        Ok(lent)
    }

    /// The lock is held for a push or a pop, which leave nothing half done.
    fn stock(&self) -> MutexGuard<'_, Stock<T>> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thing that goes back to its pool when it is dropped.
#[allow(missing_debug_implementations, reason = "what is lent need not have any")]
pub struct Lent<T> {
    /// There from its creation until it is dropped.
    thing: Option<T>,
    pool: Arc<Pool<T>>,
}

impl<T> Deref for Lent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.thing.as_ref().expect("there until it is dropped")
    }
}

impl<T> DerefMut for Lent<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.thing.as_mut().expect("there until it is dropped")
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        let mut stock = self.pool.stock();
        stock.out -= 1;
        stock.idle.extend(self.thing.take());
        drop(stock);
        self.pool.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::thread;

    fn lend(pool: &Arc<Pool<u32>>, number: u32) -> Lent<u32> {
        Pool::lend(pool, || Ok::<_, Infallible>(number)).unwrap()
    }

    #[test]
    fn what_came_back_is_lent_again() {
        let pool = Arc::new(Pool::new(2));
        drop(lend(&pool, 7));
        let (again, new) = (lend(&pool, 8), lend(&pool, 9));
        assert_eq!((*again, *new), (7, 9));
    }

    #[test]
    fn there_are_never_more_than_it_may_have_and_each_has_one_user() {
        let (pool, made) = (Arc::new(Pool::new(3)), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let make = || {
                            made.fetch_add(1, SeqCst);
                            Ok::<_, Infallible>(AtomicU32::new(0))
                        };
                        let users = Pool::lend(&pool, make).unwrap();
                        assert_eq!(users.fetch_add(1, SeqCst), 0);
                        assert_eq!(users.fetch_sub(1, SeqCst), 1);
                    }
                });
            }
        });
        assert!((1..=3).contains(&made.load(SeqCst)), "{made:?}");
        assert_eq!(pool.stock().out, 0);
    }

    #[test]
    fn who_fails_to_make_one_leaves_room_for_the_next() {
        let pool = Arc::new(Pool::new(1));
        assert_eq!(
            Pool::lend(&pool, || Err("no memory")).map(|lent: Lent<u32>| *lent),
            Err("no memory")
        );
        assert_eq!(*lend(&pool, 5), 5);
    }

    #[test]
    fn one_who_waits_gets_what_comes_back() {
        let pool = Arc::new(Pool::new(1));
        let first = lend(&pool, 1);
        thread::scope(|scope| {
            let waits = scope.spawn(|| *lend(&pool, 2));
            drop(first);
            assert_eq!(waits.join().unwrap(), 1);
        });
    }
}
