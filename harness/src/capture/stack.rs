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
    /// The stack that a signal left for this one (`sigaltstack`), from where it was left.
    left: Option<Box<Stack>>,
}

impl Stack {
    /// Copies the stack of the stopped thread `tid` from its stack pointer on outwards. Should it
    /// be in a signal handler with a stack of its own, the interrupted stack is copied too.
    pub(super) fn copy(tid: i32, sp: u64, maps: &Maps) -> Self {
        let mut stack = Stack::copy_one(tid, sp, maps);
        stack.left = stack.left_at(sp).map(|sp| Box::new(Stack::copy_one(tid, sp, maps)));
        stack
    }

    fn copy_one(tid: i32, sp: u64, maps: &Maps) -> Self {
        let Some(mapping) = maps.at(sp) else { return Stack::default() };
        let start = sp.saturating_sub(RED_ZONE).max(mapping.range.start);
        let end = mapping.range.end.min(start.saturating_add(STACK_LIMIT));
        Stack { start, bytes: copy(tid, start..end), cut: end < mapping.range.end, left: None }
    }

    /// Where the thread was on its other stack when a signal brought it onto this one.
    ///
    /// The kernel puts a `struct ucontext` at the outer end of a handler's stack. It is recognised by
    /// what it says of the alternate stack, which is that `sp` lies on it. A chance match would cost
    /// a copy that nobody reads.
    fn left_at(&self, sp: u64) -> Option<u64> {
        /// Offsets in `struct ucontext`.
        const STACK_START: u64 = 16;
        const STACK_SIZE: u64 = 32;
        const RSP: u64 = 160;

        let end = self.start + self.bytes.len() as u64;
        (sp.next_multiple_of(8)..end).step_by(8).find_map(|context| {
            let start = self.word(context + STACK_START).filter(|start| *start <= sp)?;
            let size = self.word(context + STACK_SIZE).filter(|size| *size <= STACK_LIMIT)?;
            let this = start..start.checked_add(size)?;
            let before = self.word(context + RSP)?;
            (this.contains(&sp) && this.contains(&context) && !this.contains(&before))
                .then_some(before)
        })
    }

    /// The word at `address` of the target.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        self.own_word(address).or_else(|| self.left.as_ref()?.own_word(address))
    }

    fn own_word(&self, address: u64) -> Option<u64> {
        let at = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Where the words of the copy lie, and what they are, from `from` on to `to`: of the stack that
    /// the thread is on, not of one that a signal handler has left.
    pub(super) fn words(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> {
        let skip = from.saturating_sub(self.start).next_multiple_of(8).min(self.bytes.len() as u64);
        let words = self.bytes[skip as usize..].chunks_exact(8);
        let first = self.start + skip;
        let places = (first..).step_by(8).take_while(move |at| *at < to);
        places.zip(words).map(|(at, word)| (at, word.try_into().map_or(0, u64::from_le_bytes)))
    }

    /// Whether `address` lies where the copy had to end before the stack did.
    pub(super) fn is_beyond_copy(&self, address: u64) -> bool {
        // Once on the stack that was left, the walk does not come back.
        let outer = self.left.as_ref().filter(|left| address >= left.start);
        let stack = outer.map_or(self, |left| &**left);
        stack.cut && address.saturating_add(8) > stack.start + stack.bytes.len() as u64
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
        let stack = Stack { start: 0x1000, bytes: (0..17).collect(), cut: true, left: None };
        assert_eq!(stack.word(0x1001), Some(0x0807_0605_0403_0201));
        assert_eq!(stack.word(0x1009), Some(0x100f_0e0d_0c0b_0a09));
        for outside in [0, 0xfff, 0x100a, 0x1011, u64::MAX] {
            assert_eq!(stack.word(outside), None);
        }
        assert!(stack.is_beyond_copy(0x100a) && !stack.is_beyond_copy(0x1009));
    }

    #[test]
    fn a_handler_on_a_stack_of_its_own_tells_which_one_it_left() {
        let mut words = [0_u64; 64];
        let handlers = Stack {
            start: 0x7000,
            bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect(),
            ..Stack::default()
        };
        assert_eq!(handlers.left_at(0x7000), None);
        // A context at 0x7050: the alternate stack is 0x6000..0x8000, the other was left at 0x20f0.
        // Before it something that no stack can be.
        words[8] = 1 << 40;
        words[10 + 2] = 0x6000;
        words[10 + 4] = 0x2000;
        words[10 + 20] = 0x20f0;
        let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut handlers = Stack { bytes, ..handlers };
        assert_eq!(handlers.left_at(0x7000), Some(0x20f0));
        let left = Stack { start: 0x20f0, bytes: vec![7; 16], cut: true, left: None };
        handlers.left = Some(Box::new(left));
        assert_eq!(handlers.word(0x20f8), Some(0x0707_0707_0707_0707));
        assert_eq!(handlers.word(0x7060), Some(0x6000));
    }

    #[test]
    fn own_memory_can_be_copied_and_no_memory_is_empty() {
        let value = [7u8; 64];
        let start = value.as_ptr() as u64;
        assert_eq!(copy(std::process::id() as i32, start..start + 64), value);
        assert!(copy(std::process::id() as i32, 0..64).is_empty());
    }
}
