//! Random walk: at every step each thread that can run is equally likely.
//!
//! Good at bugs that need many switches close together, poor at those whose few switches lie far
//! apart: Thomson, Donaldson and Betts, "Concurrency testing using controlled schedulers" (TOPC 2016).

use super::{Rng, View};

pub(super) fn choose(view: &View<'_>, rng: &mut Rng) -> u32 {
    view.candidates[rng.below(view.candidates.len() as u64) as usize].thread
}
