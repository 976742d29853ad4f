//! Hot breakpoints become jumps, although their instructions are shorter than one.
//!
//! A jump has five bytes. Over an instruction of two to four it would also change what follows, and a
//! branch may land there. So what follows stays as it is, and is read as the upper bytes of the jump's
//! distance: only the lower ones can be chosen, and the stub has to lie in one window of 256 bytes,
//! 64 KiB or 16 MiB, wherever those bytes happen to point. This is instruction punning (Chamith et
//! al., "Instruction punning: lightweight instrumentation for x86-64", PLDI 2017); Duck et al. patch
//! whole programs so ("Binary rewriting without control flow recovery", PLDI 2020).
//!
//! Windows lie all over the address space, and each costs every fork a mapping. So only sites that
//! trials come to often get one: trials count in shared memory, and who forks them promotes. Whether
//! a site is a breakpoint or a jump does not change what happens there, only how soon.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::*};

use super::{jump, sites, sys};

/// A site that was trapped so often, over all trials, is hot.
const HOT: u32 = 64;
/// Hot sites, at most.
const MOST: usize = 1000;
/// Mappings for stubs, at most.
const WINDOWS: usize = 48;
/// A mapping, where the window has room for it.
const SIZE: usize = 1 << 16;
/// Behind the program break, where the heap grows: not ours.
const HEAP: usize = 1 << 26;
/// Places in a window that are tried.
const TRIES: usize = 64;

/// In shared memory: how often each site was trapped.
static HEAT: AtomicUsize = AtomicUsize::new(0);
/// In shared memory: how many sites are hot, and which, in the order in which they became it.
static QUEUE: AtomicUsize = AtomicUsize::new(0);
/// How many of them this process has dealt with.
static DONE: AtomicUsize = AtomicUsize::new(0);
/// Mappings: where the next stub fits, and the end. Touched by a process that has one thread.
static ROOMS: [[AtomicUsize; 2]; WINDOWS] =
    [const { [AtomicUsize::new(0), AtomicUsize::new(0)] }; WINDOWS];

/// Makes the memory for `count` sites.
pub(super) fn prepare(count: usize) {
    if !jump::possible() {
        return;
    }
    let words = |count: usize| sys::map_shared((count * 4).next_multiple_of(4096));
    if let (Some(heat), Some(queue)) = (words(count.max(1)), words(MOST + 1)) {
        QUEUE.store(queue, Relaxed);
        HEAT.store(heat, Relaxed);
    }
}

fn word(table: usize, index: usize) -> &'static AtomicU32 {
    // SAFETY: `prepare` mapped a word for every index that is used, for good.
    unsafe { &*(table as *const AtomicU32).add(index) }
}

/// The site was trapped.
pub(super) fn trapped(index: usize) {
    let (heat, queue) = (HEAT.load(Relaxed), QUEUE.load(Relaxed));
    if heat == 0 || word(heat, index).fetch_add(1, Relaxed) + 1 != HOT {
        return;
    }
    let place = word(queue, 0).fetch_add(1, Relaxed) as usize;
    if place < MOST {
        word(queue, place + 1).store(index as u32 + 1, Relaxed);
    }
}

/// Turns what has become hot into jumps. The process has one thread, and no trial runs in it.
pub(super) fn promote() {
    let queue = QUEUE.load(Relaxed);
    if queue == 0 {
        return;
    }
    let mut done = DONE.load(Relaxed);
    let mut open = 0;
    while done < MOST {
        let Some(index) = (word(queue, done + 1).load(Relaxed) as usize).checked_sub(1) else {
            break;
        };
        if let Some(start) = place(index) {
            sites::promote(index, start, &mut open);
        }
        done += 1;
    }
    DONE.store(done, Relaxed);
}

/// Room for a site's stub where a jump that leaves the bytes behind the instruction alone can get.
fn place(index: usize) -> Option<usize> {
    let site = sites::site(index);
    let (address, length) = (site.address as usize, usize::from(site.length));
    if !(2..jump::JUMP).contains(&length) {
        return None;
    }
    // Bytes that another site has changed, or will, are no firm part of a distance.
    if (length..jump::JUMP).any(|at| sites::find((address + at) as u64).is_some()) {
        return None;
    }
    let behind = sys::peek(address + length, jump::JUMP - length)?;
    let free = 8 * (length - 1);
    let distance = ((behind << free) as u32) as i32 as isize;
    let low = (address + jump::JUMP).checked_add_signed(distance)?;
    room(low, low.checked_add((1 << free) - 1)?, sites::with_stub(length))
}

/// `size` bytes that begin between `low` and `high`.
fn room(low: usize, high: usize, size: usize) -> Option<usize> {
    for [next, end] in &ROOMS {
        if end.load(Relaxed) == 0 {
            let (at, length) = window(low, high, size)?;
            next.store(at, Relaxed);
            end.store(at + length, Relaxed);
        }
        let start = next.load(Relaxed).max(low).next_multiple_of(16);
        if start <= high && start + size <= end.load(Relaxed) {
            next.store(start + size, Relaxed);
            return Some(start);
        }
    }
    None
}

/// Maps memory with room for `size` bytes that begin between `low` and `high`.
fn window(low: usize, high: usize, size: usize) -> Option<(usize, usize)> {
    const ALL: usize = 7;
    const FIXED_NOREPLACE: usize = 0x10_0000;
    // SAFETY: asks for the program break.
    let heap = unsafe { sys::call(sys::BRK, [0; 6]) } as usize;
    let step = ((high - low) / TRIES).next_multiple_of(4096).max(4096);
    (0..TRIES).map(|nth| (low & !0xfff) + nth * step).take_while(|at| *at <= high).find_map(|at| {
        let wanted = if step == 4096 { (high + size).next_multiple_of(4096) - at } else { SIZE };
        let length = wanted.min(SIZE);
        let fits = at.max(low).next_multiple_of(16) + size <= at + length;
        let is_ours = at > 0x10000 && (at + length < heap || at > heap + HEAP);
        if !fits || !is_ours {
            return None;
        }
        let mapped = sys::map(at, length, ALL, FIXED_NOREPLACE)?;
        (mapped == at).then_some((at, length))
    })
}
