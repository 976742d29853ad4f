//! Loops that wait for memory to change: they load, compare and jump back, and nothing in them
//! changes from one turn to the next but what others write.
//!
//! Such a loop without `pause` has no other instruction at which a scheduling point could be put, and
//! where one thread runs at a time it would never end. Its first load becomes a point, so that the
//! others get their turn.

use iced_x86::{
    FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, Register, UsedRegister,
};

/// Instructions of the longest loop that is recognised.
const LONGEST: usize = 12;

/// The last instructions that were decoded.
pub(super) struct Recent {
    ring: [Instruction; LONGEST],
    count: usize,
    facts: InstructionInfoFactory,
}

impl Recent {
    pub(super) fn new() -> Self {
        let ring = [Instruction::default(); LONGEST];
        Recent { ring, count: 0, facts: InstructionInfoFactory::new() }
    }

    /// A new function begins.
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    /// Takes the next instruction. If it closes a loop that only waits, the address of the loop's
    /// first load from memory that threads can share.
    pub(super) fn take(&mut self, instruction: &Instruction) -> Option<u64> {
        self.ring[self.count % LONGEST] = *instruction;
        self.count += 1;
        let jumps = matches!(
            instruction.flow_control(),
            FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch
        );
        if !jumps || instruction.near_branch_target() >= instruction.ip() {
            return None;
        }
        let target = instruction.near_branch_target();
        let first = (self.count.saturating_sub(LONGEST)..self.count)
            .find(|&n| self.ring[n % LONGEST].ip() == target)?;
        self.judge(first)
    }

    /// Looks at the loop from the instruction `first` to the last one.
    fn judge(&mut self, first: usize) -> Option<u64> {
        let mut written = Vec::new();
        for n in first..self.count {
            let info = self.facts.info(&self.ring[n % LONGEST]);
            let writes =
                |r: &&UsedRegister| !matches!(r.access(), OpAccess::Read | OpAccess::CondRead);
            written.extend(info.used_registers().iter().filter(writes).map(full));
        }
        // What the loop writes must be written anew in each turn before it is read.
        let mut fresh: Vec<Register> = Vec::new();
        let mut load = None;
        let mut leaves = false;
        let last = self.count - 1;
        for n in first..self.count {
            let instruction = self.ring[n % LONGEST];
            match instruction.flow_control() {
                FlowControl::Next => {}
                FlowControl::ConditionalBranch => leaves = true,
                FlowControl::UnconditionalBranch if n == last => {}
                _ => return None,
            }
            if matches!(
                instruction.mnemonic(),
                Mnemonic::Rdtsc | Mnemonic::Rdtscp | Mnemonic::Rdrand
            ) {
                return None;
            }
            let info = self.facts.info(&instruction);
            if info.used_memory().iter().any(|m| m.access() != OpAccess::Read) {
                return None;
            }
            let shared = info.used_memory().iter().any(|m| {
                !matches!(m.base(), Register::RSP | Register::RBP)
                    && !matches!(m.segment(), Register::FS | Register::GS)
            });
            if shared && load.is_none() {
                load = Some(instruction.ip());
            }
            for used in info.used_registers() {
                let register = full(used);
                let read = !matches!(used.access(), OpAccess::Write);
                if read && written.contains(&register) && !fresh.contains(&register) {
                    return None;
                }
            }
            fresh.extend(info.used_registers().iter().map(full));
        }
        load.filter(|_| leaves)
    }
}

fn full(used: &UsedRegister) -> Register {
    used.register().full_register()
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Decoder, DecoderOptions};

    /// What the bytes' loop waits at, as an offset.
    fn spin(bytes: &[u8]) -> Option<u64> {
        let mut recent = Recent::new();
        let mut decoder = Decoder::with_ip(64, bytes, 0x1000, DecoderOptions::NONE);
        let mut found = None;
        while decoder.can_decode() {
            found = recent.take(&decoder.decode()).or(found);
        }
        found.map(|at| at - 0x1000)
    }

    #[test]
    fn a_loop_that_loads_and_tests_waits() {
        // mov eax, [rdi]; test eax, eax; je back
        assert_eq!(spin(&[0x8b, 0x07, 0x85, 0xc0, 0x74, 0xfa]), Some(0));
        // nop; cmp dword [rdi], 0; jne back to the cmp
        assert_eq!(spin(&[0x90, 0x83, 0x3f, 0x00, 0x75, 0xfb]), Some(1));
        // movzx eax, byte [rdi]; test al, 1; pause; jne back
        assert_eq!(spin(&[0x0f, 0xb6, 0x07, 0xa8, 0x01, 0xf3, 0x90, 0x75, 0xf7]), Some(0));
    }

    #[test]
    fn a_loop_that_makes_progress_does_not() {
        // mov eax, [rdi]; add rdi, 4; test eax, eax; jne back: walks through memory
        assert_eq!(spin(&[0x8b, 0x07, 0x48, 0x83, 0xc7, 0x04, 0x85, 0xc0, 0x75, 0xf6]), None);
        // cmp dword [rdi], 0; dec ecx; jne back: counts
        assert_eq!(spin(&[0x83, 0x3f, 0x00, 0xff, 0xc9, 0x75, 0xf9]), None);
        // mov [rdi], eax; test eax, eax; je back: writes
        assert_eq!(spin(&[0x89, 0x07, 0x85, 0xc0, 0x74, 0xfa]), None);
        // add eax, [rdi]; test eax, eax; jne back: sums up
        assert_eq!(spin(&[0x03, 0x07, 0x85, 0xc0, 0x75, 0xfa]), None);
        // mov eax, [rdi]; mov rdi, [rdi+8]; test eax, eax; jne back: follows a list
        assert_eq!(spin(&[0x8b, 0x07, 0x48, 0x8b, 0x7f, 0x08, 0x85, 0xc0, 0x75, 0xf6]), None);
    }

    #[test]
    fn a_loop_over_the_stack_or_that_calls_does_not() {
        // cmp dword [rsp+8], 0; jne back
        assert_eq!(spin(&[0x83, 0x7c, 0x24, 0x08, 0x00, 0x75, 0xf9]), None);
        // cmp dword [rdi], 0; call +0; jne back
        assert_eq!(spin(&[0x83, 0x3f, 0x00, 0xe8, 0, 0, 0, 0, 0x75, 0xf6]), None);
    }
}
