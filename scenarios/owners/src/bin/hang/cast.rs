//! The threads of a hang, and what makes them start waiting in the right order.

use std::hint::black_box;
use std::io::Read;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::locks::{Keep, Lock, Mode};
use crate::plan::{Live, Plan, Then};

/// What all threads share. It synchronises by atomics and naps alone: a futex of its own would be
/// seen.
pub(crate) struct Stage {
    pub(crate) plan: Plan,
    pub(crate) locks: Vec<&'static dyn Lock>,
    pub(crate) tids: Vec<AtomicI32>,
    pub(crate) handles: Vec<Mutex<Option<JoinHandle<()>>>>,
    /// How many have done with their first locks, and have what they are to have.
    pub(crate) met: [AtomicUsize; 2],
    /// 1: the waiters may wait, 2: the late ones too.
    pub(crate) go: AtomicUsize,
    /// How many are about to wait.
    pub(crate) about: AtomicUsize,
}

pub(crate) fn nap_until(ready: impl Fn() -> bool) {
    while !ready() {
        std::thread::sleep(Duration::from_micros(200));
    }
}

pub(crate) fn tid() -> i32 {
    // SAFETY: takes nothing.
    unsafe { libc::gettid() }
}

impl Stage {
    pub(crate) fn new(plan: Plan, locks: Vec<&'static dyn Lock>) -> &'static Stage {
        let n = plan.parts.len();
        Box::leak(Box::new(Stage {
            plan,
            locks,
            tids: (0..n).map(|_| AtomicI32::new(0)).collect(),
            handles: (0..n).map(|_| Mutex::new(None)).collect(),
            met: Default::default(),
            go: AtomicUsize::new(0),
            about: AtomicUsize::new(0),
        }))
    }

    fn meet(&self, nth: usize) {
        self.met[nth].fetch_add(1, Ordering::SeqCst);
        nap_until(|| self.met[nth].load(Ordering::SeqCst) == self.plan.parts.len());
    }

    pub(crate) fn handle(&self, nth: usize) -> JoinHandle<()> {
        let take = || self.handles[nth].lock().unwrap_or_else(PoisonError::into_inner).take();
        loop {
            if let Some(handle) = take() {
                return handle;
            }
            nap_until(|| true);
        }
    }
}

/// The whole of a thread's life.
pub(crate) fn act(stage: &'static Stage, me: usize) {
    stage.tids[me].store(tid(), Ordering::SeqCst);
    let part = &stage.plan.parts[me];
    for lock in &part.before {
        stage.locks[*lock].hold(Mode::Write, Keep::Local, &mut || {});
    }
    if part.litter {
        litter(stage);
    }
    stage.meet(0);
    let mut known = [0; 8];
    for (slot, lock) in known.iter_mut().zip(&part.knows) {
        *slot = (&raw const *stage.locks[*lock]).addr();
    }
    black_box(&mut known);
    deep(part.depth, &mut || take(stage, me, 0));
    black_box(&mut known);
}

/// Leaves the addresses of all locks where calls to come will lie.
#[inline(never)]
fn litter(stage: &'static Stage) {
    let mut garbage = [0_usize; 512];
    for (nth, slot) in garbage.iter_mut().enumerate() {
        *slot = (&raw const *stage.locks[nth % stage.locks.len()]).addr();
    }
    black_box(&mut garbage);
}

#[inline(never)]
fn deep(depth: usize, then: &mut dyn FnMut()) {
    // What lies in it is what lay there: a frame that is larger than what it uses.
    let mut room = std::mem::MaybeUninit::<[usize; 12]>::uninit();
    black_box(&mut room);
    match depth {
        0 => then(),
        _ => deep(depth - 1, then),
    }
    black_box(&mut room);
}

/// Takes the locks from the `nth` on, and goes on with all of them in hand.
fn take(stage: &'static Stage, me: usize, nth: usize) {
    let part = &stage.plan.parts[me];
    match part.holds.get(nth) {
        None => go_on(stage, me),
        Some(&(lock, mode)) => {
            if part.keep == Keep::Away && take_away(stage, lock, mode) {
                return take(stage, me, nth + 1);
            }
            stage.locks[lock].hold(mode, part.keep, &mut || take(stage, me, nth + 1));
        }
    }
}

/// Takes a lock so that nothing of it stays on the stack but rubbish.
#[inline(never)]
fn take_away(stage: &'static Stage, lock: usize, mode: Mode) -> bool {
    stage.locks[lock].grab(mode).map(Box::leak).is_some()
}

fn go_on(stage: &'static Stage, me: usize) {
    let part = &stage.plan.parts[me];
    stage.meet(1);
    let go = if part.late { 2 } else { 1 };
    let about = || {
        nap_until(|| stage.go.load(Ordering::SeqCst) >= go);
        stage.about.fetch_add(1, Ordering::SeqCst);
    };
    match part.then {
        Then::Want(lock, mode) => {
            about();
            stage.locks[lock].hold(mode, Keep::Local, &mut || std::process::abort());
        }
        Then::Attempt(lock) => loop {
            stage.locks[lock].attempt(Duration::from_millis(30));
        },
        Then::Join(target) => {
            let handle = stage.handle(target);
            about();
            let _ = handle.join();
            std::process::abort();
        }
        Then::Live(live) => lives(live),
        Then::End => {}
    }
}

pub(crate) fn lives(live: Live) {
    let (mutex, condvar) = (Mutex::new(0_u64), Condvar::new());
    let count = || mutex.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match live {
            Live::Naps => std::thread::sleep(Duration::from_millis(3)),
            Live::SleepsLong => std::thread::sleep(Duration::from_secs(1000)),
            Live::Reads => {
                if let Ok((mut from, into)) = std::io::pipe() {
                    let _ = from.read(&mut [0]);
                    drop(into);
                }
            }
            Live::WaitsTimed => drop(condvar.wait_timeout(count(), Duration::from_millis(7))),
            Live::Works => {
                *count() += (0..5000).map(black_box).sum::<u64>();
                std::thread::sleep(Duration::from_millis(1));
            }
            Live::Parks => std::thread::park(),
        }
    }
}
