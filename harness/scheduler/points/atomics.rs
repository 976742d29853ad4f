//! Atomic operations: made here, in place of the program's own instruction.
//!
//! A point before each; after a read-modify-write the runtime is told what the word was and is, from
//! which it knows spinning from progress, and who took a lock. Orders weaker than sequential
//! consistency are made as x86-64 makes them, where only a store differs.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::*};

use super::kinds::{EXCHANGE, LOAD, RMW, STORE};
use super::{caller, changed, entries, point};

/// `__ATOMIC_SEQ_CST`.
const SEQ_CST: c_int = 5;

/// What memory of a width can do.
trait Word: Copy + PartialEq {
    /// # Safety
    /// In all of these `at` is what the program would make the same access to.
    unsafe fn load(at: *const Self) -> Self;
    unsafe fn store(at: *mut Self, value: Self, order: c_int);
    unsafe fn exchange_if(at: *mut Self, old: Self, new: Self) -> Result<Self, Self>;
    /// What the runtime compares: the low half of sixteen bytes.
    fn low(self) -> u64;
}

macro_rules! word {
    ($value:ident $atomic:ident) => {
        impl Word for $value {
            #[inline(always)]
            unsafe fn load(at: *const $value) -> $value {
                // SAFETY: the caller's promise.
                unsafe { $atomic::from_ptr(at.cast_mut()) }.load(SeqCst)
            }

            #[inline(always)]
            unsafe fn store(at: *mut $value, value: $value, order: c_int) {
                // SAFETY: the caller's promise.
                let word = unsafe { $atomic::from_ptr(at) };
                if order == SEQ_CST {
                    word.store(value, SeqCst)
                } else {
                    word.store(value, Release)
                }
            }

            #[inline(always)]
            unsafe fn exchange_if(
                at: *mut $value,
                old: $value,
                new: $value,
            ) -> Result<$value, $value> {
                // SAFETY: the caller's promise.
                unsafe { $atomic::from_ptr(at) }.compare_exchange(old, new, SeqCst, SeqCst)
            }

            #[inline(always)]
            fn low(self) -> u64 {
                u64::from(self)
            }
        }
    };
}

word!(u8 AtomicU8);
word!(u16 AtomicU16);
word!(u32 AtomicU32);
word!(u64 AtomicU64);

/// Sixteen bytes, which the standard library has no stable atomic for. A compiler that does not know
/// the processor to have the instruction makes no such call.
impl Word for u128 {
    #[inline(always)]
    unsafe fn load(at: *const u128) -> u128 {
        // SAFETY: the caller's promise; where it holds a zero, a zero is written.
        let (Ok(value) | Err(value)) = unsafe { Self::exchange_if(at.cast_mut(), 0, 0) };
        value
    }

    #[inline(always)]
    unsafe fn store(at: *mut u128, value: u128, _order: c_int) {
        // SAFETY: the caller's promise.
        unsafe { update(at, |_| value) };
    }

    #[inline(always)]
    unsafe fn exchange_if(at: *mut u128, old: u128, new: u128) -> Result<u128, u128> {
        let [low, high] = [new as u64, (new >> 64) as u64];
        let (mut found_low, mut found_high) = (old as u64, (old >> 64) as u64);
        // SAFETY: the caller's promise. rbx cannot be named as an operand, so it is lent.
        unsafe {
            core::arch::asm!(
                "xchg rbx, {low}",
                "lock cmpxchg16b [{at}]",
                "mov rbx, {low}",
                low = inout(reg) low => _,
                at = in(reg) at,
                in("rcx") high,
                inout("rax") found_low,
                inout("rdx") found_high,
                options(nostack),
            );
        }
        let found = u128::from(found_high) << 64 | u128::from(found_low);
        if found == old { Ok(found) } else { Err(found) }
    }

    #[inline(always)]
    fn low(self) -> u64 {
        self as u64
    }
}

/// Any read-modify-write. Returns what was there.
#[inline(always)]
unsafe fn update<T: Word>(at: *mut T, make: impl Fn(T) -> T) -> (T, T) {
    // SAFETY: the caller's promise, here and below.
    let mut old = unsafe { T::load(at) };
    loop {
        let new = make(old);
        // SAFETY: as above.
        match unsafe { T::exchange_if(at, old, new) } {
            Ok(_) => return (old, new),
            Err(found) => old = found,
        }
    }
}

#[inline(always)]
unsafe fn modify<T: Word>(at: *mut T, how: u32, pc: usize, make: impl Fn(T) -> T) -> T {
    let told = point(RMW, at as usize, size_of::<T>(), pc);
    // SAFETY: the program's own access.
    let (old, new) = unsafe { update(at, make) };
    if told {
        changed(at as usize, old.low(), new.low(), how, pc);
    }
    old
}

#[inline(always)]
unsafe fn compare<T: Word>(at: *mut T, old: T, new: T, pc: usize) -> Result<T, T> {
    let told = point(RMW, at as usize, size_of::<T>(), pc);
    // SAFETY: the program's own access.
    let result = unsafe { T::exchange_if(at, old, new) };
    if told {
        let (was, is) = result.map_or_else(|found| (found, found), |found| (found, new));
        changed(at as usize, was.low(), is.low(), EXCHANGE, pc);
    }
    result
}

/// As [`compare`], with what is expected in memory, which gets what was found.
#[inline(always)]
unsafe fn compare_in<T: Word>(at: *mut T, old: *mut T, new: T, pc: usize) -> c_int {
    // SAFETY: the program's own access, and its own variable.
    unsafe {
        match compare(at, *old, new, pc) {
            Ok(_) => 1,
            Err(found) => {
                *old = found;
                0
            }
        }
    }
}

/// The entries of one width. SAFETY of each: the program's own access.
macro_rules! width {
    (
        $v:ident $load:ident $store:ident $val:ident $strong:ident $weak:ident $exchange:ident
        $add:ident $sub:ident $and:ident $or:ident $xor:ident $nand:ident
    ) => {
        entries! {
            fn $load(at: *const $v, _order: c_int) -> $v {
                point(LOAD, at as usize, size_of::<$v>(), caller!());
                // SAFETY: the program's own access; so are those below.
                unsafe { $v::load(at) }
            }

            fn $store(at: *mut $v, value: $v, order: c_int) {
                point(STORE, at as usize, size_of::<$v>(), caller!());
                // SAFETY: see above.
                unsafe { $v::store(at, value, order) }
            }

            fn $val(at: *mut $v, old: $v, new: $v, _order: c_int, _failed: c_int) -> $v {
                // SAFETY: see above.
                let (Ok(found) | Err(found)) = unsafe { compare(at, old, new, caller!()) };
                found
            }

            fn $strong(at: *mut $v, old: *mut $v, new: $v, _order: c_int, _failed: c_int) -> c_int {
                // SAFETY: see above.
                unsafe { compare_in(at, old, new, caller!()) }
            }

            fn $weak(at: *mut $v, old: *mut $v, new: $v, _order: c_int, _failed: c_int) -> c_int {
                // SAFETY: see above.
                unsafe { compare_in(at, old, new, caller!()) }
            }

            fn $exchange(at: *mut $v, value: $v, _order: c_int) -> $v {
                // SAFETY: see above.
                unsafe { modify(at, EXCHANGE, caller!(), |_| value) }
            }

            fn $add(at: *mut $v, value: $v, _order: c_int) -> $v {
                // SAFETY: see above.
                unsafe { modify(at, 0, caller!(), |old| old.wrapping_add(value)) }
            }

            fn $sub(at: *mut $v, value: $v, _order: c_int) -> $v {
                // SAFETY: see above.
                unsafe { modify(at, 0, caller!(), |old| old.wrapping_sub(value)) }
            }

            fn $and(at: *mut $v, value: $v, _order: c_int) -> $v {
                // SAFETY: see above.
                unsafe { modify(at, 0, caller!(), |old| old & value) }
            }

            fn $or(at: *mut $v, value: $v, _order: c_int) -> $v {
                // SAFETY: see above.
                unsafe { modify(at, 0, caller!(), |old| old | value) }
            }

            fn $xor(at: *mut $v, value: $v, _order: c_int) -> $v {
                // SAFETY: see above.
                unsafe { modify(at, 0, caller!(), |old| old ^ value) }
            }

            fn $nand(at: *mut $v, value: $v, _order: c_int) -> $v {
                // SAFETY: see above.
                unsafe { modify(at, 0, caller!(), |old| !(old & value)) }
            }
        }
    };
}

width! {
    u8 __tsan_atomic8_load __tsan_atomic8_store
    __tsan_atomic8_compare_exchange_val __tsan_atomic8_compare_exchange_strong
    __tsan_atomic8_compare_exchange_weak __tsan_atomic8_exchange __tsan_atomic8_fetch_add
    __tsan_atomic8_fetch_sub __tsan_atomic8_fetch_and __tsan_atomic8_fetch_or
    __tsan_atomic8_fetch_xor __tsan_atomic8_fetch_nand
}
width! {
    u16 __tsan_atomic16_load __tsan_atomic16_store
    __tsan_atomic16_compare_exchange_val __tsan_atomic16_compare_exchange_strong
    __tsan_atomic16_compare_exchange_weak __tsan_atomic16_exchange __tsan_atomic16_fetch_add
    __tsan_atomic16_fetch_sub __tsan_atomic16_fetch_and __tsan_atomic16_fetch_or
    __tsan_atomic16_fetch_xor __tsan_atomic16_fetch_nand
}
width! {
    u32 __tsan_atomic32_load __tsan_atomic32_store
    __tsan_atomic32_compare_exchange_val __tsan_atomic32_compare_exchange_strong
    __tsan_atomic32_compare_exchange_weak __tsan_atomic32_exchange __tsan_atomic32_fetch_add
    __tsan_atomic32_fetch_sub __tsan_atomic32_fetch_and __tsan_atomic32_fetch_or
    __tsan_atomic32_fetch_xor __tsan_atomic32_fetch_nand
}
width! {
    u64 __tsan_atomic64_load __tsan_atomic64_store
    __tsan_atomic64_compare_exchange_val __tsan_atomic64_compare_exchange_strong
    __tsan_atomic64_compare_exchange_weak __tsan_atomic64_exchange __tsan_atomic64_fetch_add
    __tsan_atomic64_fetch_sub __tsan_atomic64_fetch_and __tsan_atomic64_fetch_or
    __tsan_atomic64_fetch_xor __tsan_atomic64_fetch_nand
}
width! {
    u128 __tsan_atomic128_load __tsan_atomic128_store
    __tsan_atomic128_compare_exchange_val __tsan_atomic128_compare_exchange_strong
    __tsan_atomic128_compare_exchange_weak __tsan_atomic128_exchange __tsan_atomic128_fetch_add
    __tsan_atomic128_fetch_sub __tsan_atomic128_fetch_and __tsan_atomic128_fetch_or
    __tsan_atomic128_fetch_xor __tsan_atomic128_fetch_nand
}
