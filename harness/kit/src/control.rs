//! Where the controlled lane forks its trials: behind the preparation, which is then paid for once.

use std::ffi::c_void;

/// Lets a preloaded runtime serve from here on; returns in each trial. Without one it does nothing.
pub(crate) fn serve() {
    // SAFETY: the name is a C string; the handle is the one that dlsym(3) documents.
    let serve = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"standstill_serve".as_ptr()) };
    if !serve.is_null() {
        // SAFETY: only `standstill-scheduler` defines it, as a function of this type.
        let serve = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn()>(serve) };
        serve();
    }
}
