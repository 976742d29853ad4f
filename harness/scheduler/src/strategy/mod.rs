//! Who runs next. One strategy a file, one line in [`NAMES`].
//!
//! A strategy sees the threads that can run, each with the operation it is about to do, and names
//! one. It sees no addresses but those of the objects, reads no clock, and draws from one seeded
//! generator: the same order over the same program gives the same choices.

mod delays;
mod focus;
mod given;
mod pct;
mod pos;
mod random;
mod rng;
mod segments;

pub use rng::Rng;

use crate::abi::{Decision, MAX_THREADS, Order};

/// The number of the random walk.
pub const RANDOM: u32 = 1;
/// The number of PCT.
pub const PCT: u32 = 2;
/// The number of POS.
pub const POS: u32 = 3;
/// The number of delay bounding.
pub const DELAYS: u32 = 4;
/// The number of following a script.
pub const GIVEN: u32 = 5;
/// The number of following segments.
pub const SEGMENTS: u32 = 6;

/// The number of focus.
pub const FOCUS: u32 = 7;

/// Every strategy's number and name.
pub const NAMES: [(u32, &str); 7] = [
    (RANDOM, "random"),
    (PCT, "pct"),
    (POS, "pos"),
    (DELAYS, "delays"),
    (GIVEN, "given"),
    (SEGMENTS, "segments"),
    (FOCUS, "focus"),
];

/// A thread that can run, and what it will do when it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Candidate {
    /// The thread's number.
    pub thread: u32,
    /// The object of its next operation, 0 for one that concerns no object.
    pub object: usize,
    /// Where it was asked for: an address in the code.
    pub pc: usize,
    /// Whether that operation changes the object.
    pub writes: bool,
}

/// What a choice is made from.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The step that is about to happen, counted from 0.
    pub step: u64,
    /// The thread that ran until now.
    pub current: u32,
    /// Those that can run, in the order of creation; never empty.
    pub candidates: &'a [Candidate],
}

impl View<'_> {
    /// The default rule: the running thread goes on; if it cannot, the next in the order of creation.
    pub fn default_choice(&self) -> u32 {
        if self.candidates.iter().any(|c| c.thread == self.current) {
            return self.current;
        }
        let next = self.candidates.iter().find(|c| c.thread > self.current);
        next.unwrap_or(&self.candidates[0]).thread
    }
}

/// The state of whichever strategy was ordered. It has a fixed size and lives in a static: no memory
/// is allocated in the target.
#[derive(Debug)]
pub struct Strategy {
    which: u32,
    rng: Rng,
    pct: pct::Pct,
    pos: pos::Pos,
    focus: focus::Focus,
    given: given::Given,
    segments: segments::Segments,
}

impl Strategy {
    /// A strategy that was not begun: it follows the default rule.
    pub const IDLE: Strategy = Strategy {
        which: GIVEN,
        rng: Rng::new(0),
        pct: pct::Pct::IDLE,
        pos: pos::Pos::IDLE,
        focus: focus::Focus::IDLE,
        given: given::Given::IDLE,
        segments: segments::Segments::IDLE,
    };

    /// Begins a trial.
    pub fn begin(&mut self, order: &Order) {
        self.which = order.strategy;
        self.rng = Rng::new(order.seed);
        self.given = given::Given::IDLE;
        self.segments = segments::Segments::IDLE;
        match self.which {
            PCT => self.pct.begin(order, &mut self.rng),
            POS => self.pos.begin(),
            FOCUS => self.focus.begin(order, &mut self.rng, &mut self.pct),
            _ => {}
        }
    }

    /// A thread was created.
    pub fn created(&mut self, thread: u32) {
        match self.which {
            PCT | FOCUS => self.pct.created(thread, &mut self.rng),
            POS => self.pos.created(thread, &mut self.rng),
            _ => {}
        }
    }

    /// Picks a thread among the candidates. `script` is the order's.
    pub fn choose(&mut self, view: &View<'_>, script: &[Decision]) -> Choice {
        let thread = match self.which {
            RANDOM => random::choose(view, &mut self.rng),
            PCT => self.pct.choose(view),
            POS => self.pos.choose(view, &mut self.rng),
            FOCUS => self.focus.choose(view, &mut self.rng, &mut self.pct),
            DELAYS => self.given.delay(view, script),
            SEGMENTS => self.segments.choose(view, script),
            _ => return self.given.choose(view, script),
        };
        Choice { thread, missed: false }
    }

    /// The chosen thread turned out to spin: whatever preference it had, it has no more.
    pub fn demote(&mut self, thread: u32) {
        if matches!(self.which, PCT | FOCUS) {
            self.pct.demote(thread);
        }
    }
}

/// A choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The thread to run.
    pub thread: u32,
    /// The script named a thread that cannot run here; the default rule was followed.
    pub missed: bool,
}

/// Index of a thread in the strategies' tables.
fn slot(thread: u32) -> usize {
    thread as usize % MAX_THREADS
}

#[cfg(test)]
mod tests;
