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

use std::collections::BTreeSet;
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// File, and address in the file.
    pub sites: BTreeSet<(PathBuf, u64)>,
    /// Whether every trial of the profile came to its end.
    pub complete: bool,
}

impl Chosen {
    /// Tells two choices apart; the directories of the files do not count.
    pub fn hash(&self) -> u32 {
        let name =
            |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lines: Vec<_> =
            self.sites.iter().map(|(path, at)| format!("{} {at:x}", name(path))).collect();
        let hash = Digest::of(&lines.join("\n")).hash;
        (hash ^ hash >> 32) as u32
    }

    /// Whether an access was chosen.
    pub fn has(&self, path: &Path, address: u64) -> bool {
        // Two lookups without an allocation each would need a nested map; the sets are small.
        self.sites.contains(&(path.to_owned(), address))
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
    let mut chosen = Chosen { complete: true, ..Chosen::default() };
    for (strategy, seed) in TRIALS {
        if Instant::now() >= until {
            chosen.complete = false;
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
        chosen.complete &= ended.how != How::Cut;
        chosen.sites.extend(server.shared_accesses());
    }
    Ok(chosen)
}
