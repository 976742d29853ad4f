//! What the captured processes do.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// What a target is to do, in its environment.
const ROLE: &str = "STANDSTILL_TEST_ROLE";
/// No target lives longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

static HELD: Mutex<()> = Mutex::new(());
static NEVER: Condvar = Condvar::new();
pub(crate) static SIGNALS: AtomicU32 = AtomicU32::new(0);
/// Where the page lies that `reserve` has written to.
pub(crate) static TOUCHED: AtomicUsize = AtomicUsize::new(0);
/// How far before that page the one lies that was written to and then barred.
pub(crate) const BARRED: usize = 1 << 30;
static IN_HANDLER: AtomicBool = AtomicBool::new(false);

/// This test binary as a target.
pub(crate) fn command(role: &str) -> Command {
    command_of(&std::env::current_exe().unwrap(), role)
}

/// A copy of this test binary as a target.
pub(crate) fn command_of(binary: &Path, role: &str) -> Command {
    let mut command = Command::new(binary);
    command.args(["--exact", "target::run", "--nocapture"]).env(ROLE, role);
    command
}

/// Not a test: what a target runs in place of the tests.
#[test]
fn run() {
    let Ok(role) = std::env::var(ROLE) else { return };
    // SAFETY: alarm takes no pointer; the default action of its signal ends the process.
    unsafe { libc::alarm(LIMIT.as_secs() as u32) };
    on_signal(libc::SIGUSR1, count_signal);
    match role.as_str() {
        "still" => stand_still(),
        "churn" => churn(),
        "reserve" => reserve(),
        "short" => start("brief", || thread::sleep(Duration::from_millis(2))),
        "exec" => {
            for _ in 0..3 {
                start("doomed", || thread::sleep(LIMIT));
            }
            thread::sleep(Duration::from_millis(5));
            panic!("{}", command("exec").exec());
        }
        crowd => {
            for n in 1..crowd.parse().unwrap() {
                start(&format!("crowd-{n}"), wait_on_condvar);
            }
        }
    }
    if role != "short" {
        serve_pings();
    }
    // SAFETY: ends the process at once, as a target that has done its work.
    unsafe { libc::_exit(7) }
}

fn serve_pings() {
    let mut out = std::io::stdout();
    writeln!(out, "\nready").unwrap();
    for line in std::io::stdin().lines() {
        writeln!(out, "{} {}", line.unwrap(), SIGNALS.load(Ordering::SeqCst)).unwrap();
    }
}

/// Starts a thread; when this returns, it has its name.
fn start(name: &str, body: impl FnOnce() + Send + 'static) {
    let (tell, told) = mpsc::channel();
    let body = move || {
        tell.send(()).unwrap();
        body();
    };
    thread::Builder::new().name(name.into()).spawn(body).unwrap();
    told.recv().unwrap();
}

fn on_signal(signal: i32, handler: extern "C" fn(i32)) {
    // SAFETY: the handlers here touch nothing but atomics.
    unsafe { libc::signal(signal, handler as *const () as usize) };
}

extern "C" fn count_signal(_: i32) {
    SIGNALS.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn stay_in_handler(_: i32) {
    loop {
        IN_HANDLER.store(true, Ordering::SeqCst);
    }
}

fn stand_still() {
    std::mem::forget(HELD.lock());
    start("locker", wait_for_lock);
    start("waiter", wait_on_condvar);
    start("sleeper", sleep_long);
    start("spinner", spin);
    start("qsorter", sort_in_c);
    start("pthread", lock_in_c);
    start("deep", || recurse(300));
    on_signal(libc::SIGUSR2, stay_in_handler);
    let (tell, told) = mpsc::channel();
    start("interrupted", move || {
        // SAFETY: has no preconditions.
        tell.send(unsafe { libc::pthread_self() }).unwrap();
        spin();
    });
    let interrupted = told.recv().unwrap();
    // Time for all of them to get where they stay.
    thread::sleep(Duration::from_millis(100));
    // SAFETY: the thread spins for as long as the process lives.
    unsafe { libc::pthread_kill(interrupted, libc::SIGUSR2) };
    while !IN_HANDLER.load(Ordering::SeqCst) {
        thread::yield_now();
    }
}

#[inline(never)]
fn wait_for_lock() {
    std::mem::forget(HELD.lock());
    std::hint::black_box(1);
}

#[inline(never)]
fn wait_on_condvar() {
    let mutex = Mutex::new(());
    std::mem::forget(NEVER.wait(mutex.lock().unwrap()));
    std::hint::black_box(1);
}

#[inline(never)]
fn sleep_long() {
    thread::sleep(LIMIT);
    // Here and elsewhere: so that the call is not the last, which would leave no frame.
    std::hint::black_box(1);
}

#[inline(never)]
fn spin() {
    turn();
}

#[inline(always)]
fn turn() {
    while SIGNALS.load(Ordering::Relaxed) != u32::MAX {}
}

#[inline(never)]
fn recurse(depth: u32) {
    if depth == 0 {
        sleep_long();
    } else {
        recurse(depth - 1);
    }
    std::hint::black_box(depth);
}

extern "C" fn compare(_: *const libc::c_void, _: *const libc::c_void) -> i32 {
    sleep_long();
    0
}

#[inline(never)]
fn sort_in_c() {
    let mut items = [2u32, 1];
    // SAFETY: two items of four bytes each, which the comparison does not touch.
    unsafe { libc::qsort(items.as_mut_ptr().cast(), 2, 4, Some(compare)) };
    std::hint::black_box(items);
}

#[inline(never)]
fn lock_in_c() {
    let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
    // SAFETY: the mutex is initialised and does not move; the second call never returns.
    unsafe {
        libc::pthread_mutex_lock(&raw mut mutex);
        libc::pthread_mutex_lock(&raw mut mutex);
    }
    std::hint::black_box(&mutex);
}

/// What no disk has room for, but for one page in its midst, and one before it that nobody may touch
/// any more; and something that nobody could ever touch.
fn reserve() {
    const SIZE: usize = 100 << 30;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    for protection in [libc::PROT_READ | libc::PROT_WRITE, libc::PROT_NONE] {
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), SIZE, protection, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        if protection != libc::PROT_NONE {
            // SAFETY: it lies in the mapping, which may be written to and which nobody else knows.
            unsafe {
                start.byte_add(SIZE / 2).cast::<u64>().write(0x5ca1_ab1e);
                let barred = start.byte_add(SIZE / 2 - BARRED);
                barred.cast::<u64>().write(0xdead_10cc);
                assert_eq!(libc::mprotect(barred, 4096, libc::PROT_NONE), 0);
            }
            TOUCHED.store(start as usize + SIZE / 2, Ordering::SeqCst);
        }
    }
}

fn churn() {
    for n in 0..4 {
        start(&format!("churn-{n}"), || {
            loop {
                let brief = thread::Builder::new().name("brief".into());
                let work = || std::hint::black_box((0..1000).sum::<u32>());
                brief.spawn(work).unwrap().join().unwrap();
            }
        });
    }
}
