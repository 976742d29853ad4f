//! Whether an output that differs is the schedule's doing.
//!
//! A trial has a schedule, a pace of virtual time, and random bytes, and a program may print any of
//! the three. So the schedule is run at a slower pace with the random bytes of a trial that printed
//! what it should. If the steps stay the same, the output says whose doing it was. If they do not (a
//! runtime may choose by random numbers whom it helps), the good schedule with the finding's pace and
//! random bytes must print what it should.

use standstill_scheduler::abi::Order;
use standstill_scheduler::strategy::GIVEN;

use super::{Worker, lock};
use crate::explore::ended::{Ended, How};
use crate::explore::ledger::Case;
use crate::explore::portfolio::Assignment;

/// How many times less virtual time a step takes at the slower pace.
const SLOWER: u64 = 16;

impl Worker<'_> {
    /// Why the difference may have other causes, if it may; `good` is a trial that printed what it
    /// should, and how it ended.
    pub(super) fn other_cause(
        &mut self,
        case: &Case,
        good: Option<(&Assignment, &Ended)>,
    ) -> Option<String> {
        let why = |why: &str| Some(why.to_owned());
        let other = "its output differs with virtual time or with random bytes, not only with the \
                     schedule";
        let unclear = "it could not be told why its output differs";
        let Some((assignment, good)) = good else { return why(unclear) };
        let (seed, step_ns) = (assignment.order.seed, case.assignment.order.step_ns);
        let slow = (seed, (step_ns / SLOWER).max(1));
        let Some(theirs) = self.varied(&case.assignment, &case.ended, slow) else {
            return why(unclear);
        };
        if case.ended.ends_like(&theirs) {
            return None;
        }
        if theirs.numbers.hash == case.ended.numbers.hash {
            return why(other);
        }
        let Some(ours) = self.varied(assignment, good, (case.assignment.order.seed, step_ns))
        else {
            return why(unclear);
        };
        if lock(&self.shop.ledger).baseline.is_good(&ours) { None } else { why(other) }
    }

    /// Runs a trial's decisions with another seed of random bytes and another pace.
    fn varied(
        &mut self,
        trial: &Assignment,
        ended: &Ended,
        (seed, step_ns): (u64, u64),
    ) -> Option<Ended> {
        if !ended.has_all_decisions() {
            return None;
        }
        let script = ended.decisions.clone();
        let order =
            Order { strategy: GIVEN, script: script.len() as u32, seed, step_ns, ..trial.order };
        let varied = Assignment { order, script, ..trial.clone() };
        self.run(&varied).ok().filter(|ended| ended.how != How::Cut)
    }
}
