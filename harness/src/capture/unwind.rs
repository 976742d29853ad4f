//! Walks stacks offline, on the copies that were made while the target stood still.

use std::collections::HashMap;

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64};
use framehop::{Error, FrameAddress, Unwinder};

use super::Trust;
use super::maps::Maps;
use super::modules::AddressSpace;
use super::stack::{STACK_LIMIT, Stack};
use super::stop::ThreadState;
use crate::os::ptrace::{self, Registers};

/// Deeper stacks are cut: the innermost calls tell what a thread waits for.
const FRAME_LIMIT: usize = 256;

/// A call found on a stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// Program counter, or return address.
    pub(super) pc: u64,
    /// An address within the instruction that is being executed. A return address lies behind its
    /// call, which may have been the last instruction of a line, a scope or the function.
    pub(super) lookup: u64,
    /// Where its part of the stack begins; it ends where that of its caller begins.
    pub(super) sp: u64,
    /// Not a call of the program's: the kernel has called a signal handler here.
    pub(super) is_signal: bool,
    pub(super) trust: Trust,
}

/// Walks the stacks of one process.
pub(super) struct Walker<'a> {
    space: &'a AddressSpace,
    maps: &'a Maps,
    cache: CacheX86_64,
    trampolines: Trampolines,
}

impl<'a> Walker<'a> {
    pub(super) fn new(space: &'a AddressSpace, maps: &'a Maps, witness: i32) -> Self {
        let trampolines = Trampolines { witness, known: HashMap::new() };
        // A cache of its own for each capture: framehop tells generations of modules apart by
        // sixteen bits, which a long campaign would wrap.
        Walker { space, maps, cache: CacheX86_64::new(), trampolines }
    }

    /// The calls on a thread's stack, innermost first, and why the walk ended early if it did.
    pub(super) fn walk(&mut self, thread: &ThreadState) -> (Vec<Call>, Option<String>) {
        let Registers { pc, sp, fp, .. } = thread.registers;
        let mut registers = UnwindRegsX86_64::new(pc, sp, fp);
        let mut at = FrameAddress::from_instruction_pointer(pc);
        let mut calls = Vec::new();
        loop {
            let in_trampoline = self.trampolines.contains(at.address());
            calls.push(Call {
                pc: at.address(),
                lookup: at.address_for_lookup(),
                sp: registers.sp(),
                is_signal: in_trampoline,
                trust: if calls.is_empty() { Trust::Registers } else { Trust::Unwound },
            });
            let next = match in_trampoline.then(|| interrupted(&registers, &thread.stack)).flatten()
            {
                // Not a call: the very instruction that the signal interrupted.
                Some(before) => {
                    registers = before;
                    FrameAddress::from_instruction_pointer(before.ip())
                }
                None => match self.step(at, &mut registers, &thread.stack) {
                    Ok(Some(caller)) => caller,
                    Ok(None) => return (calls, None),
                    Err(e) => return (calls, Some(explain(e, thread))),
                },
            };
            if !self.maps.is_code(next.address_for_lookup()) {
                return (calls, Some("a return address leads outside all code".into()));
            }
            if calls.len() == FRAME_LIMIT {
                return (calls, Some(format!("it is deeper than {FRAME_LIMIT} frames")));
            }
            at = next;
        }
    }

    /// One call outwards; `None` at the outermost.
    fn step(
        &mut self,
        at: FrameAddress,
        registers: &mut UnwindRegsX86_64,
        stack: &Stack,
    ) -> Result<Option<FrameAddress>, Error> {
        let mut read = |address| stack.word(address).ok_or(());
        let caller = self.space.unwinder.unwind_frame(at, registers, &mut self.cache, &mut read)?;
        Ok(caller.and_then(FrameAddress::from_return_address))
    }
}

/// The registers that a signal interrupted, from its trampoline: the kernel has put them where the
/// stack pointer points to then. framehop cannot follow the expressions that say so.
fn interrupted(registers: &UnwindRegsX86_64, stack: &Stack) -> Option<UnwindRegsX86_64> {
    // Offsets in the kernel's `struct ucontext`.
    const RBP: u64 = 120;
    const RSP: u64 = 160;
    const RIP: u64 = 168;

    let word = |offset| stack.word(registers.sp().checked_add(offset)?);
    Some(UnwindRegsX86_64::new(word(RIP)?, word(RSP)?, word(RBP)?))
}

fn explain(error: Error, thread: &ThreadState) -> String {
    match error {
        Error::CouldNotReadStack(at) if thread.stack.is_beyond_copy(at) => {
            format!("it is deeper than the {} KiB that are copied", STACK_LIMIT / 1024)
        }
        Error::CouldNotReadStack(_) => "the walk left the thread's stack".into(),
        Error::FramepointerUnwindingMovedBackwards => {
            "there is neither an unwind table nor a frame pointer to follow".into()
        }
        Error::DidNotAdvance => "the walk made no progress".into(),
        Error::IntegerOverflow | Error::ReturnAddressIsNull => "the registers lead nowhere".into(),
    }
}

/// Recognises the code that signal handlers return to, by its instructions: a stripped libc has no
/// name for it.
struct Trampolines {
    witness: i32,
    known: HashMap<u64, bool>,
}

impl Trampolines {
    fn contains(&mut self, pc: u64) -> bool {
        /// `mov $15,%rax; syscall`: rt_sigreturn, as in glibc, musl and the kernel's own tests.
        const SIGRETURN: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

        *self.known.entry(pc).or_insert_with(|| {
            // Code does not change: reading it from the running target is as good as a copy.
            let mut code = [0; SIGRETURN.len()];
            let read = ptrace::read_memory(self.witness, pc, &mut code);
            read.is_ok() && code == SIGRETURN
        })
    }
}
