//! The memory that the supervisor and a controlled process share, and the messages they exchange.
//!
//! Everything here is `#[repr(C)]`, plain numbers, valid for every bit pattern, and the same on both
//! sides because both are built from this file. The supervisor writes [`Order`] and the script
//! between trials, the target writes the rest while a trial runs.

use core::sync::atomic::{AtomicU32, AtomicU64};

/// First eight bytes of the shared memory; changes with every change of its shape.
pub const MAGIC: u64 = 0x7374_616e_6473_0006;
/// Threads one trial can hold; the 1,025th runs without control and is counted.
pub const MAX_THREADS: usize = 1024;
/// Threads described when a trial stands still; a table with more says how many it left out.
pub const MAX_BLOCKED: usize = 256;
/// Decisions that a trial can store or be given.
pub const MAX_DECISIONS: usize = 1 << 16;
/// Events that a recorded trial can store.
pub const MAX_EVENTS: usize = 1 << 17;
/// Granules of the profile of shared memory.
pub const MAX_GRANULES: usize = 1 << 16;
/// Pairs of site and granule of the profile.
pub const MAX_TOUCHES: usize = 1 << 18;

/// Environment: the number of the inherited socket to the supervisor.
pub const SOCKET_ENV: &str = "STANDSTILL_SCHEDULER_SOCKET";
/// Environment: the number of the inherited descriptor of [`Shared`].
pub const SHARED_ENV: &str = "STANDSTILL_SCHEDULER_SHARED";
/// Environment: the number of the inherited descriptor of the table of [`Site`]s.
pub const SITES_ENV: &str = "STANDSTILL_SCHEDULER_SITES";

/// Environment: set when the program itself says, by calling `standstill_serve`, when it is ready to
/// be forked.
pub const DEFER_ENV: &str = "STANDSTILL_SCHEDULER_DEFER";

/// A message, in either direction: sixteen bytes, written and read whole.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Message {
    /// One of the `SAYS_*` and `BIDS_*` constants.
    pub what: u32,
    /// The process it is about.
    pub pid: i32,
    /// A wait status, a count: depends on `what`.
    pub value: i64,
}

/// Target: interposition is live, `main` has not begun; `value` is the number of threads there are.
pub const SAYS_HELLO: u32 = 1;
/// Target: the sites are patched; `value` is their number.
pub const SAYS_READY: u32 = 2;
/// Target: the trial runs in process `pid`.
pub const SAYS_STARTED: u32 = 3;
/// Target: process `pid` ended with the wait status `value`.
pub const SAYS_ENDED: u32 = 4;
/// Target: process `pid` stands still and waits to be looked at and killed; see [`Outcome::stand`].
pub const SAYS_STANDS: u32 = 5;
/// Target: something that control needs is missing; `value` is one of the `LACKS_*` constants.
pub const SAYS_LACKS: u32 = 6;
/// Target: the trial that ran in process `pid` ended with the exit code `value`; the process waits to
/// be told to run another, or to end. Only with [`FLAG_BATCH`].
pub const SAYS_AGAIN: u32 = 7;
/// Supervisor: patch the `value` sites of the table.
pub const BIDS_PATCH: u32 = 16;
/// Supervisor: fork a child that runs one trial by the present [`Order`].
pub const BIDS_FORK: u32 = 17;
/// Supervisor: run the trial in this very process.
pub const BIDS_RUN: u32 = 18;
/// Supervisor: after [`SAYS_AGAIN`], end as the program would have.
pub const BIDS_END: u32 = 19;

/// The interposed `pthread_create` is not the one that the program calls.
pub const LACKS_INTERPOSITION: i64 = 1;
/// The shared memory could not be mapped, or is of another version.
pub const LACKS_MEMORY: i64 = 2;
/// `fork` failed; the `errno` is in the upper half.
pub const LACKS_FORK: i64 = 3;

/// What the supervisor wants of the next trial.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// Seeds the strategy, and `getrandom` of the target.
    pub seed: u64,
    /// Steps that a trial is expected to have: PCT spreads its change points over them. With
    /// [`FLAG_NOISE`]: nanoseconds to sleep.
    pub length: u64,
    /// Steps after which choices become fair (random among all that can run, spinners included).
    pub fair_after: u64,
    /// Steps after which the trial is over and called endless.
    pub max_steps: u64,
    /// Virtual nanoseconds that a step takes: how slow the machine seems beside the timeouts.
    pub step_ns: u64,
    /// One of [`crate::strategy`]'s numbers.
    pub strategy: u32,
    /// PCT: bug depth. Delays: how many delays of `script` count.
    pub depth: u32,
    /// `FLAG_*`.
    pub flags: u32,
    /// Valid entries of the script.
    pub script: u32,
    /// Programs built for level 3: how many plain accesses to memory make one scheduling point, on
    /// average; each is one with probability 1 / `memory_every`, by the seed. 0: none is.
    pub memory_every: u32,
    /// Reserved.
    pub pad: u32,
}

/// Record [`Event`]s.
pub const FLAG_RECORD: u32 = 1;
/// Trap every memory access and profile which memory is shared; nothing is scheduled there.
pub const FLAG_PROFILE: u32 = 2;
/// Do not control: the threads run as the kernel has them, and each sleeps for `length` nanoseconds
/// where the script has its number and, as the step, how often it has come to the runtime; where the
/// script has that twice, twice as long.
pub const FLAG_NOISE: u32 = 8;
/// When `main` returns and no other thread is left, the process can run another trial.
pub const FLAG_BATCH: u32 = 16;

/// "At step `step`, thread `thread` runs": a departure from the default rule, which is to let the
/// running thread go on, and, when it cannot, the next that can, in the order of creation.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decision {
    /// Step, counted from 0 over all threads.
    pub step: u32,
    /// Thread, counted from 0 (the main thread) in the order of creation.
    pub thread: u32,
}

/// In [`Outcome::seize`]: from nobody.
pub const NOBODY: u32 = u32::MAX;

/// How a trial stands.
#[repr(C)]
#[derive(Debug)]
pub struct Outcome {
    /// One of the `STANDS_*` constants.
    pub stand: AtomicU32,
    /// Threads that were created, the main thread among them.
    pub threads: AtomicU32,
    /// Scheduling points passed.
    pub steps: AtomicU64,
    /// Times that another thread than the one before ran.
    pub switches: AtomicU64,
    /// FNV-1a over the thread and the operation of every step: equal hash, equal schedule.
    pub hash: AtomicU64,
    /// Virtual time passed, nanoseconds.
    pub virtual_ns: AtomicU64,
    /// Decisions that departed from the default rule; may exceed [`MAX_DECISIONS`].
    pub decisions: AtomicU32,
    /// Events recorded; may exceed [`MAX_EVENTS`].
    pub events: AtomicU32,
    /// Times that the token was taken from a thread that the kernel had put to sleep, or that spun
    /// without a scheduling point: with one of those a schedule may not repeat.
    pub seized: AtomicU32,
    /// Calls that were not modelled and could have blocked.
    pub unmodelled: AtomicU32,
    /// Threads that ran without control.
    pub strays: AtomicU32,
    /// Timed waits and sleeps that ran out while other threads could run: what follows may hang on how long a
    /// step takes.
    pub early: AtomicU32,
    /// Entries of the table of threads.
    pub blocked: AtomicU32,
    /// Threads left out of it.
    pub blocked_more: AtomicU32,
    /// Most threads that could run at one step.
    pub widest: AtomicU32,
    /// Script entries that could not be followed: the thread could not run there.
    pub missed: AtomicU32,
    /// The thread that has the token, by kernel id; 0 while nobody has.
    pub holder_tid: AtomicU32,
    /// The number of that thread plus one; 0 while nobody has it, `u32::MAX` while it is being seized.
    pub holder: AtomicU32,
    /// Supervisor: take the token from this thread (its number plus one); 0: nothing to do; `u32::MAX`:
    /// decide in the place of a thread that is outside, see `unattended`.
    pub seize: AtomicU32,
    /// Entries of the profile.
    pub granules: AtomicU32,
    /// Entries of the profile's pairs.
    pub touches: AtomicU32,
    /// State changes seen (a lock taken or given, a wake-up, a successful read-modify-write).
    pub changes: AtomicU64,
    /// `changes` when the last fair phase began.
    pub fair_changes: AtomicU64,
    /// Jumps, traps: sites that were patched either way, and that could not be.
    pub jumps: AtomicU32,
    /// See `jumps`.
    pub traps: AtomicU32,
    /// See `jumps`.
    pub unpatched: AtomicU32,
    /// 1 while a thread is outside, nobody can run, and others wait for time or descriptors: its call may
    /// be short, so it did not stay to wait for those.
    pub unattended: AtomicU32,
    /// Decisions that took the turn from a thread which could have gone on.
    pub preemptions: AtomicU32,
}

/// The trial runs, or its process ended.
pub const STANDS_NOT: u32 = 0;
/// Nobody can run, nobody waits for time or for the outside: a deadlock.
pub const STANDS_DEADLOCK: u32 = 1;
/// `max_steps` are over.
pub const STANDS_ENDLESS: u32 = 2;

/// What a thread does or waits for. The numbers are part of recorded schedules: append only.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    None = 0,
    Start = 1,
    Create = 2,
    Join = 3,
    Exit = 4,
    MutexLock = 5,
    MutexTry = 6,
    MutexUnlock = 7,
    ReadLock = 8,
    WriteLock = 9,
    RwTry = 10,
    RwUnlock = 11,
    CondWait = 12,
    CondSignal = 13,
    CondBroadcast = 14,
    BarrierWait = 15,
    Once = 16,
    SemWait = 17,
    SemTry = 18,
    SemPost = 19,
    FutexWait = 20,
    FutexWake = 21,
    SpinLock = 22,
    SpinUnlock = 23,
    Sleep = 24,
    Yield = 25,
    Io = 26,
    Outside = 27,
    Rmw = 28,
    Load = 29,
    Store = 30,
    Pause = 31,
    Fork = 32,
    Clock = 33,
    CondRelock = 34,
    SpinTry = 35,
    Cancel = 36,
}

impl Op {
    /// The operation of this number, [`Op::None`] for one that is not known.
    pub fn of(number: u32) -> Op {
        if number <= Op::Cancel as u32 {
            // SAFETY: the enum is `repr(u32)` and numbered without a gap from 0 to `Cancel`.
            unsafe { core::mem::transmute::<u32, Op>(number) }
        } else {
            Op::None
        }
    }

    /// Whether two threads doing it to one object, one of them at least with this, do not commute.
    pub fn writes(self) -> bool {
        !matches!(self, Op::Load | Op::None | Op::Clock | Op::Pause | Op::Yield | Op::Sleep)
    }
}

/// A thread of a trial that stands still.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Blocked {
    /// Its number, 0 is the main thread.
    pub thread: u32,
    /// Its kernel id.
    pub tid: u32,
    /// What it waits for: a number of [`Op`]; [`Op::None`] for one that could run.
    pub op: u32,
    /// The thread that holds what it waits for, plus one; 0: nobody, or unknown.
    pub owner: u32,
    /// The object: an address; for a join the number of the thread.
    pub object: u64,
    /// Where it asked: an address in the caller.
    pub pc: u64,
    /// Where the owner took it; 0: unknown.
    pub owner_pc: u64,
    /// Steps it has made.
    pub steps: u64,
}

/// One step of a recorded trial.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Event {
    /// The step.
    pub step: u32,
    /// The thread.
    pub thread: u32,
    /// A number of [`Op`].
    pub op: u32,
    /// `EVENT_*`.
    pub flags: u32,
    /// The object: an address; for create and join the number of the thread.
    pub object: u64,
    /// Where: an address in the caller.
    pub pc: u64,
    /// How often the thread had come to the runtime, this time included: [`FLAG_NOISE`] names
    /// moments by it.
    pub entry: u32,
    /// Reserved.
    pub pad: u32,
}

/// The thread blocked here.
pub const EVENT_BLOCKED: u32 = 1;
/// The thread went on after having blocked.
pub const EVENT_RESUMED: u32 = 2;
/// The wait ended by its timeout.
pub const EVENT_TIMED_OUT: u32 = 4;
/// The read-modify-write took a word from 0: a lock, if it is one.
pub const EVENT_TOOK: u32 = 8;
/// The read-modify-write left the word as it was: it did not get what it was for.
pub const EVENT_FAILED: u32 = 16;

/// Eight bytes of memory that the profile saw touched.
#[repr(C)]
#[derive(Debug)]
pub struct Granule {
    /// Address divided by eight; 0 for an empty entry.
    pub key: AtomicU64,
    /// First thread that touched it, plus one.
    pub first: AtomicU32,
    /// Bit 0: another thread touched it as well; bit 1: it was written.
    pub how: AtomicU32,
}

/// A site touched a granule.
#[repr(C)]
#[derive(Debug)]
pub struct Touch {
    /// Index in the table of sites.
    pub site: AtomicU32,
    /// Index in the table of granules.
    pub granule: AtomicU32,
}

/// The whole shared memory.
#[repr(C)]
#[derive(Debug)]
pub struct Shared {
    /// [`MAGIC`].
    pub magic: u64,
    /// Written by the supervisor between trials.
    pub order: Order,
    /// Written by the target.
    pub outcome: Outcome,
    /// One word a thread: 1 when it may run. Waited for with `FUTEX_WAIT`, shared.
    pub go: [AtomicU32; MAX_THREADS],
    /// Threads of a trial that stands still.
    pub blocked: [Blocked; MAX_BLOCKED],
    /// The script to follow ([`crate::strategy::GIVEN`], [`crate::strategy::DELAYS`],
    /// [`crate::strategy::SEGMENTS`]).
    pub script: [Decision; MAX_DECISIONS],
    /// The decisions that were taken.
    pub decisions: [Decision; MAX_DECISIONS],
    /// The events that were recorded.
    pub events: [Event; MAX_EVENTS],
    /// The profile's memory.
    pub granules: [Granule; MAX_GRANULES],
    /// The profile's pairs.
    pub touches: [Touch; MAX_TOUCHES],
}

/// An instruction of the target at which a scheduling point can be put.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Site {
    /// Its address in the running process (the module's load address added).
    pub address: u64,
    /// For an operand relative to the instruction pointer or absolute: its address; else 0.
    pub target: u64,
    /// Displacement of the memory operand; for a `target` unused.
    pub displacement: i32,
    /// Bytes that the access covers.
    pub size: u16,
    /// Length of the instruction.
    pub length: u8,
    /// One of the `SITE_*` constants.
    pub kind: u8,
    /// Base register 0 to 15 (rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8...r15), 255 for none.
    pub base: u8,
    /// Index register, as `base`.
    pub index: u8,
    /// 1, 2, 4 or 8.
    pub scale: u8,
    /// Offset of the 32-bit displacement that is relative to the instruction pointer; 0 for none.
    pub relative_at: u8,
    /// `SITE_IS_*`.
    pub flags: u8,
    /// Segment of the operand: 0 none, 1 fs, 2 gs. A site with one is not a shared access.
    pub segment: u8,
    /// Reserved.
    pub pad: [u8; 2],
    /// The instruction, to be compared with what is in memory before it is changed.
    pub bytes: [u8; 16],
}

impl Site {
    /// Whether it is a plain access, which is a scheduling point only where it was chosen.
    pub fn is_access(&self) -> bool {
        matches!(self.kind, SITE_LOAD | SITE_STORE | SITE_PLAIN_RMW)
    }
}

/// `lock`-prefixed read-modify-write, or `xchg` with memory.
pub const SITE_RMW: u8 = 1;
/// `pause`: the mark of a spin loop.
pub const SITE_PAUSE: u8 = 2;
/// Plain load from memory.
pub const SITE_LOAD: u8 = 3;
/// Plain store to memory.
pub const SITE_STORE: u8 = 4;
/// Read-modify-write of memory without `lock`: two steps for other processors.
pub const SITE_PLAIN_RMW: u8 = 5;

/// The load of a loop that waits for memory to change, without `pause`.
pub const SITE_SPIN: u8 = 6;

/// The instruction is a compare-and-exchange: it changes memory only if rax matches.
pub const SITE_IS_CMPXCHG: u8 = 1;
/// No branch can land inside the first five bytes and no other instruction begins there: a jump fits.
pub const SITE_IS_LONG: u8 = 2;
/// The supervisor wants a scheduling point here (memory accesses only; others always have one).
pub const SITE_IS_CHOSEN: u8 = 4;
