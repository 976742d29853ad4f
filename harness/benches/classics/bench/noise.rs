//! Random noise: the kernel decides, but threads sleep at some of the points that control would have
//! used, as tools do that perturb rather than control.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use standstill::explore::ended::How;
use standstill::explore::level;
use standstill::explore::server::{Limits, Server, ServerError};
use standstill::explore::target::Target;
use standstill_scheduler::abi::{Decision, FLAG_NOISE, Order};
use standstill_scheduler::strategy::{GIVEN, Rng};

use super::programs::{Builds, Level};
use super::runs::{HANGS, Run};

/// Sleeps that a run gets at most, and how long each is.
const SLEEPS: usize = 16;
const SLEEP: Duration = Duration::from_millis(1);

/// As [`super::runs::executions`].
pub(super) fn executions(run: &Run, builds: &Builds, cap: u64) -> Result<Option<u64>, String> {
    let words = builds.words(run.level, &run.name);
    let mut target = Target::resolve(&words).map_err(|error| error.to_string())?;
    target.timeout = HANGS;
    target.level = match run.level {
        Level::Plain => level::Level::Atomics,
        Level::Atomics => level::Level::BuiltAtomics,
        Level::Memory => level::Level::BuiltAccesses,
    };
    noisy(&target, run.seed, cap).map_err(|error| error.to_string())
}

fn noisy(target: &Target, seed: u64, cap: u64) -> Result<Option<u64>, ServerError> {
    let cpu = standstill::os::control::cpus().first().copied().unwrap_or(0);
    let until = Instant::now() + Duration::from_secs(24 * 3600);
    let stop = AtomicBool::new(false);
    let mut server = Server::start(target, cpu, until)?;
    let order = Order {
        seed,
        length: 0,
        fair_after: 1 << 20,
        max_steps: 1 << 22,
        step_ns: 100,
        strategy: GIVEN,
        depth: 0,
        flags: 0,
        script: 0,
        memory_every: u32::from(target.level == level::Level::BuiltAccesses),
        pad: 0,
    };
    // Under control once: how many threads there are, and how often they come to the runtime.
    let whole = server.trial(&order, &[], Limits { until, stop: &stop }, &mut |_| ())?;
    let threads = u64::from(whole.numbers.threads.max(1));
    let entries = (2 * whole.numbers.steps / threads).max(4);
    let mut rng = Rng::new(seed);
    for nth in 1..=cap {
        let sleeps = 1 + rng.below(SLEEPS as u64) as usize;
        let mut moment =
            || Decision { step: 1 + rng.below(entries) as u32, thread: rng.below(threads) as u32 };
        let script: Vec<Decision> = (0..sleeps).map(|_| moment()).collect();
        let noisy = Order {
            flags: FLAG_NOISE,
            length: SLEEP.as_nanos() as u64,
            script: script.len() as u32,
            ..order
        };
        let limits = Limits { until, stop: &stop };
        let ended = server.trial(&noisy, &script, limits, &mut |_| ())?;
        if ended.how != How::Exited(0) {
            return Ok(Some(nth));
        }
    }
    Ok(None)
}
