//! Memory read and written in steps that others come between.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};

use crate::both;

/// An increment of an atomic in two steps.
pub(crate) fn lost_update(fixed: bool) {
    let count = AtomicU32::new(0);
    let add = || {
        if fixed {
            count.fetch_add(1, SeqCst);
        } else {
            count.store(count.load(SeqCst) + 1, SeqCst);
        }
    };
    both(add, add);
    assert_eq!(count.load(SeqCst), 2, "an update was lost");
}

/// An increment of a plain word: undefined behaviour, and what becomes of it in practice.
pub(crate) fn plain_race(fixed: bool) {
    static mut COUNT: u32 = 0;
    let lock = Mutex::new(());
    let add = || {
        let guard = fixed.then(|| lock.lock().unwrap());
        // SAFETY: none, without the lock; that is the bug.
        unsafe { COUNT += 1 };
        drop(guard);
    };
    both(add, add);
    // SAFETY: the threads are joined.
    assert_eq!(unsafe { COUNT }, 2, "an update was lost");
}

/// A stack of numbered nodes, as Treiber's. Node 0 is the end; the upper half of the head counts
/// changes in the correct one.
struct Stack {
    head: AtomicU64,
    next: [AtomicU32; 4],
    fixed: bool,
}

impl Stack {
    fn tag(&self, head: u64) -> u64 {
        if self.fixed { (head >> 32).wrapping_add(1) << 32 } else { 0 }
    }

    fn push(&self, node: u32) {
        loop {
            let head = self.head.load(SeqCst);
            self.next[node as usize].store(head as u32, SeqCst);
            let new = u64::from(node) | self.tag(head);
            if self.head.compare_exchange(head, new, SeqCst, SeqCst).is_ok() {
                return;
            }
        }
    }

    fn pop(&self) -> u32 {
        loop {
            let head = self.head.load(SeqCst);
            let next = self.next[head as u32 as usize].load(SeqCst);
            let new = u64::from(next) | self.tag(head);
            if self.head.compare_exchange(head, new, SeqCst, SeqCst).is_ok() {
                return head as u32;
            }
        }
    }
}

/// The head is the same node as before, but what comes after it is not.
pub(crate) fn aba(fixed: bool) {
    let stack = Stack { head: AtomicU64::new(0), next: Default::default(), fixed };
    [3, 2, 1].into_iter().for_each(|node| stack.push(node));
    let had = [AtomicU32::new(0), AtomicU32::new(0)];
    both(
        || had[0].store(stack.pop(), SeqCst),
        || {
            let first = stack.pop();
            had[1].store(stack.pop(), SeqCst);
            stack.push(first);
        },
    );
    let mut seen = [false; 4];
    let mut take = |node: u32| {
        assert!(!std::mem::replace(&mut seen[node as usize], true), "node {node} has two owners");
    };
    had.iter().for_each(|node| take(node.load(SeqCst)));
    let mut node = stack.head.load(SeqCst) as u32;
    while node != 0 {
        take(node);
        node = stack.next[node as usize].load(SeqCst);
    }
}

/// What was checked under the lock is acted on after it was given back.
pub(crate) fn check_then_act(fixed: bool) {
    let made = Mutex::new(0);
    let make_one = || {
        if fixed {
            let mut made = made.lock().unwrap();
            if *made == 0 {
                *made += 1;
            }
            return;
        }
        let missing = *made.lock().unwrap() == 0;
        if missing {
            *made.lock().unwrap() += 1;
        }
    };
    both(make_one, make_one);
    assert_eq!(*made.lock().unwrap(), 1, "made twice");
}

/// Double-checked locking that says "ready" before it is.
pub(crate) fn double_checked(fixed: bool) {
    let (lock, ready, value) = (Mutex::new(()), AtomicBool::new(false), AtomicU32::new(0));
    let get = || {
        if !ready.load(SeqCst) {
            let _guard = lock.lock().unwrap();
            if !ready.load(SeqCst) {
                if fixed {
                    value.store(42, SeqCst);
                    ready.store(true, SeqCst);
                } else {
                    ready.store(true, SeqCst);
                    value.store(42, SeqCst);
                }
            }
        }
        assert_eq!(value.load(SeqCst), 42, "used before it was made");
    };
    both(get, get);
}
