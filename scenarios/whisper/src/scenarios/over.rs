//! The generic scenarios over a guard: the same bodies, and what they are told of the guard.

use standstill_kit::Scenario;

use super::{generic, reentrant_callback};
use crate::guard::Guard;

/// A scenario that is still to be made, as [`standstill_kit::main`] takes it.
pub type Maker = Box<dyn FnOnce() -> Scenario>;

/// Every generic scenario over `G`: named after it, with what it adds as an expectation, and a control
/// of the plain scenario, so that a report of both tests the difference.
pub fn over<G: Guard>() -> Vec<Maker> {
    generic::<G>().into_iter().map(told::<G>).collect()
}

/// The scenario of the callback alone: for a guard that is no fix.
pub fn reentrant<G: Guard>() -> Maker {
    told::<G>(reentrant_callback::scenario::<G>)
}

fn told<G: Guard>(make: fn() -> Scenario) -> Maker {
    Box::new(move || {
        // Many variants: `cargo test` is to see that each runs, and `stress` takes what it is told.
        // The reproducers lie with the package of the plain scenarios, and are about those.
        let scenario = make().trials(2).without_reproducer();
        if G::SUFFIX.is_empty() {
            return scenario;
        }
        // Every generic scenario is `named`; if not, its name is taken twice, which the kit refuses.
        let plain = scenario.name().trim_end_matches(G::SUFFIX).to_owned();
        let scenario = scenario.control_of(&plain, G::WHAT);
        G::ADDS
            .iter()
            .filter(|added| added.scenario == plain)
            .fold(scenario, |scenario, added| scenario.may_find(added.kind, added.why))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{FullSemaphore, InternalMutex, OnceCellMutex, Plain, StatePool, UsersMutex};

    fn names<G: Guard>() -> Vec<String> {
        over::<G>().into_iter().map(|make| make().name().to_owned()).collect()
    }

    #[test]
    fn a_fix_has_all_scenarios_that_there_are_plainly() {
        let registered: Vec<_> = super::super::all().iter().map(|make| make()).collect();
        for (plain, fixed) in names::<Plain>().iter().zip(names::<OnceCellMutex>()) {
            assert!(registered.iter().any(|scenario| scenario.name() == plain), "{plain}");
            assert_eq!(fixed, format!("{plain}_with_once_cell_mutex"));
        }
    }

    #[test]
    fn what_a_fix_adds_is_about_a_scenario_that_there_is() {
        let plain = names::<Plain>();
        let adds = [InternalMutex::ADDS, StatePool::ADDS, FullSemaphore::ADDS, UsersMutex::ADDS];
        for added in adds.concat() {
            assert!(plain.iter().any(|name| name == added.scenario), "{added:?}");
        }
    }
}
