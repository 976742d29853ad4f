//! Partial deadlocks: some threads wait for ever while others go on, so that no moment comes at which
//! the whole process stands still.
//!
//! A pure state machine like the [watchdog](super::watchdog). It is fed collects and says when a look
//! at the stacks is worth its price, which is that the process is stopped for some milliseconds. A
//! thread is *stuck* when it was in one untimed futex wait for [`STEADY`] collects and did not run.
//! Idle workers are stuck by that measure, too: only the stacks tell them from the deadlocked. But a
//! deadlock is closed by the last thread that joins it, so a look is due only when somebody has
//! become stuck since the last one, and ever less often where the looks find nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::watchdog::Collect;
use crate::observation::ThreadSeen;

/// How often a process is collected.
pub(crate) const EVERY: Duration = Duration::from_millis(250);
/// Equal collects after which a waiting thread counts as stuck.
const STEADY: u32 = 4;
/// Between two looks, at least.
const SHORTEST: Duration = Duration::from_secs(1);
/// Before a deadlock that was inferred is looked at again: who holds a lock for honest work may well
/// hold it for a second.
const CONFIRMING: Duration = Duration::from_secs(3);
/// Between two looks, at most, as far as their price allows.
const LONGEST: Duration = Duration::from_secs(10);
/// Between two looks, in times of what the last one took: looking may slow nobody down.
const PRICE: u32 = 20;

/// What a look has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// No deadlock.
    Nothing,
    /// A deadlock that was inferred, by its fingerprint and its threads.
    Inferred(String),
    /// A deadlock that was proven.
    Proven,
}

/// Watches one process.
#[derive(Debug)]
pub(crate) struct Partial {
    /// The threads that wait, and in how many collects they were seen to.
    waiting: BTreeMap<i32, (ThreadSeen, u32)>,
    /// Those that were stuck at the last look.
    known: BTreeMap<i32, ThreadSeen>,
    /// Whether a look has changed the schedule counts since the last collect.
    disturbed: bool,
    looked_at: Option<Duration>,
    pause: Duration,
    /// A deadlock inferred by the last look.
    suspicion: Option<String>,
}

impl Partial {
    pub(crate) fn new() -> Partial {
        Partial {
            waiting: BTreeMap::new(),
            known: BTreeMap::new(),
            disturbed: false,
            looked_at: None,
            pause: SHORTEST,
            suspicion: None,
        }
    }

    /// Takes a collect made at `at` and says whether a look is due.
    pub(crate) fn feed(&mut self, at: Duration, collect: &Collect) -> bool {
        if std::mem::take(&mut self.disturbed) {
            // Whoever is still where the look met it counts as not having moved.
            self.known = known_still(&self.known, collect);
        }
        let mut waiting = BTreeMap::new();
        for thread in collect.threads.iter().filter(|t| t.wait.is_futex_forever()) {
            let seen = match self.waiting.get(&thread.tid) {
                Some((before, seen)) if before == thread => seen.saturating_add(1),
                _ => 1,
            };
            waiting.insert(thread.tid, (thread.clone(), seen));
        }
        self.waiting = waiting;
        let rested = self.looked_at.is_none_or(|then| at.saturating_sub(then) >= self.pause);
        let is_new = |thread: &ThreadSeen| self.known.get(&thread.tid) != Some(thread);
        rested && (self.suspicion.is_some() || self.stuck().any(is_new))
    }

    /// Takes what the look at `at`, which took `took`, has shown, and says whether that is enough: a
    /// deadlock that was proven, or inferred twice with time to run in between.
    pub(crate) fn looked(&mut self, at: Duration, took: Duration, seen: Seen) -> bool {
        self.known = self.stuck().map(|t| (t.tid, t.clone())).collect();
        self.waiting.clear();
        self.disturbed = true;
        let quiet = self.looked_at.is_none_or(|then| at.saturating_sub(then) > 2 * LONGEST);
        self.looked_at = Some(at);
        let before = self.suspicion.take();
        let longer = if quiet { SHORTEST } else { (self.pause * 2).min(LONGEST) };
        self.pause = longer.max(took.saturating_mul(PRICE));
        match seen {
            Seen::Proven => true,
            Seen::Inferred(which) if before.as_ref() == Some(&which) => true,
            Seen::Inferred(which) => {
                // Another one than before is no confirmation, and in a hurry nobody is either.
                if before.is_none() {
                    self.pause = CONFIRMING;
                    self.suspicion = Some(which);
                }
                false
            }
            Seen::Nothing => {
                // Threads that a busy machine had not yet let back into their waits look as if they
                // moved: what was once suspected is worth another look.
                if before.is_some() {
                    self.known.clear();
                }
                false
            }
        }
    }

    /// Forgets what was seen of threads that were stopped from outside.
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
    }

    fn stuck(&self) -> impl Iterator<Item = &ThreadSeen> {
        self.waiting.values().filter(|(_, seen)| *seen >= STEADY).map(|(thread, _)| thread)
    }
}

/// The known threads that are where they were, with their schedule counts as they are now.
fn known_still(known: &BTreeMap<i32, ThreadSeen>, collect: &Collect) -> BTreeMap<i32, ThreadSeen> {
    let same = |now: &&ThreadSeen| known.get(&now.tid).is_some_and(|then| then.wait == now.wait);
    collect.threads.iter().filter(same).map(|now| (now.tid, now.clone())).collect()
}

#[cfg(test)]
mod tests;
