//! Where the controlled lane forks its trials: behind the preparation, which is then paid for once.

use std::ffi::{CStr, c_void};

/// Lets a preloaded runtime serve from here on; returns in each trial. Without one it does nothing.
pub(crate) fn serve() {
    if let Some(serve) = runtime(c"standstill_serve") {
        // SAFETY: only `standstill-scheduler` defines it, as a function of this type.
        let serve = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn()>(serve) };
        serve();
    }
}

/// The trial is over: whether a preloaded runtime wants another one in this process.
pub(crate) fn again() -> bool {
    runtime(c"standstill_again").is_some_and(|again| {
        // SAFETY: as above.
        let again = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(i32) -> i32>(again) };
        again(0) != 0
    })
}

/// A function of the preloaded runtime, if there is one.
fn runtime(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name is a C string; the handle is the one that dlsym(3) documents.
    let at = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!at.is_null()).then_some(at)
}
