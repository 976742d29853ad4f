//! How threads hand the token over. Checked by a loom model (`models/tests/token.rs`), which compiles
//! this file: all that it needs of its surroundings it takes from `super`.
//!
//! Words: the guard (0 free, 1 held, 2 held and somebody sleeps), the holder (a thread's number plus
//! one, 0 for nobody), and for each thread its `go` (1: it has been given the token and has not yet
//! taken note). The guard orders all decisions. The holder changes under the guard only, and `go` is
//! set after the guard is given up, by the one who decided, and cleared by the thread itself: a
//! thread is given the token only by a decision that chose it, and it makes the next decision only
//! after it took note, so no `go` is ever set twice.

use super::{AtomicU32, Ordering, futex_wait, futex_wake};

/// Takes the guard. Drepper's second mutex ("Futexes are tricky", 2011).
pub(crate) fn lock(guard: &AtomicU32) {
    if guard.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok() {
        return;
    }
    while guard.swap(2, Ordering::Acquire) != 0 {
        futex_wait(guard, 2);
    }
}

/// Gives the guard up.
pub(crate) fn unlock(guard: &AtomicU32) {
    if guard.swap(0, Ordering::Release) == 2 {
        futex_wake(guard, 1);
    }
}

/// Makes the decision known: `next` has the token. The caller holds the guard, and loses it. When the
/// decision was for the caller itself it just goes on.
pub(crate) fn hand_over(
    guard: &AtomicU32,
    holder: &AtomicU32,
    go: &[AtomicU32],
    me: Option<usize>,
    next: Option<usize>,
) {
    holder.store(next.map_or(0, |n| n as u32 + 1), Ordering::Relaxed);
    unlock(guard);
    if let Some(next) = next.filter(|next| me != Some(*next)) {
        go[next].store(1, Ordering::Release);
        futex_wake(&go[next], 1);
    }
}

/// Sleeps until the token is given. `disturbed` is called after every wake-up that brought none.
pub(crate) fn park(go: &AtomicU32, mut disturbed: impl FnMut()) {
    while go.load(Ordering::Acquire) == 0 {
        futex_wait(go, 0);
        disturbed();
    }
    go.store(0, Ordering::Relaxed);
}

/// A thread that was outside wants to run again. The caller holds the guard, under which it has noted
/// that it can; it loses the guard. Takes the token if nobody has it, else says that it must park.
pub(crate) fn come_back(guard: &AtomicU32, holder: &AtomicU32, me: usize) -> bool {
    let free = holder.load(Ordering::Relaxed) == 0;
    if free {
        holder.store(me as u32 + 1, Ordering::Relaxed);
    }
    unlock(guard);
    free
}
