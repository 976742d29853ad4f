//! What a campaign is to do, resolved: no flag is left to interpret.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::board::MAX_ACTORS;
use crate::observation::Isolation;
use crate::protocol::Card;

/// One campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Scenario and thread count, in the order in which they are run; those of one scenario stand
    /// together.
    pub units: Vec<Unit>,
    /// From which every trial's seed follows.
    pub seed: u64,
    /// How many trials run at a time.
    pub jobs: usize,
    /// `--set KEY=VALUE`.
    pub settings: BTreeMap<String, String>,
    /// How processes are made; `None`: a zygote where that is safe.
    pub isolation: Option<Isolation>,
}

/// One scenario with one thread count: what a rate is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// `crate/scenario`.
    pub scenario: String,
    /// Actors.
    pub threads: u32,
    /// Trials.
    pub trials: u64,
    /// Milliseconds until the deadline.
    pub timeout_ms: u64,
    /// What the scenario says of itself.
    pub card: Card,
}

impl Unit {
    /// `controls/abba with 2 threads`.
    pub fn title(&self) -> String {
        let s = if self.threads == 1 { "" } else { "s" };
        format!("{} with {} thread{s}", self.scenario, self.threads)
    }

    /// The deadline.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Why a number of threads cannot be had on this machine, as a sentence that says the limit.
pub fn too_many_threads(threads: u64, jobs: usize) -> Option<String> {
    (threads > thread_limit(jobs)).then(|| far_too_many_threads(&threads.to_string(), jobs))
}

/// The same sentence of a number, in digits, that may be too large for any integer.
pub fn far_too_many_threads(threads: &str, jobs: usize) -> String {
    let limit = thread_limit(jobs);
    format!("{threads} threads are more than this machine gives a trial; the limit here is {limit}")
}

/// The most actors that a trial can have: what the board has room for, and half of what the kernel
/// leaves, so that the rest of the machine goes on.
fn thread_limit(jobs: usize) -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let kernel = ["/proc/sys/kernel/threads-max", "/proc/sys/kernel/pid_max"];
    let kernel = kernel.iter().filter_map(|path| read(path));
    let user = rustix::process::getrlimit(rustix::process::Resource::Nproc).current;
    // A control group's own limit, where this process sees it (cgroup v2).
    let group = read("/sys/fs/cgroup/pids.max");
    let least = kernel.chain(user).chain(group).min().unwrap_or(u64::MAX);
    (least / 2 / jobs.max(1) as u64).clamp(1, MAX_ACTORS as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_thread_counts_are_refused_with_the_limit() {
        let sentence = too_many_threads(100_000, 1).unwrap();
        assert!(sentence.contains("100000 threads") && sentence.contains("limit here is"));
        assert_eq!(too_many_threads(2, 1), None);
    }
}
