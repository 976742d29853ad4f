//! What a dying trial still says: the panic hook and the crash handler.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::{Duration, Instant};

use standstill::board::{Board, Phase};

static BOARD: OnceLock<&'static Board> = OnceLock::new();

thread_local! {
    /// Whether this thread is an actor (or the main thread on the scenario's behalf): its panic is
    /// the trial's. Others may panic as their library pleases.
    static SPEAKS: Cell<bool> = const { Cell::new(false) };
}

/// Lets this thread's panics be the trial's.
pub(crate) fn speak_for_trial() {
    SPEAKS.set(true);
}

/// Writes every panic of an actor on the board, before the process can abort over it, and then does
/// what the standard hook does.
pub(crate) fn watch_panics(board: &'static Board) {
    let _ = BOARD.set(board);
    let standard = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        board.panics.fetch_add(1, Relaxed);
        if SPEAKS.try_with(Cell::get).unwrap_or(false) {
            let thread = std::thread::current();
            board.say(format!("{}: {info}", thread.name().unwrap_or("a thread")).as_bytes());
            // Where panics abort, this thread would end the process over another one's words.
            let patience = Instant::now() + Duration::from_millis(10);
            while board.is_being_said() && Instant::now() < patience {
                std::thread::yield_now();
            }
        }
        standard(info);
    }));
}

/// Holds a crashing process still until the harness has seen its stacks, at most a second, and lets
/// it die of the same signal afterwards.
///
/// The handler runs on an alternate stack where the thread has one (std gives one to every thread it
/// starts), makes system calls, writes the board, and does nothing else.
pub(crate) fn watch_crashes() {
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT] {
        // SAFETY: the action is fully set; the handler keeps to async-signal-safe calls.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = crashed as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

extern "C" fn crashed(signal: i32, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    if let Some(board) = BOARD.get()
        && board.pid.load(Relaxed) == std::process::id()
    {
        // SAFETY: gettid touches no memory.
        let tid = unsafe { libc::syscall(libc::SYS_gettid) };
        board.detail.store(tid as u32, Relaxed);
        board.signal.store(signal as u32, Relaxed);
        board.set_phase(Phase::Crashed);
        wait_until_seen(board, Duration::from_secs(1));
    }
    // SA_RESETHAND has restored the default action: the faulting instruction runs again and kills
    // the process as it would have done. A signal that was sent (abort) needs sending again.
    // SAFETY: both calls are async-signal-safe.
    unsafe {
        let mut this = std::mem::zeroed();
        libc::sigemptyset(&mut this);
        libc::sigaddset(&mut this, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &this, std::ptr::null_mut());
        libc::raise(signal);
    }
}

/// Waits until the harness has looked at the process, or for `at_most`.
pub(crate) fn wait_until_seen(board: &Board, at_most: Duration) {
    let deadline = Instant::now() + at_most;
    while board.seen.load(Acquire) == 0 && Instant::now() < deadline {
        let pause = libc::timespec { tv_sec: 0, tv_nsec: 500_000 };
        // SAFETY: reads one timespec; async-signal-safe.
        unsafe { libc::nanosleep(&pause, std::ptr::null_mut()) };
    }
}
