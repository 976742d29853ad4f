//! The sites: instructions of the program at which control comes to the runtime, and how it does.
//!
//! In place of a long instruction there is a jump, in place of a short one a breakpoint (`int3`); the
//! instruction itself runs in a trampoline nearby. A breakpoint costs the kernel's way to a signal
//! handler and back, some 2 microseconds; a jump costs what saving the registers costs.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};

use super::model::shared;
use super::{jump, pun, start, sys, trap};
use crate::abi::{SITE_IS_CHOSEN, SITE_IS_LONG, Site};

/// `jmp [rip+0]` and the address behind it.
const BACK: usize = 14;
/// How far a trampoline may be from what its instruction refers to relatively.
const NEAR: usize = 0x6000_0000;
/// See [`TRAMPOLINES`].
const STUBBED: u64 = 1;

static SITES: AtomicUsize = AtomicUsize::new(0);
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// One `u64` a site: where its instruction is now; 0 for a site that is not patched. It is a multiple
/// of sixteen, plus one if a stub stands in front of it.
static TRAMPOLINES: AtomicUsize = AtomicUsize::new(0);
/// One `u32` a site: how often it was met.
static HITS: AtomicUsize = AtomicUsize::new(0);
/// Whether any was.
static HIT: AtomicBool = AtomicBool::new(false);
/// Open addressing over the sites' addresses: index plus one.
static TABLE: AtomicUsize = AtomicUsize::new(0);
static MASK: AtomicUsize = AtomicUsize::new(0);
/// Whether the plain accesses are still as they were.
static WAITING: AtomicBool = AtomicBool::new(false);
/// Whether any plain access was chosen.
static STRINGS: AtomicBool = AtomicBool::new(false);

/// Whether calls of libc that read or write strings are scheduling points: where plain accesses of the
/// program are.
pub(super) fn reaches_strings() -> bool {
    STRINGS.load(Relaxed) && !WAITING.load(Relaxed)
}

/// The site of this index.
pub(super) fn site(index: usize) -> &'static Site {
    // SAFETY: `patch` mapped `COUNT` sites there for good.
    unsafe { &*(SITES.load(Relaxed) as *const Site).add(index) }
}

fn cell(table: &AtomicUsize, index: usize) -> &'static AtomicU32 {
    // SAFETY: `patch` mapped a word for every index that is used.
    unsafe { &*(table.load(Relaxed) as *const AtomicU32).add(index) }
}

/// How often the site was met before.
pub(super) fn hit(index: usize) -> u32 {
    HIT.store(true, Relaxed);
    cell(&HITS, index).fetch_add(1, Relaxed)
}

/// No site was met yet.
pub(super) fn forget_hits() {
    if HIT.swap(false, Relaxed) {
        let hits = (0..COUNT.load(Relaxed)).map(|index| cell(&HITS, index));
        hits.filter(|hits| hits.load(Relaxed) != 0).for_each(|hits| hits.store(0, Relaxed));
    }
}

/// Where the site's instruction is now: it runs there, and then goes on behind the site.
pub(super) fn moved(index: usize) -> u64 {
    trampoline(index).load(Relaxed) & !STUBBED
}

fn trampoline(index: usize) -> &'static AtomicU64 {
    // SAFETY: `patch` mapped a word for every site.
    unsafe { &*(TRAMPOLINES.load(Relaxed) as *const AtomicU64).add(index) }
}

fn place(address: u64) -> usize {
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as usize & MASK.load(Relaxed)
}

/// The site at this address.
pub(super) fn find(address: u64) -> Option<usize> {
    let mut at = place(address);
    loop {
        let index = (cell(&TABLE, at).load(Relaxed) as usize).checked_sub(1)?;
        if site(index).address == address {
            return Some(index);
        }
        at = (at + 1) & MASK.load(Relaxed);
    }
}

/// Patches the sites of the table. Returns how many.
pub(super) fn patch(fd: i32, count: usize) -> usize {
    const READ_WRITE: usize = 3;
    let table = (count * 2).next_power_of_two().max(64);
    let memory = |bytes: usize| sys::map(0, bytes.next_multiple_of(4096).max(4096), READ_WRITE, 0);
    let all = [
        start::map_file(fd, (count * size_of::<Site>()).max(1)),
        memory(count * 8),
        memory(count * 4),
        memory(table * 4),
    ];
    let [Some(sites), Some(trampolines), Some(hits), Some(cells)] = all else { return 0 };
    SITES.store(sites, Relaxed);
    TRAMPOLINES.store(trampolines, Relaxed);
    HITS.store(hits, Relaxed);
    TABLE.store(cells, Relaxed);
    MASK.store(table - 1, Relaxed);
    COUNT.store(count, Relaxed);
    trap::arm();
    pun::prepare(count);
    let jumps = jump::possible();
    let mut pool = Pool { next: 0, end: 0 };
    let mut open = 0;
    let mut patched = [0; 2];
    for index in 0..count {
        // Plain accesses wait for a second thread; what cannot be written then is no point.
        let ready = |way: &Way| site(index).is_access() || write(index, way, &mut open);
        let way = prepare(index, &mut pool, jumps).filter(ready);
        if let Some(way) = way {
            let mut at = place(site(index).address);
            while cell(&TABLE, at).load(Relaxed) != 0 {
                at = (at + 1) & MASK.load(Relaxed);
            }
            cell(&TABLE, at).store(index as u32 + 1, Relaxed);
            patched[usize::from(matches!(way, Way::Jump(_)))] += 1;
            if site(index).flags & SITE_IS_CHOSEN != 0 {
                STRINGS.store(true, Relaxed);
            }
        }
    }
    WAITING.store(true, Relaxed);
    let [traps, jumps] = patched;
    shared().outcome.traps.store(traps, Relaxed);
    shared().outcome.jumps.store(jumps, Relaxed);
    shared().outcome.unpatched.store(count as u32 - traps - jumps, Relaxed);
    (traps + jumps) as usize
}

/// The process is about to have a second thread: from here on a plain access may be one of two. Before,
/// it costs nothing and uses up none of its hits.
pub(super) fn arm_accesses() {
    if !WAITING.swap(false, Relaxed) {
        return;
    }
    let mut open = 0;
    for index in 0..COUNT.load(Relaxed) {
        if moved(index) != 0 && site(index).is_access() {
            write(index, &way(index), &mut open);
        }
    }
}

/// Makes a breakpoint a jump to a stub at `start`, which leaves all bytes behind the instruction as they
/// are. Only one thread runs, and it is in no site.
pub(super) fn promote(index: usize, start: usize, open: &mut usize) {
    let there = moved(index);
    if there == 0 || lay(index, start, true).is_none() {
        return;
    }
    if !(site(index).is_access() || write(index, &way(index), open)) {
        trampoline(index).store(there, Relaxed);
    }
}

/// How control comes from a site that was laid.
fn way(index: usize) -> Way {
    match trampoline(index).load(Relaxed) & STUBBED {
        0 => Way::Breakpoint,
        _ => Way::Jump(moved(index) as usize - jump::STUB),
    }
}

/// Bytes of a trampoline with a stub.
pub(super) fn with_stub(length: usize) -> usize {
    (jump::STUB + length + BACK).next_multiple_of(16)
}

/// Whether a jump takes the place of the instruction.
fn is_long(site: &Site, jumps: bool) -> bool {
    jumps && site.flags & SITE_IS_LONG != 0 && usize::from(site.length) >= jump::JUMP
}

/// Memory for trampolines near the code that they belong to.
struct Pool {
    next: usize,
    end: usize,
}

impl Pool {
    fn take(&mut self, near: usize, size: usize) -> Option<usize> {
        let far = self.next.abs_diff(near) > NEAR;
        if self.next + size > self.end || far {
            const SIZE: usize = 1 << 20;
            const ALL: usize = 7;
            const FIXED_NOREPLACE: usize = 0x10_0000;
            let hints = (1..2000).map(|step| (near & !0xfff).wrapping_sub(step * SIZE));
            let at = hints.filter(|hint| hint.abs_diff(near) < NEAR && *hint > 0x10000).find_map(
                |hint| {
                    let at = sys::map(hint, SIZE, ALL, FIXED_NOREPLACE)?;
                    (at == hint).then_some(at)
                },
            )?;
            (self.next, self.end) = (at, at + SIZE);
        }
        let at = self.next;
        self.next += size;
        Some(at)
    }
}

/// How control comes from the site to the runtime.
enum Way {
    Breakpoint,
    /// A jump to this address.
    Jump(usize),
}

/// Writes the trampoline of a site. `None` if the program does not have that instruction there, or
/// it cannot be moved.
fn prepare(index: usize, pool: &mut Pool, jumps: bool) -> Option<Way> {
    let site = site(index);
    let length = usize::from(site.length);
    let address = site.address as usize;
    if length == 0 || length > 15 {
        return None;
    }
    let mut seen = [0u8; 16];
    seen[..8].copy_from_slice(&sys::peek(address, length.min(8))?.to_le_bytes());
    if length > 8 {
        seen[8..].copy_from_slice(&sys::peek(address + 8, length - 8)?.to_le_bytes());
    }
    if seen[..length] != site.bytes[..length] {
        return None;
    }
    let long = is_long(site, jumps);
    let size = if long { with_stub(length) } else { (length + BACK).next_multiple_of(16) };
    lay(index, pool.take(address, size)?, long)?;
    Some(way(index))
}

/// Writes a site's stub, if it is to have one, and its instruction to `start`.
fn lay(index: usize, start: usize, stubbed: bool) -> Option<()> {
    let site = site(index);
    let (address, length) = (site.address as usize, usize::from(site.length));
    let at = if stubbed { start + jump::STUB } else { start };
    let mut moved = site.bytes;
    if site.relative_at != 0 {
        // The displacement counts from the end of the instruction, wherever that is now.
        let displacement = (site.target as i64).wrapping_sub((at + length) as i64);
        let displacement = i32::try_from(displacement).ok()?.to_le_bytes();
        let from = usize::from(site.relative_at);
        moved.get_mut(from..from + 4)?.copy_from_slice(&displacement);
    }
    let back = (address + length).to_le_bytes();
    // SAFETY: the memory is writable and ours: the instruction, `jmp [rip+0]`, the address.
    unsafe {
        let to = at as *mut u8;
        core::ptr::copy_nonoverlapping(moved.as_ptr(), to, length);
        core::ptr::copy_nonoverlapping([0xff, 0x25, 0, 0, 0, 0].as_ptr(), to.add(length), 6);
        core::ptr::copy_nonoverlapping(back.as_ptr(), to.add(length + 6), 8);
    }
    if stubbed {
        let stub = jump::stub(index as u32, (address + length) as u64);
        // SAFETY: writable and ours, in front of the instruction.
        unsafe { core::ptr::copy_nonoverlapping(stub.as_ptr(), start as *mut u8, stub.len()) };
    }
    trampoline(index).store(at as u64 | u64::from(stubbed), Relaxed);
    Some(())
}

/// Puts the breakpoint or the jump. `open` is the last page that was made writable.
fn write(index: usize, way: &Way, open: &mut usize) -> bool {
    const ALL: usize = 7;
    let address = site(index).address as usize;
    // A jump over a shorter instruction ends with bytes that stand there already.
    let size = match way {
        Way::Jump(_) => jump::JUMP.min(usize::from(site(index).length)),
        Way::Breakpoint => 1,
    };
    for page in [address & !0xfff, (address + size - 1) & !0xfff] {
        if page != *open {
            // SAFETY: a page of the program's code; it stays readable and executable.
            if unsafe { sys::call(sys::MPROTECT, [page, 4096, ALL, 0, 0, 0]) } != 0 {
                return false;
            }
            *open = page;
        }
    }
    let mut bytes = [0xcc, 0, 0, 0, 0];
    if let Way::Jump(to) = way {
        let Ok(distance) = i32::try_from(*to as i64 - (address + jump::JUMP) as i64) else {
            return false;
        };
        bytes[0] = 0xe9;
        bytes[1..].copy_from_slice(&distance.to_le_bytes());
        let rest = jump::JUMP - size;
        let stands = sys::peek(address + size, rest).map(u64::to_le_bytes);
        if rest > 0 && stands.is_none_or(|stands| stands[..rest] != bytes[size..]) {
            return false;
        }
    }
    // SAFETY: the pages are writable, the bytes are those of one instruction, and no thread runs but
    // this one.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, size) };
    true
}

/// Puts the instruction back; the process goes on without this site. No other thread runs, and those
/// that are parked in the site are in its trampoline, not in what is written here.
pub(super) fn restore(index: usize) {
    let site = site(index);
    let (to, length) = (site.address as *mut u8, usize::from(site.length));
    // SAFETY: `write` made the pages writable that it changed; no byte beyond them is touched.
    unsafe {
        if to.read_volatile() == 0xcc {
            to.write_volatile(site.bytes[0]);
        } else {
            core::ptr::copy_nonoverlapping(site.bytes.as_ptr(), to, length.min(jump::JUMP));
        }
    }
}
