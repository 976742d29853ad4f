//! Positive and negative controls: proof that the alarm rings, and that it rings for a reason.
//!
//! Each class of misbehaviour has a file, and in it up to three kinds of scenario: one that is
//! ordered by hand-shakes so that every trial must be convicted, its natural version that fails by
//! chance, and a correct program that looks alike and must never be accused.

mod crash_abort;
mod crash_sigsegv;
mod deadlock_abba;
mod deadlock_abba_parking_lot;
mod deadlock_bounded_queue;
mod deadlock_channel_cycle;
mod deadlock_cross_language;
mod deadlock_pthread;
mod deadlock_recursive_read;
mod deadlock_ring;
mod ffi;
mod generated;
mod hang_sleep;
mod livelock_cas;
mod lost_wakeup;
mod pairs;
mod panic_with_lock;
mod rude;
mod self_deadlock;
mod slow;
mod starvation;
mod thread_leak;
mod woken_from_outside;
mod wrong_result;

use standstill_kit::Scenario;

pub use rude::RUDE;

/// The registry: one line a scenario.
pub const ALL: &[fn() -> Scenario] = &[
    deadlock_abba::ordered,
    deadlock_abba::natural,
    deadlock_abba::look_alike,
    deadlock_abba_parking_lot::ordered,
    deadlock_abba_parking_lot::natural,
    deadlock_abba_parking_lot::look_alike,
    deadlock_recursive_read::ordered,
    deadlock_recursive_read::natural,
    deadlock_recursive_read::look_alike,
    deadlock_channel_cycle::ordered,
    deadlock_channel_cycle::natural,
    deadlock_channel_cycle::look_alike,
    deadlock_bounded_queue::ordered,
    deadlock_bounded_queue::natural,
    deadlock_bounded_queue::look_alike,
    deadlock_bounded_queue::crossbeam,
    deadlock_pthread::ordered,
    deadlock_pthread::natural,
    deadlock_pthread::look_alike,
    deadlock_cross_language::ordered,
    deadlock_cross_language::natural,
    deadlock_cross_language::look_alike,
    deadlock_ring::ordered,
    deadlock_ring::natural,
    deadlock_ring::look_alike,
    self_deadlock::ordered,
    self_deadlock::natural,
    self_deadlock::look_alike,
    self_deadlock::reentrant_look_alike,
    lost_wakeup::ordered,
    lost_wakeup::natural,
    lost_wakeup::look_alike,
    livelock_cas::ordered,
    livelock_cas::natural,
    livelock_cas::look_alike,
    starvation::ordered,
    starvation::natural,
    starvation::look_alike,
    hang_sleep::ordered,
    hang_sleep::look_alike,
    hang_sleep::reads_forever,
    hang_sleep::reads_look_alike,
    slow::ordered,
    slow::look_alike,
    crash_abort::in_c,
    crash_abort::in_rust,
    crash_abort::natural,
    crash_abort::look_alike,
    crash_sigsegv::ordered,
    crash_sigsegv::natural,
    crash_sigsegv::look_alike,
    panic_with_lock::ordered,
    panic_with_lock::natural,
    panic_with_lock::look_alike,
    wrong_result::ordered,
    wrong_result::natural,
    wrong_result::look_alike,
    wrong_result::oracle,
    wrong_result::oracle_look_alike,
    thread_leak::ordered,
    thread_leak::natural,
    thread_leak::look_alike,
    thread_leak::kept_look_alike,
    woken_from_outside::look_alike,
    generated::natural,
    generated::look_alike,
];
