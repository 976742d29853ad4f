//! The C library's string functions, as accesses to shared memory.
//!
//! libc itself is not patched (the runtime stands on it), so what `strlen` reads and `strcpy` writes
//! has no scheduling point of its own. A C function that formats into a static buffer and a caller
//! that copies the buffer out meet in these calls and nowhere else. Functions that a compiler calls
//! by itself (`memcpy`, `memset`, `memcmp`) are left alone: the runtime may contain such calls.

use core::ffi::{c_char, c_int};

use super::{caller, model, real};
use crate::abi::Op;

/// Below this distance above the stack pointer lies the calling thread's own stack.
const OWN_STACK: usize = 1 << 20;

/// A scheduling point before an access to a string, unless it lies on the caller's stack.
fn touch(op: Op, at: *const c_char, pc: usize) {
    let here = core::ptr::from_ref(&pc) as usize;
    let at = at as usize;
    if (here..here + OWN_STACK).contains(&at) || !super::trap::reaches_strings() {
        return;
    }
    if let Some(me) = model::me() {
        model::point(me, op, at & !7, pc);
    }
}

macro_rules! reading {
    ($($name:ident($first:ident $(, $argument:ident: $kind:ty)*) -> $result:ty = $real:ident;)*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name($first: *const c_char $(, $argument: $kind)*) -> $result {
            touch(Op::Load, $first, caller!());
            // SAFETY: the caller's arguments.
            unsafe { real::$real.get()($first $(, $argument)*) }
        })*
    };
}

reading! {
    strlen(text) -> usize = STRLEN;
    strnlen(text, most: usize) -> usize = STRNLEN;
    strdup(text) -> *mut c_char = STRDUP;
    strcmp(text, other: *const c_char) -> c_int = STRCMP;
    strncmp(text, other: *const c_char, most: usize) -> c_int = STRNCMP;
    strchr(text, byte: c_int) -> *mut c_char = STRCHR;
}

macro_rules! copying {
    ($($name:ident($to:ident, $from:ident $(, $argument:ident: $kind:ty)*) = $real:ident;)*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            $to: *mut c_char,
            $from: *const c_char
            $(, $argument: $kind)*
        ) -> *mut c_char {
            let pc = caller!();
            touch(Op::Load, $from, pc);
            touch(Op::Store, $to, pc);
            // SAFETY: the caller's arguments.
            unsafe { real::$real.get()($to, $from $(, $argument)*) }
        })*
    };
}

copying! {
    strcpy(to, from) = STRCPY;
    strncpy(to, from, most: usize) = STRNCPY;
    strcat(to, from) = STRCAT;
}
