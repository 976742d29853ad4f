//! Control by jumps: a stub in front of the moved instruction saves what the runtime may change,
//! calls it, and restores.
//!
//! The stub makes room below the red zone (System V ABI, 3.2.2) and then lays the stack out as if the
//! site had called: the return address stands where a call puts it, so that unwinders walk through,
//! and the eight bytes of the red zone that were there are kept aside.
//!
//! ```text
//! caller's rsp - 8    return address: behind the site         [saved: what the red zone had]
//!             -144    where to go on in the stub
//!             -152    rax
//!             -160    the red zone's top                      <- rsp in the stub
//! ```

use core::arch::global_asm;

use super::{meet, model, sys};

/// Bytes of the jump in place of an instruction.
pub(super) const JUMP: usize = 5;
/// Bytes of a stub, a multiple of 16.
pub(super) const STUB: usize = 112;

/// The stub of a site: ends where the moved instruction begins.
pub(super) fn stub(index: u32, behind: u64) -> [u8; STUB] {
    // nop (as many as are left), then as commented; offsets are those of the picture above.
    let mut code = Code { bytes: [0x90; STUB], at: 0 };
    code.put(&[0x48, 0x8d, 0xa4, 0x24, 0x60, 0xff, 0xff, 0xff]); // lea rsp, [rsp-160]
    code.put(&[0x48, 0x89, 0x44, 0x24, 0x08]); // mov [rsp+8], rax
    code.put(&[0x48, 0x8b, 0x84, 0x24, 0x98, 0, 0, 0]); // mov rax, [rsp+152]
    code.put(&[0x48, 0x89, 0x04, 0x24]); // mov [rsp], rax
    code.put(&[0x48, 0xb8]); // mov rax, behind
    code.put(&behind.to_le_bytes());
    code.put(&[0x48, 0x89, 0x84, 0x24, 0x98, 0, 0, 0]); // mov [rsp+152], rax
    code.put(&[0x48, 0x8d, 0x05, 24, 0, 0, 0]); // lea rax, [rip+24]: behind the jump below
    code.put(&[0x48, 0x89, 0x44, 0x24, 0x10]); // mov [rsp+16], rax
    code.put(&[0xb8]); // mov eax, index
    code.put(&index.to_le_bytes());
    code.put(&[0xff, 0x25, 0, 0, 0, 0]); // jmp [rip+0]
    code.put(&(enter as *const () as usize as u64).to_le_bytes());
    let epilogue = [
        0x48, 0x8b, 0x04, 0x24, // mov rax, [rsp]
        0x48, 0x89, 0x84, 0x24, 0x98, 0, 0, 0, // mov [rsp+152], rax
        0x48, 0x8b, 0x44, 0x24, 0x08, // mov rax, [rsp+8]
        0x48, 0x8d, 0xa4, 0x24, 0xa0, 0, 0, 0, // lea rsp, [rsp+160]
    ];
    code.put(&epilogue);
    code.bytes
}

struct Code {
    bytes: [u8; STUB],
    at: usize,
}

impl Code {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

/// Whether the processor and the kernel let `xsave` be used (CPUID leaf 1, bit OSXSAVE).
pub(super) fn possible() -> bool {
    core::arch::x86_64::__cpuid(1).ecx & (1 << 27) != 0
}

unsafe extern "C" {
    /// Not a function: what the stubs jump to.
    #[link_name = "standstill_scheduler_enter"]
    fn enter();
}

/// Called with the site's index and the registers as they were at the site.
unsafe extern "C" fn arrive(index: u32, registers: *const meet::Registers) {
    if let Some(me) = model::me() {
        let errno = sys::errno();
        // SAFETY: `enter` saved them on the stack of this thread.
        meet::meet(me, index as usize, unsafe { &*registers });
        sys::set_errno(errno);
    }
}

// Saves flags, general registers, and, with `xsave`, x87, SSE, AVX and AVX-512 state (mask 0xe7; in
// the standard format that ends at byte 2688: Intel SDM 1, 13.4). The runtime may call libc's
// vector code.
global_asm!(
    ".pushsection .text.standstill_scheduler_enter, \"ax\", @progbits",
    ".hidden standstill_scheduler_enter",
    ".globl standstill_scheduler_enter",
    ".type standstill_scheduler_enter, @function",
    "standstill_scheduler_enter:",
    ".cfi_startproc",
    ".cfi_def_cfa rsp, 160",
    "pushfq",
    "push r15",
    "push r14",
    "push r13",
    "push r12",
    "push r11",
    "push r10",
    "push r9",
    "push r8",
    "push rdi",
    "push rsi",
    "push rbp",
    "push rsp",
    "push rbx",
    "push rdx",
    "push rcx",
    "push rax",
    ".cfi_def_cfa_offset 296",
    ".cfi_offset rbp, -256",
    ".cfi_offset rbx, -272",
    ".cfi_offset r12, -200",
    ".cfi_offset r13, -192",
    ".cfi_offset r14, -184",
    ".cfi_offset r15, -176",
    "cld",
    "mov edi, eax",
    "lea rcx, [rsp + 296]",
    "mov [rsp + 32], rcx",
    "mov rcx, [rsp + 144]",
    "mov [rsp], rcx",
    "mov rsi, rsp",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "and rsp, -64",
    "sub rsp, 2688",
    "xor eax, eax",
    "mov [rsp + 512], rax",
    "mov [rsp + 520], rax",
    "mov [rsp + 528], rax",
    "mov [rsp + 536], rax",
    "mov [rsp + 544], rax",
    "mov [rsp + 552], rax",
    "mov [rsp + 560], rax",
    "mov [rsp + 568], rax",
    "mov eax, 0xe7",
    "xor edx, edx",
    "xsave64 [rsp]",
    "call {arrive}",
    "mov eax, 0xe7",
    "xor edx, edx",
    "xrstor64 [rsp]",
    "mov rsp, rbp",
    ".cfi_def_cfa_register rsp",
    "pop rax",
    "pop rcx",
    "pop rdx",
    "pop rbx",
    "lea rsp, [rsp + 8]",
    "pop rbp",
    "pop rsi",
    "pop rdi",
    "pop r8",
    "pop r9",
    "pop r10",
    "pop r11",
    "pop r12",
    "pop r13",
    "pop r14",
    "pop r15",
    "popfq",
    "jmp [rsp + 16]",
    ".cfi_endproc",
    ".size standstill_scheduler_enter, . - standstill_scheduler_enter",
    ".popsection",
    arrive = sym arrive,
);
