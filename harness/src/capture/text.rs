//! Stacks for humans: threads that stand at the same place are told once.

use std::collections::HashMap;
use std::fmt;

use super::{Frame, Snapshot, ThreadStack};

/// How many different thread names a heading spells out.
const NAMES: usize = 4;

/// All stacks, equal ones folded, then the notes. It ends without a line break.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for threads in fold(&self.threads) {
            f.write_str(separator)?;
            separator = "\n\n";
            heading(f, &threads)?;
            let ThreadStack { frames, truncated, .. } = threads[0];
            let mut plumbing = 0;
            let outermost = frames.iter().position(is_runtime_entry).unwrap_or(frames.len());
            for (nth, frame) in frames.iter().enumerate() {
                if nth >= outermost || is_plumbing(frame) {
                    plumbing += 1;
                } else {
                    write!(f, "\n  #{nth:<3}{frame}")?;
                }
            }
            if plumbing > 0 {
                write!(f, "\n  ({plumbing} frames of the Rust runtime left out)")?;
            }
            if let Some(why) = truncated {
                write!(f, "\n  (the stack is incomplete: {why})")?;
            }
        }
        for note in &self.notes {
            write!(f, "{separator}note: {note}")?;
            separator = "\n";
        }
        Ok(())
    }
}

/// One line: what is called, and where it stands in the source.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.function, &self.module) {
            (Some(function), _) => f.write_str(function)?,
            (None, Some(module)) => write!(f, "?? in {module}")?,
            (None, None) => f.write_str("??")?,
        }
        if self.inlined {
            f.write_str(" (inlined)")?;
        }
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " at {}:{line}", shorten(file)),
            (Some(file), None) => write!(f, " at {}", shorten(file)),
            (None, _) => Ok(()),
        }
    }
}

/// Whether this frame and all outside of it only started the thread.
fn is_runtime_entry(frame: &Frame) -> bool {
    frame.function.as_deref().is_some_and(|name| name.contains("__rust_begin_short_backtrace"))
}

/// Whether a frame only passes a call on to a closure, as std's own short backtraces know it too.
fn is_plumbing(frame: &Frame) -> bool {
    let Some(file) = &frame.file else { return false };
    let name = frame.function.as_deref().unwrap_or_default();
    match shorten(file) {
        "core/src/ops/function.rs" | "core/src/panic/unwind_safe.rs" | "std/src/panic.rs" => true,
        "std/src/panicking.rs" => name.contains("catch_unwind") || name.contains("do_call"),
        "alloc/src/boxed.rs" => name.contains("call_once"),
        _ => false,
    }
}

/// Threads with equal stacks together, in the order in which the first of each comes.
///
/// Addresses do not count: threads that stand at two instructions of one line stand at one place.
fn fold(threads: &[ThreadStack]) -> Vec<Vec<&ThreadStack>> {
    let mut groups: Vec<Vec<&ThreadStack>> = Vec::new();
    let mut by_place = HashMap::new();
    for thread in threads {
        let frames: Vec<_> = thread
            .frames
            .iter()
            .map(|f| (&f.function, &f.file, f.line, &f.module, f.inlined))
            .collect();
        let group = *by_place.entry((frames, &thread.truncated)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(thread);
    }
    groups
}

/// How many threads, and who they are: `64 threads: main, worker (x 63)`.
fn heading(f: &mut fmt::Formatter<'_>, threads: &[&ThreadStack]) -> fmt::Result {
    let mut names: Vec<(&str, usize)> = Vec::new();
    for thread in threads {
        match names.iter_mut().find(|(name, _)| *name == thread.name) {
            Some((_, times)) => *times += 1,
            None => names.push((&thread.name, 1)),
        }
    }
    let plural = if threads.len() == 1 { "" } else { "s" };
    write!(f, "{} thread{plural}: ", threads.len())?;
    for (nth, (name, times)) in names.iter().take(NAMES).enumerate() {
        let comma = if nth == 0 { "" } else { ", " };
        write!(f, "{comma}{name}")?;
        if *times > 1 {
            write!(f, " (x {times})")?;
        }
    }
    match names.iter().skip(NAMES).map(|(_, times)| times).sum() {
        0usize => Ok(()),
        more => write!(f, ", ... ({more} more)"),
    }
}

/// The part of a source path that means something on any machine: what follows the registry, the
/// compiler's or the standard library's own directory. Other paths stay as they are.
pub(crate) fn shorten(path: &str) -> &str {
    /// Directories whose own path says nothing, and whether the component behind them, a hash or
    /// the name of a registry, says nothing either.
    const MARKS: [(&str, bool); 3] =
        [("/registry/src/", true), ("/rustc/", true), ("/library/", false)];

    let tails = MARKS.iter().filter_map(|&(mark, and_one_more)| {
        let (_, tail) = path.rsplit_once(mark)?;
        if and_one_more { Some(tail.split_once('/')?.1) } else { Some(tail) }
    });
    tails.min_by_key(|tail| tail.len()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Trust;

    fn call(pc: u64, function: &str, place: Option<(&str, u32)>) -> Frame {
        Frame {
            pc,
            function: Some(function.into()),
            file: place.map(|(file, _)| file.into()),
            line: place.map(|(_, line)| line),
            module: Some("target".into()),
            module_address: Some(pc),
            inlined: false,
            trust: Trust::Unwound,
        }
    }

    fn thread(tid: i32, name: &str, frames: &[Frame]) -> ThreadStack {
        ThreadStack { tid, name: name.into(), frames: frames.to_vec(), ..Default::default() }
    }

    #[test]
    fn equal_stacks_are_told_once_whatever_their_addresses() {
        const LOCK: &str = "/home/me/.cargo/registry/src/index-1/parking_lot-0.12.5/src/raw.rs";
        let lock = |pc| Frame { inlined: true, ..call(pc, "RawMutex::lock", Some((LOCK, 262))) };
        let work = |pc| call(pc, "actor", Some(("src/lib.rs", 7)));
        let unknown = Frame { function: None, ..call(9, "", None) };
        let snapshot = Snapshot {
            threads: vec![
                thread(1, "main", &[call(1, "join", None), unknown]),
                thread(2, "actor-1", &[lock(2), work(3)]),
                thread(3, "actor-2", &[lock(4), work(5)]),
                ThreadStack {
                    truncated: Some("the walk made no progress".into()),
                    ..thread(4, "actor-3", &[lock(4), work(5)])
                },
            ],
            words: vec![],
            stopped_us: 0,
            notes: vec!["Thread 5 ended.".into(), "Thread 6 ended.".into()],
        };
        let expected = "\
1 thread: main
  #0  join
  #1  ?? in target

2 threads: actor-1, actor-2
  #0  RawMutex::lock (inlined) at parking_lot-0.12.5/src/raw.rs:262
  #1  actor at src/lib.rs:7

1 thread: actor-3
  #0  RawMutex::lock (inlined) at parking_lot-0.12.5/src/raw.rs:262
  #1  actor at src/lib.rs:7
  (the stack is incomplete: the walk made no progress)

note: Thread 5 ended.
note: Thread 6 ended.";
        assert_eq!(snapshot.to_string(), expected);
    }

    #[test]
    fn what_only_passes_calls_on_is_left_out() {
        const STD: &str = "/rustc/abc/library/std/src";
        let at = |name: &str, file: &str| call(1, name, Some((file, 1)));
        let frames = [
            at("work", "src/lib.rs"),
            at("std::panicking::catch_unwind::do_call", &format!("{STD}/panicking.rs")),
            at("body", "src/lib.rs"),
            at(
                "std::sys::backtrace::__rust_begin_short_backtrace",
                &format!("{STD}/sys/backtrace.rs"),
            ),
            at("start_thread", "./nptl/pthread_create.c"),
        ];
        let snapshot = Snapshot { threads: vec![thread(1, "w", &frames)], ..Snapshot::default() };
        let expected = "\
1 thread: w
  #0  work at src/lib.rs:1
  #2  body at src/lib.rs:1
  (3 frames of the Rust runtime left out)";
        assert_eq!(snapshot.to_string(), expected);
    }

    #[test]
    fn a_crowd_is_counted() {
        let crowd = |names: &[&str]| {
            let threads = names.iter().zip(1..).map(|(name, tid)| thread(tid, name, &[])).collect();
            Snapshot { threads, ..Snapshot::default() }.to_string()
        };
        assert_eq!(crowd(&["main", "w", "w", "w"]), "4 threads: main, w (x 3)");
        assert_eq!(crowd(&["a", "b", "c", "d", "e", "e"]), "6 threads: a, b, c, d, ... (2 more)");
        assert_eq!(crowd(&[]), "");
    }

    #[test]
    fn a_path_loses_what_differs_between_machines() {
        let hash = "ac68faa20c58cbccd01ee7208bf3b6e93a7d7f96";
        for (path, short) in [
            ("/home/me/.cargo/registry/src/registry-1/a-1.0/src/a.rs", "a-1.0/src/a.rs"),
            (&format!("/rustc/{hash}/library/std/src/thread/mod.rs"), "std/src/thread/mod.rs"),
            (&format!("/rustc/{hash}/compiler/x.rs"), "compiler/x.rs"),
            ("/opt/rust/lib/rustlib/src/rust/library/core/src/ops.rs", "core/src/ops.rs"),
            ("/rustc/cut", "/rustc/cut"),
            ("./nptl/lowlevellock.c", "./nptl/lowlevellock.c"),
            ("/home/me/library.rs", "/home/me/library.rs"),
        ] {
            assert_eq!(shorten(path), short);
        }
    }
}
