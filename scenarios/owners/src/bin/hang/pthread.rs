//! Locks of pthread by way of libc.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::time::Duration;

/// Flavours of mutex, by the names that the kinds of hangs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Normal,
    Recursive,
    ErrorCheck,
    Adaptive,
    Robust,
    PriorityInheritance,
}

/// `PTHREAD_MUTEX_ADAPTIVE_NP` of `pthread.h`, which libc does not have.
const ADAPTIVE: i32 = 3;

pub(crate) struct Mutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a pthread mutex is made to be used by several threads through its address.
unsafe impl Sync for Mutex {}

pub(crate) struct MutexGuard(&'static Mutex);

impl Mutex {
    pub(crate) const fn new() -> Mutex {
        Mutex(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER))
    }

    /// Gives it its flavour; before any thread uses it.
    pub(crate) fn prepare(&'static self, flavour: Flavour) {
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are initialised before any other use; the mutex stays where it is
        // for ever, and nobody has used it yet.
        unsafe {
            libc::pthread_mutexattr_init(attributes);
            let kind = match flavour {
                Flavour::Recursive => libc::PTHREAD_MUTEX_RECURSIVE,
                Flavour::ErrorCheck => libc::PTHREAD_MUTEX_ERRORCHECK,
                Flavour::Adaptive => ADAPTIVE,
                _ => libc::PTHREAD_MUTEX_NORMAL,
            };
            libc::pthread_mutexattr_settype(attributes, kind);
            if flavour == Flavour::Robust {
                libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST);
            }
            if flavour == Flavour::PriorityInheritance {
                libc::pthread_mutexattr_setprotocol(attributes, libc::PTHREAD_PRIO_INHERIT);
            }
            libc::pthread_mutex_init(self.0.get(), attributes);
        }
    }

    pub(crate) fn lock(&'static self) -> MutexGuard {
        // SAFETY: it is initialised and never destroyed.
        let code = unsafe { libc::pthread_mutex_lock(self.0.get()) };
        assert_eq!(code, 0, "pthread_mutex_lock");
        MutexGuard(self)
    }

    pub(crate) fn lock_within(&'static self, limit: Duration) -> Option<MutexGuard> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let until = now.unwrap_or_default() + limit;
        let until = libc::timespec {
            tv_sec: until.as_secs() as libc::time_t,
            tv_nsec: i64::from(until.subsec_nanos()),
        };
        // SAFETY: it is initialised and never destroyed; the time outlives the call.
        let code = unsafe { libc::pthread_mutex_timedlock(self.0.get(), &until) };
        (code == 0).then_some(MutexGuard(self))
    }
}

impl Drop for MutexGuard {
    fn drop(&mut self) {
        // SAFETY: this thread has locked it.
        unsafe { libc::pthread_mutex_unlock(self.0.0.get()) };
    }
}

pub(crate) struct RwLock(UnsafeCell<libc::pthread_rwlock_t>);

// SAFETY: a pthread rwlock is made to be used by several threads through its address.
unsafe impl Sync for RwLock {}

pub(crate) struct RwLockGuard(&'static RwLock);

impl RwLock {
    pub(crate) const fn new() -> RwLock {
        RwLock(UnsafeCell::new(libc::PTHREAD_RWLOCK_INITIALIZER))
    }

    pub(crate) fn read(&'static self) -> RwLockGuard {
        // SAFETY: it is initialised and never destroyed.
        let code = unsafe { libc::pthread_rwlock_rdlock(self.0.get()) };
        assert_eq!(code, 0, "pthread_rwlock_rdlock");
        RwLockGuard(self)
    }

    pub(crate) fn write(&'static self) -> RwLockGuard {
        // SAFETY: it is initialised and never destroyed.
        let code = unsafe { libc::pthread_rwlock_wrlock(self.0.get()) };
        assert_eq!(code, 0, "pthread_rwlock_wrlock");
        RwLockGuard(self)
    }
}

impl Drop for RwLockGuard {
    fn drop(&mut self) {
        // SAFETY: this thread has locked it.
        unsafe { libc::pthread_rwlock_unlock(self.0.0.get()) };
    }
}
