//! What happens at a site.
//!
//! Read-modify-write instructions that are not locked get more than a point: another processor could
//! write between their read and their write, so what they read is what was there before the point.

use core::sync::atomic::Ordering::*;

use super::model::{self, shared};
use super::sites;
use crate::abi::{
    FLAG_PROFILE, MAX_GRANULES, MAX_TOUCHES, Op, SITE_IS_CHOSEN, SITE_IS_CMPXCHG, SITE_LOAD,
    SITE_PAUSE, SITE_PLAIN_RMW, SITE_RMW, SITE_SPIN, SITE_STORE, Site,
};

/// The general registers, in the order in which instructions number them: rax, rcx, rdx, rbx, rsp,
/// rbp, rsi, rdi, r8 to r15.
pub(super) type Registers = [u64; 16];

/// Times that a memory access is a scheduling point in one trial; then it is left alone, lest a hot
/// loop use up the trial. A count, so it repeats.
const MOST_HITS: u32 = 1 << 15;

/// The address of a site's memory operand.
fn operand(registers: &Registers, site: &Site) -> usize {
    if site.target != 0 {
        return site.target as usize;
    }
    let register = |number: u8| registers.get(usize::from(number)).copied().unwrap_or(0);
    let index = register(site.index).wrapping_mul(u64::from(site.scale));
    let base = register(site.base).wrapping_add(index);
    base.wrapping_add(i64::from(site.displacement) as u64) as usize
}

/// Control came from a site: the thread may lose the token here, and has it again when this returns.
pub(super) fn meet(me: u32, index: usize, registers: &Registers) {
    let site = sites::site(index);
    let pc = site.address as usize;
    if site.kind == SITE_PAUSE {
        model::with(|m| m.fruitless(me, 4));
        return model::point(me, Op::Pause, 0, pc);
    }
    let object = operand(registers, site);
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
        return follow(me, site, object, pc, registers);
    }
    if sites::hit(index) >= MOST_HITS {
        return sites::restore(index);
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
fn follow(me: u32, site: &Site, object: usize, pc: usize, registers: &Registers) {
    let size = usize::from(site.size);
    let Some(old) = sys_read(object, size) else {
        return model::with(|m| m.fruit(me, true));
    };
    let mask = if size >= 8 { !0 } else { (1u64 << (size * 8)) - 1 };
    let mut changes = true;
    let mut new = None;
    if site.flags & SITE_IS_CMPXCHG != 0 {
        changes = size > 8 || registers[0] & mask == old;
        new =
            source(site).map(|r| registers[usize::from(r)] & mask).filter(|_| changes && size <= 8);
    } else if is_exchange(site) {
        new = source(site).map(|r| registers[usize::from(r)] & mask);
        changes = new != Some(old);
    }
    model::with(|m| {
        m.fruit(me, changes);
        match new {
            _ if !changes => m.failed(me, object, pc),
            Some(0) => m.own(object, None, 0),
            _ if old == 0 => m.took(me, object, pc, new.is_some()),
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
    model::with(|m| m.record(me, Op::Load as u32, 0, object, pc));
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
