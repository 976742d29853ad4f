//! Which plain loads and stores touch memory that threads share.
//!
//! A program has thousands of instructions that access memory, and a scheduling point at each would
//! drown those that matter. So a few trials come first in which all of them are trapped and only
//! noted: who touched what. An access is chosen if it touched eight bytes that two threads touched
//! and one of them wrote. The idea is that of Snowboard: Gong, Altınbüken, Fonseca and Maniatis,
//! "Snowboard: finding kernel concurrency bugs through systematic inter-thread communication
//! analysis" (SOSP 2021).
//!
//! The trials' orders are constants, so the choice is the same for the same program; where it is cut
//! short by time it may differ, which its hash tells.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use standstill_scheduler::abi::{FLAG_PROFILE, Order};
use standstill_scheduler::strategy::{GIVEN, POS, RANDOM};

use super::ended::How;
use super::server::{Limits, Server, ServerError};
use super::target::Target;
use crate::protocol::Digest;

/// Strategy and seed of each trial: as nothing interferes, then two by two unlike orders.
const TRIALS: [(u32, u64); 6] =
    [(GIVEN, 0), (RANDOM, 1), (POS, 2), (RANDOM, 3), (POS, 4), (RANDOM, 5)];
/// Real time that one of them may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Steps that one of them may take.
const STEPS: u64 = 200_000;

/// The accesses that were chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// By file: addresses in the file.
    sites: BTreeMap<PathBuf, BTreeSet<u64>>,
    hash: u32,
    /// Whether every trial of the profile came to its end.
    pub complete: bool,
}

impl Chosen {
    fn new(sites: BTreeMap<PathBuf, BTreeSet<u64>>, complete: bool) -> Chosen {
        let name =
            |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let of_file = |(path, sites): (&PathBuf, &BTreeSet<u64>)| {
            let name = name(path);
            sites.iter().map(|at| format!("{name} {at:x}")).collect::<Vec<_>>()
        };
        let lines: Vec<_> = sites.iter().flat_map(of_file).collect();
        let hash = Digest::of(&lines.join("\n")).hash;
        Chosen { sites, hash: (hash ^ hash >> 32) as u32, complete }
    }

    /// Tells two choices apart; the directories of the files do not count.
    pub fn hash(&self) -> u32 {
        self.hash
    }

    /// The addresses that were chosen in a file, if any were.
    pub fn of(&self, path: &Path) -> Option<&BTreeSet<u64>> {
        self.sites.get(path)
    }
}

/// Runs the profile's trials.
pub fn choose(
    target: &Target,
    cpu: usize,
    until: Instant,
    stop: &AtomicBool,
) -> Result<Chosen, ServerError> {
    let mut server = Server::profiling(target, cpu, until)?;
    let mut sites: BTreeMap<PathBuf, BTreeSet<u64>> = BTreeMap::new();
    let mut complete = true;
    for (strategy, seed) in TRIALS {
        if Instant::now() >= until {
            complete = false;
            break;
        }
        let order = Order {
            seed,
            length: 1000,
            fair_after: STEPS / 2,
            max_steps: STEPS,
            step_ns: 100,
            strategy,
            depth: 0,
            flags: FLAG_PROFILE,
            script: 0,
            memory_every: 0,
            pad: 0,
        };
        let limits = Limits { until: until.min(Instant::now() + PATIENCE), stop };
        let ended = server.trial(&order, &[], limits, &mut |_| ())?;
        complete &= ended.how != How::Cut;
        for (path, address) in server.shared_accesses() {
            sites.entry(path).or_default().insert(address);
        }
    }
    Ok(Chosen::new(sites, complete))
}
