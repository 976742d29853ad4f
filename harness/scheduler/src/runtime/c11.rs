//! Threads of C11 (threads.h): glibc makes them of its own pthread functions, without a call that could
//! be interposed, so they are made of ours here. `thrd_t` is `pthread_t` there, `mtx_t` and `cnd_t` have
//! the layout of a mutex and a condition variable, and `once_flag` that of a `pthread_once_t`.

use core::ffi::{c_int, c_void};

use super::real;
use super::sys::{ETIMEDOUT, Timespec};

/// threads.h: `thrd_success`, `thrd_busy`, `thrd_error`, `thrd_timedout`.
const SUCCESS: c_int = 0;
const BUSY: c_int = 1;
const ERROR: c_int = 2;
const TIMED_OUT: c_int = 4;

/// As a function of C11 says it.
fn said(result: c_int) -> c_int {
    const EBUSY: c_int = 16;
    match result {
        0 => SUCCESS,
        EBUSY => BUSY,
        ETIMEDOUT => TIMED_OUT,
        _ => ERROR,
    }
}

macro_rules! as_pthread {
    ($($name:ident($($argument:ident: $type:ty),*) = $function:ident;)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
            unsafe extern "C" {
                fn $function($($argument: $type),*) -> c_int;
            }
            // SAFETY: the caller's arguments, of the same shape.
            said(unsafe { $function($($argument),*) })
        }
    )*};
}

as_pthread! {
    mtx_lock(mutex: *mut c_void) = pthread_mutex_lock;
    mtx_trylock(mutex: *mut c_void) = pthread_mutex_trylock;
    mtx_timedlock(mutex: *mut c_void, until: *const Timespec) = pthread_mutex_timedlock;
    mtx_unlock(mutex: *mut c_void) = pthread_mutex_unlock;
    cnd_wait(cond: *mut c_void, mutex: *mut c_void) = pthread_cond_wait;
    cnd_timedwait(cond: *mut c_void, mutex: *mut c_void, until: *const Timespec) = pthread_cond_timedwait;
    cnd_signal(cond: *mut c_void) = pthread_cond_signal;
    cnd_broadcast(cond: *mut c_void) = pthread_cond_broadcast;
    thrd_detach(thread: usize) = pthread_detach;
}

type Body = extern "C" fn(*mut c_void) -> c_int;

/// What a thread is to do: its function returns an `int`.
#[repr(C)]
struct Task {
    body: Body,
    argument: *mut c_void,
}

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

unsafe extern "C" fn begin(task: *mut c_void) -> *mut c_void {
    // SAFETY: `thrd_create` made it for this thread alone.
    let Task { body, argument } = unsafe { task.cast::<Task>().read() };
    // SAFETY: from malloc, and not used any more.
    unsafe { free(task) };
    body(argument) as isize as *mut c_void
}

#[unsafe(no_mangle)]
unsafe extern "C" fn thrd_create(handle: *mut usize, body: Body, argument: *mut c_void) -> c_int {
    const NO_MEMORY: c_int = 3;
    const EAGAIN: c_int = 11;
    unsafe extern "C" {
        fn pthread_create(
            handle: *mut usize,
            attributes: *const c_void,
            body: real::Body,
            argument: *mut c_void,
        ) -> c_int;
    }
    // SAFETY: malloc's result is checked before it is written to.
    unsafe {
        let task = malloc(size_of::<Task>()).cast::<Task>();
        if task.is_null() {
            return NO_MEMORY;
        }
        task.write(Task { body, argument });
        match pthread_create(handle, core::ptr::null(), begin, task.cast()) {
            0 => SUCCESS,
            why => {
                free(task.cast());
                if why == EAGAIN { NO_MEMORY } else { ERROR }
            }
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn thrd_join(thread: usize, value: *mut c_int) -> c_int {
    unsafe extern "C" {
        fn pthread_join(thread: usize, value: *mut *mut c_void) -> c_int;
    }
    let mut result = core::ptr::null_mut();
    // SAFETY: the caller's thread; the result is a local; the caller's pointer is null or good.
    unsafe {
        if pthread_join(thread, &raw mut result) != 0 {
            return ERROR;
        }
        if !value.is_null() {
            value.write(result as isize as c_int);
        }
    }
    SUCCESS
}

#[unsafe(no_mangle)]
unsafe extern "C" fn call_once(flag: *mut c_void, body: extern "C" fn()) {
    unsafe extern "C" {
        fn pthread_once(flag: *mut c_void, body: extern "C" fn()) -> c_int;
    }
    // SAFETY: the caller's arguments.
    unsafe { pthread_once(flag, body) };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn thrd_yield() {
    unsafe extern "C" {
        fn sched_yield() -> c_int;
    }
    // SAFETY: takes nothing.
    unsafe { sched_yield() };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn thrd_sleep(time: *const Timespec, rest: *mut Timespec) -> c_int {
    unsafe extern "C" {
        fn nanosleep(time: *const Timespec, rest: *mut Timespec) -> c_int;
    }
    const INTERRUPTED: c_int = -1;
    // SAFETY: the caller's arguments.
    if unsafe { nanosleep(time, rest) } == 0 { 0 } else { INTERRUPTED }
}
