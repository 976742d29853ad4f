//! Other processes and signals: `fork`, waits for children, waits for signals, and the two signals
//! that the runtime needs for itself.

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::Ordering::*;

use super::{caller, cancel, model, real, sys};
use crate::abi::Op;

const WAITID: usize = 247;
const PAUSE: usize = 34;
const SIGSUSPEND: usize = 130;
const SIGTIMEDWAIT: usize = 128;
const NO_HANG: usize = 1;

pub(super) const SIGTRAP: c_int = 5;
pub(super) const SIGPROF: c_int = 27;

/// The child of a controlled process is not controlled: it has one thread, and a schedule of its own
/// if the user wants one.
#[unsafe(no_mangle)]
unsafe extern "C" fn fork() -> c_int {
    if let Some(me) = model::me() {
        model::point(me, Op::Fork, 0, caller!());
        model::with(|m| m.children = true);
    }
    // SAFETY: takes nothing.
    let pid = unsafe { real::FORK.get()() };
    if pid == 0 {
        model::MODE.store(model::OFF, Relaxed);
    }
    pid
}

macro_rules! spawning {
    ($name:ident, $real:ident) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            pid: *mut c_int,
            path: *const c_char,
            actions: *const c_void,
            attributes: *const c_void,
            argv: *const *mut c_char,
            envp: *const *mut c_char,
        ) -> c_int {
            if let Some(me) = model::me() {
                model::point(me, Op::Fork, 0, caller!());
                model::with(|m| m.children = true);
            }
            // SAFETY: the caller's arguments.
            unsafe { real::$real.get()(pid, path, actions, attributes, argv, envp) }
        }
    };
}
spawning!(posix_spawn, SPAWN);
spawning!(posix_spawnp, SPAWNP);

/// A call that may block and is not modelled, without the token unless `stays`.
///
/// # Safety
/// As for [`sys::call`].
unsafe fn without_token(number: usize, args: [usize; 6], stays: bool, pc: usize) -> isize {
    match model::me().filter(|_| !stays) {
        Some(me) => {
            model::leave(me, Op::Outside, pc);
            // SAFETY: the caller's arguments.
            let result = cancel::outside(|| unsafe { sys::call(number, args) });
            model::back(me);
            sys::c_result(result)
        }
        // SAFETY: the caller's arguments.
        None => sys::c_result(unsafe { sys::call(number, args) }),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn wait4(
    pid: c_int,
    status: *mut c_int,
    options: c_int,
    usage: *mut c_void,
) -> c_int {
    let args = [pid as usize, status as usize, options as usize, usage as usize, 0, 0];
    // SAFETY: the caller's arguments.
    unsafe { without_token(sys::WAIT4, args, options as usize & NO_HANG != 0, caller!()) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe { wait4(pid, status, options, core::ptr::null_mut()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn wait(status: *mut c_int) -> c_int {
    // SAFETY: the caller's argument.
    unsafe { wait4(-1, status, 0, core::ptr::null_mut()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn waitid(kind: c_int, id: u32, info: *mut c_void, options: c_int) -> c_int {
    let args = [kind as usize, id as usize, info as usize, options as usize, 0, 0];
    // SAFETY: the caller's arguments.
    unsafe { without_token(WAITID, args, options as usize & NO_HANG != 0, caller!()) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pause() -> c_int {
    // SAFETY: takes nothing.
    unsafe { without_token(PAUSE, [0; 6], false, caller!()) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sigsuspend(set: *const u64) -> c_int {
    // SAFETY: the caller's argument; the kernel's set has eight bytes.
    unsafe { without_token(SIGSUSPEND, [set as usize, 8, 0, 0, 0, 0], false, caller!()) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sigtimedwait(
    set: *const u64,
    info: *mut c_void,
    time: *const c_void,
) -> c_int {
    let args = [set as usize, info as usize, time as usize, 8, 0, 0];
    // SAFETY: the caller's arguments.
    unsafe { without_token(SIGTIMEDWAIT, args, false, caller!()) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sigwaitinfo(set: *const u64, info: *mut c_void) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe { sigtimedwait(set, info, core::ptr::null()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sigwait(set: *const u64, signal: *mut c_int) -> c_int {
    loop {
        // SAFETY: the caller's set; no information is asked for.
        let got = unsafe { sigtimedwait(set, core::ptr::null_mut(), core::ptr::null()) };
        if got > 0 {
            // SAFETY: the caller's argument.
            unsafe { signal.write(got) };
            return 0;
        }
        let error = sys::errno();
        if error != 4 {
            return error;
        }
    }
}

/// Our signals stay ours: the program's handler for them is taken and forgotten.
#[unsafe(no_mangle)]
unsafe extern "C" fn sigaction(signal: c_int, new: *const c_void, old: *mut c_void) -> c_int {
    let ours = signal == SIGTRAP || signal == SIGPROF;
    let new = if ours && super::trap::armed() { core::ptr::null() } else { new };
    // SAFETY: the caller's arguments.
    unsafe { real::SIGACTION.get()(signal, new, old) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn signal(number: c_int, handler: usize) -> usize {
    if (number == SIGTRAP || number == SIGPROF) && super::trap::armed() {
        return 0;
    }
    // SAFETY: the caller's arguments.
    unsafe { real::SIGNAL.get()(number, handler) }
}

macro_rules! masking {
    ($name:ident, $real:ident) => {
        /// A blocked SIGTRAP would turn the next scheduling point into the end of the process.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(how: c_int, set: *const u64, old: *mut c_void) -> c_int {
            const UNBLOCK: c_int = 1;
            if set.is_null() || how == UNBLOCK || !super::trap::armed() {
                // SAFETY: the caller's arguments.
                return unsafe { real::$real.get()(how, set, old) };
            }
            // A `sigset_t` is 1024 bits.
            let mut copy = [0u64; 16];
            // SAFETY: the caller's argument, of that size.
            unsafe { core::ptr::copy_nonoverlapping(set, copy.as_mut_ptr(), 16) };
            copy[0] &= !(1 << (SIGTRAP - 1) | 1 << (SIGPROF - 1));
            // SAFETY: the caller's arguments, and the copy.
            unsafe { real::$real.get()(how, copy.as_ptr(), old) }
        }
    };
}
masking!(pthread_sigmask, SIGMASK);
masking!(sigprocmask, SIGPROCMASK);
