//! States that come and go in changing order: allocation in one actor beside release in another.

use standstill_kit::Scenario;

use super::{SYNC, SYNC_SOURCE, prepare};
use crate::guard::{Guard, named};

/// States that each actor makes.
const STATES: usize = 6;
/// States that it holds at most.
const HELD: usize = 3;

pub(super) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("create_and_drop_states"))
        .about(
            "each actor creates six states, holding up to three and dropping a random one of them",
        )
        .contract(SYNC, SYNC_SOURCE)
        .threads([2, 8, 64])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(|context, me| {
            let mut held = Vec::with_capacity(HELD);
            for _ in 0..STATES {
                if held.len() == HELD {
                    held.swap_remove(me.random() as usize % HELD);
                }
                held.push(context.create_state().expect("create a state"));
                me.step();
            }
        })
        .build()
}
