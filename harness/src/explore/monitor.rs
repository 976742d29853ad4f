//! The outside monitor of a trial: is the thread that may run running?
//!
//! A pure state machine. Its caller reads the counters of the trial and the state of the holder's
//! thread at every tick, and does what is wished. The model sees no raw system calls and no loop
//! without an atomic; here is where those are noticed.

use std::time::Duration;

/// How often a running trial is looked at.
pub const TICK: Duration = Duration::from_millis(20);
/// Ticks asleep, without a step, after which something is done about it.
const PATIENCE: u32 = 2;

/// Time on a CPU, without a step, after which one that runs is interrupted: it may compute, and what
/// is interrupted by the clock does not repeat. Its own time, so that others' load does not count.
const COMPUTING: Duration = Duration::from_millis(300);

/// Of the timeout, what may have passed before a holder was first seen to run.
const STARTING: Duration = Duration::from_millis(100);

/// What the holder of the token does, as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// It runs or could (state R), and has had so much time on a CPU since it was created.
    Runs(Duration),
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
    asleep: u32,
    /// Time on a CPU when the holder was first seen to run without a step, and when it was last
    /// interrupted.
    ran: Option<[Duration; 2]>,
}

impl Liveness {
    /// For a trial that may be without a step for as long as `timeout`.
    pub fn new(timeout: Duration) -> Liveness {
        let (steps, since) = (u64::MAX, Duration::ZERO);
        Liveness { timeout, steps, since, asleep: 0, ran: None }
    }

    /// A tick: `at` after the trial's start there were so many steps. The holder is asked for only if
    /// none was made since the last tick.
    pub fn tick(&mut self, at: Duration, steps: u64, holder: impl FnOnce() -> Holder) -> Wish {
        if steps != self.steps {
            *self = Liveness { steps, since: at, ..Liveness::new(self.timeout) };
            return Wish::Wait;
        }
        let state = holder();
        let late = at.saturating_sub(self.since) >= self.timeout;
        let Holder::Runs(cpu) = state else {
            let asleep = state == Holder::Sleeps;
            (self.asleep, self.ran) = (if asleep { self.asleep + 1 } else { 0 }, None);
            return match () {
                () if late => Wish::GiveUp,
                () if self.asleep >= PATIENCE => Wish::Seize,
                () => Wish::Wait,
            };
        };
        self.asleep = 0;
        let [first, last] = *self.ran.get_or_insert([cpu; 2]);
        // Where the CPUs are taken, the timeout is what it has had of them.
        if late && cpu.saturating_sub(first) + STARTING >= self.timeout {
            return Wish::GiveUp;
        }
        if cpu.saturating_sub(last) < COMPUTING {
            return Wish::Wait;
        }
        self.ran = Some([first, cpu]);
        Wish::Prod
    }
}

/// The state of a thread, from its `stat` file (proc(5)).
pub fn holder(pid: i32, tid: u32) -> Holder {
    if tid == 0 {
        return Holder::Unknown;
    }
    let stat = crate::os::proc_text(format!("/proc/{pid}/task/{tid}/stat")).unwrap_or_default();
    let mut fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
    match fields.next() {
        Some("R") => Holder::Runs(cpu_time(fields)),
        Some("S" | "D" | "I") => Holder::Sleeps,
        _ => Holder::Unknown,
    }
}

/// `utime` and `stime`, from the fields that follow the state: the tenth and the one after it.
fn cpu_time<'a>(fields: impl Iterator<Item = &'a str>) -> Duration {
    let ticks: u64 = fields.skip(10).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    // The unit is 1/100 s on every x86-64 Linux (USER_HZ).
    Duration::from_millis(ticks * 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Holder::{Runs, Sleeps, Unknown};

    /// Ticks with these states and no step; what was wished at each.
    fn wishes(states: &[Holder]) -> Vec<Wish> {
        let mut liveness = Liveness::new(Duration::from_millis(200));
        liveness.tick(Duration::ZERO, 5, || Unknown);
        (1..).zip(states).map(|(n, state)| liveness.tick(TICK * n, 5, || *state)).collect()
    }

    #[test]
    fn a_sleeper_is_passed_over_soon_and_a_spinner_prodded_late() {
        let runs = Runs(Duration::ZERO);
        assert_eq!(wishes(&[Sleeps, Sleeps, Sleeps]), [Wish::Wait, Wish::Seize, Wish::Seize]);
        assert_eq!(wishes(&[runs, Sleeps, runs, Unknown]), [Wish::Wait; 4]);
        let mut spun = Liveness::new(Duration::from_secs(9));
        let had = |millis| Runs(Duration::from_millis(millis));
        let wishes = [0, 0, 10, 299, 310, 320, 609, 610]
            .map(|cpu| spun.tick(Duration::from_millis(cpu), 5, || had(cpu)));
        let (wait, prod) = (Wish::Wait, Wish::Prod);
        assert_eq!(wishes, [wait, wait, wait, wait, prod, wait, wait, prod]);
    }

    #[test]
    fn the_load_of_others_is_not_held_against_one_that_runs() {
        let mut starved = Liveness::new(Duration::from_millis(200));
        starved.tick(Duration::ZERO, 5, || Unknown);
        let mut tick = |at, cpu| {
            starved.tick(Duration::from_millis(at), 5, || Runs(Duration::from_millis(cpu)))
        };
        assert_eq!(
            [tick(20, 0), tick(5000, 99), tick(5020, 100)],
            [Wish::Wait, Wish::Wait, Wish::GiveUp]
        );
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
