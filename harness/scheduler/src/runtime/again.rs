//! Several trials in one process: when `main` returns, and nothing of the trial is left running, `main`
//! is called again.
//!
//! That saves the fork, and leaks: the heap, descriptors and whatever else the process has are as the
//! trial before left them. So what fails here is for the supervisor no more than a hint; it repeats the
//! schedule in a new process.

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering::*};

use super::model::{self, shared};
use super::{caller, pun, real, sites, start, statics, sys};
use crate::abi::{self, Message, Op};

/// Steps that threads on their way out get, when `main` has returned.
const LAST_STEPS: u32 = 10_000;

/// The program's `main`.
static MAIN: AtomicUsize = AtomicUsize::new(0);

/// What is to be run in place of `main`: `main` itself, where one trial is all.
pub(super) fn main(main: real::Main) -> real::Main {
    if model::MODE.load(Relaxed) != model::CONTROL || shared().order.flags & abi::FLAG_BATCH == 0 {
        return main;
    }
    MAIN.store(main as usize, Relaxed);
    repeated
}

unsafe extern "C" fn repeated(
    argc: c_int,
    argv: *mut *mut c_char,
    environment: *mut *mut c_char,
) -> c_int {
    // SAFETY: `main` above stored a function of this type.
    let main = unsafe { core::mem::transmute::<usize, real::Main>(MAIN.load(Relaxed)) };
    let kept = statics::keep();
    loop {
        // SAFETY: the arguments that the C library passes on.
        let code = unsafe { main(argc, argv, environment) };
        if !kept || standstill_again(code) == 0 {
            return code;
        }
        statics::restore();
    }
}

/// The trial has ended with this exit code: waits for what the supervisor wants. Returns 1 in the next
/// trial of this process, and 0 if it is to end: without a supervisor, without its wish for more than
/// one trial, and while anything of this one still runs.
#[unsafe(no_mangle)]
extern "C" fn standstill_again(code: c_int) -> c_int {
    unsafe extern "C" {
        fn fflush(stream: *mut c_void) -> c_int;
    }
    if model::MODE.load(Relaxed) != model::CONTROL || shared().order.flags & abi::FLAG_BATCH == 0 {
        return 0;
    }
    let Some(me) = model::me().filter(|&me| me == 0) else { return 0 };
    // A scope of threads is over when their work is, and they may still be on their way out.
    let mut steps = 0;
    while !model::with(|m| m.is_alone(me)) {
        if steps == LAST_STEPS || !model::with(|m| m.is_last(me)) {
            return 0;
        }
        steps += 1;
        model::with(|m| m.fruitless(me, u32::MAX / 2));
        model::point(me, Op::Yield, 0, caller!());
    }
    model::await_death();
    model::MODE.store(model::OFF, SeqCst);
    // SAFETY: null stands for all streams (fflush(3)).
    unsafe { fflush(core::ptr::null_mut()) };
    let socket = model::SOCKET.load(Relaxed) as i32;
    let value = i64::from(code & 0xff);
    sys::say(socket, Message { what: abi::SAYS_AGAIN, pid: sys::getpid(), value });
    match sys::hear(socket) {
        Some(bid) if bid.what == abi::BIDS_RUN => {}
        // What `main` registered to be run at the end it has registered several times.
        _ => sys::exit_group(0),
    }
    pun::promote();
    sites::forget_hits();
    model::forget_entries();
    start::begin_trial(socket);
    1
}
