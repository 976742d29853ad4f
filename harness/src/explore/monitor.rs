//! The outside monitor of a trial: is the thread that may run running?
//!
//! A pure state machine. Its caller reads the counters of the trial and the state of the holder's
//! thread at every tick, and does what is wished. The model sees no raw system calls and no loop
//! without an atomic; here is where those are noticed.

use std::time::Duration;

/// How often a running trial is looked at.
pub const TICK: Duration = Duration::from_millis(20);
/// Ticks in one state, without a step, after which something is done about it.
const PATIENCE: u32 = 2;

/// The same for one that runs: it may compute, and what is interrupted by the clock does not repeat.
const COMPUTING: u32 = 15;

/// What the holder of the token does, as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// It runs or could (state R).
    Runs,
    /// It sleeps in the kernel (states S and D).
    Sleeps,
    /// Nobody has the token, or the thread is gone or stopped.
    Unknown,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: steps are made, or it is too early to tell.
    Wait,
    /// Have a parked thread take the token from the holder, who sleeps where the model does not see.
    Seize,
    /// Interrupt the holder, who spins without a step.
    Prod,
    /// The trial is over: no step in spite of all for as long as the timeout.
    GiveUp,
}

/// What is known of one trial.
#[derive(Debug)]
pub struct Liveness {
    timeout: Duration,
    steps: u64,
    since: Duration,
    state: Holder,
    for_ticks: u32,
}

impl Liveness {
    /// For a trial that may be without a step for as long as `timeout`.
    pub fn new(timeout: Duration) -> Liveness {
        let (steps, since) = (u64::MAX, Duration::ZERO);
        Liveness { timeout, steps, since, state: Holder::Unknown, for_ticks: 0 }
    }

    /// A tick: `at` after the trial's start there were so many steps. The holder is asked for only if
    /// none was made since the last tick.
    pub fn tick(&mut self, at: Duration, steps: u64, holder: impl FnOnce() -> Holder) -> Wish {
        if steps != self.steps {
            *self = Liveness { steps, since: at, ..Liveness::new(self.timeout) };
            return Wish::Wait;
        }
        if at.saturating_sub(self.since) >= self.timeout {
            return Wish::GiveUp;
        }
        let state = holder();
        self.for_ticks = if state == self.state { self.for_ticks + 1 } else { 1 };
        self.state = state;
        match state {
            Holder::Sleeps if self.for_ticks >= PATIENCE => Wish::Seize,
            Holder::Runs if self.for_ticks >= COMPUTING => Wish::Prod,
            _ => Wish::Wait,
        }
    }
}

/// The state of a thread, from its `stat` file (proc(5)).
pub fn holder(pid: i32, tid: u32) -> Holder {
    if tid == 0 {
        return Holder::Unknown;
    }
    let stat = crate::os::proc_text(format!("/proc/{pid}/task/{tid}/stat")).unwrap_or_default();
    match stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()) {
        Some('R') => Holder::Runs,
        Some('S' | 'D' | 'I') => Holder::Sleeps,
        _ => Holder::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Holder::{Runs, Sleeps, Unknown};

    /// Ticks with these states and no step; what was wished at each.
    fn wishes(states: &[Holder]) -> Vec<Wish> {
        let mut liveness = Liveness::new(Duration::from_millis(200));
        liveness.tick(Duration::ZERO, 5, || Runs);
        (1..).zip(states).map(|(n, state)| liveness.tick(TICK * n, 5, || *state)).collect()
    }

    #[test]
    fn a_sleeper_is_passed_over_soon_and_a_spinner_prodded_late() {
        assert_eq!(wishes(&[Sleeps, Sleeps, Sleeps]), [Wish::Wait, Wish::Seize, Wish::Seize]);
        let mut spun = Liveness::new(Duration::from_secs(9));
        let last = (0..=COMPUTING).map(|n| spun.tick(TICK * n, 5, || Runs)).last();
        assert_eq!(last, Some(Wish::Prod));
        assert_eq!(wishes(&[Runs; 5]), [Wish::Wait; 5]);
        assert_eq!(wishes(&[Runs, Sleeps, Runs, Unknown]), [Wish::Wait; 4]);
    }

    #[test]
    fn whoever_makes_steps_is_left_alone_however_long() {
        let mut liveness = Liveness::new(Duration::from_millis(1));
        for n in 0..100 {
            let asked = || panic!("there was a step");
            assert_eq!(liveness.tick(TICK * n, u64::from(n), asked), Wish::Wait);
        }
    }

    #[test]
    fn silence_ends_at_the_timeout() {
        let last = wishes(&[Sleeps; 10]).pop();
        assert_eq!(last, Some(Wish::GiveUp));
    }
}
