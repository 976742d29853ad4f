//! What the points of an instrumented program tell the runtime. Part of both: the runtime is built
//! with this file, and so is the object that instrumented programs carry.

/// A plain load, `__tsan_read*`.
pub const READ: u32 = 0;
/// A plain store, `__tsan_write*`, `__tsan_read_write*`.
pub const WRITE: u32 = 1;
/// An atomic or volatile load.
pub const LOAD: u32 = 2;
/// An atomic or volatile store.
pub const STORE: u32 = 3;
/// An atomic read-modify-write, a compare-and-exchange that may fail among them.
pub const RMW: u32 = 4;

/// `standstill_changed`: the operation is an exchange or a compare-and-exchange, as locks are taken.
pub const EXCHANGE: u32 = 1;
