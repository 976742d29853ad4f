//! A model with a name: explored by loom, its executions counted, its row printed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::depth::Depth;

/// A model, which is explored once for each of its properties, findings and broken twins.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    name: &'static str,
    preemptions: Option<usize>,
}

impl Model {
    /// Of all executions, however often threads are preempted.
    pub const fn complete(name: &'static str) -> Model {
        Model { name, preemptions: None }
    }

    /// Of all executions in which threads are preempted so often at most. `STANDSTILL_MODELS_DEPTH`
    /// asks for more.
    pub const fn bounded(name: &'static str, preemptions: usize) -> Model {
        Model { name, preemptions: Some(preemptions) }
    }

    /// What must be so in every execution.
    ///
    /// # Panics
    /// With loom's own words if one fails.
    pub fn holds(&self, property: &str, execution: impl Fn() + Sync + Send + 'static) {
        let depth = Depth::of_environment().unwrap_or_else(|error| panic!("{error}"));
        let preemptions = depth.at_least(self.preemptions);
        let seen = explore(preemptions, depth.time, execution);
        let answer = match &seen.failure {
            Some(_) => "FAILS",
            None if seen.cut => "cut short",
            None => "holds",
        };
        self.row("property", property, answer, preemptions, &seen);
        if let Some(failure) = seen.failure {
            resume_unwind(failure.payload);
        }
    }

    /// What the code that is modelled does wrong, as it is: some execution must fail with this word.
    ///
    /// # Panics
    /// If none fails, or one fails in another way.
    pub fn finds(&self, finding: &str, word: &str, execution: impl Fn() + Sync + Send + 'static) {
        self.must_fail("finding", finding, word, "found", execution);
    }

    /// The model with one thing broken: some execution must fail with this word. Shows that what the
    /// model says to hold could have failed.
    ///
    /// # Panics
    /// If none fails, or one fails in another way.
    pub fn rejects(&self, twin: &str, word: &str, execution: impl Fn() + Sync + Send + 'static) {
        self.must_fail("twin", twin, word, "rejected", execution);
    }

    fn must_fail(
        &self,
        kind: &str,
        what: &str,
        word: &str,
        answer: &str,
        execution: impl Fn() + Sync + Send + 'static,
    ) {
        // At the model's own bound however deep the rest is explored: what fails there fails.
        let seen = explore(self.preemptions, None, execution);
        let failed_as_expected =
            seen.failure.as_ref().is_some_and(|failure| failure.words().contains(word));
        let answer = if failed_as_expected { answer } else { "NOT SEEN" };
        self.row(kind, what, answer, self.preemptions, &seen);
        match seen.failure {
            Some(_) if failed_as_expected => {}
            Some(failure) => panic!("expected {word:?}, but it failed with: {}", failure.words()),
            None => panic!("expected {word:?}, but none of {} executions failed", seen.executions),
        }
    }

    /// One line for each exploration, which `ci/models` makes a table of.
    #[allow(clippy::print_stdout, reason = "shown by --nocapture; the table is made of it")]
    fn row(&self, kind: &str, what: &str, answer: &str, bound: Option<usize>, seen: &Seen) {
        let bound = bound.map_or_else(|| "any".to_owned(), |bound| bound.to_string());
        let (name, executions) = (self.name, seen.executions);
        let seconds = seen.took.as_secs_f64();
        println!(
            "model: {name} | {kind} | {what} | {answer} | {bound} | {executions} | {seconds:.2}"
        );
    }
}

/// What came of an exploration.
struct Seen {
    executions: usize,
    took: Duration,
    /// It ended for want of time.
    cut: bool,
    failure: Option<Failure>,
}

struct Failure {
    payload: Box<dyn std::any::Any + Send>,
}

impl Failure {
    fn words(&self) -> &str {
        let owned = self.payload.downcast_ref::<String>().map(String::as_str);
        owned.or(self.payload.downcast_ref::<&str>().copied()).unwrap_or("something without words")
    }
}

/// How often loom looks at the clock, in executions.
const LOOKS_EVERY: usize = 1_000;

fn explore(
    preemptions: Option<usize>,
    time: Option<Duration>,
    execution: impl Fn() + Sync + Send + 'static,
) -> Seen {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 20_000;
    builder.checkpoint_interval = LOOKS_EVERY;
    // Loom ends without a word when one of these is reached, and starts in the middle from a
    // checkpoint: whatever the environment says, what "holds" was seen from end to end.
    builder.max_duration = time;
    builder.max_permutations = None;
    builder.checkpoint_file = None;

    let executions = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&executions);
    let start = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        builder.check(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            execution();
        });
    }));
    let took = start.elapsed();
    let executions = executions.load(Ordering::Relaxed);
    // Loom looks at the clock before the last execution of every thousand.
    let looked_last = executions % LOOKS_EVERY == LOOKS_EVERY - 1;
    let cut = looked_last && time.is_some_and(|time| took >= time);
    Seen { executions, took, cut, failure: ended.err().map(|payload| Failure { payload }) }
}

#[cfg(test)]
mod tests {
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::sync::atomic::Ordering::SeqCst;
    use loom::thread;

    use super::*;

    const MODEL: Model = Model::complete("tests of the models");

    /// Two threads count, each with a load and a store.
    fn lost_update() {
        let count = Arc::new(AtomicUsize::new(0));
        let other = Arc::clone(&count);
        let thread = thread::spawn(move || other.store(other.load(SeqCst) + 1, SeqCst));
        count.store(count.load(SeqCst) + 1, SeqCst);
        thread.join().unwrap();
        assert_eq!(count.load(SeqCst), 2, "an update was lost");
    }

    fn two_threads_that_share_nothing() {
        thread::spawn(|| ()).join().unwrap();
    }

    /// Threads count, each of them so often, in one step each time.
    fn counting(threads: usize, times: usize) -> impl Fn() + Sync + Send + 'static {
        move || {
            let count = Arc::new(AtomicUsize::new(0));
            let add = |count: Arc<AtomicUsize>| {
                move || {
                    for _ in 0..times {
                        count.fetch_add(1, SeqCst);
                    }
                }
            };
            let threads: Vec<_> =
                (0..threads).map(|_| thread::spawn(add(Arc::clone(&count)))).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
    }

    #[test]
    fn executions_are_counted_and_are_the_same_every_time() {
        let counts = [(); 2].map(|()| explore(None, None, counting(2, 2)).executions);
        assert!(counts[0] > 1 && counts[0] == counts[1], "{counts:?}");
        assert_eq!(explore(None, None, || ()).executions, 1);
    }

    #[test]
    #[should_panic(expected = "an update was lost")]
    fn what_fails_in_one_execution_does_not_hold() {
        MODEL.holds("no update is lost", lost_update);
    }

    #[test]
    fn a_twin_is_rejected_by_the_word_it_fails_with() {
        MODEL.rejects("counts with a load and a store", "an update was lost", lost_update);
    }

    #[test]
    #[should_panic(expected = "none of")]
    fn a_twin_that_never_fails_is_told() {
        MODEL.rejects("shares nothing", "deadlock", two_threads_that_share_nothing);
    }

    #[test]
    #[should_panic(expected = "it failed with: assertion `left == right` failed: an update")]
    fn a_twin_that_fails_in_another_way_is_told() {
        MODEL.finds("a deadlock", "deadlock", lost_update);
    }

    #[test]
    fn what_no_time_was_left_for_is_cut_short() {
        let seen = explore(None, Some(Duration::ZERO), counting(3, 3));
        assert!(seen.cut && seen.failure.is_none());
        assert_eq!(seen.executions, LOOKS_EVERY - 1);
    }
}
