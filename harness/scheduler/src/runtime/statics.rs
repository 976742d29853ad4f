//! The program's statics as they were before `main`, to run `main` again with.
//!
//! Kept are the writable segments of the program and of its libraries, and the main thread's
//! thread-local variables of the program. Not kept are those of the C library, whose heap goes on, and
//! the heap itself: what a static owned then and the program has replaced since is gone.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering::*};

use super::sys;

/// Segments, at most.
const MOST: usize = 128;
/// Bytes of all of them, at most: more are not worth a copy for each trial.
const BYTES: usize = 64 << 20;
/// Libraries that know of the heap, of threads, and of the trial: they go on.
const LASTING: [&str; 5] =
    ["libc.so", "ld-linux", "libpthread.so", "libstandstill_scheduler", "linux-vdso"];

/// Where each segment is, where its copy is, and its length.
static KEPT: [[AtomicUsize; 3]; MOST] =
    [const { [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)] }; MOST];
static COUNT: AtomicUsize = AtomicUsize::new(0);
static TOTAL: AtomicUsize = AtomicUsize::new(0);

/// `struct dl_phdr_info` up to the headers (dl_iterate_phdr(3)).
#[repr(C)]
struct Module {
    base: usize,
    name: *const c_char,
    headers: *const Header,
    count: u16,
}

/// `Elf64_Phdr` (elf(5)).
#[repr(C)]
struct Header {
    kind: u32,
    flags: u32,
    offset: u64,
    address: usize,
    physical: u64,
    in_file: u64,
    size: usize,
    alignment: usize,
}

const LOAD: u32 = 1;
const TLS: u32 = 7;
const RELRO: u32 = 0x6474_e552;
const WRITABLE: u32 = 2;

/// Copies them. False if they are too many.
pub(super) fn keep() -> bool {
    type Callback = unsafe extern "C" fn(*const Module, usize, *mut c_void) -> c_int;
    unsafe extern "C" {
        fn dl_iterate_phdr(callback: Callback, data: *mut c_void) -> c_int;
    }
    // SAFETY: the callback is of the type that the manual page gives.
    unsafe { dl_iterate_phdr(keep_module, core::ptr::null_mut()) == 0 }
}

unsafe extern "C" fn keep_module(module: *const Module, _: usize, _: *mut c_void) -> c_int {
    // SAFETY: the linker's description of a module, valid during the call.
    let (module, headers, name) = unsafe {
        let module = &*module;
        let headers = core::slice::from_raw_parts(module.headers, usize::from(module.count));
        (module, headers, CStr::from_ptr(module.name).to_bytes())
    };
    let is_named = |part: &&str| name.windows(part.len()).any(|w| w == part.as_bytes());
    if LASTING.iter().any(is_named) {
        return 0;
    }
    let relro = headers.iter().find(|h| h.kind == RELRO);
    let relro = relro.map_or(0, |h| h.address + h.size).next_multiple_of(4096);
    for header in headers {
        let end = header.address + header.size;
        let kept = match header.kind {
            // Its first pages were made read-only when they had been relocated.
            LOAD if header.flags & WRITABLE != 0 => {
                let start = if relro > header.address { relro.min(end) } else { header.address };
                keep_range(module.base + start, end - start)
            }
            // The program itself has no name; its block ends at the thread pointer (variant II of
            // Drepper, "ELF handling for thread-local storage", 3.4.6).
            TLS if name.is_empty() => {
                let size = header.size.next_multiple_of(header.alignment.max(1));
                // SAFETY: takes nothing; the handle is the thread pointer in glibc.
                keep_range(unsafe { sys::pthread_self() } - size, header.size)
            }
            _ => true,
        };
        if !kept {
            return 1;
        }
    }
    0
}

fn keep_range(at: usize, length: usize) -> bool {
    const READ_WRITE: usize = 3;
    let (count, total) = (COUNT.load(Relaxed), TOTAL.load(Relaxed) + length);
    if length == 0 {
        return true;
    }
    let copy = sys::map(0, length.next_multiple_of(4096), READ_WRITE, 0);
    let (Some(copy), true) = (copy, count < MOST && total <= BYTES) else { return false };
    // SAFETY: the segment is mapped, readable, and as long as the linker says; the copy is new.
    unsafe { core::ptr::copy_nonoverlapping(at as *const u8, copy as *mut u8, length) };
    for (word, value) in KEPT[count].iter().zip([at, copy, length]) {
        word.store(value, Relaxed);
    }
    COUNT.store(count + 1, Relaxed);
    TOTAL.store(total, Relaxed);
    true
}

/// Puts them back.
pub(super) fn restore() {
    for [at, copy, length] in &KEPT[..COUNT.load(Relaxed)] {
        let [at, copy, length] = [at, copy, length].map(|word| word.load(Relaxed));
        // SAFETY: as in `keep_range`; the process has one thread, and it is in no code of those modules.
        unsafe { core::ptr::copy_nonoverlapping(copy as *const u8, at as *mut u8, length) };
    }
}
