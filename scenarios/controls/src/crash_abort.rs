//! Abort: the process ends itself because something cannot be.
//!
//! Actor 0 aborts, in C or in Rust; the others wait for it at a barrier that it never reaches, so
//! they are there to be seen in the stacks. In the natural version an invariant is checked that a
//! race breaks. The look-alike reports the same fault as an error and returns.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use standstill_kit::{Builder, Kind, NoActor, Scenario};

use crate::ffi;

const CLAIM: &str = "Terminates the process in an abnormal fashion.";
const SOURCE: &str = "https://doc.rust-lang.org/std/process/fn.abort.html";

fn aborts(name: &str, about: &str, abort: fn() -> !) -> Scenario {
    let builder: Builder<(), (), NoActor> = Scenario::new(name);
    builder
        .about(about)
        .contract(CLAIM, SOURCE)
        .finds(Kind::Crash)
        .trials(5)
        .setup(|_, info| Barrier::new(info.threads))
        .actor(move |all, me| {
            if me.index() == 0 {
                abort();
            }
            all.wait();
        })
        .build()
}

/// C's `abort`.
pub(crate) fn in_c() -> Scenario {
    aborts("abort", "an actor calls C's abort while the others wait for it", || ffi::abort())
}

/// Rust's `abort`.
pub(crate) fn in_rust() -> Scenario {
    aborts("abort_rust", "an actor calls std's abort while the others wait for it", || {
        std::process::abort()
    })
}

/// Two actors may both find a seat free, and the second aborts over it.
pub(crate) fn natural() -> Scenario {
    Scenario::new("abort_natural")
        .about("actors take a seat that they saw free, and abort if somebody sits on it")
        .may_find(Kind::Crash, "the natural version of controls/abort")
        .setup(|_, _| AtomicBool::new(false))
        .actor(|taken, _| {
            for _ in 0..20 {
                if !taken.load(SeqCst) {
                    if taken.swap(true, SeqCst) {
                        ffi::abort();
                    }
                    taken.store(false, SeqCst);
                }
            }
        })
        .build()
}

/// The same fault is an error that the caller is told of.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("abort_look_alike")
        .about("actors take a seat that they saw free, and report if somebody sits on it")
        .setup(|_, _| AtomicBool::new(false))
        .actor(|taken, _| {
            for _ in 0..20 {
                if !taken.load(SeqCst) {
                    if taken.swap(true, SeqCst) {
                        return Err("somebody sits here");
                    }
                    taken.store(false, SeqCst);
                }
            }
            Ok(())
        })
        .build()
}
