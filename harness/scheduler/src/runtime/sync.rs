//! Condition variables, barriers, once: modelled here alone, the real objects are not asked. But those
//! in memory that other processes share are used as they are, without the token.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering::*};

use super::model::{self, Until, Wait};
use super::sys::Timespec;
use super::{caller, cancel, locks, memory, real, sys, time};
use crate::abi::Op;

/// pthread_cond_wait(3): gives the mutex back and waits in one step (no other thread runs between),
/// then takes the mutex again.
fn wait_cond(me: u32, cond: *mut c_void, mutex: *mut c_void, pc: usize, deadline: u64) -> c_int {
    model::point(me, Op::CondWait, cond as usize, pc);
    cancel::point();
    if !memory::is_private(cond as usize) {
        return wait_apart(me, cond, mutex, pc, deadline);
    }
    let refused = locks::unlock_mutex(me, mutex);
    if refused != 0 {
        return refused;
    }
    let wait = Wait {
        op: Op::CondWait,
        object: cond as usize,
        pc,
        until: Until::Woken,
        deadline,
        bits: !0,
    };
    let timed_out = model::wait(me, wait);
    let taken = locks::lock_mutex(me, Op::CondRelock, mutex, pc, 0);
    if taken != 0 {
        return taken;
    }
    cancel::point();
    if timed_out { sys::ETIMEDOUT } else { 0 }
}

/// The same where other processes may be who wakes: by the real function, without the token.
fn wait_apart(me: u32, cond: *mut c_void, mutex: *mut c_void, pc: usize, deadline: u64) -> c_int {
    const MONOTONIC: c_int = 1;
    let rest = deadline.saturating_sub(model::with(|m| m.now));
    model::leave(me, Op::Outside, pc);
    let until = Timespec::from_nanos(sys::monotonic() + rest);
    // SAFETY: the caller's arguments, and a local.
    let result = cancel::outside(|| unsafe {
        match deadline {
            0 => real::COND_WAIT.get()(cond, mutex),
            _ => real::COND_CLOCKED.get()(cond, mutex, MONOTONIC, &raw const until),
        }
    });
    model::back(me);
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_cond_wait(cond: *mut c_void, mutex: *mut c_void) -> c_int {
    match model::me() {
        Some(me) => wait_cond(me, cond, mutex, caller!(), 0),
        // SAFETY: the caller's arguments.
        None => unsafe { real::COND_WAIT.get()(cond, mutex) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_cond_timedwait(
    cond: *mut c_void,
    mutex: *mut c_void,
    until: *const Timespec,
) -> c_int {
    match model::me() {
        // SAFETY: the caller's arguments.
        Some(me) => wait_cond(me, cond, mutex, caller!(), unsafe { time::deadline_at(until) }),
        // SAFETY: the caller's arguments.
        None => unsafe { real::COND_TIMED.get()(cond, mutex, until) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_cond_clockwait(
    cond: *mut c_void,
    mutex: *mut c_void,
    clock: c_int,
    until: *const Timespec,
) -> c_int {
    match model::me() {
        // SAFETY: the caller's arguments.
        Some(me) => wait_cond(me, cond, mutex, caller!(), unsafe { time::deadline_at(until) }),
        // SAFETY: the caller's arguments.
        None => unsafe { real::COND_CLOCKED.get()(cond, mutex, clock, until) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_cond_signal(cond: *mut c_void) -> c_int {
    let Some(me) = model::me() else {
        // SAFETY: the caller's argument.
        return unsafe { real::COND_SIGNAL.get()(cond) };
    };
    model::point(me, Op::CondSignal, cond as usize, caller!());
    model::with(|m| m.wake(&[Op::CondWait], cond as usize, 1, !0));
    if !memory::is_private(cond as usize) {
        // SAFETY: the caller's argument.
        return unsafe { real::COND_SIGNAL.get()(cond) };
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_cond_broadcast(cond: *mut c_void) -> c_int {
    let Some(me) = model::me() else {
        // SAFETY: the caller's argument.
        return unsafe { real::COND_BROADCAST.get()(cond) };
    };
    model::point(me, Op::CondBroadcast, cond as usize, caller!());
    model::with(|m| m.wake(&[Op::CondWait], cond as usize, usize::MAX, !0));
    if !memory::is_private(cond as usize) {
        // SAFETY: the caller's argument.
        return unsafe { real::COND_BROADCAST.get()(cond) };
    }
    0
}

/// A barrier's count is its third 32-bit field (sysdeps/nptl/internaltypes.h, `struct
/// pthread_barrier`): in, current_round, count. Those who wait are counted in the model.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_barrier_wait(barrier: *mut c_void) -> c_int {
    const SERIAL: c_int = -1;
    let Some(me) = model::me() else {
        // SAFETY: the caller's argument.
        return unsafe { real::BARRIER.get()(barrier) };
    };
    let pc = caller!();
    let object = barrier as usize;
    model::point(me, Op::BarrierWait, object, pc);
    if !memory::is_private(object) {
        model::leave(me, Op::Outside, pc);
        // SAFETY: the caller's argument.
        let result = unsafe { real::BARRIER.get()(barrier) };
        model::back(me);
        return result;
    }
    // SAFETY: the caller passes a live barrier, 32 bytes long.
    let count = unsafe { barrier.cast::<u32>().add(2).read_volatile() };
    let waiting = model::with(|m| m.waiting(Op::BarrierWait, object));
    if waiting as u32 + 1 >= count {
        model::with(|m| {
            m.wake(&[Op::BarrierWait], object, usize::MAX, !0);
            m.fruit(me, true);
        });
        return SERIAL;
    }
    let wait = Wait { op: Op::BarrierWait, object, pc, until: Until::Woken, deadline: 0, bits: !0 };
    model::wait(me, wait);
    0
}

/// pthread_once(3). The real function runs the initialiser, so its states, and what happens when the
/// initialiser throws, are glibc's: bit 0 in progress, bit 1 done (sysdeps/nptl/pthreadP.h). Only the
/// wait for another thread's initialiser is the model's.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn pthread_once(
    control: *mut c_void,
    body: unsafe extern "C-unwind" fn(),
) -> c_int {
    if let Some(me) = model::me() {
        let pc = caller!();
        let object = control as usize;
        model::point(me, Op::Once, object, pc);
        // SAFETY: the caller passes a live `pthread_once_t`, an int.
        let word = unsafe { &*control.cast::<AtomicU32>() };
        while word.load(Acquire) & 3 == 1 {
            let until = Until::OnceOver(object);
            model::wait(me, Wait { op: Op::Once, object, pc, until, deadline: 0, bits: !0 });
        }
        if word.load(Acquire) & 2 == 0 {
            model::with(|m| m.own(object, Some(me), pc));
            // SAFETY: the caller's arguments. A foreign exception passes through: this frame holds
            // nothing that would have to be cleaned up.
            let result = unsafe { real::ONCE.get()(control, body) };
            model::with(|m| {
                m.own(object, None, 0);
                m.changed();
            });
            return result;
        }
    }
    // SAFETY: the caller's arguments.
    unsafe { real::ONCE.get()(control, body) }
}
