//! Mutexes, reader-writer locks, spin locks, semaphores.
//!
//! One rule for all: the real object keeps the truth, asked with its non-blocking call; the model
//! only decides when to ask again. So an object that is also used where nothing is interposed stays
//! consistent, and its own rules (recursion, robustness, error checking) hold.

use core::ffi::{c_int, c_void};

use super::model::{self, Until, Wait};
use super::sys::Timespec;
use super::{caller, cancel, memory, real, sys, time};
use crate::abi::Op;

const EBUSY: c_int = 16;
const EAGAIN: c_int = 11;
const EDEADLK: c_int = 35;
const EOWNERDEAD: c_int = 130;

/// Tries until the lock is had, waiting in between. `deadline` in virtual time, 0 for none.
pub(super) fn acquire(
    me: u32,
    op: Op,
    object: *mut c_void,
    pc: usize,
    deadline: u64,
    mut attempt: impl FnMut() -> c_int,
) -> c_int {
    let object = object as usize;
    loop {
        if op == Op::SemWait {
            cancel::point();
        }
        match attempt() {
            EBUSY if memory::is_private(object) => {}
            EBUSY => return acquire_apart(me, pc, deadline, attempt),
            result @ (0 | EOWNERDEAD) => {
                model::with(|m| {
                    if op != Op::SemWait {
                        m.own(object, Some(me), pc);
                    }
                    m.fruit(me, true);
                });
                return result;
            }
            result => return result,
        }
        let wait = Wait { op, object, pc, until: Until::Woken, deadline, bits: !0 };
        if model::wait(me, wait) {
            return sys::ETIMEDOUT;
        }
    }
}

/// The same where other processes may be who gives it back: nobody tells, so it is asked for again and
/// again, without the token.
fn acquire_apart(me: u32, pc: usize, deadline: u64, mut attempt: impl FnMut() -> c_int) -> c_int {
    const PERIOD: u64 = 500_000;
    let rest = deadline.saturating_sub(model::with(|m| m.now));
    model::leave(me, Op::Outside, pc);
    let until = sys::monotonic() + rest;
    let result = loop {
        match attempt() {
            EBUSY if deadline != 0 && sys::monotonic() >= until => break sys::ETIMEDOUT,
            EBUSY => sys::sleep(PERIOD),
            result => break result,
        }
    };
    model::back(me);
    result
}

/// What a released lock means to the others.
fn released(me: u32, object: *mut c_void, waiters: &[Op]) {
    model::with(|m| {
        m.own(object as usize, None, 0);
        m.fruit(me, true);
        m.wake(waiters, object as usize, usize::MAX, !0);
    });
}

/// glibc's `pthread_mutex_t` begins with lock, count, owner, users, kind: 32 bits each
/// (sysdeps/nptl/bits/struct_mutex.h). The kind's low two bits: 1 recursive, 2 error checking.
fn checks_errors_and_is_mine(mutex: *mut c_void) -> bool {
    let field = |index: usize| {
        // SAFETY: the caller passes a live mutex, 40 bytes long.
        unsafe { mutex.cast::<u32>().add(index).read_volatile() }
    };
    field(4) & 3 == 2 && field(2) == sys::gettid()
}

/// Takes a mutex under control.
pub(super) fn lock_mutex(me: u32, op: Op, mutex: *mut c_void, pc: usize, deadline: u64) -> c_int {
    if checks_errors_and_is_mine(mutex) {
        return EDEADLK;
    }
    // SAFETY: the caller's mutex.
    acquire(me, op, mutex, pc, deadline, || unsafe { real::MUTEX_TRY.get()(mutex) })
}

/// Gives a mutex back under control.
pub(super) fn unlock_mutex(me: u32, mutex: *mut c_void) -> c_int {
    // SAFETY: the caller's mutex.
    let result = unsafe { real::MUTEX_UNLOCK.get()(mutex) };
    released(me, mutex, &[Op::MutexLock, Op::CondRelock]);
    result
}

macro_rules! blocking {
    ($name:ident, $timed:ident, $clocked:ident, $op:ident, $real:ident, $real_timed:ident, $real_clocked:ident, $how:expr) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(object: *mut c_void) -> c_int {
            let Some(me) = model::me() else {
                // SAFETY: the caller's argument.
                return unsafe { real::$real.get()(object) };
            };
            let pc = caller!();
            model::point(me, Op::$op, object as usize, pc);
            $how(me, object, pc, 0)
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn $timed(object: *mut c_void, until: *const Timespec) -> c_int {
            let Some(me) = model::me() else {
                // SAFETY: the caller's arguments.
                return unsafe { real::$real_timed.get()(object, until) };
            };
            let pc = caller!();
            model::point(me, Op::$op, object as usize, pc);
            // SAFETY: the caller's argument.
            $how(me, object, pc, unsafe { time::deadline_at(until) })
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn $clocked(
            object: *mut c_void,
            clock: c_int,
            until: *const Timespec,
        ) -> c_int {
            let Some(me) = model::me() else {
                // SAFETY: the caller's arguments.
                return unsafe { real::$real_clocked.get()(object, clock, until) };
            };
            let pc = caller!();
            model::point(me, Op::$op, object as usize, pc);
            // SAFETY: the caller's argument.
            $how(me, object, pc, unsafe { time::deadline_at(until) })
        }
    };
}

blocking!(
    pthread_mutex_lock,
    pthread_mutex_timedlock,
    pthread_mutex_clocklock,
    MutexLock,
    MUTEX_LOCK,
    MUTEX_TIMED,
    MUTEX_CLOCKED,
    |me, object, pc, deadline| lock_mutex(me, Op::MutexLock, object, pc, deadline)
);
blocking!(
    pthread_rwlock_rdlock,
    pthread_rwlock_timedrdlock,
    pthread_rwlock_clockrdlock,
    ReadLock,
    READ_LOCK,
    READ_TIMED,
    READ_CLOCKED,
    |me, object, pc, deadline| {
        acquire(me, Op::ReadLock, object, pc, deadline, || try_read(object))
    }
);
blocking!(
    pthread_rwlock_wrlock,
    pthread_rwlock_timedwrlock,
    pthread_rwlock_clockwrlock,
    WriteLock,
    WRITE_LOCK,
    WRITE_TIMED,
    WRITE_CLOCKED,
    |me, object, pc, deadline| {
        // SAFETY: the caller's lock.
        acquire(me, Op::WriteLock, object, pc, deadline, || unsafe {
            real::WRITE_TRY.get()(object)
        })
    }
);

/// A reader-writer lock that prefers writers (`PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP`, 2 in
/// `__flags`, the twelfth 32-bit field) lets no reader in while a writer waits; the real object does
/// not know of our waiting writers.
fn try_read(lock: *mut c_void) -> c_int {
    // SAFETY: the caller passes a live lock, 56 bytes long.
    let flags = unsafe { lock.cast::<u32>().add(12).read_volatile() };
    if flags == 2 && model::with(|m| m.waits(Op::WriteLock, lock as usize)) {
        return EBUSY;
    }
    // SAFETY: the caller's lock.
    let result = unsafe { real::READ_TRY.get()(lock) };
    // Too many readers: as the man page has it, not a reason to wait.
    if result == EAGAIN { EAGAIN } else { result }
}

macro_rules! trying {
    ($name:ident, $op:ident, $real:ident) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(object: *mut c_void) -> c_int {
            if let Some(me) = model::me() {
                let pc = caller!();
                model::point(me, Op::$op, object as usize, pc);
                // SAFETY: the caller's argument.
                let result = unsafe { real::$real.get()(object) };
                model::with(|m| {
                    m.fruit(me, result == 0);
                    if result == 0 {
                        m.own(object as usize, Some(me), pc);
                    }
                });
                return result;
            }
            // SAFETY: the caller's argument.
            unsafe { real::$real.get()(object) }
        }
    };
}

trying!(pthread_mutex_trylock, MutexTry, MUTEX_TRY);
trying!(pthread_rwlock_tryrdlock, RwTry, READ_TRY);
trying!(pthread_rwlock_trywrlock, RwTry, WRITE_TRY);
trying!(pthread_spin_trylock, SpinTry, SPIN_TRY);

macro_rules! releasing {
    ($name:ident, $op:ident, $real:ident, $waiters:expr) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(object: *mut c_void) -> c_int {
            let Some(me) = model::me() else {
                // SAFETY: the caller's argument.
                return unsafe { real::$real.get()(object) };
            };
            model::point(me, Op::$op, object as usize, caller!());
            // SAFETY: the caller's argument.
            let result = unsafe { real::$real.get()(object) };
            released(me, object, $waiters);
            result
        }
    };
}

releasing!(pthread_mutex_unlock, MutexUnlock, MUTEX_UNLOCK, &[Op::MutexLock, Op::CondRelock]);
releasing!(pthread_rwlock_unlock, RwUnlock, RW_UNLOCK, &[Op::ReadLock, Op::WriteLock]);
releasing!(pthread_spin_unlock, SpinUnlock, SPIN_UNLOCK, &[Op::SpinLock]);
releasing!(sem_post, SemPost, SEM_POST, &[Op::SemWait]);

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_spin_lock(object: *mut c_void) -> c_int {
    let Some(me) = model::me() else {
        // SAFETY: the caller's argument.
        return unsafe { real::SPIN_LOCK.get()(object) };
    };
    let pc = caller!();
    model::point(me, Op::SpinLock, object as usize, pc);
    // SAFETY: the caller's argument.
    acquire(me, Op::SpinLock, object, pc, 0, || unsafe { real::SPIN_TRY.get()(object) })
}

/// One attempt at a semaphore: 0, `EBUSY` if it is 0, or another error number.
fn try_semaphore(object: *mut c_void) -> c_int {
    // SAFETY: the caller's semaphore.
    if unsafe { real::SEM_TRY.get()(object) } == 0 {
        return 0;
    }
    let error = sys::errno();
    if error == EAGAIN { EBUSY } else { error }
}

fn wait_semaphore(me: u32, object: *mut c_void, pc: usize, deadline: u64) -> c_int {
    model::point(me, Op::SemWait, object as usize, pc);
    match acquire(me, Op::SemWait, object, pc, deadline, || try_semaphore(object)) {
        0 => 0,
        error => {
            sys::set_errno(error);
            -1
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sem_wait(object: *mut c_void) -> c_int {
    match model::me() {
        Some(me) => wait_semaphore(me, object, caller!(), 0),
        // SAFETY: the caller's argument.
        None => unsafe { real::SEM_WAIT.get()(object) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sem_timedwait(object: *mut c_void, until: *const Timespec) -> c_int {
    match model::me() {
        // SAFETY: the caller's arguments.
        Some(me) => wait_semaphore(me, object, caller!(), unsafe { time::deadline_at(until) }),
        // SAFETY: the caller's arguments.
        None => unsafe { real::SEM_TIMED.get()(object, until) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sem_clockwait(
    object: *mut c_void,
    clock: c_int,
    until: *const Timespec,
) -> c_int {
    match model::me() {
        // SAFETY: the caller's arguments.
        Some(me) => wait_semaphore(me, object, caller!(), unsafe { time::deadline_at(until) }),
        // SAFETY: the caller's arguments.
        None => unsafe { real::SEM_CLOCKED.get()(object, clock, until) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sem_trywait(object: *mut c_void) -> c_int {
    if let Some(me) = model::me() {
        model::point(me, Op::SemTry, object as usize, caller!());
        // SAFETY: the caller's argument.
        let result = unsafe { real::SEM_TRY.get()(object) };
        model::with(|m| m.fruit(me, result == 0));
        return result;
    }
    // SAFETY: the caller's argument.
    unsafe { real::SEM_TRY.get()(object) }
}
