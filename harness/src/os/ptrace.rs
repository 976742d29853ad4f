//! Stopping and reading another process, a thread at a time.
//!
//! Linux ties a traced thread to the *thread* that seized it: every call here on `tid` must come
//! from the thread that called [`seize`], and when that thread ends, the kernel lets go of all that
//! it had seized. `capture::stop` leans on the second half.
//!
//! A stopped thread is recognised by asking ptrace ([`stop`]), never by `waitpid`: a wait could be
//! answered to another thread of the harness, and one that reaps could swallow the exit status
//! that the supervisor is waiting for.

use std::io;
use std::ptr;

/// The registers that a stack walk starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Program counter.
    pub pc: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer, or whatever the compiler keeps in its register.
    pub fp: u64,
}

/// Why a traced thread stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was interrupted, or its process is stopped by job control.
    Interrupted,
    /// It was about to receive this signal, which is lost unless [`detach`] hands it over.
    Signal(i32),
}

/// Starts tracing thread `tid` without stopping it.
pub fn seize(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_SEIZE as i64, tid, ptr::null_mut(), ptr::null_mut())
}

/// Asks a seized thread to stop; it does so a little later.
pub fn interrupt(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT as i64, tid, ptr::null_mut(), ptr::null_mut())
}

/// Why the seized thread `tid` is stopped; `None` as long as it runs, or if it is no more.
pub fn stop(tid: i32) -> io::Result<Option<Stop>> {
    /// `PTRACE_EVENT_STOP` of `linux/ptrace.h`, which libc does not define for every target.
    const EVENT_STOP: i32 = 128;

    // SAFETY: siginfo_t is plain data, for which all zeroes is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let target = ptr::from_mut(&mut info).cast();
    match request(libc::PTRACE_GETSIGINFO as i64, tid, ptr::null_mut(), target) {
        Ok(()) if info.si_code >> 8 == EVENT_STOP => Ok(Some(Stop::Interrupted)),
        Ok(()) => Ok(Some(Stop::Signal(info.si_signo))),
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The registers of the stopped thread `tid`.
#[cfg(target_arch = "x86_64")]
pub fn registers(tid: i32) -> io::Result<Registers> {
    // SAFETY: user_regs_struct is plain integers, for which all zeroes is a value.
    let mut regs: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    let target = ptr::from_mut(&mut regs).cast();
    request(libc::PTRACE_GETREGS as i64, tid, ptr::null_mut(), target)?;
    Ok(Registers { pc: regs.rip, sp: regs.rsp, fp: regs.rbp })
}

/// The registers of the stopped thread `tid`: not on this architecture yet.
#[cfg(not(target_arch = "x86_64"))]
pub fn registers(_tid: i32) -> io::Result<Registers> {
    Err(io::ErrorKind::Unsupported.into())
}

/// One register set of the stopped thread `tid`, as a core file stores it under the note type
/// `kind`: `NT_PRSTATUS` for the general registers, `NT_PRFPREG`, `NT_X86_XSTATE`.
pub fn register_set(tid: i32, kind: libc::c_int) -> io::Result<Vec<u8>> {
    // The largest so far, AVX-512 with AMX, takes 11 KiB.
    let mut set = vec![0_u8; 64 * 1024];
    let mut place = libc::iovec { iov_base: set.as_mut_ptr().cast(), iov_len: set.len() };
    // SAFETY: the request writes at most `iov_len` bytes at `iov_base`, which is all of `set`, and
    // into `place` how many they were. Both are ours and outlive the call.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_GETREGSET, tid, kind as libc::c_long, ptr::from_mut(&mut place))
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    set.truncate(place.iov_len);
    Ok(set)
}

/// Lets the stopped thread `tid` go on; a [`Stop::Signal`] that it stood at is delivered now.
pub fn detach(tid: i32, stop: Stop) -> io::Result<()> {
    let signal = match stop {
        Stop::Interrupted => 0,
        Stop::Signal(signal) => signal,
    };
    let data = ptr::without_provenance_mut(signal as usize);
    request(libc::PTRACE_DETACH as i64, tid, ptr::null_mut(), data)
}

/// Reaps the dead thread `tid`, seized by any thread of this process. Not for the main thread of a
/// child: that would be its exit status.
pub fn bury(tid: i32) {
    let flags = libc::WEXITED | libc::WNOHANG | libc::__WALL;
    // SAFETY: waitid accepts a null pointer where it would put what it found.
    unsafe { libc::waitid(libc::P_PID, tid as libc::id_t, ptr::null_mut(), flags) };
}

/// Copies memory of process `pid` from `address` on into `buffer`; how many bytes could be read
/// before the first that is not mapped.
pub fn read_memory(pid: i32, address: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        let rest = &mut buffer[done..];
        let Some(from) = usize::try_from(address).ok().and_then(|a| a.checked_add(done)) else {
            break;
        };
        let local = libc::iovec { iov_base: rest.as_mut_ptr().cast(), iov_len: rest.len() };
        let remote =
            libc::iovec { iov_base: ptr::without_provenance_mut(from), iov_len: rest.len() };
        // SAFETY: `local` covers exactly `rest`, which is ours to write and outlives the call.
        // `remote` is an address in the other process: the kernel checks it, we never follow it.
        let n = unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) };
        match usize::try_from(n) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(_) if done > 0 => break,
            Err(_) => return Err(io::Error::last_os_error()),
        }
    }
    Ok(done)
}

/// One ptrace request that answers in success or failure alone.
///
/// Private: `data` must be what the request asks for, a pointer that is good for its result where
/// it writes one. Each caller above keeps to that.
fn request(request: i64, tid: i32, addr: *mut u8, data: *mut u8) -> io::Result<()> {
    // SAFETY: the requests used here write at most one object, through `data`, which their callers
    // take from a live, exclusive reference to a value of the type that the request writes.
    match unsafe { libc::ptrace(request as _, tid, addr, data) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
