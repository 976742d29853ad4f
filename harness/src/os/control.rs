//! The memory shared with a controlled target, and what its processes begin with.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, ProtFlags};
use standstill_scheduler::abi::{
    Blocked, Decision, Event, FLAG_PROFILE, Granule, MAGIC, MAX_BLOCKED, MAX_DECISIONS, MAX_EVENTS,
    MAX_THREADS, Order, Outcome, Shared, Touch,
};

/// A [`Shared`] in a memfd, mapped here and in the target.
///
/// Its plain fields change hands with the messages: the supervisor writes them while no trial runs
/// and reads what the target wrote when a message has said so. They are copied in and out by volatile
/// accesses, never lent, so that a target which scribbles into them can spoil numbers and nothing
/// else.
pub struct Memory {
    at: NonNull<Shared>,
    fd: OwnedFd,
}

// SAFETY: the mapping is not bound to the thread that made it, and is used by one at a time.
unsafe impl Send for Memory {}

impl Memory {
    /// New memory, all zeroes but for its magic number.
    pub fn create() -> io::Result<Memory> {
        let fd = rustix::fs::memfd_create("standstill-control", MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&fd, size_of::<Shared>() as u64)?;
        let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
        let at = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), size_of::<Shared>(), prot, flags, &fd, 0)
        }?;
        let at = NonNull::new(at.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        let memory = Memory { at, fd };
        // SAFETY: the place is inside of the mapping and aligned, since the mapping is to a page.
        unsafe { (&raw mut (*memory.at.as_ptr()).magic).write_volatile(MAGIC) };
        Ok(memory)
    }

    /// The descriptor to pass on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// What the target writes while it runs.
    pub fn outcome(&self) -> &Outcome {
        // SAFETY: it lies inside of the mapping, which lives as long as `self`, and is atomics only.
        unsafe { &(*self.at.as_ptr()).outcome }
    }

    /// The word that lets one thread run.
    pub fn go(&self, thread: usize) -> Option<&AtomicU32> {
        // SAFETY: as `outcome`; the array is atomics only.
        unsafe { (*self.at.as_ptr()).go.get(thread) }
    }

    /// Writes what the next trial is to do, as much of the script as fits, and clears the outcome.
    pub fn prepare(&mut self, order: &Order, script: &[Decision]) {
        let script = &script[..script.len().min(MAX_DECISIONS)];
        let order = Order { script: script.len() as u32, ..*order };
        let shared = self.at.as_ptr();
        // SAFETY: every place is inside of the mapping; zeroes are a value of the atomics; the target
        // waits for a message meanwhile.
        unsafe {
            (&raw mut (*shared).outcome).write_bytes(0, 1);
            (&raw mut (*shared).go).write_bytes(0, 1);
            if order.flags & FLAG_PROFILE != 0 {
                (&raw mut (*shared).granules).write_bytes(0, 1);
            }
            (&raw mut (*shared).order).write_volatile(order);
            let first: *mut Decision = (&raw mut (*shared).script).cast();
            for (nth, decision) in script.iter().enumerate() {
                first.add(nth).write_volatile(*decision);
            }
        }
    }

    /// The first `count` threads of the table of those that stand.
    pub fn blocked(&self, count: u32) -> Vec<Blocked> {
        // SAFETY: see `copy`.
        unsafe { copy((&raw const (*self.at.as_ptr()).blocked).cast(), count, MAX_BLOCKED) }
    }

    /// The first `count` decisions that were taken.
    pub fn decisions(&self, count: u32) -> Vec<Decision> {
        // SAFETY: see `copy`.
        unsafe { copy((&raw const (*self.at.as_ptr()).decisions).cast(), count, MAX_DECISIONS) }
    }

    /// The sites that a profiled trial saw to touch memory which two threads touched and one wrote,
    /// by their index in the table.
    pub fn shared_sites(&self) -> BTreeSet<u32> {
        /// Bits of [`Granule::how`]: by another thread, too; written.
        const SHARED: u32 = 3;
        let shared = self.at.as_ptr();
        // SAFETY: as `outcome`; both arrays are atomics only.
        let (granules, touches) = unsafe { (&(*shared).granules, &(*shared).touches) };
        let count = (self.outcome().touches.load(Relaxed) as usize).min(touches.len());
        let is_shared = |touch: &&Touch| {
            let granule: Option<&Granule> = granules.get(touch.granule.load(Relaxed) as usize);
            granule.is_some_and(|granule| granule.how.load(Relaxed) == SHARED)
        };
        touches[..count].iter().filter(is_shared).map(|touch| touch.site.load(Relaxed)).collect()
    }

    /// The first `count` events that were recorded.
    pub fn events(&self, count: u32) -> Vec<Event> {
        // SAFETY: see `copy`.
        unsafe { copy((&raw const (*self.at.as_ptr()).events).cast(), count, MAX_EVENTS) }
    }

    /// Wakes whichever of the first `threads` threads is parked.
    pub fn wake(&self, threads: u32) {
        for word in (0..(threads as usize).min(MAX_THREADS)).filter_map(|nth| self.go(nth)) {
            // SAFETY: FUTEX_WAKE reads no memory; it takes the address as a name.
            unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `create` and no reference into it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.at.as_ptr().cast(), size_of::<Shared>()) };
    }
}

/// Copies of the first entries of an array of `size` plain records.
///
/// # Safety
/// `first` must point to `size` entries of the mapping, of a type that any bytes are a value of.
unsafe fn copy<T: Copy>(first: *const T, count: u32, size: usize) -> Vec<T> {
    let count = (count as usize).min(size);
    // SAFETY: by the caller's promise each of these places is inside of the array.
    (0..count).map(|nth| unsafe { first.add(nth).read_volatile() }).collect()
}

/// For [`enclose`]: whichever CPUs this process may use.
pub const ANY_CPU: usize = usize::MAX;

/// Makes `command`'s process begin as a controlled one: on one CPU, with addresses that are the same
/// each time (as far as the kernel allows it), `kept` descriptors open, in a process group of its
/// own that dies with the calling *thread*.
pub fn enclose(command: &mut Command, cpu: usize, kept: &[BorrowedFd<'_>]) {
    let kept: Vec<i32> = kept.iter().map(AsRawFd::as_raw_fd).collect();
    super::process::die_with_parent(command);
    // SAFETY: the closure runs between fork and exec and makes system calls only, on values that it
    // owns; the vector is read, not changed.
    unsafe {
        command.pre_exec(move || {
            // Both are wishes: without them trials are slower, and addresses differ.
            let now = libc::personality(0xffff_ffff);
            libc::personality((now | libc::ADDR_NO_RANDOMIZE) as libc::c_ulong);
            if cpu != ANY_CPU {
                let mut set: libc::cpu_set_t = std::mem::zeroed();
                libc::CPU_SET(cpu % libc::CPU_SETSIZE as usize, &mut set);
                libc::sched_setaffinity(0, size_of_val(&set), &set);
            }
            for fd in &kept {
                if libc::fcntl(*fd, libc::F_SETFD, 0) == -1 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
}

/// Gives `command`'s process addresses of the kernel's choice, though [`enclose`] would not.
pub fn randomize(command: &mut Command) {
    // SAFETY: the closure runs between fork and exec and makes system calls only.
    unsafe {
        command.pre_exec(|| {
            let now = libc::personality(0xffff_ffff);
            libc::personality((now & !libc::ADDR_NO_RANDOMIZE) as libc::c_ulong);
            Ok(())
        });
    }
}

/// The CPUs that this process may use.
pub fn cpus() -> Vec<usize> {
    // SAFETY: the set is plain numbers, for which zeroes are a value, and the call writes within it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of_val(&set), &mut set);
        (0..libc::CPU_SETSIZE as usize).filter(|cpu| libc::CPU_ISSET(*cpu, &set)).collect()
    }
}

/// Sends a signal to one thread of a process that lives below this one.
pub fn signal_thread(pid: i32, tid: i32, signal: i32) {
    // SAFETY: tgkill touches no memory; the kernel checks that the thread belongs to the process.
    unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) };
}

/// SIGKILL to a process and, where it leads one, to its group. It must not have been reaped yet, or
/// its number could be another's.
pub fn kill_group(pid: i32) {
    if pid <= 1 {
        return;
    }
    // SAFETY: neither call touches memory.
    unsafe {
        if libc::getpgid(pid) == pid {
            libc::kill(-pid, libc::SIGKILL);
        }
        libc::kill(pid, libc::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn what_is_prepared_is_bounded_and_clears_what_was() {
        let mut memory = Memory::create().unwrap();
        memory.outcome().steps.store(7, Relaxed);
        let order = Order {
            seed: 1,
            length: 2,
            fair_after: 3,
            max_steps: 4,
            step_ns: 100,
            strategy: 5,
            depth: 6,
            flags: 0,
            script: 0,
            memory_every: 0,
            pad: 0,
        };
        memory.prepare(&order, &vec![Decision { step: 1, thread: 1 }; MAX_DECISIONS + 9]);
        assert_eq!(memory.outcome().steps.load(Relaxed), 0);
        assert_eq!(memory.decisions(u32::MAX).len(), MAX_DECISIONS);
        assert_eq!(memory.blocked(3).len(), 3);
        assert!(memory.go(MAX_THREADS).is_none());
        memory.wake(u32::MAX);
    }
}
