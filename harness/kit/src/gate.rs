//! The start gate: actors gather, then all are released at once.

mod protocol;

use std::hint::spin_loop as pause;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

pub(crate) use protocol::Gate;

/// How often an actor looks whether the others are awake before it goes on alone.
const PAUSES: u32 = 20_000;

/// Cores that this process may use. Asked once, as the answer takes a dozen system calls (std reads
/// the control group's quota, too): a zygote asks before it forks.
pub(crate) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
}

/// Sleeps while `word` is `value`; may return early.
fn futex_wait(word: &AtomicU32, value: u32) {
    let op = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let forever = std::ptr::null::<libc::timespec>();
    // SAFETY: the kernel reads the word behind a valid reference, and no timeout.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), op, value, forever) };
}

fn futex_wake_all(word: &AtomicU32) {
    let op = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: waking by address touches no memory.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), op, i32::MAX) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::{AcqRel, Acquire};

    #[test]
    #[ntest::timeout(20_000)]
    fn nobody_passes_before_it_opens_and_all_do_after() {
        let (gate, through) = (Gate::new(8, 2), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    gate.pass();
                    through.fetch_add(1, AcqRel);
                });
            }
            gate.gather();
            assert_eq!(through.load(Acquire), 0);
            gate.open();
        });
        assert_eq!(through.load(Acquire), 8);
    }

    #[test]
    #[ntest::timeout(20_000)]
    fn a_cancelled_gate_lets_nobody_act() {
        let gate = Gate::new(2, 2);
        std::thread::scope(|scope| {
            let early = scope.spawn(|| gate.pass());
            gate.cancel();
            assert!(!early.join().unwrap());
            assert!(!gate.pass());
        });
    }
}
