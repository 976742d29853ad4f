//! What a running thread may be looking at: the memory that its registers lead to, and the statics that
//! the code around it refers to.
//!
//! Whoever spins comes back to the same registers and stack. So does a loop whose counter is a static,
//! or one that interprets another program: there what moves on is memory. No instruction is decoded
//! for it; every value that could be an address is followed, and whatever is read by mistake only makes
//! two states differ that are equal.

use std::collections::BTreeSet;

use super::maps::Maps;
use super::stack::{self, Stack};
use crate::os::ptrace::{self, Registers};

/// How much is read behind a pointer in a register.
const NEAR: u64 = 256;
/// How much behind a pointer that was found there, and behind one of the innermost words of the stack.
const FAR: u64 = 64;
/// Innermost words of the stack that are followed.
const WORDS: u64 = 16;
/// Code on each side of the program counter that is looked through.
const CODE: u64 = 192;
/// `NT_X86_XSTATE`: the vector registers, and where their legacy and their extended parts lie.
const XSTATE: libc::c_int = 0x202;
const LEGACY: std::ops::Range<usize> = 32..416;
const EXTENDED: usize = 576;

/// What was found near a running thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Near {
    /// A hash of it all.
    pub(super) hash: u64,
    /// Places in it, outside of the thread's own stack, that some thread could write to.
    pub(super) places: u32,
}

/// Reads it, while the thread `tid` stands still.
pub(super) fn copy(tid: i32, registers: &Registers, own: &Stack, maps: &Maps) -> Near {
    let stack = maps.at(registers.sp).map(|mapping| mapping.range.clone()).unwrap_or_default();
    let code = registers.pc.saturating_sub(CODE)..registers.pc.saturating_add(CODE);
    let pointers = registers.general.into_iter().chain([registers.fp]);
    let innermost = own.words(registers.sp, registers.sp.saturating_add(8 * WORDS));
    let mut ranges: BTreeSet<(u64, u64)> = BTreeSet::new();
    ranges.extend(pointers.map(|pointer| (pointer, NEAR)));
    ranges.extend(innermost.map(|(_, word)| (word, FAR)));
    ranges.extend(statics(code.start, &stack::copy(tid, code), maps).map(|at| (at, 8)));
    ranges.retain(|(at, _)| maps.at(*at).is_some());

    let mut near = Near { hash: 0xcbf2_9ce4_8422_2325, places: 0 };
    let mut next = BTreeSet::new();
    for (at, size) in &ranges {
        let bytes = near.read(tid, *at, *size, maps);
        if stack.contains(at) || !is_writable(*at, maps) {
            continue;
        }
        near.places += 1;
        let words = bytes.chunks_exact(8).map(|b| b.try_into().map_or(0, u64::from_le_bytes));
        let words = words.filter(|word| is_writable(*word, maps));
        next.extend(words.map(|word| (word, FAR)).filter(|range| !ranges.contains(range)));
    }
    for (at, size) in next {
        near.read(tid, at, size, maps);
    }
    // A loop may count in these registers as well.
    let vectors = ptrace::register_set(tid, XSTATE).unwrap_or_default();
    near.add(vectors.get(LEGACY).unwrap_or_default());
    near.add(vectors.get(EXTENDED..).unwrap_or_default());
    near
}

impl Near {
    fn read(&mut self, tid: i32, at: u64, size: u64, maps: &Maps) -> Vec<u8> {
        let end = maps.at(at).map_or(at, |mapping| mapping.range.end);
        let bytes = stack::copy(tid, at..end.min(at.saturating_add(size)));
        self.add(&bytes);
        bytes
    }

    /// FNV-1a, as for the rest of the state.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

fn is_writable(address: u64, maps: &Maps) -> bool {
    maps.at(address).is_some_and(|mapping| mapping.writable)
}

/// Writable addresses that code refers to relative to its instruction pointer (see `words::references`).
fn statics(start: u64, code: &[u8], maps: &Maps) -> impl Iterator<Item = u64> {
    let distance = |bytes: &[u8]| i32::from_le_bytes(bytes.try_into().unwrap_or_default());
    let ends = (start..).zip(code.windows(4)).flat_map(move |(at, bytes)| {
        let target = move |immediate: u64| at.wrapping_add(4 + immediate);
        [0, 1, 4].map(|n| target(n).wrapping_add_signed(distance(bytes).into()))
    });
    ends.filter(|target| is_writable(*target, maps))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &[u8] = b"\
1000-2000 r-xp 00000000 fe:01 1835 /opt/target
2000-3000 rw-p 00000000 fe:01 1835 /opt/target
";

    #[test]
    fn a_static_is_found_by_the_code_that_refers_to_it() {
        let maps = Maps::parse(MAPS);
        // lock decq 0x1000(%rip), at 0x1100: its distance counts from its end.
        let code = [0xf0, 0x48, 0xff, 0x0d, 0x00, 0x10, 0x00, 0x00];
        assert!(statics(0x1100, &code, &maps).any(|at| at == 0x2108));
        assert_eq!(statics(0x1100, &[0x90; 64], &maps).count(), 0);
    }

    #[test]
    fn what_changes_behind_a_register_changes_the_hash() {
        let me = std::process::id() as i32;
        let maps = Maps::parse(&std::fs::read("/proc/self/maps").unwrap());
        let mut counter = Box::new([7_u8; 1024]);
        let look = |counter: &[u8; 1024]| {
            let general = [counter.as_ptr() as u64; 14];
            copy(me, &Registers { general, ..Registers::default() }, &Stack::default(), &maps)
        };
        let (first, same) = (look(&counter), look(&counter));
        counter[100] = 8;
        let then = look(&counter);
        assert_eq!(first, same);
        assert!(first.places > 0 && first.hash != then.hash, "{first:?} {then:?}");
    }
}
