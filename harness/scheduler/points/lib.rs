//! Scheduling points of programs that were compiled with ThreadSanitizer's instrumentation: every
//! `__tsan_*` function that LLVM and gcc emit, over standstill's runtime instead of libtsan's.
//!
//! The names and types are those of compiler-rt (lib/tsan/rtl/tsan_interface.h,
//! tsan_interface_atomic.h), of LLVM's pass (lib/Transforms/Instrumentation/ThreadSanitizer.cpp) and
//! of gcc (gcc/sanitizer.def).
//!
//! Where the runtime is preloaded, every function asks it before the access and, where the access is
//! an atomic that may change a word, tells it afterwards. Where it is not, the accesses are made and
//! nothing else: the same binary is the native baseline of its controlled runs.
//!
//! Built by one call of rustc into an object file, not an archive: `--crate-type lib --emit obj`. It
//! is linked into C, C++ and Rust programs, and an archive would carry a second `core` and want a
//! panic handler. Nothing here can panic, so the object refers to `dlsym` and the memory functions
//! alone. All code lies in a section that names the level the program was built for,
//! `standstill_l2` or (with `--cfg full`) `standstill_l3`. It tells a supervisor what the binary
//! carries, also when that is stripped, and where not to patch: the locked instructions in that
//! section have had their point already. Those in code that was not compiled anew, such as the
//! precompiled std's, have not.

#![no_std]

use core::ffi::{c_char, c_void};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

mod atomics;
mod caller;
pub mod kinds;
mod plain;
mod quiet;

/// The runtime's `standstill_point(kind, address, size, pc)`; 0 where there is no runtime.
static POINT: AtomicUsize = AtomicUsize::new(0);
/// The runtime's `standstill_changed(address, old, new, how, pc)`.
static CHANGED: AtomicUsize = AtomicUsize::new(0);

type Point = unsafe extern "C" fn(u32, usize, usize, usize);
type Changed = unsafe extern "C" fn(usize, u64, u64, u32, usize);

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// Defines functions that instrumented code calls: under their own name, hidden (each module has its
/// own), in the section of the level.
macro_rules! entries {
    ($($(#[$attribute:meta])* fn $name:ident $arguments:tt $(-> $result:ty)? $body:block)*) => {$(
        core::arch::global_asm!(concat!(".hidden ", stringify!($name)));
        $(#[$attribute])*
        #[unsafe(no_mangle)]
        #[cfg_attr(full, unsafe(link_section = "standstill_l3"))]
        #[cfg_attr(not(full), unsafe(link_section = "standstill_l2"))]
        unsafe extern "C" fn $name $arguments $(-> $result)? $body
    )*};
}
use caller::caller;
use entries;

/// Called by a constructor that gcc and clang put into each object that they instrument.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: unsafe extern "C" fn() = __tsan_init;

entries! {
    fn __tsan_init() {
        // SAFETY: two names of functions; a null handle is RTLD_DEFAULT, all that is loaded.
        let find = |name: &core::ffi::CStr| unsafe {
            dlsym(core::ptr::null_mut(), name.as_ptr()) as usize
        };
        let (point, changed) = (find(c"standstill_point"), find(c"standstill_changed"));
        if point != 0 && changed != 0 {
            CHANGED.store(changed, Relaxed);
            POINT.store(point, Relaxed);
        }
    }
}

/// Asks the runtime whether another thread goes first. False where there is none.
#[inline(always)]
fn point(kind: u32, address: usize, size: usize, pc: usize) -> bool {
    let hook = POINT.load(Relaxed);
    if hook == 0 {
        return false;
    }
    // SAFETY: the runtime's function has this type.
    unsafe { core::mem::transmute::<usize, Point>(hook)(kind, address, size, pc) };
    true
}

/// Tells the runtime what a word was and is.
#[inline(always)]
fn changed(address: usize, old: u64, new: u64, how: u32, pc: usize) {
    // SAFETY: called after `point` said that there is a runtime; both were found.
    unsafe {
        core::mem::transmute::<usize, Changed>(CHANGED.load(Relaxed))(address, old, new, how, pc);
    }
}
