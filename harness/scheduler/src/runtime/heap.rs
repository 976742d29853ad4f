//! Freed memory is filled with a pattern, so that a use after free shows.
//!
//! glibc can do that itself (`glibc.malloc.perturb`), but fills what is allocated as well, all of it:
//! a library that reserves gigabytes and touches kilobytes would crawl. And it leaves out the small
//! blocks that go to the thread's own cache.

use core::ffi::c_void;
use core::sync::atomic::Ordering::*;

use super::{caller, model, real, sites, sys};
use crate::abi::Op;

/// What freed bytes become: no address that is mapped, no small number.
const PATTERN: u8 = 0xa5;
/// Bytes at the beginning of a block that are filled, at most.
const MOST: usize = 512;
/// Where the allocator keeps its own words in a free block (malloc/malloc.c, `tcache_entry`).
const LINKS: usize = 16;

#[unsafe(no_mangle)]
unsafe extern "C" fn free(block: *mut c_void) {
    if !block.is_null() && model::MODE.load(Relaxed) == model::CONTROL {
        // Like a store to all of it, and a point where those are.
        if sites::reaches_strings()
            && model::LIVE.load(Relaxed) > 1
            && let Some(me) = model::me()
        {
            let errno = sys::errno();
            model::point(me, Op::Store, block as usize, caller!());
            sys::set_errno(errno);
        }
        // SAFETY: the caller's block, as free(3) wants it.
        unsafe { spoil(block) };
    }
    // SAFETY: the caller's argument.
    unsafe { real::FREE.get()(block) }
}

/// # Safety
/// `block` must be a block of the allocator.
unsafe fn spoil(block: *mut c_void) {
    // SAFETY: the caller's promise.
    let size = unsafe { real::USABLE.get()(block) }.min(MOST);
    let bytes = block.cast::<u8>();
    // A block that is full of the pattern was freed before: the allocator knows by the words that it
    // left in it, and must find them.
    // SAFETY: within the usable size.
    let spoilt = size > LINKS && (LINKS..size).all(|at| unsafe { bytes.add(at).read() } == PATTERN);
    if !spoilt {
        // SAFETY: within the usable size, and nobody may look at it any more.
        unsafe { bytes.write_bytes(PATTERN, size) };
    }
}
