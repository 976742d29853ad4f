//! How many processors the program sees: four, wherever it runs.
//!
//! A trial is bound to one processor, which would make every pool of "a thread for each processor" a
//! pool of one; and a schedule that was found on a machine of 64 would not repeat on one of 8.

use core::ffi::{c_int, c_long};
use core::sync::atomic::Ordering::*;

use super::{model, real, sys};

const CPUS: usize = 4;
/// sysconf(3): _SC_NPROCESSORS_CONF and _SC_NPROCESSORS_ONLN.
const CONFIGURED: c_int = 83;
const ONLINE: c_int = 84;

/// Whether this process belongs to a supervisor.
fn is_controlled() -> bool {
    !model::SHARED.load(Relaxed).is_null()
}

/// The kernel's answer is the number of bytes it wrote; libc's, zero.
#[unsafe(no_mangle)]
unsafe extern "C" fn sched_getaffinity(pid: c_int, size: usize, mask: *mut u8) -> c_int {
    const GETAFFINITY: usize = 204;
    if is_controlled() && size > 0 && (pid == 0 || pid == sys::getpid()) {
        // SAFETY: the caller's buffer, of that size.
        unsafe {
            mask.write_bytes(0, size);
            mask.write((1 << CPUS) - 1);
        }
        return 0;
    }
    // SAFETY: the caller's arguments.
    let wrote = unsafe { sys::call(GETAFFINITY, [pid as usize, size, mask as usize, 0, 0, 0]) };
    if wrote < 0 {
        return sys::c_result(wrote) as c_int;
    }
    // SAFETY: the kernel's mask may be shorter than the caller's; the rest is cleared (glibc does).
    unsafe { mask.add(wrote as usize).write_bytes(0, size - wrote as usize) };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sysconf(name: c_int) -> c_long {
    if is_controlled() && (name == ONLINE || name == CONFIGURED) {
        return CPUS as c_long;
    }
    // SAFETY: takes a number.
    unsafe { real::SYSCONF.get()(name) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn get_nprocs() -> c_int {
    // SAFETY: takes a number.
    unsafe { sysconf(ONLINE) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn get_nprocs_conf() -> c_int {
    // SAFETY: takes a number.
    unsafe { sysconf(CONFIGURED) as c_int }
}
