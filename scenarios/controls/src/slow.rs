//! Slow: the work goes on steadily, past the deadline.
//!
//! Every actor makes a step in each twelfth of the time or oftener, and has more to do than fits. The
//! look-alike makes as many steps as the control gets to, well within its deadline.

use std::time::Duration;

use standstill_kit::{Actor, Kind, Scenario};

const DEADLINE: Duration = Duration::from_millis(800);
const STEP: Duration = Duration::from_millis(10);

fn work(me: &Actor<'_>, steps: u32, each: Duration) {
    for _ in 0..steps {
        std::thread::sleep(each);
        me.step();
    }
}

/// More work than time.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("slow")
        .about("all actors make steps, and are not done at the deadline")
        .finds(Kind::Slow)
        .counts_steps()
        .trials(5)
        .timeout(DEADLINE)
        .actor(|(), me| work(me, u32::MAX, STEP))
        .build()
}

/// As many steps, each shorter.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("slow_look_alike")
        .about("all actors make as many steps as controls/slow gets to, and are done in time")
        .counts_steps()
        .timeout(Duration::from_secs(10))
        .actor(|(), me| work(me, (DEADLINE.as_millis() / STEP.as_millis()) as u32, STEP / 50))
        .build()
}
