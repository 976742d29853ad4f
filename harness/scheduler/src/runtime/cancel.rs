//! Cancellation: pthread_cancel(3). The real function notes the wish; a thread that waits in the model
//! in a function that is a cancellation point is woken, and ends there.
//!
//! What unwinds the thread then passes through frames of this object. They own nothing, and
//! `pthread_testcancel` is declared as a function that does not unwind, so that none of them has a
//! landing pad, which would end the process. (RFC 2945: a forced unwind may cross such frames.)

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering::*};

use super::{caller, model, real};
use crate::abi::Op;

const ASYNCHRONOUS: c_int = 1;

unsafe extern "C" {
    fn pthread_testcancel();
    fn pthread_setcanceltype(new: c_int, old: *mut c_int) -> c_int;
}

/// Somebody was cancelled in this process.
static USED: AtomicBool = AtomicBool::new(false);

/// A cancellation point: does not return if the calling thread is to end. It has the token, and no
/// guard.
pub(super) fn point() {
    if USED.load(Relaxed) {
        // SAFETY: takes nothing; the frames above own nothing.
        unsafe { pthread_testcancel() };
    }
}

/// A call that may block, made without the token, and during which the thread may be made to end.
pub(super) fn outside<R>(call: impl FnOnce() -> R) -> R {
    let mut old = 0;
    // SAFETY: the local is good; as in `point`.
    unsafe { pthread_setcanceltype(ASYNCHRONOUS, &raw mut old) };
    let result = call();
    // SAFETY: as above.
    unsafe { pthread_setcanceltype(old, &raw mut old) };
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_cancel(handle: usize) -> c_int {
    let me = model::me();
    if let Some(me) = me {
        model::point(me, Op::Cancel, 0, caller!());
        USED.store(true, Relaxed);
    }
    // SAFETY: the caller's argument.
    let result = unsafe { real::CANCEL.get()(handle) };
    if me.is_some() && result == 0 {
        model::with(|m| m.interrupt(handle));
    }
    result
}
