//! Copies of stacks, to be walked when the target runs again.

use std::ops::Range;

use super::maps::Maps;
use crate::os::ptrace;

/// How much of a stack is copied. Deeper walks end early and say so.
pub(super) const STACK_LIMIT: u64 = 512 * 1024;
/// x86-64 lets a function use this much below its stack pointer.
const RED_ZONE: u64 = 128;

/// A copy of the innermost part of a stack.
#[derive(Debug, Default)]
pub(super) struct Stack {
    start: u64,
    bytes: Vec<u8>,
    /// The stack goes on beyond the copy.
    cut: bool,
}

impl Stack {
    /// Copies the stack of the stopped thread `tid` from its stack pointer on outwards.
    pub(super) fn copy(tid: i32, sp: u64, maps: &Maps) -> Self {
        let Some(mapping) = maps.at(sp) else { return Stack::default() };
        let start = sp.saturating_sub(RED_ZONE).max(mapping.range.start);
        let end = mapping.range.end.min(start.saturating_add(STACK_LIMIT));
        Stack { start, bytes: copy(tid, start..end), cut: end < mapping.range.end }
    }

    /// The word at `address` of the target.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        let at = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Whether `address` lies where the copy had to end before the stack did.
    pub(super) fn is_beyond_copy(&self, address: u64) -> bool {
        self.cut && address.saturating_add(8) > self.start + self.bytes.len() as u64
    }
}

/// The memory of a process, as far as it can be read.
pub(super) fn copy(tid: i32, range: Range<u64>) -> Vec<u8> {
    let length = range.end.saturating_sub(range.start);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let copied = ptrace::read_memory(tid, range.start, &mut bytes).unwrap_or(0);
    bytes.truncate(copied);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_only_where_all_of_it_was_copied() {
        let stack = Stack { start: 0x1000, bytes: (0..17).collect(), cut: true };
        assert_eq!(stack.word(0x1001), Some(0x0807_0605_0403_0201));
        assert_eq!(stack.word(0x1009), Some(0x100f_0e0d_0c0b_0a09));
        for outside in [0, 0xfff, 0x100a, 0x1011, u64::MAX] {
            assert_eq!(stack.word(outside), None);
        }
        assert!(stack.is_beyond_copy(0x100a) && !stack.is_beyond_copy(0x1009));
    }

    #[test]
    fn own_memory_can_be_copied_and_no_memory_is_empty() {
        let value = [7u8; 64];
        let start = value.as_ptr() as u64;
        assert_eq!(copy(std::process::id() as i32, start..start + 64), value);
        assert!(copy(std::process::id() as i32, 0..64).is_empty());
    }
}
