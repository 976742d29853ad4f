//! Memory that two processes see at once.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, ProtFlags};

/// Types that may stand in memory which another process writes at any moment.
///
/// # Safety
/// All zeroes and any other bytes must be a value, and every field must be an atomic: a reader never
/// holds a plain reference to bytes that change under it.
pub unsafe trait Shareable: Sync {}

/// A `T` in a `memfd_create(2)` file, mapped shared.
pub struct Shared<T: Shareable> {
    at: NonNull<T>,
    fd: Option<OwnedFd>,
    _owns: PhantomData<T>,
}

// SAFETY: `T` is Sync, and the mapping is not bound to the thread that made it.
unsafe impl<T: Shareable> Send for Shared<T> {}
// SAFETY: sharing gives `&T` only, and `T` is Sync.
unsafe impl<T: Shareable> Sync for Shared<T> {}

impl<T: Shareable> Shared<T> {
    /// New memory, all zeroes.
    pub fn create(name: &str) -> io::Result<Self> {
        let fd = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&fd, size_of::<T>() as u64)?;
        let at = map(fd.as_fd())?;
        Ok(Shared { at, fd: Some(fd), _owns: PhantomData })
    }

    /// The memory behind an inherited descriptor, which is closed afterwards so that the program
    /// cannot close it by accident.
    ///
    /// # Errors
    /// When `fd` is not open or is smaller than a `T`.
    pub fn inherit(fd: i32) -> io::Result<Self> {
        // SAFETY: fcntl on any number is harmless; it tells whether the descriptor is open.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is open, and by the protocol it was opened for this call alone.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        if rustix::fs::fstat(&fd)?.st_size < size_of::<T>() as i64 {
            return Err(io::Error::other("the shared memory is too small"));
        }
        Ok(Shared { at: map(fd.as_fd())?, fd: None, _owns: PhantomData })
    }

    /// The descriptor to pass on; `None` for inherited memory.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }
}

impl<T: Shareable> std::ops::Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the mapping is as large as `T`, page-aligned, lives as long as `self`, and by
        // `Shareable` whatever bytes stand there are a `T` made of atomics.
        unsafe { self.at.as_ref() }
    }
}

impl<T: Shareable> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map::<T>` and no reference into it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.at.as_ptr().cast(), size_of::<T>()) };
    }
}

fn map<T>(fd: BorrowedFd<'_>) -> io::Result<NonNull<T>> {
    let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let at = unsafe { rustix::mm::mmap(std::ptr::null_mut(), size_of::<T>(), prot, flags, fd, 0) }?;
    NonNull::new(at.cast()).ok_or_else(|| io::Error::other("mapped at zero"))
}
