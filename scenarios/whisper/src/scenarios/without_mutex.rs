//! The claim under test: concurrent `create_state()` calls on one context deadlock.

use standstill_kit::Scenario;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::guard::{Guard, named};

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("concurrent_create_state_without_mutex"))
        .about("all actors call create_state() on one shared context, three times, with no lock")
        .contract(SYNC, SYNC_SOURCE)
        .reproducer(concat!(env!("REPRODUCERS"), "create_state.rs"))
        .threads([2, 8, 64])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| {
            for _ in 0..3 {
                drop(context.create_state().expect("create a state"));
                me.step();
            }
        })
        .build()
}
