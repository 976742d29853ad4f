//! Captures processes that this test binary starts of itself, and whose stacks are known.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use standstill::capture::{CaptureError, Capturer, Frame, Snapshot, ThreadStack, Trust};
use standstill::os::ptrace::{self, Stop};

/// What the target is to do, in its environment.
const ROLE: &str = "STANDSTILL_TEST_ROLE";
/// No test and no target lives longer.
const LIMIT: Duration = Duration::from_secs(120);

static HELD: Mutex<()> = Mutex::new(());
static NEVER: Condvar = Condvar::new();
static SIGNALS: AtomicU32 = AtomicU32::new(0);
static IN_HANDLER: AtomicBool = AtomicBool::new(false);

// ---- The target ---------------------------------------------------------------------------------

/// Not a test: what a target runs in place of the tests.
#[test]
fn target() {
    let Ok(role) = std::env::var(ROLE) else { return };
    // SAFETY: alarm takes no pointer; the default action of its signal ends the process.
    unsafe { libc::alarm(LIMIT.as_secs() as u32) };
    on_signal(libc::SIGUSR1, count_signal);
    match role.as_str() {
        "still" => stand_still(),
        "churn" => churn(),
        "short" => start("brief", || thread::sleep(Duration::from_millis(2))),
        "exec" => {
            for _ in 0..3 {
                start("doomed", || thread::sleep(LIMIT));
            }
            thread::sleep(Duration::from_millis(5));
            panic!("{}", target_command("exec").exec());
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
}

#[inline(never)]
fn wait_on_condvar() {
    let mutex = Mutex::new(());
    std::mem::forget(NEVER.wait(mutex.lock().unwrap()));
}

#[inline(never)]
fn sleep_long() {
    thread::sleep(LIMIT);
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

// ---- The tests' words ---------------------------------------------------------------------------

fn target_command(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "target", "--nocapture"]).env(ROLE, role);
    command
}

/// A running target; dropping it ends it.
struct Target {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Goes with the target, which calls off the watchdog.
    _alive: mpsc::Sender<()>,
}

impl Target {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (alive, over) = mpsc::channel::<()>();
        thread::spawn(move || {
            if over.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                std::process::abort();
            }
        });
        Target { child, stdin, stdout, _alive: alive }
    }

    /// A target that has said that it is ready.
    fn ready(role: &str) -> Self {
        let mut target = Target::start(&mut target_command(role));
        target.read_until(|line| line == "ready");
        target
    }

    fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    fn read_until(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "the target has ended");
            if wanted(line.trim_end()) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// How many signals the target has counted; it answers only while it runs.
    fn ping(&mut self) -> u32 {
        writeln!(self.stdin, "ping").unwrap();
        self.read_until(|line| line.starts_with("ping "))[5..].parse().unwrap()
    }

    fn send(&self, signal: i32) {
        // SAFETY: kill takes no pointer; the child is not reaped yet, so the pid is its own.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    /// The states of all threads, as letters: `t` would be one left stopped by a tracer.
    fn states(&self) -> String {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok())
            .filter_map(|s| s.lines().find_map(|l| l.strip_prefix("State:\t")?.chars().next()))
            .collect()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn thread_named<'a>(snapshot: &'a Snapshot, name: &str) -> &'a ThreadStack {
    let found = snapshot.threads.iter().find(|thread| thread.name == name);
    found.unwrap_or_else(|| panic!("no thread {name} in:\n{snapshot}"))
}

/// The first frame of `function`, of whatever module, and its place in the stack.
fn frame_of<'a>(thread: &'a ThreadStack, function: &str) -> (usize, &'a Frame) {
    let is_it = |frame: &Frame| {
        let name = frame.function.as_deref().unwrap_or_default();
        name.strip_suffix(function).is_some_and(|path| path.is_empty() || path.ends_with("::"))
    };
    let found = thread.frames.iter().enumerate().find(|(_, frame)| is_it(frame));
    found.unwrap_or_else(|| panic!("no {function} in\n{}", told(thread)))
}

fn told(thread: &ThreadStack) -> String {
    Snapshot { threads: vec![thread.clone()], ..Snapshot::default() }.to_string()
}

fn is_at_this_file(frame: &Frame) -> bool {
    frame.file.as_ref().is_some_and(|file| file.ends_with("tests/capture.rs"))
        && frame.line.is_some()
}

// ---- The tests ----------------------------------------------------------------------------------

#[test]
fn every_thread_is_named_and_stands_where_it_waits() {
    let mut target = Target::ready("still");
    let snapshot = Capturer::new().capture(target.pid()).unwrap();
    assert_eq!(snapshot.notes, Vec::<String>::new());
    assert_eq!(snapshot.threads[0].tid, target.pid());

    for (name, inner, outer) in [
        ("locker", "lock_contended", "wait_for_lock"),
        ("waiter", "wait", "wait_on_condvar"),
        ("sleeper", "sleep", "sleep_long"),
        ("spinner", "turn", "spin"),
        ("qsorter", "compare", "sort_in_c"),
        ("pthread", "pthread_mutex_lock", "lock_in_c"),
        ("interrupted", "stay_in_handler", "spin"),
    ] {
        let thread = thread_named(&snapshot, name);
        let ((inner, _), (place, outer)) = (frame_of(thread, inner), frame_of(thread, outer));
        assert!(inner < place, "{}", told(thread));
        assert!(is_at_this_file(outer), "{outer:#?}");
        assert_eq!(thread.truncated, None, "{snapshot}");
        assert_eq!(thread.frames[0].trust, Trust::Registers);
        assert_eq!(outer.trust, if place == 1 { outer.trust } else { Trust::Unwound });
    }
    target.ping();
    assert!(!target.states().contains('t'), "{}", target.states());
}

#[test]
fn an_inlined_call_is_a_frame_of_its_own() {
    let target = Target::ready("still");
    let snapshot = Capturer::new().capture(target.pid()).unwrap();
    for name in ["spinner", "interrupted"] {
        let thread = thread_named(&snapshot, name);
        let ((at, turn), (_, spin)) = (frame_of(thread, "turn"), frame_of(thread, "spin"));
        assert!(turn.inlined && !spin.inlined, "{}", told(thread));
        assert_eq!(thread.frames[at + 1], *spin);
        assert_eq!((turn.pc, turn.module_address), (spin.pc, spin.module_address));
        assert!(is_at_this_file(turn) && turn.line > spin.line, "{turn:#?}");
    }
}

#[test]
fn frames_of_c_have_names() {
    let target = Target::ready("still");
    let snapshot = Capturer::new().capture(target.pid()).unwrap();
    // qsort itself has left for this one by a jump.
    for (thread, function) in [("qsorter", "qsort_r"), ("pthread", "pthread_mutex_lock")] {
        let (_, frame) = frame_of(thread_named(&snapshot, thread), function);
        assert_eq!(frame.module.as_deref(), Some("libc.so.6"));
    }
}

#[test]
fn a_very_deep_stack_is_cut_and_says_so() {
    let target = Target::ready("still");
    let snapshot = Capturer::new().capture(target.pid()).unwrap();
    let deep = thread_named(&snapshot, "deep");
    assert_eq!(deep.truncated.as_deref(), Some("it is deeper than 256 frames"));
    assert!(deep.frames.len() >= 256);
}

#[test]
fn names_are_found_though_the_binary_is_gone() {
    let copy = std::env::temp_dir().join(format!("standstill-capture-{}", std::process::id()));
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut command = Command::new(&copy);
    let mut target =
        Target::start(command.args(["--exact", "target", "--nocapture"]).env(ROLE, "still"));
    target.read_until(|line| line == "ready");
    std::fs::remove_file(&copy).unwrap();
    let snapshot = Capturer::new().capture(target.pid()).unwrap();
    assert_eq!(snapshot.notes, Vec::<String>::new());
    frame_of(thread_named(&snapshot, "spinner"), "turn");
}

#[test]
fn a_busy_target_with_coming_and_going_threads_is_captured_and_let_go() {
    let mut target = Target::ready("churn");
    let mut capturer = Capturer::new();
    for _ in 0..50 {
        let snapshot = capturer.capture(target.pid()).unwrap();
        assert!(snapshot.threads.len() >= 5, "{snapshot}");
        target.ping();
    }
    let until = Instant::now() + Duration::from_secs(10);
    while target.states().contains('t') {
        assert!(Instant::now() < until, "left stopped: {}", target.states());
    }
}

#[test]
fn a_target_that_ends_meanwhile_keeps_its_exit_status() {
    let mut capturer = Capturer::new();
    for _ in 0..30 {
        let mut target = Target::start(&mut target_command("short"));
        loop {
            match capturer.capture(target.pid()) {
                Ok(_) => {}
                Err(CaptureError::Gone { pid }) => break assert_eq!(pid, target.pid()),
                Err(e) => panic!("failed to {e}"),
            }
        }
        assert_eq!(target.child.wait().unwrap().code(), Some(7));
    }
}

#[test]
fn a_target_that_executes_itself_over_and_over_is_captured() {
    let mut target = Target::start(&mut target_command("exec"));
    let mut capturer = Capturer::new();
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        capturer.capture(target.pid()).unwrap_or_else(|e| panic!("failed to {e}"));
    }
    assert_eq!(target.child.try_wait().unwrap(), None);
}

#[test]
fn a_signal_during_captures_is_not_lost() {
    let mut target = Target::ready("8");
    let pid = target.pid();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut capturer = Capturer::new();
            while !over.load(Ordering::SeqCst) {
                capturer.capture(pid).unwrap();
            }
        });
        for sent in 1..=200 {
            target.send(libc::SIGUSR1);
            while target.ping() < sent {}
        }
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(target.ping(), 200);
}

#[test]
fn a_signal_that_a_seized_thread_stands_at_is_handed_over() {
    let mut target = Target::ready("1");
    for deliver in [true, false] {
        ptrace::seize(target.pid()).unwrap();
        // The main thread waits for the one that runs the test: only it may take the signal.
        // SAFETY: tgkill takes no pointer; the child is not reaped yet.
        unsafe { libc::syscall(libc::SYS_tgkill, target.pid(), target.pid(), libc::SIGUSR1) };
        let stop = loop {
            if let Some(stop) = ptrace::stop(target.pid()).unwrap() {
                break stop;
            }
        };
        assert_eq!(stop, Stop::Signal(libc::SIGUSR1));
        ptrace::detach(target.pid(), if deliver { stop } else { Stop::Interrupted }).unwrap();
    }
    while target.ping() == 0 {}
    assert_eq!(target.ping(), 1);
}

#[test]
fn a_target_stopped_by_job_control_stays_stopped() {
    let mut target = Target::ready("4");
    target.send(libc::SIGSTOP);
    let is_stopped = |target: &Target| target.states().chars().all(|state| state == 'T');
    while !is_stopped(&target) {}
    let snapshot = Capturer::new().capture(target.pid()).unwrap();
    frame_of(thread_named(&snapshot, "crowd-1"), "wait_on_condvar");
    while !is_stopped(&target) {}
    target.send(libc::SIGCONT);
    target.ping();
}

#[test]
fn a_process_that_is_not_there_is_gone() {
    let gone = {
        let target = Target::ready("1");
        target.pid()
    };
    for pid in [gone, 0, -1, i32::MAX] {
        let error = Capturer::new().capture(pid).unwrap_err();
        assert!(matches!(error, CaptureError::Gone { pid: named } if named == pid), "{error}");
    }
}

#[test]
fn one_s_own_process_is_denied() {
    let error = Capturer::new().capture(std::process::id() as i32).unwrap_err();
    assert!(error.to_string().ends_with("a process cannot trace itself"), "{error}");
}

#[test]
fn a_crowd_folds_and_is_stopped_but_shortly() {
    let mut capturer = Capturer::new();
    for threads in [2, 64, 256] {
        let target = Target::ready(&threads.to_string());
        for round in ["first", "again"] {
            let start = Instant::now();
            let snapshot = capturer.capture(target.pid()).unwrap();
            let (total, stopped) = (start.elapsed(), snapshot.stopped_us);
            eprintln!("{threads} threads, {round}: stopped {stopped} us, {total:?} in all");
            assert!(Duration::from_micros(stopped) < total);
            // libtest's own main thread waits for the one that runs the target.
            assert_eq!(snapshot.threads.len(), threads + 1);
            let text = snapshot.to_string();
            assert!(threads == 2 || text.contains("crowd-1, crowd-2"), "{text}");
            // libtest's two, the crowd, and whoever of it was still on the way.
            let headings =
                text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
            assert!(threads == 2 || headings < threads / 4, "{text}");
        }
    }
}
