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

use crate::observation::Wait;

/// The registers of a stopped thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Program counter.
    pub pc: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer, or whatever the compiler keeps in its register.
    pub fp: u64,
    /// Base of the thread-local storage.
    pub tls: u64,
    /// The other registers of general use.
    pub general: [u64; 14],
    /// The system call in which it was interrupted.
    pub call: Option<Interrupted>,
    /// The number of the system call that had come to its end when the thread was stopped on its way
    /// out of it.
    pub left: Option<i64>,
}

impl Registers {
    /// What the thread waited for when it was stopped.
    pub fn wait(&self) -> Wait {
        self.call.map_or(Wait::Running, |call| Wait::of_call(call.nr, call.arguments))
    }
}

/// A system call that a stop has interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interrupted {
    /// Its number.
    pub nr: i64,
    /// Its first six arguments.
    pub arguments: [u64; 6],
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
    let regs = raw_registers(tid)?;
    // What the call returns tells whether it was cut short: one that has just come to its end stands
    // at the same instruction with another result.
    // One that is to be repeated (see below) has its own number for a result.
    let repeats = regs.rax == regs.orig_rax;
    let is_interrupted = (regs.orig_rax as i64) >= 0 && (is_cut_short(regs.rax as i64) || repeats);
    let call = is_interrupted.then_some(Interrupted {
        nr: regs.orig_rax as i64,
        arguments: [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9],
    });
    Ok(Registers {
        pc: regs.rip,
        sp: regs.rsp,
        fp: regs.rbp,
        tls: regs.fs_base,
        general: [
            regs.rax, regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi, regs.r8, regs.r9, regs.r10,
            regs.r11, regs.r12, regs.r13, regs.r14, regs.r15,
        ],
        call,
        left: call.is_none().then_some(regs.orig_rax as i64).filter(|nr| *nr >= 0),
    })
}

/// Whether a system call with this result is to be gone on with, or was ended by the stop (`EINTR`,
/// and the kernel's own `ERESTARTSYS`, `ERESTARTNOINTR`, `ERESTARTNOHAND`, `ERESTART_RESTARTBLOCK`
/// of `linux/errno.h`).
#[cfg(target_arch = "x86_64")]
fn is_cut_short(result: i64) -> bool {
    result == -i64::from(libc::EINTR) || matches!(-result, 512 | 513 | 514 | 516)
}

#[cfg(target_arch = "x86_64")]
fn raw_registers(tid: i32) -> io::Result<libc::user_regs_struct> {
    // SAFETY: user_regs_struct is plain integers, for which all zeroes is a value.
    let mut regs: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    let target = ptr::from_mut(&mut regs).cast();
    request(libc::PTRACE_GETREGS as i64, tid, ptr::null_mut(), target)?;
    Ok(regs)
}

/// Makes the stopped thread `tid` repeat a system call that the stop alone has ended with `EINTR`.
/// Linux goes on with most by itself; those below it never does (signal(7)), and programs that know
/// of no signal do not expect the error. Whether it did.
#[cfg(target_arch = "x86_64")]
pub fn repeat_ended_call(tid: i32) -> io::Result<bool> {
    const NEVER_RESTARTED: [i64; 8] = [
        libc::SYS_epoll_wait,
        libc::SYS_epoll_pwait,
        libc::SYS_epoll_pwait2,
        libc::SYS_semop,
        libc::SYS_semtimedop,
        libc::SYS_rt_sigtimedwait,
        libc::SYS_msgrcv,
        libc::SYS_io_getevents,
    ];
    const SYSCALL: [u8; 2] = [0x0f, 0x05];

    let mut regs = raw_registers(tid)?;
    let ended = regs.rax as i64 == -i64::from(libc::EINTR);
    if !ended || !NEVER_RESTARTED.contains(&(regs.orig_rax as i64)) || signal_is_pending(tid) {
        return Ok(false);
    }
    let at = regs.rip.wrapping_sub(SYSCALL.len() as u64);
    let mut code = [0; SYSCALL.len()];
    if !matches!(read_memory(tid, at, &mut code), Ok(2)) || code != SYSCALL {
        return Ok(false);
    }
    (regs.rip, regs.rax) = (at, regs.orig_rax);
    let source = ptr::from_mut(&mut regs).cast();
    request(libc::PTRACE_SETREGS as i64, tid, ptr::null_mut(), source)?;
    Ok(true)
}

/// Whether a signal waits to be delivered: then the program may well expect the call to end.
#[cfg(target_arch = "x86_64")]
fn signal_is_pending(tid: i32) -> bool {
    let status = crate::os::proc_text(format!("/proc/{tid}/status")).unwrap_or_default();
    let pending = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.is_none_or(|set| set.trim().bytes().any(|digit| digit != b'0'))
    };
    pending("SigPnd:") || pending("ShdPnd:")
}

/// Makes the stopped thread `tid` repeat a system call: not on this architecture yet.
#[cfg(not(target_arch = "x86_64"))]
pub fn repeat_ended_call(_tid: i32) -> io::Result<bool> {
    Ok(false)
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
/// it writes one, or to what it reads. Each caller above keeps to that.
fn request(request: i64, tid: i32, addr: *mut u8, data: *mut u8) -> io::Result<()> {
    // SAFETY: the requests used here write or read at most one object, through `data`, which their
    // callers take from a live, exclusive reference to a value of the type that the request is about.
    match unsafe { libc::ptrace(request as _, tid, addr, data) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
