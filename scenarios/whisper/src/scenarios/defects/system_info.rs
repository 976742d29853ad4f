//! `print_system_info` gives out a `&'static str` that the next call writes to.
//!
//! `whisper_print_system_info` builds its text in a function's static `std::string`, without a lock,
//! and returns its characters (whisper.cpp:4340 in 1.7.6, :4315 in 1.8.3). whisper-rs calls that a
//! `&'static str` (src/standalone.rs:102 in both). So two threads that ask at the same time write to,
//! grow and free one string, and whoever has asked before sees his text change.

use std::collections::BTreeSet;
use std::sync::Mutex;

use standstill_kit::{Kind, Scenario};
use whisper_rs::print_system_info;

const CLAIM: &str = "pub fn print_system_info() -> &'static str";
const SOURCE: &str = "whisper-rs, src/standalone.rs:102 (0.15.1 and 0.16.0)";

/// Times that each actor asks.
const ROUNDS: usize = 2_000;

pub(in crate::scenarios) fn scenario() -> Scenario {
    Scenario::new("defect_print_system_info")
        .contract(CLAIM, SOURCE)
        .threads([2, 8])
        .trials(3)
        .about("all actors ask for the system information, and copy it")
        .reproducer(by_hand!("system_info.rs"))
        .may_find(
            Kind::WrongResult,
            "a &'static str over a static std::string that each call rewrites: whisper-rs \
             src/standalone.rs:102, whisper.cpp:4340 in 1.7.6, :4315 in 1.8.3",
        )
        .may_also_find(Kind::Crash)
        .may_also_find(Kind::Panic)
        .setup(|_, _| ())
        .actor(|_, _| (0..ROUNDS).map(|_| print_system_info().to_owned()).collect::<BTreeSet<_>>())
        .results_equal_sequential()
        .build()
}

pub(in crate::scenarios) fn look_alike() -> Scenario {
    Scenario::new("defect_print_system_info_look_alike")
        .contract(CLAIM, SOURCE)
        .threads([2, 8])
        .trials(3)
        .setup(|_, _| Mutex::new(()))
        .about("all actors ask for the system information, and copy it, under a lock of their own")
        .control_of("defect_print_system_info", "a lock of the user's around the call and the copy")
        .actor(|lock, _| {
            let ask = || {
                let _asking = lock.lock().expect("nobody panics");
                print_system_info().to_owned()
            };
            (0..ROUNDS).map(|_| ask()).collect::<BTreeSet<_>>()
        })
        .results_equal_sequential()
        .build()
}
