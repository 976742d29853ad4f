//! Threads: created, joined, gone. pthread_create(3), pthread_join(3).

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering::*};

use super::model::{self, State, Until, Wait};
use super::{caller, real, sys};
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
    watch_end(3);
    model::arrive(me);
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
    let Some(me) = model::me() else {
        // SAFETY: the caller's arguments.
        return unsafe { create(handle, attributes, body, argument) };
    };
    let pc = caller!();
    model::point(me, Op::Create, 0, pc);
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
    // SAFETY: pthread_create has filled the handle in. The new thread may have used it already, but
    // it waits for its first turn.
    let made = unsafe { *handle };
    model::with(|m| m.threads[child as usize].handle = made);
    model::point(me, Op::Create, child as usize, pc);
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_join(handle: usize, value: *mut *mut c_void) -> c_int {
    if let Some(me) = model::me() {
        let pc = caller!();
        // A handle is used again after its thread was joined: the newest is meant.
        let target = model::with(|m| {
            (0..m.count).rev().find(|&n| {
                m.threads[n as usize].handle == handle && m.threads[n as usize].state != State::Free
            })
        });
        if let Some(target) = target {
            model::point(me, Op::Join, target as usize, pc);
            while model::with(|m| m.threads[target as usize].state != State::Finished) {
                let wait = Wait {
                    op: Op::Join,
                    object: target as usize,
                    pc,
                    until: Until::Woken,
                    deadline: 0,
                    bits: !0,
                };
                model::wait(me, wait);
            }
        }
    }
    // SAFETY: the caller's arguments.
    unsafe { real::JOIN.get()(handle, value) }
}
