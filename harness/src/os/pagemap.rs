//! Which pages of a process exist: the `PAGEMAP_SCAN` request of Linux 6.7.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

/// What the kernel may say of a page (`linux/fs.h`).
const IS_FILE: u64 = 1 << 2;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;
/// How many runs one request may find.
const RUNS: usize = 1024;

/// `struct pm_scan_arg`.
#[repr(C)]
#[derive(Default)]
struct Request {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// The first runs of pages in `range`, all of them on page boundaries, that are in memory or in
/// swap, and how far was looked for them: at most to where there were too many. With `own` pages of
/// files and shared memory do not count.
///
/// It takes as long as there are pages, however long the range is.
///
/// # Errors
/// `ENOTTY` where the kernel does not know the request.
pub fn scan(pagemap: &File, range: Range<u64>, own: bool) -> io::Result<(Vec<Range<u64>>, u64)> {
    /// `_IOWR('f', 16, struct pm_scan_arg)`.
    const PAGEMAP_SCAN: u32 =
        3 << 30 | (size_of::<Request>() as u32) << 16 | (b'f' as u32) << 8 | 16;

    let mut found = [Region::default(); RUNS];
    let unwanted = if own { IS_FILE } else { 0 };
    let mut request = Request {
        size: size_of::<Request>() as u64,
        start: range.start,
        end: range.end,
        vec: found.as_mut_ptr().expose_provenance() as u64,
        vec_len: found.len() as u64,
        category_inverted: unwanted,
        category_mask: unwanted,
        category_anyof_mask: IS_PRESENT | IS_SWAPPED,
        return_mask: IS_PRESENT | IS_SWAPPED,
        ..Request::default()
    };
    // SAFETY: the kernel writes to `request`, and at most `vec_len` regions to `vec`, which is
    // `found`; both are ours, of the kernel's layout, and outlive the call.
    let count = unsafe {
        libc::ioctl(
            pagemap.as_raw_fd(),
            PAGEMAP_SCAN as libc::Ioctl,
            std::ptr::from_mut(&mut request),
        )
    };
    let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
    let runs: Vec<_> = found.iter().take(count).map(|region| region.start..region.end).collect();
    // With no room left, the kernel (6.18) may put the end of its walk before runs that it has told.
    let end = runs.last().map_or(request.walk_end, |last| last.end.max(request.walk_end));
    Ok((runs, end))
}
