//! Positive and negative controls.
mod deadlock_abba;
use standstill_kit::Scenario;
/// The registry: one line a scenario.
pub const ALL: &[fn() -> Scenario] =
    &[deadlock_abba::ordered, deadlock_abba::natural, deadlock_abba::look_alike];
