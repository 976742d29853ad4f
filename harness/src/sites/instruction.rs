//! Whether an instruction is a place for a scheduling point, and what of it the target has to know.

use iced_x86::{ConstantOffsets, EncodingKind, Instruction, Mnemonic, OpKind, Register};
use standstill_scheduler::abi::{
    SITE_IS_CMPXCHG, SITE_IS_LONG, SITE_LOAD, SITE_PAUSE, SITE_PLAIN_RMW, SITE_RMW, SITE_STORE,
    Site,
};

use super::Want;

/// Length of the jump that replaces a long instruction.
const JUMP: usize = 5;
/// Instead of the number of a register.
const NO_REGISTER: u8 = 255;

/// What an instruction is for a scheduling point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing that was asked for.
    Unwanted,
    /// It was asked for, but its operands are beyond what a [`Site`] can say.
    Unfit,
    Site(Site),
}

/// Looks at an instruction that begins with `code`; `offsets` is asked for when it matters.
pub(super) fn classify(
    instruction: &Instruction,
    code: &[u8],
    want: Want,
    offsets: impl FnOnce() -> ConstantOffsets,
    is_writable: impl FnOnce(u64) -> bool,
) -> Class {
    let Some(kind) = kind(instruction, want) else { return Class::Unwanted };
    let length = instruction.len();
    let mut site = Site {
        address: instruction.ip(),
        length: length as u8,
        kind,
        base: NO_REGISTER,
        index: NO_REGISTER,
        scale: 1,
        flags: if length >= JUMP { SITE_IS_LONG } else { 0 },
        ..Site::default()
    };
    site.bytes[..length].copy_from_slice(&code[..length]);
    if kind == SITE_PAUSE {
        return Class::Site(site);
    }

    let (base, index) = (instruction.memory_base(), instruction.memory_index());
    let segment = instruction.segment_prefix();
    let is_shared = kind == SITE_RMW || {
        let is_stack = matches!(base, Register::RSP | Register::RBP);
        !is_stack && !matches!(segment, Register::FS | Register::GS)
    };
    if !is_shared {
        return Class::Unwanted;
    }
    if has_address_override(code) || uses_stack_pointer(instruction) {
        return Class::Unfit;
    }
    site.size = instruction.memory_size().size() as u16;
    if !(1..=16).contains(&site.size) {
        return Class::Unfit;
    }
    site.segment = match segment {
        Register::FS => 1,
        Register::GS => 2,
        _ => 0,
    };
    if matches!(
        instruction.mnemonic(),
        Mnemonic::Cmpxchg | Mnemonic::Cmpxchg8b | Mnemonic::Cmpxchg16b
    ) {
        site.flags |= SITE_IS_CMPXCHG;
    }

    if instruction.is_ip_rel_memory_operand() {
        let offsets = offsets();
        if offsets.displacement_size() != 4 {
            return Class::Unfit;
        }
        site.target = instruction.ip_rel_memory_address();
        site.relative_at = offsets.displacement_offset() as u8;
    } else if base == Register::None && index == Register::None {
        site.target = instruction.memory_displacement64();
    } else {
        let displacement = instruction.memory_displacement64() as i64;
        let (Some(base), Some(index), Ok(displacement)) =
            (number(base), number(index), i32::try_from(displacement))
        else {
            return Class::Unfit;
        };
        (site.base, site.index, site.displacement) = (base, index, displacement);
        site.scale = instruction.memory_index_scale() as u8;
    }
    // Constants and the addresses of other objects' symbols: nobody changes them.
    if site.target != 0 && kind != SITE_RMW && !is_writable(site.target) {
        return Class::Unwanted;
    }
    Class::Site(site)
}

/// The `SITE_*` that is wanted of it.
#[inline]
fn kind(instruction: &Instruction, want: Want) -> Option<u8> {
    let writes = instruction.op0_kind() == OpKind::Memory;
    let mnemonic = instruction.mnemonic();
    if mnemonic == Mnemonic::Pause {
        return want.pauses.then_some(SITE_PAUSE);
    }
    let reads = || (1..instruction.op_count()).any(|n| instruction.op_kind(n) == OpKind::Memory);
    if !writes && !reads() {
        return None;
    }
    if instruction.has_lock_prefix() || mnemonic == Mnemonic::Xchg {
        return want.rmw.then_some(SITE_RMW);
    }
    if !want.memory || instruction.encoding() != EncodingKind::Legacy {
        return None;
    }
    use Mnemonic as M;
    match mnemonic {
        // From or to a segment register there is more to it than the access.
        M::Mov if instruction.op_register(writes.into()).is_segment_register() => None,
        M::Mov | M::Movups | M::Movupd | M::Movaps | M::Movapd | M::Movdqu | M::Movdqa => {
            Some(if writes { SITE_STORE } else { SITE_LOAD })
        }
        M::Movq | M::Movd | M::Movss | M::Movsd => {
            Some(if writes { SITE_STORE } else { SITE_LOAD })
        }
        M::Movlps | M::Movlpd | M::Movhps | M::Movhpd => {
            Some(if writes { SITE_STORE } else { SITE_LOAD })
        }
        M::Movzx | M::Movsx | M::Movsxd | M::Cmp | M::Test => Some(SITE_LOAD),
        M::Add | M::Sub | M::Adc | M::Sbb | M::And | M::Or | M::Xor => {
            Some(if writes { SITE_PLAIN_RMW } else { SITE_LOAD })
        }
        M::Inc | M::Dec | M::Neg | M::Not | M::Xadd | M::Cmpxchg => Some(SITE_PLAIN_RMW),
        _ => None,
    }
}

/// The number by which instructions name a 64-bit register.
fn number(register: Register) -> Option<u8> {
    match register {
        Register::None => Some(NO_REGISTER),
        _ => register.is_gpr64().then(|| register.number() as u8),
    }
}

/// Whether there is an address-size prefix, which cuts the address to 32 bits.
fn has_address_override(code: &[u8]) -> bool {
    const PREFIXES: [u8; 11] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
    code.iter().take_while(|byte| PREFIXES.contains(byte)).any(|byte| *byte == 0x67)
}

/// Whether the stack pointer is an operand other than to address memory.
fn uses_stack_pointer(instruction: &Instruction) -> bool {
    let is_operand = |n| {
        instruction.op_kind(n) == OpKind::Register
            && instruction.op_register(n).full_register() == Register::RSP
    };
    instruction.is_stack_instruction() || (0..instruction.op_count()).any(is_operand)
}
