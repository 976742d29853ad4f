//! The beginning: before `main`, the process becomes a server that forks a trial whenever the
//! supervisor asks. What dynamic linking and patching cost is thus paid once, not in every trial.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicI32, Ordering::*};

use super::{again, model, points, pun, real, sites, sys, thread};
use crate::abi::{self, Message, Shared};

/// prctl(2): PR_SET_PDEATHSIG.
const SET_DEATH_SIGNAL: usize = 1;
const SIGKILL: usize = 9;

/// glibc's `_start` calls this with `main`; the dynamic linker and the libraries' constructors are
/// done, the program's own constructors are not (csu/libc-start.c).
#[unsafe(no_mangle)]
unsafe extern "C" fn __libc_start_main(
    main: real::Main,
    argc: c_int,
    argv: *mut *mut c_char,
    init: *const c_void,
    fini: *const c_void,
    rtld_fini: *const c_void,
    stack_end: *mut c_void,
) -> c_int {
    points::main_stack(argv as usize);
    // SAFETY: the environment follows the arguments (System V ABI, 3.4.1).
    unsafe { prepare(argv.add(argc as usize + 1)) };
    let main = again::main(main);
    // SAFETY: the caller's arguments, and a function of the same type for `main`.
    unsafe { real::START.get()(main, argc, argv, init, fini, rtld_fini, stack_end) }
}

/// Becomes the server, if the environment asks for it. Returns in the process that is to run the
/// trial, or at once when nobody asked.
///
/// # Safety
/// `environment` must be the process's, ended by a null pointer.
unsafe fn prepare(environment: *mut *mut c_char) {
    let [mut socket, mut memory, mut sites, mut defer] = [None; 4];
    let mut kept = environment;
    let mut entry = environment;
    // SAFETY: up to the null pointer there are C strings; fewer are written than were read.
    unsafe {
        while !(*entry).is_null() {
            let text = CStr::from_ptr(*entry).to_bytes();
            let ours = [
                (abi::SOCKET_ENV, &mut socket),
                (abi::SHARED_ENV, &mut memory),
                (abi::SITES_ENV, &mut sites),
                (abi::DEFER_ENV, &mut defer),
            ];
            let mut drop =
                value(text, "LD_PRELOAD").is_some() || value(text, "GLIBC_TUNABLES").is_some();
            for (name, number) in ours {
                if let Some(text) = value(text, name) {
                    *number = decimal(text);
                    drop = true;
                }
            }
            // What the target starts in turn is not controlled, and the target sees the
            // environment that its user gave it.
            if !drop {
                *kept = *entry;
                kept = kept.add(1);
            }
            entry = entry.add(1);
        }
    }
    let Some(socket) = socket else { return };
    // SAFETY: null the end of the shortened list, which lies within the old one.
    unsafe { *kept = core::ptr::null_mut() };
    let Some(shared) = memory.and_then(map_shared) else {
        sys::say(socket, Message { what: abi::SAYS_LACKS, pid: 0, value: abi::LACKS_MEMORY });
        sys::exit_group(125);
    };
    model::SHARED.store(shared, Relaxed);
    model::SOCKET.store(socket as u32, Relaxed);
    thread::prepare();
    match defer {
        None => serve(socket, sites),
        Some(_) => DEFERRED.store(sites.map_or(0, |fd| fd + 1), Relaxed),
    }
}

/// The descriptor of the table of sites, plus one, while serving is put off; else -1.
static DEFERRED: AtomicI32 = AtomicI32::new(-1);

/// Called by a program that has prepared itself: becomes the server here. Returns in the process that
/// is to run the trial. Does nothing where nobody asked for it, and when it is called again.
#[unsafe(no_mangle)]
extern "C" fn standstill_serve() {
    let sites = DEFERRED.swap(-1, Relaxed);
    if sites >= 0 {
        serve(model::SOCKET.load(Relaxed) as i32, sites.checked_sub(1).filter(|fd| *fd >= 0));
    }
}

/// The text after `name=`.
fn value<'a>(entry: &'a [u8], name: &str) -> Option<&'a [u8]> {
    entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

fn decimal(text: &[u8]) -> Option<i32> {
    text.iter().try_fold(0i32, |number, &digit| {
        let digit = digit.checked_sub(b'0').filter(|d| *d < 10)?;
        number.checked_mul(10)?.checked_add(i32::from(digit))
    })
}

fn map_shared(fd: i32) -> Option<*mut Shared> {
    let at = map_file(fd, size_of::<Shared>())?;
    let shared = at as *mut Shared;
    // SAFETY: mapped, and as large as that; any bytes are a valid `Shared`.
    (unsafe { (*shared).magic } == abi::MAGIC).then_some(shared)
}

/// A shared mapping of a descriptor's first bytes.
pub(super) fn map_file(fd: i32, length: usize) -> Option<usize> {
    const READ_WRITE: usize = 3;
    const SHARED: usize = 1;
    // SAFETY: a new mapping.
    let at = unsafe { sys::call(sys::MMAP, [0, length, READ_WRITE, SHARED, fd as usize, 0]) };
    (at > 0).then_some(at as usize)
}

fn serve(socket: i32, table: Option<i32>) {
    let pid = sys::getpid();
    // SAFETY: asks to die with the parent.
    unsafe { sys::call(sys::PRCTL, [SET_DEATH_SIGNAL, SIGKILL, 0, 0, 0, 0]) };
    sys::say(socket, Message { what: abi::SAYS_HELLO, pid, value: threads() });
    while let Some(bid) = sys::hear(socket) {
        match bid.what {
            abi::BIDS_PATCH => {
                let patched = table.map_or(0, |fd| sites::patch(fd, bid.value as usize));
                sys::say(socket, Message { what: abi::SAYS_READY, pid, value: patched as i64 });
            }
            abi::BIDS_RUN => return begin(socket),
            abi::BIDS_FORK => {
                pun::promote();
                // SAFETY: takes nothing.
                let child = unsafe { real::FORK.get()() };
                if child == 0 {
                    return begin(socket);
                }
                if child < 0 {
                    let value = abi::LACKS_FORK | (i64::from(sys::errno()) << 32);
                    sys::say(socket, Message { what: abi::SAYS_LACKS, pid, value });
                    continue;
                }
                let mut status = 0i32;
                let args = [child as usize, &raw mut status as usize, 0, 0, 0, 0];
                // SAFETY: the status is a local int.
                while unsafe { sys::call(sys::WAIT4, args) } == sys::EINTR {}
                let value = i64::from(status);
                sys::say(socket, Message { what: abi::SAYS_ENDED, pid: child, value });
            }
            _ => {}
        }
    }
    sys::exit_group(0);
}

/// Turns this process into a trial.
fn begin(socket: i32) {
    // SAFETY: a process group of its own; dies with the server.
    unsafe {
        sys::call(sys::SETPGID, [0; 6]);
        sys::call(sys::PRCTL, [SET_DEATH_SIGNAL, SIGKILL, 0, 0, 0, 0]);
    }
    thread::watch_end(3);
    begin_trial(socket);
}

/// Begins the process's first trial, or another one.
pub(super) fn begin_trial(socket: i32) {
    // SAFETY: takes nothing.
    let handle = unsafe { sys::pthread_self() };
    model::with(|m| m.begin(sys::gettid(), handle));
    model::set_self(Some(0));
    points::begin(&model::shared().order);
    if threads() > 1 {
        sites::arm_accesses();
    }
    let noisy = model::shared().order.flags & abi::FLAG_NOISE != 0;
    model::MODE.store(if noisy { model::NOISE } else { model::CONTROL }, SeqCst);
    sys::say(socket, Message { what: abi::SAYS_STARTED, pid: sys::getpid(), value: 0 });
}

/// How many threads the process has: field 20 of /proc/self/stat (proc_pid_stat(5)).
fn threads() -> i64 {
    let mut text = [0u8; 1024];
    // SAFETY: the path is a C string, the buffer is as long as said.
    let got = unsafe {
        let fd = sys::call(sys::OPEN, [c"/proc/self/stat".as_ptr() as usize, 0, 0, 0, 0, 0]);
        let got =
            sys::call(sys::READ, [fd as usize, text.as_mut_ptr() as usize, text.len(), 0, 0, 0]);
        sys::call(sys::CLOSE, [fd as usize, 0, 0, 0, 0, 0]);
        got
    };
    let text = &text[..usize::try_from(got).unwrap_or(0)];
    // The name, in parentheses, may hold anything: fields are counted from the last one.
    let after = text.iter().rposition(|&b| b == b')').map_or(0, |at| at + 2);
    let field = text[after..].split(|&b| b == b' ').nth(17);
    field.and_then(decimal).map_or(1, i64::from)
}
