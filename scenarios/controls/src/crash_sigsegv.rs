//! Segmentation fault: a read through a pointer that leads nowhere.
//!
//! The control reads a page without read rights in C, which faults on every machine; the others wait
//! at a barrier. The natural version looks at a pointer before it reads through it, and another actor
//! may take it away in between. The look-alike is handed a null pointer and knows what to do.

use std::sync::Barrier;

use standstill_kit::{Kind, Scenario};

use crate::ffi::{self, Slot};

/// A read that always faults.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("sigsegv")
        .about("an actor reads a guarded page in C while the others wait for it")
        .finds(Kind::Crash)
        .trials(5)
        .setup(|_, info| Barrier::new(info.threads))
        .actor(|all, me| {
            let read = if me.index() == 0 { ffi::read_guarded() } else { 0 };
            all.wait();
            read
        })
        .build()
}

/// The pointer is gone between look and read.
pub(crate) fn natural() -> Scenario {
    Scenario::new("sigsegv_natural")
        .about("actors look at a pointer and read through it while others take it away")
        .may_find(Kind::Crash, "the natural version of controls/sigsegv")
        .setup(|_, _| Slot::default())
        .actor(|slot, me| {
            for _ in 0..20 {
                if me.index() % 2 == 0 {
                    slot.fill();
                    slot.empty();
                } else {
                    slot.read();
                }
            }
        })
        .build()
}

/// Null is a value like any other.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("sigsegv_look_alike")
        .about("actors pass null pointers to a C function that handles them")
        .setup(|_, _| 7)
        .actor(|value, me| {
            (0..20).map(|i| ffi::read_checked((i % 2 == me.index() % 2).then_some(value))).sum()
        })
        .check(|_, results: &[i32]| match results.iter().find(|sum| **sum != 60) {
            None => Ok(()),
            Some(sum) => Err(format!("ten sevens and ten minus ones are not {sum}")),
        })
        .build()
}
