//! System calls by instruction, and the few C functions that have no system call.
//!
//! Nothing here goes through an interposed function, so the runtime never schedules itself.

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::AtomicU32;

use crate::abi::Message;

pub(super) const READ: usize = 0;
pub(super) const WRITE: usize = 1;
pub(super) const OPEN: usize = 2;
pub(super) const CLOSE: usize = 3;
pub(super) const POLL: usize = 7;
pub(super) const MMAP: usize = 9;
pub(super) const BRK: usize = 12;
pub(super) const MPROTECT: usize = 10;
pub(super) const SCHED_YIELD: usize = 24;
pub(super) const NANOSLEEP: usize = 35;
pub(super) const GETPID: usize = 39;
pub(super) const WAIT4: usize = 61;
pub(super) const FCNTL: usize = 72;
pub(super) const SETPGID: usize = 109;
pub(super) const PRCTL: usize = 157;
pub(super) const GETTID: usize = 186;
pub(super) const FUTEX: usize = 202;
pub(super) const EXIT_GROUP: usize = 231;
pub(super) const TGKILL: usize = 234;
pub(super) const PROCESS_VM_READV: usize = 310;
pub(super) const GETRANDOM: usize = 318;

pub(super) const EINTR: isize = -4;
pub(super) const ETIMEDOUT: c_int = 110;
pub(super) const FUTEX_WAIT: usize = 0;
pub(super) const FUTEX_WAKE: usize = 1;
pub(super) const FUTEX_PRIVATE: usize = 128;

/// A `struct timespec`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Timespec {
    pub(super) seconds: i64,
    pub(super) nanos: i64,
}

impl Timespec {
    pub(super) fn from_nanos(nanos: u64) -> Timespec {
        Timespec { seconds: (nanos / 1_000_000_000) as i64, nanos: (nanos % 1_000_000_000) as i64 }
    }

    /// Nanoseconds; negative times count as 0.
    pub(super) fn nanos(self) -> u64 {
        let seconds = u64::try_from(self.seconds).unwrap_or(0);
        let nanos = u64::try_from(self.nanos).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
    }
}

/// A `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct PollFd {
    pub(super) fd: c_int,
    pub(super) events: i16,
    pub(super) revents: i16,
}

pub(super) const POLLIN: i16 = 1;
pub(super) const POLLOUT: i16 = 4;

/// Any system call. Returns what the kernel returns: a negative `errno` for an error.
///
/// # Safety
/// The arguments must be what that system call wants.
#[inline(always)]
pub(super) unsafe fn call(number: usize, args: [usize; 6]) -> isize {
    let result;
    // SAFETY: the caller vouches for the arguments; the clobbers are those of the `syscall`
    // instruction (System V ABI, AMD64 supplement, A.2.1).
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

pub(super) fn gettid() -> u32 {
    // SAFETY: takes nothing, touches nothing.
    unsafe { call(GETTID, [0; 6]) as u32 }
}

pub(super) fn getpid() -> i32 {
    // SAFETY: takes nothing, touches nothing.
    unsafe { call(GETPID, [0; 6]) as i32 }
}

pub(super) fn os_yield() {
    // SAFETY: takes nothing, touches nothing.
    unsafe { call(SCHED_YIELD, [0; 6]) };
}

/// Sleeps, in real time.
pub(super) fn sleep(nanos: u64) {
    let time = Timespec::from_nanos(nanos);
    // SAFETY: the time is a local; the rest is not asked for.
    unsafe { call(NANOSLEEP, [&raw const time as usize, 0, 0, 0, 0, 0]) };
}

/// Real time, nanoseconds of CLOCK_MONOTONIC.
pub(super) fn monotonic() -> u64 {
    const CLOCK_GETTIME: usize = 228;
    let mut now = Timespec::default();
    // SAFETY: the local is good.
    unsafe { call(CLOCK_GETTIME, [1, &raw mut now as usize, 0, 0, 0, 0]) };
    now.nanos()
}

/// Sleeps while `*word == value`; may return early.
pub(super) fn futex_wait(word: &AtomicU32, value: u32) {
    let word = core::ptr::from_ref(word) as usize;
    // SAFETY: the word lives as long as the reference; no timeout is given.
    unsafe { call(FUTEX, [word, FUTEX_WAIT, value as usize, 0, 0, 0]) };
}

/// Wakes at most `count` sleepers.
pub(super) fn futex_wake(word: &AtomicU32, count: usize) {
    let word = core::ptr::from_ref(word) as usize;
    // SAFETY: the word lives as long as the reference.
    unsafe { call(FUTEX, [word, FUTEX_WAKE, count, 0, 0, 0]) };
}

/// Whether the thread of this process is still there for the kernel.
pub(super) fn alive(tid: u32) -> bool {
    // SAFETY: signal 0 is delivered to nobody.
    unsafe { call(TGKILL, [getpid() as usize, tid as usize, 0, 0, 0, 0]) == 0 }
}

/// Polls descriptors. Returns the number that are ready.
///
/// # Safety
/// `fds` must point at `count` valid entries that nobody else writes meanwhile.
pub(super) unsafe fn poll(fds: *mut PollFd, count: usize, millis: i32) -> isize {
    // SAFETY: passed on from the caller.
    unsafe { call(POLL, [fds as usize, count, millis as isize as usize, 0, 0, 0]) }
}

/// The bytes at an address of this process, up to eight, or nothing if they cannot be read.
pub(super) fn peek(address: usize, size: usize) -> Option<u64> {
    let mut value = 0u64;
    let local = [&raw mut value as usize, size.min(8)];
    let remote = [address, size.min(8)];
    let pid = getpid() as usize;
    // SAFETY: both vectors describe one range; the kernel checks the remote one and answers EFAULT.
    let got = unsafe {
        call(PROCESS_VM_READV, [pid, local.as_ptr() as usize, 1, remote.as_ptr() as usize, 1, 0])
    };
    (got == size.min(8) as isize).then_some(value)
}

/// Writes a message. A supervisor that went away is found at the next read.
pub(super) fn say(socket: i32, message: Message) {
    let at = core::ptr::from_ref(&message) as usize;
    // SAFETY: the message is alive and sixteen bytes long.
    while unsafe { call(WRITE, [socket as usize, at, size_of::<Message>(), 0, 0, 0]) } == EINTR {}
}

/// Reads a message, or `None` when the supervisor went away.
pub(super) fn hear(socket: i32) -> Option<Message> {
    let mut message = Message::default();
    let start = &raw mut message as usize;
    let mut got = 0;
    while got < size_of::<Message>() {
        let rest = size_of::<Message>() - got;
        // SAFETY: the rest of the message, which is plain numbers.
        match unsafe { call(READ, [socket as usize, start + got, rest, 0, 0, 0]) } {
            EINTR => {}
            n if n > 0 => got += n as usize,
            _ => return None,
        }
    }
    Some(message)
}

/// Ends the process at once.
pub(super) fn exit_group(code: i32) -> ! {
    loop {
        // SAFETY: does not return.
        unsafe { call(EXIT_GROUP, [code as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Private memory of the process, zeroed; `None` when there is none.
pub(super) fn map(hint: usize, length: usize, protection: usize, flags: usize) -> Option<usize> {
    const PRIVATE_ANONYMOUS: usize = 0x22;
    // SAFETY: a new mapping; with a hint the caller passes MAP_FIXED_NOREPLACE or none.
    let at =
        unsafe { call(MMAP, [hint, length, protection, PRIVATE_ANONYMOUS | flags, usize::MAX, 0]) };
    (!(-4095..=0).contains(&at)).then_some(at as usize)
}

/// Memory that forked children share, zeroed.
pub(super) fn map_shared(length: usize) -> Option<usize> {
    const SHARED_ANONYMOUS: usize = 0x21;
    const READ_WRITE: usize = 3;
    // SAFETY: a new mapping.
    let at = unsafe { call(MMAP, [0, length, READ_WRITE, SHARED_ANONYMOUS, usize::MAX, 0]) };
    (!(-4095..=0).contains(&at)).then_some(at as usize)
}

unsafe extern "C" {
    pub(super) fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    pub(super) fn dlvsym(
        handle: *mut c_void,
        name: *const c_char,
        version: *const c_char,
    ) -> *mut c_void;
    pub(super) fn __errno_location() -> *mut c_int;
    pub(super) fn pthread_self() -> usize;
    pub(super) fn pthread_key_create(
        key: *mut u32,
        destructor: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> c_int;
    pub(super) fn pthread_setspecific(key: u32, value: *const c_void) -> c_int;
}

/// `errno` of the calling thread.
pub(super) fn errno() -> c_int {
    // SAFETY: the location is the thread's own.
    unsafe { *__errno_location() }
}

/// Sets `errno`.
pub(super) fn set_errno(value: c_int) {
    // SAFETY: the location is the thread's own.
    unsafe { *__errno_location() = value }
}

/// A kernel result as C has it: -1 and `errno` for an error.
pub(super) fn c_result(result: isize) -> isize {
    if (-4095..0).contains(&result) {
        set_errno(-result as c_int);
        return -1;
    }
    result
}
