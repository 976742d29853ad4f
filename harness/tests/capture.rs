//! Captures processes that this test binary starts of itself, and whose stacks are known.

#[path = "capture/core_file.rs"]
mod core_file;
#[path = "capture/target.rs"]
mod target;
#[path = "capture/words.rs"]
mod words;

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use standstill::capture::{CaptureError, Capturer, Snapshot, Trust};
use standstill::os::ptrace::{self, Stop};

use words::{Target, frame_of, is_in_target, thread_named, told};

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
        assert!(is_in_target(outer), "{outer:#?}");
        assert_eq!(thread.truncated, None, "{snapshot}");
        assert_eq!(thread.frames[0].trust, Trust::Registers);
        let is_innermost = outer.pc == thread.frames[0].pc;
        assert_eq!(outer.trust, if is_innermost { Trust::Registers } else { Trust::Unwound });
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
        assert!(is_in_target(turn) && turn.line > spin.line, "{turn:#?}");
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
    let target = of_a_deleted_copy("whole", |from, to| {
        std::fs::copy(from, to).unwrap();
    });
    let snapshot = Capturer::new().capture(target.pid()).unwrap();
    assert_eq!(snapshot.notes, Vec::<String>::new());
    frame_of(thread_named(&snapshot, "spinner"), "turn");
}

#[test]
fn without_debug_information_the_symbol_table_has_the_names() {
    let target = of_a_deleted_copy("stripped", |from, to| {
        let mut strip = Command::new("strip");
        let status = strip.arg("--strip-debug").arg("-o").args([to, from]).status();
        assert!(status.unwrap().success());
    });
    let snapshot = Capturer::new().capture(target.pid()).unwrap();
    let (_, spin) = frame_of(thread_named(&snapshot, "spinner"), "capture::target::spin");
    assert_eq!((&spin.file, spin.line, spin.inlined), (&None, None, false));
}

/// A target that runs a copy of this binary, which is no more.
fn of_a_deleted_copy(name: &str, copy: impl Fn(&Path, &Path)) -> Target {
    let to = std::env::temp_dir().join(format!("standstill-{name}-{}", std::process::id()));
    copy(&std::env::current_exe().unwrap(), &to);
    let mut target = Target::start(&mut target::command_of(&to, "still"));
    target.read_until(|line| line == "ready");
    std::fs::remove_file(&to).unwrap();
    target
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
        let mut target = Target::start(&mut target::command("short"));
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
    let mut target = Target::start(&mut target::command("exec"));
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
            let line =
                format!("{threads} threads, {round}: {stopped} us stopped, {total:?} in all");
            writeln!(std::io::stderr(), "{line}").unwrap();
            assert!(Duration::from_micros(stopped) < total);
            // libtest's own main thread waits for the one that runs the target.
            assert_eq!(snapshot.threads.len(), threads + 1);
        }
        // libtest's two threads, and the crowd once all of it has got where it waits.
        let folds = |snapshot: &Snapshot| snapshot.to_string().matches("\n\n").count() == 2;
        while !folds(&capturer.capture(target.pid()).unwrap()) {}
    }
}
