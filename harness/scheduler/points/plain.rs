//! Plain loads and stores. The access itself follows the call, in the program.
//!
//! Most accesses are no scheduling points, and there are many of them: without a runtime an entry is
//! a load, a test and a return; with one it is a jump to the runtime, which sees the return address
//! on top of the stack and returns to the program.

use core::ffi::{c_int, c_void};

use super::kinds::{LOAD, READ, STORE, WRITE};
use super::{POINT, caller, entries, point};

unsafe extern "C" {
    fn memcpy(to: *mut c_void, from: *const c_void, length: usize) -> *mut c_void;
    fn memmove(to: *mut c_void, from: *const c_void, length: usize) -> *mut c_void;
    fn memset(to: *mut c_void, value: c_int, length: usize) -> *mut c_void;
}

/// Entries for an access of a size that the name tells.
macro_rules! accesses {
    ($($name:ident $kind:ident $size:literal)*) => {$(
        entries! {
            #[unsafe(naked)]
            fn $name(_address: *const c_void) {
                // The program's call is handed on: the stack and the return address are as they were.
                core::arch::naked_asm!(
                    "mov rax, [rip + {hook}]",
                    "test rax, rax",
                    "jne 2f",
                    "ret",
                    "2:",
                    "mov rsi, rdi",
                    "mov edi, {kind}",
                    "mov edx, {size}",
                    "mov rcx, [rsp]",
                    "jmp rax",
                    hook = sym POINT,
                    kind = const $kind,
                    size = const $size,
                )
            }
        }
    )*};
}

accesses! {
    __tsan_read1 READ 1 __tsan_read2 READ 2 __tsan_read4 READ 4 __tsan_read8 READ 8
    __tsan_read16 READ 16
    __tsan_write1 WRITE 1 __tsan_write2 WRITE 2 __tsan_write4 WRITE 4 __tsan_write8 WRITE 8
    __tsan_write16 WRITE 16
    __tsan_read_write1 WRITE 1 __tsan_read_write2 WRITE 2 __tsan_read_write4 WRITE 4
    __tsan_read_write8 WRITE 8 __tsan_read_write16 WRITE 16
    __tsan_unaligned_read1 READ 1 __tsan_unaligned_read2 READ 2 __tsan_unaligned_read4 READ 4
    __tsan_unaligned_read8 READ 8 __tsan_unaligned_read16 READ 16
    __tsan_unaligned_write1 WRITE 1 __tsan_unaligned_write2 WRITE 2
    __tsan_unaligned_write4 WRITE 4 __tsan_unaligned_write8 WRITE 8
    __tsan_unaligned_write16 WRITE 16
    __tsan_unaligned_read_write1 WRITE 1 __tsan_unaligned_read_write2 WRITE 2
    __tsan_unaligned_read_write4 WRITE 4 __tsan_unaligned_read_write8 WRITE 8
    __tsan_unaligned_read_write16 WRITE 16
    __tsan_volatile_read1 LOAD 1 __tsan_volatile_read2 LOAD 2 __tsan_volatile_read4 LOAD 4
    __tsan_volatile_read8 LOAD 8 __tsan_volatile_read16 LOAD 16
    __tsan_volatile_write1 STORE 1 __tsan_volatile_write2 STORE 2
    __tsan_volatile_write4 STORE 4 __tsan_volatile_write8 STORE 8
    __tsan_volatile_write16 STORE 16
    __tsan_unaligned_volatile_read1 LOAD 1 __tsan_unaligned_volatile_read2 LOAD 2
    __tsan_unaligned_volatile_read4 LOAD 4 __tsan_unaligned_volatile_read8 LOAD 8
    __tsan_unaligned_volatile_read16 LOAD 16
    __tsan_unaligned_volatile_write1 STORE 1 __tsan_unaligned_volatile_write2 STORE 2
    __tsan_unaligned_volatile_write4 STORE 4 __tsan_unaligned_volatile_write8 STORE 8
    __tsan_unaligned_volatile_write16 STORE 16
    __tsan_vptr_read READ 8
}

/// The same for an access whose length the program tells.
macro_rules! ranges {
    ($($name:ident $kind:ident)*) => {$(
        entries! {
            #[unsafe(naked)]
            fn $name(_address: *const c_void, _length: usize) {
                core::arch::naked_asm!(
                    "mov rax, [rip + {hook}]",
                    "test rax, rax",
                    "jne 2f",
                    "ret",
                    "2:",
                    "mov rdx, rsi",
                    "mov rsi, rdi",
                    "mov edi, {kind}",
                    "mov rcx, [rsp]",
                    "jmp rax",
                    hook = sym POINT,
                    kind = const $kind,
                )
            }
        }
    )*};
}

ranges! { __tsan_read_range READ __tsan_write_range WRITE }

/// The two accesses of a copy.
#[inline(always)]
fn copies(to: usize, from: usize, length: usize, pc: usize) {
    if length != 0 {
        point(READ, from, length, pc);
        point(WRITE, to, length, pc);
    }
}

entries! {
    fn __tsan_vptr_update(slot: *const usize, new: usize) {
        // Constructors of a class without a base of its own write what is there already.
        // SAFETY: the program is about to write there.
        if unsafe { slot.read() } != new {
            point(WRITE, slot as usize, 8, caller!());
        }
    }

    fn __tsan_memcpy(to: *mut c_void, from: *const c_void, length: usize) -> *mut c_void {
        copies(to as usize, from as usize, length, caller!());
        // SAFETY: the program's own call.
        unsafe { memcpy(to, from, length) }
    }

    fn __tsan_memmove(to: *mut c_void, from: *const c_void, length: usize) -> *mut c_void {
        copies(to as usize, from as usize, length, caller!());
        // SAFETY: the program's own call.
        unsafe { memmove(to, from, length) }
    }

    fn __tsan_memset(to: *mut c_void, value: c_int, length: usize) -> *mut c_void {
        if length != 0 {
            point(WRITE, to as usize, length, caller!());
        }
        // SAFETY: the program's own call.
        unsafe { memset(to, value, length) }
    }
}
