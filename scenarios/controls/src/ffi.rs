//! The C side of the controls, and the system calls of the rude ones: the crate's only unsafe code.

use std::ffi::{c_int, c_ulong, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicU32};

/// The functions of `c/controls.c`.
mod c {
    use super::{AtomicPtr, AtomicU32, c_int, c_ulong, c_void};

    #[repr(C)]
    pub(super) struct Pair {
        _opaque: [u8; 0],
    }

    unsafe extern "C" {
        pub(super) fn controls_pair_new() -> *mut Pair;
        pub(super) fn controls_pair_free(pair: *mut Pair);
        pub(super) fn controls_pair_count(pair: *mut Pair, first: c_int, meet: c_int) -> c_ulong;
        pub(super) fn controls_pair_visit(
            pair: *mut Pair,
            visitor: extern "C" fn(*mut c_void),
            data: *mut c_void,
        );
        pub(super) fn controls_wait_for_word(word: *const AtomicU32);
        pub(super) fn controls_wake_from_outside(word: *const AtomicU32) -> c_int;
        pub(super) fn controls_abort() -> !;
        pub(super) fn controls_read_guarded() -> c_int;
        pub(super) fn controls_read_checked(value: *const c_int) -> c_int;
        pub(super) fn controls_slot_read(slot: *const AtomicPtr<c_int>) -> c_int;
        pub(super) fn controls_slot_set(slot: *const AtomicPtr<c_int>, value: *mut c_int);
    }
}

/// Two mutexes of pthread.
pub(crate) struct PthreadPair(NonNull<c::Pair>);

// SAFETY: C allocated it for any thread to free.
unsafe impl Send for PthreadPair {}
// SAFETY: C touches what is in it with its mutexes in hand alone.
unsafe impl Sync for PthreadPair {}

impl PthreadPair {
    /// A pair that nobody holds.
    pub(crate) fn new() -> PthreadPair {
        // SAFETY: takes nothing.
        let pair = unsafe { c::controls_pair_new() };
        PthreadPair(NonNull::new(pair).expect("memory for two mutexes"))
    }

    /// Takes mutex `first` (0 or 1), then the other, and counts; with `meet` not before the partner
    /// has its first as well. Returns the count.
    pub(crate) fn count(&self, first: usize, meet: bool) -> u64 {
        let first = c_int::from(first % 2 == 1);
        // SAFETY: the pair lives as long as `self`, and `first` is 0 or 1.
        unsafe { c::controls_pair_count(self.0.as_ptr(), first, c_int::from(meet)) }
    }

    /// Calls `visitor` with the first mutex in hand.
    pub(crate) fn visit(&self, mut visitor: impl FnMut()) {
        extern "C" fn call<F: FnMut()>(data: *mut c_void) {
            // SAFETY: `visit` passed a visitor of this type, which outlives its call of C and is
            // used by nobody else meanwhile. A panic in it aborts here and never enters C.
            unsafe { (*data.cast::<F>())() }
        }
        fn of<F: FnMut()>(_: &F) -> extern "C" fn(*mut c_void) {
            call::<F>
        }
        let data = (&raw mut visitor).cast();
        // SAFETY: the pair lives as long as `self`; `call` fits the type behind `data`.
        unsafe { c::controls_pair_visit(self.0.as_ptr(), of(&visitor), data) }
    }
}

impl Drop for PthreadPair {
    fn drop(&mut self) {
        // SAFETY: nobody else has the pair any more, so nobody is in a call with it.
        unsafe { c::controls_pair_free(self.0.as_ptr()) }
    }
}

/// Dies of SIGABRT, in C.
pub(crate) fn abort() -> ! {
    // SAFETY: takes nothing; what it does to the process is its point.
    unsafe { c::controls_abort() }
}

/// Dies of SIGSEGV, in C.
pub(crate) fn read_guarded() -> i32 {
    // SAFETY: reads a page of its own that is mapped without rights, which ends the process and
    // touches no memory of Rust.
    unsafe { c::controls_read_guarded() }
}

/// Reads a value in C, where there is one.
pub(crate) fn read_checked(value: Option<&i32>) -> i32 {
    // SAFETY: the pointer is null, which C checks, or comes from a reference.
    unsafe { c::controls_read_checked(value.map_or(std::ptr::null(), |value| value)) }
}

/// A slot that C fills, empties and reads. An `AtomicPtr` has the layout of C's atomic pointer.
#[derive(Default)]
pub(crate) struct Slot(AtomicPtr<c_int>);

impl Slot {
    /// Fills it.
    pub(crate) fn fill(&self) {
        static mut VALUE: c_int = 7;
        // SAFETY: the slot outlives the call, the value the process; nobody writes the value.
        unsafe { c::controls_slot_set(&self.0, &raw mut VALUE) }
    }

    /// Empties it.
    pub(crate) fn empty(&self) {
        // SAFETY: the slot outlives the call.
        unsafe { c::controls_slot_set(&self.0, std::ptr::null_mut()) }
    }

    /// Reads it, with a window between look and read: dies of SIGSEGV if it is emptied in between.
    pub(crate) fn read(&self) -> i32 {
        // SAFETY: the slot outlives the call, and what it points at the process. A null pointer read
        // through `volatile` ends the process before anything else happens.
        unsafe { c::controls_slot_read(&self.0) }
    }
}

/// Kills the parent process.
pub(crate) fn kill_parent() {
    // SAFETY: plain system calls on numbers.
    unsafe { libc::kill(libc::getppid(), libc::SIGKILL) };
}

/// Lowers the limit of the address space to next to nothing: what is mapped stays, nothing of the
/// size of a stack can follow.
pub(crate) fn forbid_more_memory() {
    let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
    // SAFETY: reads one rlimit.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
}

/// Closes descriptors 0 to 255.
pub(crate) fn close_descriptors() {
    for fd in 0..256 {
        // SAFETY: this breaks the promise that descriptors stay their owners', on purpose. Whoever
        // uses one afterwards gets an error, no memory is concerned, and none is opened anew.
        unsafe { libc::close(fd) };
    }
}

/// Forks a child that sleeps for ever.
pub(crate) fn leave_child_behind() {
    // SAFETY: the child makes async-signal-safe calls alone, as it must beside other threads.
    unsafe {
        if libc::fork() == 0 {
            sleep_for_ever();
        }
    }
}

/// Forks a daemon that sleeps for ever: in a session of its own, its parent gone.
pub(crate) fn leave_daemon_behind() {
    // SAFETY: both children make async-signal-safe calls alone, as they must beside other threads.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::setsid();
            if libc::fork() == 0 {
                sleep_for_ever();
            }
            libc::_exit(0);
        }
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
}

fn sleep_for_ever() -> ! {
    loop {
        // SAFETY: pause touches no memory.
        unsafe { libc::pause() };
    }
}

/// Sleeps on a futex until the word is not 0.
pub(crate) fn wait_for_word(word: &AtomicU32) {
    // SAFETY: C reads the word atomically and sleeps on it.
    unsafe { c::controls_wait_for_word(word) }
}

/// Starts a process in this very memory that sets the word and wakes its waiters a little later; once
/// a process.
pub(crate) fn wake_from_outside(word: &'static AtomicU32) -> bool {
    // SAFETY: the word outlives the process; C gives the new one a stack of its own.
    unsafe { c::controls_wake_from_outside(word) == 0 }
}
