//! What a blocked thread waits for, read from its stack.
//!
//! The innermost frames belong to the primitive; how far they reach is known by their crate. The
//! outermost of them that has a name in the table decides: a channel parks its receiver, and it is
//! the channel that a reader wants to hear of.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::path;
use crate::capture::{Frame, ThreadStack};
use crate::graph::Node;

/// What kind of thing a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitsFor {
    /// Exclusive ownership of a mutex.
    Mutex,
    /// A reader-writer lock, as a reader.
    Read,
    /// A reader-writer lock, as a writer.
    Write,
    /// A cell or static that another thread initialises.
    Once,
    /// A condition variable.
    Condvar,
    /// `unpark` by somebody.
    Park,
    /// A message.
    Receive,
    /// Room in a bounded channel.
    Send,
    /// The other parties of a barrier.
    Barrier,
    /// A semaphore.
    Semaphore,
    /// The end of a thread.
    Join,
    /// Something that the stack does not name.
    Unknown,
}

impl WaitsFor {
    /// Whether somebody must own what is waited for.
    pub fn is_lock(self) -> bool {
        matches!(self, Self::Mutex | Self::Read | Self::Write | Self::Once)
    }
    /// Whether it is an event that somebody must signal, which leaves no owner behind.
    pub fn is_event(self) -> bool {
        matches!(self, Self::Condvar | Self::Park | Self::Semaphore)
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mutex => "a mutex",
            Self::Read => "a read lock",
            Self::Write => "a write lock",
            Self::Once => "a one-time initialisation",
            Self::Condvar => "a condition variable",
            Self::Park => "an unpark",
            Self::Receive => "a message",
            Self::Send => "room in a channel",
            Self::Barrier => "a barrier",
            Self::Semaphore => "a semaphore",
            Self::Join => "the end of a thread",
            Self::Unknown => "something unnamed",
        })
    }
}

/// Pieces of function names, as [`path`] writes them: with the type where the symbol is known, with
/// the module where a call was inlined.
const NAMES: &[(&str, WaitsFor)] = &[
    ("Mutex::lock", WaitsFor::Mutex),
    ("PyThread_acquire_lock", WaitsFor::Mutex),
    ("mutex::lock", WaitsFor::Mutex),
    ("mutex::futex::lock", WaitsFor::Mutex),
    ("RawMutex::lock_slow", WaitsFor::Mutex),
    ("raw_mutex::lock", WaitsFor::Mutex),
    ("RawFairMutex::lock", WaitsFor::Mutex),
    ("raw_fair_mutex::lock", WaitsFor::Mutex),
    ("ReentrantLock::lock", WaitsFor::Mutex),
    ("reentrant_lock::lock", WaitsFor::Mutex),
    ("ReentrantMutex::lock", WaitsFor::Mutex),
    ("remutex::lock", WaitsFor::Mutex),
    ("pthread_mutex_lock", WaitsFor::Mutex),
    ("mutex_lock_full", WaitsFor::Mutex),
    ("lll_lock_wait", WaitsFor::Mutex),
    ("recursive_mutex::lock", WaitsFor::Mutex),
    ("RwLock::read", WaitsFor::Read),
    ("rwlock::read", WaitsFor::Read),
    ("rwlock::futex::read", WaitsFor::Read),
    ("RawRwLock::lock_shared", WaitsFor::Read),
    ("raw_rwlock::lock_shared", WaitsFor::Read),
    ("shared_mutex::lock_shared", WaitsFor::Read),
    ("pthread_rwlock_rdlock", WaitsFor::Read),
    ("RwLock::write", WaitsFor::Write),
    ("RwLock::upgradable_read", WaitsFor::Write),
    ("rwlock::write", WaitsFor::Write),
    ("rwlock::futex::write", WaitsFor::Write),
    ("rwlock::upgrad", WaitsFor::Write),
    ("RwLockUpgradableReadGuard::upgrade", WaitsFor::Write),
    ("RawRwLock::lock_exclusive", WaitsFor::Write),
    ("raw_rwlock::lock_exclusive", WaitsFor::Write),
    ("RawRwLock::lock_upgradable", WaitsFor::Write),
    ("RawRwLock::upgrade_slow", WaitsFor::Write),
    ("RawRwLock::wait_for_readers", WaitsFor::Write),
    ("shared_mutex::lock", WaitsFor::Write),
    ("pthread_rwlock_wrlock", WaitsFor::Write),
    ("Once::call", WaitsFor::Once),
    ("Once::wait", WaitsFor::Once),
    ("once::call", WaitsFor::Once),
    ("OnceLock::get_or", WaitsFor::Once),
    ("OnceLock::initialize", WaitsFor::Once),
    ("OnceLock::wait", WaitsFor::Once),
    ("once_lock::get_or", WaitsFor::Once),
    ("once_lock::initialize", WaitsFor::Once),
    ("once_lock::wait", WaitsFor::Once),
    ("LazyLock::force", WaitsFor::Once),
    ("lazy_lock::force", WaitsFor::Once),
    ("once_cell::imp::initialize_or_wait", WaitsFor::Once),
    ("pthread_once", WaitsFor::Once),
    ("cxa_guard_acquire", WaitsFor::Once),
    ("Condvar::wait", WaitsFor::Condvar),
    ("condvar::wait", WaitsFor::Condvar),
    ("condvar::futex::wait", WaitsFor::Condvar),
    ("pthread_cond_wait", WaitsFor::Condvar),
    ("condition_variable::wait", WaitsFor::Condvar),
    ("thread::park", WaitsFor::Park),
    ("thread::current::park", WaitsFor::Park),
    ("thread::functions::park", WaitsFor::Park),
    ("Thread::park", WaitsFor::Park),
    ("Parker::park", WaitsFor::Park),
    ("parker::park", WaitsFor::Park),
    ("Receiver::recv", WaitsFor::Receive),
    ("Channel::recv", WaitsFor::Receive),
    ("mpsc::recv", WaitsFor::Receive),
    ("mpmc::recv", WaitsFor::Receive),
    ("channel::recv", WaitsFor::Receive),
    ("Select::select", WaitsFor::Receive),
    ("select::run_select", WaitsFor::Receive),
    ("Sender::send", WaitsFor::Send),
    ("SyncSender::send", WaitsFor::Send),
    ("Channel::send", WaitsFor::Send),
    ("mpsc::send", WaitsFor::Send),
    ("mpmc::send", WaitsFor::Send),
    ("channel::send", WaitsFor::Send),
    ("Barrier::wait", WaitsFor::Barrier),
    ("barrier::wait", WaitsFor::Barrier),
    ("pthread_barrier_wait", WaitsFor::Barrier),
    ("WaitGroup::wait", WaitsFor::Barrier),
    ("sem_wait", WaitsFor::Semaphore),
    ("new_sem_wait_slow", WaitsFor::Semaphore),
    ("pthread_join", WaitsFor::Join),
    ("pthread_clockjoin_ex", WaitsFor::Join),
    ("JoinHandle::join", WaitsFor::Join),
    ("JoinInner::join", WaitsFor::Join),
    ("join_handle::join", WaitsFor::Join),
    ("scoped::join", WaitsFor::Join),
    ("thread::scoped::scope", WaitsFor::Join),
    ("std::thread::scope", WaitsFor::Join),
];

/// Crates whose frames may stand between a primitive and its user.
const CRATES: &[&str] = &[
    "std",
    "core",
    "alloc",
    "parking_lot",
    "parking_lot_core",
    "lock_api",
    "crossbeam",
    "crossbeam_channel",
    "crossbeam_utils",
    "once_cell",
    "dashmap",
    "flume",
    "libc",
];

/// Where a blocked thread waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Site<'a> {
    /// For what.
    pub waits_for: WaitsFor,
    /// The frame that called the primitive: the first that is not the primitive's own.
    pub caller: Option<&'a Frame>,
}

/// Reads one stack.
pub fn site(stack: &ThreadStack) -> Site<'_> {
    let mut waits_for = WaitsFor::Unknown;
    for frame in &stack.frames {
        let Some(name) = path(frame) else { continue };
        if !is_primitive(&name) && !is_of_std(frame) {
            return Site { waits_for, caller: Some(frame) };
        }
        let Some((_, what)) = NAMES.iter().find(|(piece, _)| begins_segment(&name, piece)) else {
            continue;
        };
        // Who has been woken from an event takes its lock again, and may wait for that.
        let still_a_lock = waits_for.is_lock() && !what.is_lock();
        if !still_a_lock {
            waits_for = *what;
        }
    }
    Site { waits_for, caller: None }
}

/// The functions of the primitive that a blocked thread is in, innermost first, as paths.
pub fn primitives(stack: &ThreadStack) -> Vec<String> {
    let frames = stack.frames.iter().filter_map(|frame| Some((path(frame)?, frame)));
    let own = frames.take_while(|(name, frame)| is_primitive(name) || is_of_std(frame));
    own.map(|(name, _)| name).collect()
}

/// Whether a frame's code is of Rust's standard library, whatever type its name begins with.
fn is_of_std(frame: &Frame) -> bool {
    const ROOTS: [&str; 3] = ["/library/std/src/", "/library/core/src/", "/library/alloc/src/"];
    // A function of the program may well have lines of core in it, without a call that says so.
    let own = |name: &str| !["std::", "core::", "alloc::"].iter().any(|krate| name.contains(krate));
    let is_own = !frame.inlined && frame.function.as_deref().is_some_and(own);
    let in_std = |file: &str| ROOTS.iter().any(|root| file.contains(root));
    !is_own && frame.file.as_deref().is_some_and(in_std)
}

/// Functions in which the threads of pools wait for work, and what such a thread is.
const POOLS: &[(&str, &str)] = &[
    ("tokio::runtime::blocking::pool::Inner::run", "an idle blocking thread of tokio"),
    ("tokio::runtime::scheduler::multi_thread::worker", "an idle worker of tokio"),
    ("rayon_core::sleep::Sleep::sleep", "an idle worker of rayon"),
    ("rayon_core::sleep::Sleep::no_work_found", "an idle worker of rayon"),
];

/// What a thread is that stands in a pool without work. One that works has the work's functions
/// further out, also while it waits inside the pool for the rest of that work.
pub fn idle(stack: &ThreadStack) -> Option<&'static str> {
    let mut idle = None;
    for frame in &stack.frames {
        let Some(name) = path(frame) else { continue };
        if !is_primitive(&name) && !is_of_std(frame) && !is_pool(&name) {
            return None;
        }
        idle = idle.or(POOLS.iter().find(|(piece, _)| name.contains(piece)).map(|(_, what)| *what));
    }
    idle
}

fn is_pool(name: &str) -> bool {
    ["tokio", "rayon_core"].contains(&name.split("::").next().unwrap_or_default())
}

/// Where a thread stands in the program: the innermost frame from `nth` on outwards that belongs to
/// no primitive.
pub fn program_frame(stack: &ThreadStack, nth: usize) -> Option<&Frame> {
    stack.frames.iter().skip(nth).find(|frame| is_of_program(frame))
}

/// Whether a frame belongs to no primitive, and not to the standard library.
pub fn is_of_program(frame: &Frame) -> bool {
    !is_of_std(frame) && path(frame).is_some_and(|name| !is_primitive(&name))
}

/// Runtimes that wait for an event inside while their caller waits for something of theirs: a lock, a
/// task, a message.
const RUNTIMES: &[&str] = &[
    "tokio",
    "futures",
    "futures_executor",
    "async_std",
    "async_io",
    "smol",
    "pollster",
    "rayon_core",
];

/// Whether a thread waits inside of a runtime, which hides what for.
pub fn is_of_runtime(node: &Node) -> bool {
    let function = node.function.as_deref().unwrap_or_default();
    RUNTIMES.contains(&function.split("::").next().unwrap_or_default())
}

/// Whether `piece` stands in `name` at the beginning of a path segment or of a C name. What follows
/// it may go on: `lock_contended` is a way to `lock`.
fn begins_segment(name: &str, piece: &str) -> bool {
    name.match_indices(piece).any(|(at, _)| {
        at == 0 || name[..at].ends_with("::") || name[..at].bytes().all(|b| b == b'_')
    })
}

/// Whether a function belongs to the primitive's side: one of the known crates, or C code of libc.
fn is_primitive(name: &str) -> bool {
    match name.split_once("::") {
        Some(("tokio", rest)) => rest.starts_with("loom::"),
        Some((krate, _)) => CRATES.contains(&krate),
        None => C_NAMES.iter().any(|piece| name.trim_start_matches('_').starts_with(piece)),
    }
}

/// Beginnings of C names, without leading underscores, that libc waits in.
const C_NAMES: &[&str] = &[
    "syscall",
    "futex",
    "lll_",
    "pthread_",
    "sem_",
    "new_sem",
    "cxa_guard",
    "gthread",
    "glibcxx_",
    "GI_",
    "internal_syscall",
    "PyThread_acquire_lock",
    "clone",
    "start_thread",
    "libc_start",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Trust;

    /// A stack of functions, each with its file behind an `@` if that matters.
    fn stack(names: &[&str]) -> ThreadStack {
        let frame = |name: &&str| {
            let (function, file) =
                name.split_once('@').map_or((*name, None), |(n, f)| (n, Some(f)));
            Frame {
                pc: 0,
                function: Some(function.to_owned()),
                file: file.map(str::to_owned),
                line: None,
                module: None,
                module_address: None,
                inlined: false,
                trust: Trust::Unwound,
            }
        };
        let frames = names.iter().map(frame).collect();
        ThreadStack { tid: 1, frames, ..Default::default() }
    }

    #[test]
    fn the_outermost_primitive_names_the_wait() {
        for (frames, what, caller) in [
            (
                &[
                    "syscall",
                    "std::sys::pal::unix::futex::futex_wait",
                    "<std::sys::sync::mutex::futex::Mutex>::lock_contended",
                    "<std::sync::poison::mutex::Mutex<i32>>::lock",
                    "bank::transfer",
                ][..],
                WaitsFor::Mutex,
                Some("bank::transfer"),
            ),
            (
                &[
                    "syscall",
                    "std::thread::park",
                    "std::sync::mpmc::list::Channel<T>::recv",
                    "std::sync::mpsc::Receiver<T>::recv",
                    "app::worker",
                ],
                WaitsFor::Receive,
                Some("app::worker"),
            ),
            (
                &["__futex_abstimed_wait_common64", "___pthread_cond_wait", "app_wait"],
                WaitsFor::Condvar,
                Some("app_wait"),
            ),
            (
                &[
                    "__futex_abstimed_wait_common",
                    "__pthread_clockjoin_ex",
                    "std::thread::JoinHandle<T>::join",
                    "main",
                ],
                WaitsFor::Join,
                Some("main"),
            ),
            (
                &[
                    "syscall",
                    "parking_lot_core::park",
                    "parking_lot::raw_rwlock::RawRwLock::lock_shared_slow",
                    "cfg::len",
                ],
                WaitsFor::Read,
                Some("cfg::len"),
            ),
            // As real stacks have them, inlined calls with the bare names of line tables.
            (
                &[
                    "futex_wait@./nptl/../sysdeps/nptl/futex-internal.h",
                    "__lll_lock_wait",
                    "lll_mutex_lock_optimized@./nptl/pthread_mutex_lock.c",
                    "pthread_mutex_lock",
                    "registry_visit@/app/c/registry.c",
                ],
                WaitsFor::Mutex,
                Some("registry_visit"),
            ),
            (
                &[
                    "syscall",
                    "std::sys::pal::unix::futex::futex_wait@/r/library/std/src/sys/pal/unix/futex.rs",
                    "<std::sys::sync::mutex::futex::Mutex>::lock_contended",
                    "lock@/r/library/std/src/sys/sync/mutex/futex.rs",
                    "lock<usize>@/r/library/std/src/sync/poison/mutex.rs",
                    "{closure#0}<app::notify>@/app/src/cache.rs",
                ],
                WaitsFor::Mutex,
                Some("{closure#0}<app::notify>"),
            ),
            (
                &[
                    "syscall",
                    "<std::sys::sync::thread_parking::futex::Parker>::park",
                    "<std::thread::thread::Thread>::park",
                    "wait_until@/r/library/std/src/sync/mpmc/context.rs",
                    "std::sync::mpmc::array::Channel<T>::send::{{closure}}",
                    "{closure#0}<std::sync::mpmc::array::{impl#1}::send::{closure_env#0}<usize>, \
                     ()>@/r/library/std/src/sync/mpmc/context.rs",
                    "try_with<core::cell::Cell<()>, ()>@/r/library/std/src/thread/local.rs",
                    "std::sync::mpmc::array::Channel<T>::send",
                    "send<usize>@/r/library/std/src/sync/mpmc/mod.rs",
                    "send<usize>@/r/library/std/src/sync/mpsc.rs",
                    "{closure#0}@/app/src/queue.rs",
                ],
                WaitsFor::Send,
                Some("{closure#0}"),
            ),
            (
                &[
                    "__futex_abstimed_wait_common64@./nptl/futex-internal.c",
                    "__futex_abstimed_wait_common",
                    "__pthread_clockjoin_ex",
                    "<std::sys::thread::unix::Thread>::join",
                    "std::thread::lifecycle::JoinInner<T>::join",
                    "join<()>@/r/library/std/src/thread/scoped.rs",
                    "{closure#0}@/app/src/run.rs",
                ],
                WaitsFor::Join,
                Some("{closure#0}"),
            ),
            (&["syscall", "mystery::wait"], WaitsFor::Unknown, Some("mystery::wait")),
            (&[], WaitsFor::Unknown, None),
        ] {
            let stack = stack(frames);
            let site = site(&stack);
            assert_eq!(site.waits_for, what, "{frames:?}");
            assert_eq!(site.caller.and_then(|f| f.function.as_deref()), caller, "{frames:?}");
        }
    }
}
