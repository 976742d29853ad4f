//! One cell of the table: one way, one act, so many callers.

use std::sync::Barrier;
use std::time::Instant;

use standstill_whisper::guard::{Guard, GuardedState, Loaded};
use standstill_whisper::{audio, parameters};
use whisper_rs::WhisperContext;

use crate::median::middle;

/// What callers do again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Creates a state and drops it.
    CreateDrop,
    /// Creates a state, transcribes, drops it.
    CreateFull,
    /// Transcribes, on a state that each caller has from the beginning.
    Full,
}

impl Act {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Act::CreateDrop => "create+drop",
            Act::CreateFull => "create+full",
            Act::Full => "full",
        }
    }

    /// Acts of all callers together in one round: some tens of milliseconds.
    fn times(self) -> usize {
        match self {
            Act::CreateDrop => 48,
            Act::CreateFull | Act::Full => 8,
        }
    }
}

/// A guard, and how one of its rounds is run.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    run: fn(&'static WhisperContext, Act, usize, u16) -> Result<Round, String>,
}

impl Way {
    pub(crate) const fn over<G: Guard>(name: &'static str) -> Way {
        Way { name, run: round::<G> }
    }
}

/// What one round has shown.
struct Round {
    /// How long each act took, in seconds.
    took: Vec<f64>,
    /// From the first beginning of any caller to the last end.
    all: f64,
}

/// All rounds of one cell.
pub(crate) struct Measured {
    pub(crate) way: &'static str,
    pub(crate) act: Act,
    pub(crate) callers: usize,
    /// Each round's median, in microseconds.
    pub(crate) latency: Vec<f64>,
    /// Each round's acts a second.
    pub(crate) throughput: Vec<f64>,
}

impl Measured {
    pub(crate) fn new(way: &'static str, act: Act, callers: usize) -> Measured {
        Measured { way, act, callers, latency: vec![], throughput: vec![] }
    }

    pub(crate) fn add(
        &mut self,
        way: &Way,
        context: &'static WhisperContext,
        n_threads: u16,
    ) -> Result<(), String> {
        let round = (way.run)(context, self.act, self.callers, n_threads)?;
        self.throughput.push(round.took.len() as f64 / round.all);
        self.latency.push(middle(&round.took) * 1e6);
        Ok(())
    }
}

/// One round. Each begins with a new guard, as a pool that was filled before would be another thing to
/// measure; its first acts, which fill it, count.
fn round<G: Guard>(
    context: &'static WhisperContext,
    act: Act,
    callers: usize,
    n_threads: u16,
) -> Result<Round, String> {
    let guard = G::around(move || Loaded::Prepared(context));
    let audio = audio::sweep(300);
    let gate = Barrier::new(callers);
    let each = act.times().div_ceil(callers);
    std::thread::scope(|scope| {
        let caller = || -> Result<(Instant, Vec<f64>, Instant), String> {
            let create = || guard.create_state().map_err(|error| format!("create: {error}"));
            let full = |state: &mut G::State| {
                let done = state.full_on(n_threads, parameters(), &audio);
                done.map_err(|error| format!("transcribe: {error}"))
            };
            let mut own = match act {
                Act::Full => Some(create()),
                Act::CreateDrop | Act::CreateFull => None,
            };
            // Reached even by one that has failed, or the others would wait for it for ever.
            gate.wait();
            let first = Instant::now();
            let mut took = Vec::with_capacity(each);
            for _ in 0..each {
                let begun = Instant::now();
                match (act, &mut own) {
                    (Act::CreateDrop, _) => drop(create()?),
                    (Act::CreateFull, _) => full(&mut create()?)?,
                    (Act::Full, Some(Ok(state))) => full(state)?,
                    (Act::Full, failed) => {
                        return Err(failed.take().and_then(Result::err).unwrap_or_default());
                    }
                }
                took.push(begun.elapsed().as_secs_f64());
            }
            Ok((first, took, Instant::now()))
        };
        let threads: Vec<_> = (0..callers).map(|_| scope.spawn(caller)).collect();
        let mut took = vec![];
        let mut span: Option<(Instant, Instant)> = None;
        for thread in threads {
            let ended = thread.join().map_err(|_| "measure: a caller has panicked")?;
            let (first, acts, last) = ended?;
            took.extend(acts);
            span =
                Some(span.map_or((first, last), |(begin, end)| (begin.min(first), end.max(last))));
        }
        let all = span.map_or(0.0, |(begin, end)| (end - begin).as_secs_f64());
        Ok(Round { took, all })
    })
}
