//! Fewer context switches with the same finding.
//!
//! Every step is run again: what counts is the schedule that a run really had, not what it was asked
//! for. First some runs of PCT with few changes of priority: where one of them gives the finding it is
//! the better beginning, and mostly an earlier end. Then [`ddmin`] over the segments of the schedule (a segment is what a thread does in one go,
//! so leaving one out saves a switch or two), then, until nothing helps any more, each segment is left
//! out, takes in its thread's next, or runs to where its thread cannot go on. The last two are the
//! moves of Jalbert, N., and Sen, K. (2010). A Trace Simplification Technique for Effective Debugging
//! of Concurrent Programs. FSE.
//!
//! Zeller and Hildebrandt's list would be the departures from the default rule. Those are bound to
//! steps counted over all threads: with one gone, all later ones happen elsewhere. Segments stay at
//! their moment.

mod ddmin;
mod runner;
mod segments;

pub use ddmin::ddmin;
pub(super) use runner::gives;
pub use runner::{Bounds, Minimised, minimise};
pub use segments::Segment;

/// Runs of the first sort.
const SPARSE: u32 = 60;

/// What is to become less: switches, of which those count twice that nothing forced; then steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Switches away from a thread that could have gone on.
    pub preemptions: u32,
    /// All switches.
    pub switches: u64,
    /// Steps of all threads.
    pub steps: u64,
}

impl Cost {
    fn key(&self) -> (u64, u32, u64) {
        (self.switches + u64::from(self.preemptions), self.preemptions, self.steps)
    }
}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Cost) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cost {
    fn cmp(&self, other: &Cost) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// A run that gave the finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What it did.
    pub segments: Vec<Segment>,
    /// What that costs.
    pub cost: Cost,
}

/// Runs schedules.
pub trait Trials {
    /// Runs one; none if it does not give the finding.
    fn run(&mut self, segments: &[Segment]) -> Option<Attempt>;
    /// Runs one that has few switches by design, another for each number.
    fn sparse(&mut self, number: u32) -> Option<Attempt>;
    /// Whether no more can be run.
    fn is_over(&self) -> bool;
}

/// The cheapest run that could be reached from `start`, which gave the finding.
pub fn cheapest(start: Attempt, trials: &mut dyn Trials) -> Attempt {
    let mut best = start;
    // The default rule may do.
    better(&mut best, trials.run(&[]));
    for number in 0..SPARSE {
        better(&mut best, trials.sparse(number));
    }
    let whole = best.segments.clone();
    let cell = std::cell::RefCell::new((trials, best));
    let mut test = |kept: &[usize]| {
        let (trials, best) = &mut *cell.borrow_mut();
        let attempt = trials.run(&segments::only(&whole, kept));
        let is_same = attempt.is_some();
        better(best, attempt);
        is_same
    };
    ddmin((0..whole.len()).collect(), &mut test, &|| cell.borrow().0.is_over());
    let (trials, mut best) = cell.into_inner();
    while !trials.is_over() && polish(&mut best, trials) {}
    best
}

/// One pass over all segments; whether it made anything better.
fn polish(best: &mut Attempt, trials: &mut dyn Trials) -> bool {
    let (mut nth, mut any) = (0, false);
    while nth < best.segments.len() && !trials.is_over() {
        let now = &best.segments;
        let moves = [
            Some(segments::without(now, nth)),
            segments::pulled(now, nth),
            Some(segments::to_its_end(now, nth)),
        ];
        let is_better =
            moves.into_iter().flatten().any(|segments| better(best, trials.run(&segments)));
        any |= is_better;
        nth += usize::from(!is_better);
    }
    any
}

/// Takes an attempt that is cheaper.
fn better(best: &mut Attempt, attempt: Option<Attempt>) -> bool {
    match attempt {
        Some(attempt) if attempt.cost < best.cost => {
            *best = attempt;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
