//! Control by signals: SIGTRAP from the breakpoints, SIGPROF from the supervisor.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};

use super::meet::{Registers, meet};
use super::model::{self, shared};
use super::outside::{SIGPROF, SIGTRAP};
use super::{pun, real, sites, sys};
use crate::abi::Op;

static ARMED: AtomicBool = AtomicBool::new(false);
/// Executable part of the program itself.
static TEXT: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// Whether the signals of this module are in use.
pub(super) fn armed() -> bool {
    ARMED.load(Relaxed)
}

/// `struct sigaction` as libc has it (bits/sigaction.h).
#[repr(C)]
struct Action {
    handler: usize,
    mask: [u64; 16],
    flags: c_int,
    restorer: usize,
}

/// Takes the signals.
pub(super) fn arm() {
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
    fn numbered(&self) -> Registers {
        NUMBERED.map(|at| self.registers[at])
    }
}

unsafe extern "C" fn on_trap(_: c_int, _: *mut c_void, context: *mut Context) {
    // SAFETY: the kernel's frame for SA_SIGINFO; this handler has it for itself.
    let context = unsafe { &mut *context };
    let address = context.registers[RIP] - 1;
    let Some(index) = sites::find(address) else {
        return not_ours(context);
    };
    let errno = sys::errno();
    pun::trapped(index);
    if let Some(me) = model::me() {
        meet(me, index, &context.numbered());
    }
    sys::set_errno(errno);
    context.registers[RIP] = sites::moved(index);
}

/// A breakpoint of the program's own: as if nobody handled the signal.
fn not_ours(context: &mut Context) {
    let action = Action { handler: 0, mask: [0; 16], flags: 0, restorer: 0 };
    // SAFETY: as in `handle_signals`; the default action ends the process at the same instruction.
    unsafe { real::SIGACTION.get()(SIGTRAP, (&raw const action).cast(), core::ptr::null_mut()) };
    context.registers[RIP] -= 1;
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
