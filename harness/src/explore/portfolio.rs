//! Which schedule is tried next.
//!
//! No strategy wins alone: of 14 classic bugs POS found those of many operations on one lock soonest,
//! PCT those whose few switches lie far apart, focus those of many threads at one place, which others
//! drown in what is of no interest. So the default is 75 % POS and focus, shared as the level suggests,
//! 20 % PCT, and a little of a random walk, which leaves nothing out. The first trial of all follows
//! the default rule without a preemption: it tells how long the program is, and how it ends when
//! nothing interferes.

use standstill_scheduler::abi::{Decision, FLAG_BATCH, Order};
use standstill_scheduler::strategy::{DELAYS, FOCUS, GIVEN, NAMES, PCT, POS, RANDOM};

use super::delays::Delays;
use super::ended::Ended;
use super::level::Level;
use crate::trial::trial_seed;

/// Steps that a trial gets at least, and until the length of the program is known.
const STEPS: u64 = 200_000;
/// Steps of the first trial, whose length nobody knows.
const FIRST: u64 = 5_000_000;
/// How many times the first trial's steps the others get.
const TIMES: u64 = 50;
/// PCT's length until the first trial has ended.
const LENGTH: u64 = 1000;

/// Virtual nanoseconds that a step takes: as on a fast machine, mostly, and as on slower ones, where
/// a timer fires amid the work of others.
const STEP_NS: [u64; 3] = [100, 1_000, 10_000];

/// What `--strategy` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// One of the numbered strategies, always.
    Only(u32),
    /// Scripts of delays, all of them up to a bound.
    Delays {
        /// Most delays in a script.
        bound: u32,
    },
    /// POS, random and PCT.
    Portfolio,
}

impl Mix {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Mix::Only(strategy) => name(strategy),
            Mix::Delays { .. } => "delays",
            Mix::Portfolio => "portfolio",
        }
    }
}

/// One trial to be run.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Its number, from 0.
    pub index: u64,
    /// Where its scheduling points are.
    pub level: Level,
    /// Hash of the accesses that are among them; 0 until they were chosen.
    pub chosen: u32,
    /// What is ordered.
    pub order: Order,
    /// The script that goes with it.
    pub script: Vec<Decision>,
}

impl Assignment {
    /// Whether it is the trial that follows the default rule.
    pub fn is_default_rule(&self) -> bool {
        self.script.is_empty() && [GIVEN, DELAYS].contains(&self.order.strategy)
    }

    /// Whether its process may have run other trials before.
    pub fn shares_process(&self) -> bool {
        self.order.flags & FLAG_BATCH != 0
    }

    /// The same in a process of its own.
    pub fn alone(mut self) -> Assignment {
        self.order.flags &= !FLAG_BATCH;
        self
    }
}

/// What to do next.
#[derive(Debug)]
pub enum Next {
    /// Run this.
    Trial(Assignment),
    /// Others have to end first.
    Wait,
    /// Nothing is left.
    Done,
}

/// The trials of a campaign.
#[derive(Debug)]
pub struct Portfolio {
    mix: Mix,
    seed: u64,
    depth: u32,
    flags: u32,
    trials: Option<u64>,
    next: u64,
    /// Taken in turns.
    levels: Vec<Level>,
    /// Most steps of a trial so far, at each of them.
    length: Vec<Option<u64>>,
    delays: Delays,
}

impl Portfolio {
    /// `depth` is PCT's, where it is the only one; `trials` bounds their number; `levels` are taken in
    /// turns, and there is at least one.
    pub fn new(
        mix: Mix,
        levels: &[Level],
        seed: u64,
        depth: u32,
        trials: Option<u64>,
    ) -> Portfolio {
        let bound = if let Mix::Delays { bound } = mix { bound } else { 0 };
        Portfolio {
            mix,
            seed,
            depth,
            flags: 0,
            trials,
            next: 0,
            levels: levels.to_vec(),
            length: vec![None; levels.len()],
            delays: Delays::new(bound),
        }
    }

    /// Trials may share a process, except for the first, which tells how a good one goes.
    pub fn share_processes(&mut self, share: bool) {
        self.flags = if share { FLAG_BATCH } else { 0 };
    }

    /// The next trial.
    pub fn assign(&mut self) -> Next {
        if self.trials.is_some_and(|trials| self.next >= trials) {
            return Next::Done;
        }
        let index = self.next;
        let seed = trial_seed(self.seed, index);
        let (strategy, depth, script) = match self.mix {
            Mix::Delays { .. } => match self.delays.next(index) {
                Some(script) => (DELAYS, script.len() as u32, script),
                None if self.delays.is_waiting() => return Next::Wait,
                None => return Next::Done,
            },
            _ if index == 0 => (GIVEN, 0, vec![]),
            Mix::Only(strategy) => (strategy, self.depth, vec![]),
            Mix::Portfolio => {
                let (strategy, depth) = draw(seed, self.levels[self.turn(index)]);
                (strategy, depth, vec![])
            }
        };
        self.next += 1;
        let is_systematic = matches!(self.mix, Mix::Delays { .. });
        let turn = self.turn(index);
        let length = self.length[turn];
        let max_steps = length.map_or(FIRST, |steps| STEPS.max(steps.saturating_mul(TIMES)));
        let order = Order {
            seed,
            length: length.unwrap_or(LENGTH),
            fair_after: max_steps / 2,
            max_steps,
            step_ns: if index == 0 || is_systematic { STEP_NS[0] } else { pace(seed) },
            strategy,
            depth,
            flags: if index == 0 { 0 } else { self.flags },
            script: script.len() as u32,
            memory_every: self.levels[turn].memory_every(seed),
            pad: 0,
        };
        Next::Trial(Assignment { index, level: self.levels[turn], chosen: 0, order, script })
    }

    /// Which of the levels a trial has.
    fn turn(&self, index: u64) -> usize {
        match self.mix {
            // Delays are enumerated over the points of one level.
            Mix::Delays { .. } => 0,
            _ => (index % self.levels.len() as u64) as usize,
        }
    }

    /// A trial has ended by itself, or stood still: its steps count for those to come.
    pub fn ended(&mut self, assignment: &Assignment, ended: &Ended) {
        use super::ended::{How, Stand};
        let steps = ended.numbers.steps;
        let is_whole = !matches!(ended.how, How::Cut | How::Silent | How::Stood(Stand::Endless));
        // What went round and round until choices became fair is not what the program needs.
        if is_whole && ended.numbers.fair_steps == 0 {
            let turn = self.levels.iter().position(|level| *level == assignment.level);
            if let Some(length) = turn.and_then(|turn| self.length.get_mut(turn)) {
                *length = Some(length.unwrap_or(1).max(steps));
            }
        }
        if matches!(self.mix, Mix::Delays { .. }) {
            self.delays.ended(assignment.index, &assignment.script, ended, is_whole);
        }
    }

    /// A trial was lost: nothing is known of it.
    pub fn lost(&mut self, assignment: &Assignment) {
        self.delays.lost(assignment.index);
    }

    /// What may be said when a systematic search is through; none for other strategies, and where
    /// control was not complete.
    pub fn proof(&self) -> Option<String> {
        let Mix::Delays { bound } = self.mix else { return None };
        self.delays
            .proves()
            .then(|| format!("no deadlock within bound {bound}: all {} schedules seen", self.next))
    }
}

/// By a seed that decides nothing else here. At plain accesses focus mostly draws those of the
/// language's own start and end of threads, and POS is the better one.
fn draw(seed: u64, level: Level) -> (u32, u32) {
    let (pos, focus) = match level {
        Level::Calls | Level::Atomics => (25, 50),
        Level::Accesses => (60, 15),
        Level::BuiltAtomics | Level::BuiltAccesses => (40, 35),
    };
    let dice = trial_seed(seed, 0x6d69_7800);
    match dice % 100 {
        n if n < pos => (POS, 0),
        n if n < pos + focus => (FOCUS, 0),
        75..80 => (RANDOM, 0),
        _ => (PCT, 2 + ((dice >> 32) % 4) as u32),
    }
}

/// A fast machine in half of the trials, each of the slower ones in a quarter.
fn pace(seed: u64) -> u64 {
    match trial_seed(seed, 0x7061_6365) % 4 {
        0 | 1 => STEP_NS[0],
        2 => STEP_NS[1],
        _ => STEP_NS[2],
    }
}

/// The name of a numbered strategy.
pub fn name(strategy: u32) -> &'static str {
    NAMES.iter().find(|(number, _)| *number == strategy).map_or("unknown", |(_, name)| name)
}

/// The number of a named strategy.
pub fn number(name: &str) -> Option<u32> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

#[cfg(test)]
mod tests;
