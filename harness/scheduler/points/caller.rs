//! Where the program called a function of ours. One file for the runtime and for the points.

/// The address to which the calling function returns: where the program called it. Both objects are
/// built with frame pointers, so it lies above the saved one.
macro_rules! caller {
    () => {{
        let frame: usize;
        #[allow(unused_unsafe, reason = "some callers are inside an unsafe block already")]
        // SAFETY: reads a register.
        unsafe { core::arch::asm!("mov {}, rbp", out(reg) frame, options(nomem, nostack)) };
        #[allow(unused_unsafe, reason = "as above")]
        // SAFETY: the frame pointer points at the saved one; the return address is next to it.
        unsafe { *((frame + 8) as *const usize) }
    }};
}
pub(crate) use caller;
