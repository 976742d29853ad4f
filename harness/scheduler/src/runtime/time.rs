//! Sleeps, yields and clocks, on virtual time.
//!
//! A step takes 100 ns, a look at the clock a microsecond or more, and when nobody can run time leaps
//! to the next deadline: an hour of sleep is over at once, and in its order.

use core::ffi::c_int;

use super::model::{self, EPOCH_NS, Until, Wait};
use super::sys::{self, Timespec};
use super::{caller, cancel};
use crate::abi::Op;

/// CLOCK_REALTIME begins here: November 2023. So far from [`EPOCH_NS`] that an absolute time tells of
/// which clock it is.
const REAL_NS: u64 = 1_700_000_000_000_000_000;

const CLOCK_GETTIME: usize = 228;
const CLOCK_NANOSLEEP: usize = 230;

/// The virtual time of an absolute time of either clock; never 0.
///
/// # Safety
/// The pointer must be null (no deadline: 0) or point at a `timespec`.
pub(super) unsafe fn deadline_at(until: *const Timespec) -> u64 {
    if until.is_null() {
        return 0;
    }
    // SAFETY: not null, so a `timespec` (the caller's promise).
    let nanos = unsafe { *until }.nanos();
    let since = if nanos >= REAL_NS / 2 { nanos.saturating_sub(REAL_NS) + EPOCH_NS } else { nanos };
    since.max(1)
}

/// The virtual time so many nanoseconds from now.
pub(super) fn deadline_in(nanos: u64) -> u64 {
    model::with(|m| m.now.saturating_add(nanos).max(1))
}

fn sleep_until(me: u32, deadline: u64, pc: usize) {
    model::point(me, Op::Sleep, 0, pc);
    cancel::point();
    let wait = Wait { op: Op::Sleep, object: 0, pc, until: Until::Time, deadline, bits: 0 };
    // One who is to end, and does not yet want to, sleeps on.
    while !model::wait(me, wait) && model::with(|m| m.now) < deadline {
        cancel::point();
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(time: *const Timespec, rest: *mut Timespec) -> c_int {
    if let Some(me) = model::me() {
        // SAFETY: the caller's argument.
        let nanos = unsafe { *time }.nanos();
        sleep_until(me, deadline_in(nanos), caller!());
        return 0;
    }
    // SAFETY: the caller's arguments.
    sys::c_result(unsafe { sys::call(sys::NANOSLEEP, [time as usize, rest as usize, 0, 0, 0, 0]) })
        as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(
    clock: c_int,
    flags: c_int,
    time: *const Timespec,
    rest: *mut Timespec,
) -> c_int {
    const ABSOLUTE: c_int = 1;
    if let Some(me) = model::me() {
        let deadline = if flags & ABSOLUTE != 0 {
            // SAFETY: the caller's argument.
            unsafe { deadline_at(time) }
        } else {
            // SAFETY: the caller's argument.
            deadline_in(unsafe { *time }.nanos())
        };
        sleep_until(me, deadline, caller!());
        return 0;
    }
    let args = [clock as usize, flags as usize, time as usize, rest as usize, 0, 0];
    // SAFETY: the caller's arguments.
    -(unsafe { sys::call(CLOCK_NANOSLEEP, args) }) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn usleep(micros: u32) -> c_int {
    let time = Timespec::from_nanos(u64::from(micros) * 1000);
    // SAFETY: both pointers are good.
    unsafe { nanosleep(&raw const time, core::ptr::null_mut()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sleep(seconds: u32) -> u32 {
    let time = Timespec { seconds: i64::from(seconds), nanos: 0 };
    // SAFETY: both pointers are good.
    unsafe { nanosleep(&raw const time, core::ptr::null_mut()) };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sched_yield() -> c_int {
    if let Some(me) = model::me() {
        // Whoever yields wants others to run: it lets all of them go first.
        model::with(|m| m.fruitless(me, u32::MAX / 2));
        model::point(me, Op::Yield, 0, caller!());
        return 0;
    }
    sys::os_yield();
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_yield() -> c_int {
    // SAFETY: takes nothing.
    unsafe { sched_yield() }
}

/// Nanoseconds of a clock, if it is one of those that run on virtual time.
fn read(clock: c_int) -> Option<u64> {
    let me = model::me()?;
    match clock {
        // REALTIME, REALTIME_COARSE
        0 | 5 => Some(model::read_clock(me) - EPOCH_NS + REAL_NS),
        // MONOTONIC, MONOTONIC_RAW, MONOTONIC_COARSE, BOOTTIME
        1 | 4 | 6 | 7 => Some(model::read_clock(me)),
        _ => None,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    if let Some(nanos) = read(clock) {
        // SAFETY: the caller's argument.
        unsafe { time.write(Timespec::from_nanos(nanos)) };
        return 0;
    }
    // SAFETY: the caller's arguments.
    sys::c_result(unsafe { sys::call(CLOCK_GETTIME, [clock as usize, time as usize, 0, 0, 0, 0]) })
        as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn gettimeofday(time: *mut Timespec, zone: *mut u64) -> c_int {
    let mut now = Timespec::default();
    // SAFETY: the local is good.
    let result = unsafe { clock_gettime(0, &raw mut now) };
    now.nanos /= 1000;
    if !time.is_null() {
        // SAFETY: a `timeval` has the shape of a `timespec`, with microseconds (gettimeofday(2)).
        unsafe { time.write(now) };
    }
    if !zone.is_null() {
        // SAFETY: a `struct timezone` is two ints.
        unsafe { zone.write(0) };
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn time(at: *mut i64) -> i64 {
    let mut now = Timespec::default();
    // SAFETY: the local is good.
    unsafe { clock_gettime(0, &raw mut now) };
    if !at.is_null() {
        // SAFETY: the caller's argument.
        unsafe { at.write(now.seconds) };
    }
    now.seconds
}
