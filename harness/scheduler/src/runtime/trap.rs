//! Scheduling points at instructions of the program itself: a breakpoint (`int3`) in place of each,
//! the instruction itself in a trampoline nearby.
//!
//! Read-modify-write instructions that are not locked get more than a point: another processor could
//! write between their read and their write, so what they read is what was there before the point.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};

use super::model::{self, shared};
use super::outside::{SIGPROF, SIGTRAP};
use super::{real, start, sys};
use crate::abi::{
    FLAG_PROFILE, MAX_GRANULES, MAX_TOUCHES, Op, SITE_IS_CHOSEN, SITE_IS_CMPXCHG, SITE_LOAD,
    SITE_PAUSE, SITE_PLAIN_RMW, SITE_RMW, SITE_SPIN, SITE_STORE, Site,
};

/// Times that a memory access is a scheduling point in one trial; then it is left alone, lest a hot
/// loop use up the trial. A count, so it repeats.
const MOST_HITS: u32 = 1 << 15;
/// Bytes of a trampoline: an instruction of at most fifteen, and a jump back of fourteen.
const TRAMPOLINE: usize = 32;
/// How far a trampoline may be from what its instruction refers to relatively.
const NEAR: usize = 0x6000_0000;

static ARMED: AtomicBool = AtomicBool::new(false);
static SITES: AtomicUsize = AtomicUsize::new(0);
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// One `u64` a site: where its trampoline is; 0 for a site that is not patched.
static TRAMPOLINES: AtomicUsize = AtomicUsize::new(0);
/// One `u32` a site: how often it was met.
static HITS: AtomicUsize = AtomicUsize::new(0);
/// Open addressing over the sites' addresses: index plus one.
static TABLE: AtomicUsize = AtomicUsize::new(0);
static MASK: AtomicUsize = AtomicUsize::new(0);
/// Whether any plain access was chosen.
static STRINGS: AtomicBool = AtomicBool::new(false);
/// Executable part of the program itself.
static TEXT: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// Whether the signals of this module are in use.
pub(super) fn armed() -> bool {
    ARMED.load(Relaxed)
}

/// Whether calls of libc that read or write strings are scheduling points: where plain accesses of the
/// program are.
pub(super) fn reaches_strings() -> bool {
    STRINGS.load(Relaxed)
}

fn site(index: usize) -> &'static Site {
    // SAFETY: `patch` mapped `COUNT` sites there for good.
    unsafe { &*(SITES.load(Relaxed) as *const Site).add(index) }
}

fn cell(table: &AtomicUsize, index: usize) -> &'static AtomicU32 {
    // SAFETY: `patch` mapped a word for every index that is used.
    unsafe { &*(table.load(Relaxed) as *const AtomicU32).add(index) }
}

fn trampoline(index: usize) -> &'static AtomicU64 {
    // SAFETY: `patch` mapped a word for every site.
    unsafe { &*(TRAMPOLINES.load(Relaxed) as *const AtomicU64).add(index) }
}

fn place(address: u64) -> usize {
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as usize & MASK.load(Relaxed)
}

fn find(address: u64) -> Option<usize> {
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
    handle_signals();
    let mut pool = Pool { next: 0, end: 0 };
    let mut open = 0;
    let mut patched = 0;
    for index in 0..count {
        let done = prepare(index, &mut pool).is_some() && write_breakpoint(index, &mut open);
        if done {
            let mut at = place(site(index).address);
            while cell(&TABLE, at).load(Relaxed) != 0 {
                at = (at + 1) & MASK.load(Relaxed);
            }
            cell(&TABLE, at).store(index as u32 + 1, Relaxed);
            patched += 1;
            if site(index).flags & SITE_IS_CHOSEN != 0 {
                STRINGS.store(true, Relaxed);
            }
        }
    }
    shared().outcome.traps.store(patched, Relaxed);
    shared().outcome.unpatched.store(count as u32 - patched, Relaxed);
    patched as usize
}

/// Memory for trampolines near the code that they belong to.
struct Pool {
    next: usize,
    end: usize,
}

impl Pool {
    fn take(&mut self, near: usize) -> Option<usize> {
        let far = self.next.abs_diff(near) > NEAR;
        if self.next == self.end || far {
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
        self.next += TRAMPOLINE;
        Some(at)
    }
}

/// Writes the trampoline of a site. `None` if the program does not have that instruction there, or
/// it cannot be moved.
fn prepare(index: usize, pool: &mut Pool) -> Option<()> {
    let site = site(index);
    let length = usize::from(site.length);
    let address = site.address as usize;
    let mut seen = [0u8; 16];
    for (offset, byte) in seen[..length].iter_mut().enumerate() {
        *byte = sys::peek(address + offset, 1)? as u8;
    }
    if length == 0 || length > 15 || seen[..length] != site.bytes[..length] {
        return None;
    }
    let at = pool.take(address)?;
    if site.relative_at != 0 {
        // The displacement counts from the end of the instruction, wherever that is now.
        let displacement = (site.target as i64).wrapping_sub((at + length) as i64);
        let displacement = i32::try_from(displacement).ok()?.to_le_bytes();
        let from = usize::from(site.relative_at);
        seen.get_mut(from..from + 4)?.copy_from_slice(&displacement);
    }
    let back = (address + length).to_le_bytes();
    // SAFETY: the pool's memory is writable and ours: the instruction, `jmp [rip+0]`, the address.
    unsafe {
        let to = at as *mut u8;
        core::ptr::copy_nonoverlapping(seen.as_ptr(), to, length);
        core::ptr::copy_nonoverlapping([0xff, 0x25, 0, 0, 0, 0].as_ptr(), to.add(length), 6);
        core::ptr::copy_nonoverlapping(back.as_ptr(), to.add(length + 6), 8);
    }
    trampoline(index).store(at as u64, Relaxed);
    Some(())
}

/// Puts the breakpoint. `open` is the last page that was made writable.
fn write_breakpoint(index: usize, open: &mut usize) -> bool {
    const ALL: usize = 7;
    let address = site(index).address as usize;
    let page = address & !0xfff;
    if page != *open {
        // SAFETY: a page of the program's code; it stays readable and executable.
        if unsafe { sys::call(sys::MPROTECT, [page, 4096, ALL, 0, 0, 0]) } != 0 {
            return false;
        }
        *open = page;
    }
    // SAFETY: the page is writable, and the byte is the first of an instruction.
    unsafe { (address as *mut u8).write_volatile(0xcc) };
    true
}

/// The instruction as it was; the process goes on without this site.
fn restore(index: usize) {
    // SAFETY: `write_breakpoint` made the page writable; the byte is the one that was there.
    unsafe { (site(index).address as *mut u8).write_volatile(site(index).bytes[0]) };
}

/// `struct sigaction` as libc has it (bits/sigaction.h).
#[repr(C)]
struct Action {
    handler: usize,
    mask: [u64; 16],
    flags: c_int,
    restorer: usize,
}

fn handle_signals() {
    const INFO: c_int = 4;
    const NODEFER: c_int = 0x4000_0000;
    const RESTART: c_int = 0x1000_0000;
    let handlers: [(c_int, unsafe extern "C" fn(c_int, *mut c_void, *mut Context)); 2] =
        [(SIGTRAP, on_trap), (SIGPROF, on_tick)];
    for (signal, handler) in handlers {
        let action = Action {
            handler: handler as usize,
            mask: [0; 16],
            flags: INFO | NODEFER | RESTART,
            restorer: 0,
        };
        // SAFETY: the action is of libc's shape; the handlers take what SA_SIGINFO gives.
        unsafe {
            real::SIGACTION.get()(signal, (&raw const action).cast(), core::ptr::null_mut());
        }
    }
    find_text();
    ARMED.store(true, Relaxed);
}

/// Where the program's own code lies, by its program headers (getauxval(3)).
fn find_text() {
    #[repr(C)]
    struct Header {
        kind: u32,
        flags: u32,
        offset: u64,
        address: u64,
        physical: u64,
        in_file: u64,
        in_memory: u64,
        alignment: u64,
    }
    unsafe extern "C" {
        fn getauxval(kind: u64) -> u64;
    }
    const PHDR: u64 = 3;
    const PHNUM: u64 = 5;
    const KIND_LOAD: u32 = 1;
    const KIND_PHDR: u32 = 6;
    // SAFETY: takes a number.
    let (at, count) = unsafe { (getauxval(PHDR), getauxval(PHNUM)) };
    // SAFETY: the kernel's word for where the headers are.
    let headers = unsafe { core::slice::from_raw_parts(at as *const Header, count as usize) };
    let own = headers.iter().find(|h| h.kind == KIND_PHDR);
    let bias = own.map_or(0, |h| at.wrapping_sub(h.address));
    let code = headers.iter().find(|h| h.kind == KIND_LOAD && h.flags & 1 != 0);
    if let Some(code) = code {
        let from = bias.wrapping_add(code.address) as usize;
        TEXT[0].store(from, Relaxed);
        TEXT[1].store(from + code.in_memory as usize, Relaxed);
    }
}

/// `ucontext_t` of x86-64 up to the general registers (sys/ucontext.h).
#[repr(C)]
struct Context {
    flags: u64,
    link: usize,
    stack: [usize; 3],
    registers: [u64; 23],
}

const RIP: usize = 16;
/// Where the registers that instructions number 0 to 15 are in `Context::registers`.
const NUMBERED: [usize; 16] = [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7];

impl Context {
    fn register(&self, number: u8) -> u64 {
        NUMBERED.get(usize::from(number)).map_or(0, |&at| self.registers[at])
    }

    /// The address of a site's memory operand.
    fn operand(&self, site: &Site) -> usize {
        if site.target != 0 {
            return site.target as usize;
        }
        let index = self.register(site.index).wrapping_mul(u64::from(site.scale));
        let base = self.register(site.base).wrapping_add(index);
        base.wrapping_add(i64::from(site.displacement) as u64) as usize
    }
}

unsafe extern "C" fn on_trap(_: c_int, _: *mut c_void, context: *mut Context) {
    // SAFETY: the kernel's frame for SA_SIGINFO; this handler has it for itself.
    let context = unsafe { &mut *context };
    let address = context.registers[RIP] - 1;
    let Some(index) = find(address) else {
        return not_ours(context);
    };
    let errno = sys::errno();
    if let Some(me) = model::me() {
        meet(me, index, context);
    }
    sys::set_errno(errno);
    context.registers[RIP] = trampoline(index).load(Relaxed);
}

/// A breakpoint of the program's own: as if nobody handled the signal.
fn not_ours(context: &mut Context) {
    let action = Action { handler: 0, mask: [0; 16], flags: 0, restorer: 0 };
    // SAFETY: as in `handle_signals`; the default action ends the process at the same instruction.
    unsafe { real::SIGACTION.get()(SIGTRAP, (&raw const action).cast(), core::ptr::null_mut()) };
    context.registers[RIP] -= 1;
}

fn meet(me: u32, index: usize, context: &mut Context) {
    let site = site(index);
    let pc = site.address as usize;
    if site.kind == SITE_PAUSE {
        model::with(|m| m.fruitless(me, 4));
        return model::point(me, Op::Pause, 0, pc);
    }
    let object = context.operand(site);
    if site.kind == SITE_SPIN {
        if shared().order.flags & FLAG_PROFILE != 0 {
            profile(me, index, object, site);
        }
        model::with(|m| m.fruitless(me, 4));
        return model::point(me, Op::Load, object, pc);
    }
    if site.kind == SITE_RMW {
        // A locked operation on the thread's own stack is a fence; one on thread-local memory, whose
        // address would need the segment's base, concerns no other thread.
        if site.base == 4 || site.segment != 0 {
            return;
        }
        model::point(me, Op::Rmw, object, pc);
        if shared().order.flags & FLAG_PROFILE != 0 {
            // Not a site to be chosen: it tells that other sites' memory is written.
            profile(me, index, object, site);
        }
        return follow(me, site, object, pc, context);
    }
    let hits = cell(&HITS, index).fetch_add(1, Relaxed);
    if hits >= MOST_HITS {
        return restore(index);
    }
    if shared().order.flags & FLAG_PROFILE != 0 {
        return profile(me, index, object, site);
    }
    if site.flags & SITE_IS_CHOSEN == 0 {
        return;
    }
    match site.kind {
        SITE_LOAD => {
            // Looking again and again changes nothing: after a while the others go first.
            model::with(|m| m.fruitless(me, 1));
            model::point(me, Op::Load, object, pc);
        }
        SITE_STORE => {
            model::point(me, Op::Store, object, pc);
            model::with(|m| m.fruit(me, true));
        }
        SITE_PLAIN_RMW => split(me, site, object, pc),
        _ => {}
    }
}

/// What the read-modify-write will do, told from the registers before it does it: whether it changes
/// the word, and whether it takes or gives a lock (a word that goes from 0, or to 0).
fn follow(me: u32, site: &Site, object: usize, pc: usize, context: &Context) {
    let size = usize::from(site.size);
    let Some(old) = sys_read(object, size) else {
        return model::with(|m| m.fruit(me, true));
    };
    let mask = if size >= 8 { !0 } else { (1u64 << (size * 8)) - 1 };
    let mut changes = true;
    let mut new = None;
    if site.flags & SITE_IS_CMPXCHG != 0 {
        changes = size > 8 || context.register(0) & mask == old;
        new = source(site).map(|r| context.register(r) & mask).filter(|_| changes && size <= 8);
    } else if is_exchange(site) {
        new = source(site).map(|r| context.register(r) & mask);
        changes = new != Some(old);
    }
    model::with(|m| {
        m.fruit(me, changes);
        match new {
            Some(0) => m.own(object, None, 0),
            Some(_) if old == 0 => m.own(object, Some(me), pc),
            _ => {}
        }
    });
}

/// The bytes that the instruction is about to access itself.
fn sys_read(address: usize, size: usize) -> Option<u64> {
    // SAFETY: the instruction reads the same bytes next; a bad address would fault either way.
    unsafe {
        Some(match size {
            1 => u64::from((address as *const u8).read_volatile()),
            2 => u64::from((address as *const u16).read_unaligned()),
            4 => u64::from((address as *const u32).read_unaligned()),
            8 => (address as *const u64).read_unaligned(),
            _ => return None,
        })
    }
}

/// Skips the prefixes of an instruction: the index of its opcode, and its REX prefix (0 for none).
fn opcode(site: &Site) -> (usize, u8) {
    let mut at = 0;
    while matches!(site.bytes.get(at), Some(0xf0 | 0x66 | 0xf2 | 0xf3)) {
        at += 1;
    }
    match site.bytes.get(at) {
        Some(&rex) if rex & 0xf0 == 0x40 => (at + 1, rex),
        _ => (at, 0),
    }
}

fn is_exchange(site: &Site) -> bool {
    matches!(site.bytes.get(opcode(site).0), Some(0x86 | 0x87))
}

/// The register that a compare-and-exchange or an exchange stores; `None` for one of the four high
/// byte registers.
fn source(site: &Site) -> Option<u8> {
    let (mut at, rex) = opcode(site);
    if site.bytes.get(at) == Some(&0x0f) {
        at += 1;
    }
    let modrm = *site.bytes.get(at + 1)?;
    let register = ((modrm >> 3) & 7) | ((rex & 4) << 1);
    (site.size != 1 || rex != 0 || register < 4).then_some(register)
}

/// The two halves of a read-modify-write that is not locked, with whatever others do in between.
fn split(me: u32, site: &Site, object: usize, pc: usize) {
    let size = usize::from(site.size);
    let Some(before) = sys_read(object, size) else {
        return model::point(me, Op::Store, object, pc);
    };
    model::point(me, Op::Store, object, pc);
    model::with(|m| m.fruit(me, true));
    if sys_read(object, size) != Some(before) {
        // SAFETY: the instruction writes the same bytes next.
        unsafe {
            match size {
                1 => (object as *mut u8).write_volatile(before as u8),
                2 => (object as *mut u16).write_unaligned(before as u16),
                4 => (object as *mut u32).write_unaligned(before as u32),
                _ => (object as *mut u64).write_unaligned(before),
            }
        }
    }
}

/// Notes that a thread touched memory, and at which site.
fn profile(me: u32, index: usize, object: usize, site: &Site) {
    let shared = shared();
    let key = (object >> 3) as u64;
    let start = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 40;
    for probe in 0..16 {
        let at = (start + probe) % MAX_GRANULES;
        let granule = &shared.granules[at];
        let found = granule.key.load(Relaxed);
        if found == 0 {
            granule.key.store(key, Relaxed);
            granule.first.store(me + 1, Relaxed);
            shared.outcome.granules.fetch_add(1, Relaxed);
        } else if found != key {
            continue;
        }
        let mut how = granule.how.load(Relaxed);
        how |= u32::from(granule.first.load(Relaxed) != me + 1);
        how |= u32::from(!matches!(site.kind, SITE_LOAD | SITE_SPIN)) << 1;
        granule.how.store(how, Relaxed);
        let touch = shared.outcome.touches.fetch_add(1, Relaxed) as usize;
        if touch < MAX_TOUCHES {
            shared.touches[touch].site.store(index as u32, Relaxed);
            shared.touches[touch].granule.store(at as u32, Relaxed);
        }
        return;
    }
}

/// The supervisor saw the holder run for long without a scheduling point: a spin on plain loads. If
/// the thread is in the program's own code it lets the others go first.
unsafe extern "C" fn on_tick(_: c_int, _: *mut c_void, context: *mut Context) {
    // SAFETY: as in `on_trap`.
    let pc = unsafe { (*context).registers[RIP] } as usize;
    if !(TEXT[0].load(Relaxed)..TEXT[1].load(Relaxed)).contains(&pc) {
        return;
    }
    let errno = sys::errno();
    if let Some(me) = model::me() {
        shared().outcome.seized.fetch_add(1, Relaxed);
        model::with(|m| m.fruitless(me, u32::MAX / 2));
        model::point(me, Op::Pause, 0, pc);
    }
    sys::set_errno(errno);
}
