//! Scheduling points of programs that bring their own: levels 2 and 3.
//!
//! Such a program was compiled with the instrumentation that ThreadSanitizer needs, and linked with
//! `points/` in place of ThreadSanitizer; that finds the two functions here by name. Its code is not
//! to be patched where it has points already: a supervisor leaves out a module's section
//! `standstill_l2` or `standstill_l3`, in which the instrumented atomics are made.
//!
//! Nearly all plain accesses are no points, so the way there is short: no call, no guard, no
//! thread-local variable (in a shared object that is a call). As one thread runs at a time, statics
//! hold what the running thread needs, and its thread pointer says whose they are. What a thread has
//! on its own stack is its own; that another thread was lent it shows at the other's accesses, to
//! which it is not on their own stack.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::*};

use super::{model, sys};
use crate::abi::{MAX_THREADS, Op, Order};
use crate::kinds;
use crate::strategy::Rng;

/// Plain accesses of one trial that are points before each further one is half as likely: a hot loop
/// would use up the trial. A count, so it repeats.
const PATIENCE: u32 = 1 << 15;
/// A stack is not longer than this (bytes): whoever seems to be further below its end than that has
/// switched to another one, a coroutine's.
const LONGEST_STACK: usize = 1 << 28;
/// Words that a spin looks at in turn, at most.
const LOOKS: usize = 4;

/// How likely a plain access is a point, in 2^-32, less one; `u32::MAX` for each, 0 for none.
static CHANCE: AtomicU32 = AtomicU32::new(0);
/// Plain accesses that were points, since the chance was last changed.
static TAKEN: AtomicU32 = AtomicU32::new(0);
/// A xorshift generator; not 0.
static RANDOM: AtomicU64 = AtomicU64::new(1);
/// Where the main thread's stack ends.
static MAIN_STACK: AtomicUsize = AtomicUsize::new(0);
/// The thread pointer of the thread that made the last access, and where its stack ends.
static RUNNING: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
/// The last words that each thread loaded.
static RECENT: [[AtomicUsize; LOOKS]; MAX_THREADS] =
    [const { [const { AtomicUsize::new(0) }; LOOKS] }; MAX_THREADS];

/// The main thread's stack ends at `end`; called before `main`.
pub(super) fn main_stack(end: usize) {
    MAIN_STACK.store(end, Relaxed);
}

/// Begins a trial.
pub(super) fn begin(order: &Order) {
    let chance = match order.memory_every {
        0 => 0,
        n => u32::MAX / n,
    };
    RANDOM.store(Rng::new(order.seed ^ 0x706f_696e_7473).bits() | 1, Relaxed);
    CHANCE.store(chance, Relaxed);
}

/// Before an access of an instrumented program; `kind` is one of [`kinds`].
#[unsafe(no_mangle)]
unsafe extern "C" fn standstill_point(kind: u32, address: usize, _size: usize, pc: usize) {
    if kind > kinds::WRITE {
        return atomic(kind, address, pc);
    }
    let chance = CHANCE.load(Relaxed);
    if chance == 0 || model::LIVE.load(Relaxed) < 2 {
        return;
    }
    let (block, here): (usize, usize);
    // SAFETY: reads registers. The thread control block begins with its own address (System V ABI,
    // ELF Handling for Thread-Local Storage, 3.4.6).
    unsafe {
        core::arch::asm!("mov {}, fs:0", "mov {}, rsp", out(reg) block, out(reg) here,
            options(nostack, readonly, preserves_flags));
    }
    if block != RUNNING[0].load(Relaxed) {
        return turn(block, kind, address, pc);
    }
    // Below the stack pointer nothing is in use but this function's own frame.
    let stack = RUNNING[1].load(Relaxed).wrapping_sub(here);
    if address.wrapping_sub(here) < stack && stack < LONGEST_STACK {
        return;
    }
    // Marsaglia, "Xorshift RNGs" (2003).
    let mut random = RANDOM.load(Relaxed);
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    RANDOM.store(random, Relaxed);
    if (random >> 32) as u32 <= chance {
        plain(kind, address, pc);
    }
}

/// The first access of another thread than the last.
#[cold]
#[inline(never)]
fn turn(block: usize, kind: u32, address: usize, pc: usize) {
    let errno = sys::errno();
    let me = model::me();
    sys::set_errno(errno);
    // A thread without control leaves no trace here: when it runs is not ours to repeat.
    let Some(me) = me else { return };
    // glibc puts the block, and the thread's own variables, at the end of the stack
    // (nptl/allocatestack.c).
    RUNNING[1].store(if me == 0 { MAIN_STACK.load(Relaxed) } else { block }, Relaxed);
    RUNNING[0].store(block, Relaxed);
    // SAFETY: as it was called itself.
    unsafe { standstill_point(kind, address, 0, pc) };
}

/// A plain access that is a point.
#[inline(never)]
fn plain(kind: u32, address: usize, pc: usize) {
    let errno = sys::errno();
    if let Some(me) = model::me() {
        let taken = TAKEN.load(Relaxed) + 1;
        TAKEN.store(taken % PATIENCE, Relaxed);
        if taken == PATIENCE {
            CHANCE.store((CHANCE.load(Relaxed) / 2).max(1), Relaxed);
        }
        if kind == kinds::READ {
            let again = again(me, address);
            model::with(|m| if again { m.fruitless(me, 1) } else { m.moved_on(me) });
            model::point(me, Op::Load, address, pc);
        } else {
            model::point(me, Op::Store, address, pc);
            model::with(|m| m.fruit(me, true));
        }
    }
    sys::set_errno(errno);
}

/// Whether this word was among the last that the thread loaded: a spin looks at few.
fn again(me: u32, address: usize) -> bool {
    let recent = &RECENT[me as usize % MAX_THREADS];
    if recent.iter().any(|word| word.load(Relaxed) == address) {
        return true;
    }
    for at in (1..LOOKS).rev() {
        recent[at].store(recent[at - 1].load(Relaxed), Relaxed);
    }
    recent[0].store(address, Relaxed);
    false
}

/// An atomic or volatile access.
#[inline(never)]
fn atomic(kind: u32, address: usize, pc: usize) {
    let errno = sys::errno();
    if let Some(me) = model::me() {
        match kind {
            kinds::LOAD => {
                // As for trapped loads: looking again and again changes nothing.
                model::with(|m| m.fruitless(me, 1));
                model::point(me, Op::Load, address, pc);
            }
            kinds::STORE => {
                model::point(me, Op::Store, address, pc);
                model::with(|m| m.fruit(me, true));
            }
            _ => model::point(me, Op::Rmw, address, pc),
        }
    }
    sys::set_errno(errno);
}

/// After an atomic read-modify-write: what the word was and is. One that goes from 0 by an exchange
/// is a lock that is taken, one that goes to 0 a lock that is given back.
#[unsafe(no_mangle)]
unsafe extern "C" fn standstill_changed(address: usize, old: u64, new: u64, how: u32, pc: usize) {
    let Some(me) = model::me() else { return };
    model::with(|m| {
        m.fruit(me, old != new);
        match (old, new) {
            _ if old == new => m.failed(me, address, pc),
            (_, 0) => m.own(address, None, 0),
            (0, _) => m.took(me, address, pc, how == kinds::EXCHANGE),
            _ => {}
        }
    });
}
