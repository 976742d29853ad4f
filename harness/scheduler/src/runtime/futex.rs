//! `syscall`: the futex operations that std, libstdc++ and parking_lot make through it, getrandom,
//! and, unchanged, everything else. futex(2).

use core::ffi::{c_int, c_long, c_void};
use core::sync::atomic::{AtomicU32, Ordering::*};

use super::model::{self, Until, Wait};
use super::sys::{self, Timespec};
use super::{caller, memory, time};
use crate::abi::Op;

const WAIT: usize = 0;
const WAKE: usize = 1;
const REQUEUE: usize = 3;
const CMP_REQUEUE: usize = 4;
const WAKE_OP: usize = 5;
const WAIT_BITSET: usize = 9;
const WAKE_BITSET: usize = 10;
const CLOCK_REALTIME: usize = 256;

const EAGAIN: isize = -11;
const ETIMEDOUT: isize = -110;

/// Six arguments whatever the call: on x86-64 a variadic function gets integers where a fixed one
/// does, and the kernel ignores those that a call does not have.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    let args = [a, b, c, d, e, f];
    let number = number as usize;
    let result = match number {
        sys::FUTEX => {
            let pc = caller!();
            match model::me().and_then(|me| futex(me, args, pc)) {
                Some(result) => result,
                // SAFETY: the caller's arguments.
                None => unsafe { sys::call(number, args) },
            }
        }
        // SAFETY: the caller's arguments.
        sys::GETRANDOM if model::me().is_some() => unsafe { fill(a as *mut u8, b) },
        // SAFETY: the caller's arguments.
        _ => unsafe { sys::call(number, args) },
    };
    sys::c_result(result) as c_long
}

/// A futex operation under control, or `None` for one that is not modelled: those on memory that other
/// processes share, and priority inheritance.
fn futex(me: u32, args: [usize; 6], pc: usize) -> Option<isize> {
    let [object, op, value, fourth, second, sixth] = args;
    if op & sys::FUTEX_PRIVATE == 0 && !memory::is_private(object) {
        return None;
    }
    let action = op & !(sys::FUTEX_PRIVATE | CLOCK_REALTIME);
    // SAFETY: the kernel would answer EFAULT for a bad address, we die of it: a program that passes
    // one is not helped by control.
    let word = || unsafe { (*(object as *const AtomicU32)).load(SeqCst) };
    match action {
        WAIT | WAIT_BITSET => {
            model::point(me, Op::FutexWait, object, pc);
            if word() != value as u32 {
                return Some(EAGAIN);
            }
            let timeout = fourth as *const Timespec;
            let deadline = if timeout.is_null() {
                0
            } else if action == WAIT {
                // SAFETY: not null, so a `timespec`.
                time::deadline_in(unsafe { *timeout }.nanos())
            } else {
                // SAFETY: not null, so a `timespec`.
                unsafe { time::deadline_at(timeout) }
            };
            let bits = if action == WAIT { !0 } else { sixth as u32 };
            let wait = Wait { op: Op::FutexWait, object, pc, until: Until::Woken, deadline, bits };
            Some(if model::wait(me, wait) { ETIMEDOUT } else { 0 })
        }
        WAKE | WAKE_BITSET => {
            model::point(me, Op::FutexWake, object, pc);
            let bits = if action == WAKE { !0 } else { sixth as u32 };
            Some(wake(object, value, bits))
        }
        REQUEUE | CMP_REQUEUE => {
            model::point(me, Op::FutexWake, object, pc);
            if action == CMP_REQUEUE && word() != sixth as u32 {
                return Some(EAGAIN);
            }
            let woken = wake(object, value, !0);
            let moved = model::with(|m| m.requeue(Op::FutexWait, object, second, fourth));
            Some(woken + moved as isize)
        }
        WAKE_OP => {
            model::point(me, Op::FutexWake, object, pc);
            let old = apply(second, sixth as u32);
            let woken = wake(object, value, !0);
            let more = if compare(old, sixth as u32) { wake(second, fourth, !0) } else { 0 };
            Some(woken + more)
        }
        _ => None,
    }
}

fn wake(object: usize, count: usize, bits: u32) -> isize {
    // INT_MAX, and -1, mean all.
    let count = if count as u32 > i32::MAX as u32 { usize::MAX } else { count };
    model::with(|m| m.wake(&[Op::FutexWait], object, count, bits)) as isize
}

/// The operation that FUTEX_WAKE_OP encodes in its last argument, on its second word.
fn apply(at: usize, code: u32) -> u32 {
    // SAFETY: as for the first word.
    let word = unsafe { &*(at as *const AtomicU32) };
    let mut operand = (code >> 12) & 0xfff;
    if code & 0x8000_0000 != 0 {
        operand = 1u32.wrapping_shl(operand);
    }
    match (code >> 28) & 7 {
        0 => word.swap(operand, SeqCst),
        1 => word.fetch_add(operand, SeqCst),
        2 => word.fetch_or(operand, SeqCst),
        3 => word.fetch_and(!operand, SeqCst),
        _ => word.fetch_xor(operand, SeqCst),
    }
}

fn compare(old: u32, code: u32) -> bool {
    let (old, against) = (old as i32, (code & 0xfff) as i32);
    match (code >> 24) & 15 {
        0 => old == against,
        1 => old != against,
        2 => old < against,
        3 => old <= against,
        4 => old > against,
        _ => old >= against,
    }
}

/// Fills memory with the trial's own random bytes.
///
/// # Safety
/// `at` must point at `count` writable bytes.
unsafe fn fill(at: *mut u8, count: usize) -> isize {
    for index in 0..count {
        let byte = model::with(|m| m.entropy.bits()) as u8;
        // SAFETY: within the caller's buffer.
        unsafe { at.add(index).write(byte) };
    }
    count as isize
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(at: *mut c_void, count: usize, flags: u32) -> isize {
    if model::me().is_some() {
        // SAFETY: the caller's arguments.
        return unsafe { fill(at.cast(), count) };
    }
    // SAFETY: the caller's arguments.
    sys::c_result(unsafe {
        sys::call(sys::GETRANDOM, [at as usize, count, flags as usize, 0, 0, 0])
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getentropy(at: *mut c_void, count: usize) -> c_int {
    // SAFETY: the caller's arguments.
    if unsafe { getrandom(at, count, 0) } == count as isize { 0 } else { -1 }
}
