//! Threads: created, joined, gone. pthread_create(3), pthread_join(3).

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering::*};

use super::model::{self, State, Until, Wait};
use super::sys::Timespec;
use super::{caller, cancel, real, sys, time};
use crate::abi::Op;

/// The key whose destructor tells the end of a thread; `u32::MAX` before there is one.
static KEY: AtomicU32 = AtomicU32::new(u32::MAX);

/// Makes the key; once, before the first trial.
pub(super) fn prepare() {
    let mut key = 0;
    // SAFETY: the destructor has the type that pthread_key_create(3) wants.
    if unsafe { sys::pthread_key_create(&raw mut key, Some(ending)) } == 0 {
        KEY.store(key, Relaxed);
    }
}

/// Have the destructor called at the end of the calling thread, `rounds` rounds of destructors from
/// now (at least four are made, PTHREAD_DESTRUCTOR_ITERATIONS): after those of the program.
pub(super) fn watch_end(rounds: usize) {
    // SAFETY: the key exists; the value is a number in the shape of a pointer.
    unsafe { sys::pthread_setspecific(KEY.load(Relaxed), rounds as *const c_void) };
}

unsafe extern "C" fn ending(rounds: *mut c_void) {
    let rounds = rounds as usize;
    if rounds > 1 {
        return watch_end(rounds - 1);
    }
    if let Some(me) = model::me() {
        model::finish(me);
    }
}

unsafe extern "C" fn begin(number: *mut c_void) -> *mut c_void {
    let me = number as usize as u32;
    if model::MODE.load(Relaxed) == model::CONTROL {
        watch_end(3);
        model::arrive(me);
    } else {
        model::set_self(Some(me));
    }
    let (body, argument) = model::with(|m| {
        let t = &m.threads[me as usize];
        (t.body, t.argument)
    });
    // SAFETY: this is the function, and the argument, which the program gave to pthread_create.
    unsafe {
        let body = core::mem::transmute::<usize, real::Body>(body);
        body(argument as *mut c_void)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    handle: *mut usize,
    attributes: *const c_void,
    body: real::Body,
    argument: *mut c_void,
) -> c_int {
    let create = real::CREATE.get();
    let pc = caller!();
    let me = model::me();
    let noisy = me.is_none() && model::MODE.load(Relaxed) == model::NOISE;
    if me.is_none() && !noisy {
        // SAFETY: the caller's arguments.
        return unsafe { create(handle, attributes, body, argument) };
    }
    if let Some(me) = me {
        model::point(me, Op::Create, 0, pc);
    }
    super::sites::arm_accesses();
    let Some(child) = model::with(|m| m.add(body as usize, argument as usize)) else {
        model::shared().outcome.strays.fetch_add(1, Relaxed);
        // SAFETY: the caller's arguments.
        return unsafe { create(handle, attributes, body, argument) };
    };
    // SAFETY: `begin` takes the number that it is given; the rest are the caller's arguments.
    let result = unsafe { create(handle, attributes, begin, child as usize as *mut c_void) };
    if result != 0 {
        model::with(|m| m.forget(child));
        return result;
    }
    let Some(me) = me else { return 0 };
    // SAFETY: pthread_create has filled the handle in. The new thread may have used it already, but
    // it waits for its first turn.
    let made = unsafe { *handle };
    // It was created before it begins, though it may begin before this thread goes on.
    model::with(|m| {
        m.born(child, made);
        m.record(me, Op::Create as u32, 0, child as usize, pc);
    });
    model::pass(me, Op::Create, child as usize, pc);
    0
}

/// Waits in the model for the end of a thread; false if `deadline`, in virtual time, came first. A
/// thread that is not controlled is the real function's.
fn ended(me: u32, handle: usize, pc: usize, deadline: u64) -> bool {
    // A handle is used again after its thread was joined: the newest is meant.
    let target = model::with(|m| {
        (0..m.count).rev().find(|&n| {
            m.threads[n as usize].handle == handle && m.threads[n as usize].state != State::Free
        })
    });
    let Some(target) = target else { return true };
    model::point(me, Op::Join, target as usize, pc);
    while model::with(|m| m.threads[target as usize].state != State::Finished) {
        let object = target as usize;
        let wait = Wait { op: Op::Join, object, pc, until: Until::Woken, deadline, bits: !0 };
        cancel::point();
        if model::wait(me, wait) {
            return false;
        }
        cancel::point();
    }
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_join(handle: usize, value: *mut *mut c_void) -> c_int {
    if let Some(me) = model::me() {
        ended(me, handle, caller!(), 0);
    }
    // SAFETY: the caller's arguments.
    unsafe { real::JOIN.get()(handle, value) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_timedjoin_np(
    handle: usize,
    value: *mut *mut c_void,
    until: *const Timespec,
) -> c_int {
    const ETIMEDOUT: c_int = 110;
    let Some(me) = model::me() else {
        // SAFETY: the caller's arguments.
        return unsafe { real::TIMED_JOIN.get()(handle, value, until) };
    };
    // SAFETY: the caller's argument.
    if !ended(me, handle, caller!(), unsafe { time::deadline_at(until) }) {
        return ETIMEDOUT;
    }
    // SAFETY: the caller's arguments.
    unsafe { real::JOIN.get()(handle, value) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_clockjoin_np(
    handle: usize,
    value: *mut *mut c_void,
    clock: c_int,
    until: *const Timespec,
) -> c_int {
    if model::me().is_none() {
        // SAFETY: the caller's arguments.
        return unsafe { real::CLOCKED_JOIN.get()(handle, value, clock, until) };
    }
    // SAFETY: the caller's arguments; an absolute time tells of which clock it is.
    unsafe { pthread_timedjoin_np(handle, value, until) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_tryjoin_np(handle: usize, value: *mut *mut c_void) -> c_int {
    const EBUSY: c_int = 16;
    if let Some(me) = model::me() {
        model::point(me, Op::Join, 0, caller!());
        let runs = model::with(|m| {
            let mut threads = m.threads[..m.count as usize].iter().rev();
            threads.find(|t| t.handle == handle).is_some_and(|t| t.state != State::Finished)
        });
        if runs {
            model::with(|m| m.fruitless(me, 8));
            return EBUSY;
        }
        // It may be on its last steps in the kernel.
        // SAFETY: the caller's arguments.
        return unsafe { real::JOIN.get()(handle, value) };
    }
    // SAFETY: the caller's arguments.
    unsafe { real::TRY_JOIN.get()(handle, value) }
}
