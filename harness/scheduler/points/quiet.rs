//! What instrumented code says that is no access: where functions begin and end, and what programs
//! tell ThreadSanitizer of their own locks and fibers. The runtime learns the same from `pthread_*`,
//! futexes and atomics, or does not need it.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{Ordering, compiler_fence, fence};

use super::entries;

/// `__ATOMIC_SEQ_CST`.
const SEQ_CST: c_int = 5;

entries! {
    fn __tsan_func_entry(_caller: *const c_void) {}
    fn __tsan_func_exit() {}
    fn __tsan_ignore_thread_begin() {}
    fn __tsan_ignore_thread_end() {}
    fn __tsan_acquire(_address: *const c_void) {}
    fn __tsan_release(_address: *const c_void) {}
    fn __tsan_mutex_create(_mutex: *const c_void, _flags: u32) {}
    fn __tsan_mutex_destroy(_mutex: *const c_void, _flags: u32) {}
    fn __tsan_mutex_pre_lock(_mutex: *const c_void, _flags: u32) {}
    fn __tsan_mutex_post_lock(_mutex: *const c_void, _flags: u32, _recursion: c_int) {}
    fn __tsan_mutex_pre_unlock(_mutex: *const c_void, _flags: u32) -> c_int { 0 }
    fn __tsan_mutex_post_unlock(_mutex: *const c_void, _flags: u32) {}
    fn __tsan_mutex_pre_signal(_mutex: *const c_void, _flags: u32) {}
    fn __tsan_mutex_post_signal(_mutex: *const c_void, _flags: u32) {}
    fn __tsan_mutex_pre_divert(_mutex: *const c_void, _flags: u32) {}
    fn __tsan_mutex_post_divert(_mutex: *const c_void, _flags: u32) {}
    fn __tsan_external_read(_address: *const c_void, _pc: *const c_void, _tag: *const c_void) {}
    fn __tsan_external_write(_address: *const c_void, _pc: *const c_void, _tag: *const c_void) {}
    fn __tsan_get_current_fiber() -> *mut c_void { core::ptr::null_mut() }
    fn __tsan_create_fiber(_flags: u32) -> *mut c_void { core::ptr::null_mut() }
    fn __tsan_destroy_fiber(_fiber: *mut c_void) {}
    fn __tsan_switch_to_fiber(_fiber: *mut c_void, _flags: u32) {}
    fn __tsan_set_fiber_name(_fiber: *mut c_void, _name: *const c_void) {}
    fn __tsan_testonly_barrier_init(_barrier: *mut u64, _count: u32) {}

    fn __tsan_atomic_thread_fence(order: c_int) {
        if order == SEQ_CST { fence(Ordering::SeqCst) } else { compiler_fence(Ordering::AcqRel) }
    }

    fn __tsan_atomic_signal_fence(_order: c_int) {
        compiler_fence(Ordering::SeqCst);
    }
}
