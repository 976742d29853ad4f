//! Busy, and getting nowhere? A spin, a livelock and honest work, told apart by several looks.
//!
//! A thread that waits by spinning comes back to the very same state: registers, stack and program
//! counter equal, again and again. Whoever computes does not, for its counters and pointers move on.
//! So a repeated state names a spin, and if nobody else is busy, nobody is left to end it but time or
//! the world outside. A livelock of threads that lock, fail and try again has no such mark: there it
//! is only suspected, from where the looks found them.

use super::motion::{Motion, Moving};
use crate::scene::Scene;
use crate::verdict::{Confidence, Kind};

/// Looks in which a thread must have been found running before anything is said of its states.
const ENOUGH: usize = 4;

/// Times that it must have been found in a state in which it was before: a computation has no reason
/// to come back to one even once.
const ROUNDS: usize = 2;

/// The kind of a busy process at its deadline; none if it is not busy.
pub(super) fn judge(motion: &Motion, scene: &Scene) -> Option<(Kind, Confidence, String)> {
    let busy: Vec<&Moving> = motion.busy().collect();
    if busy.is_empty() {
        return None;
    }
    // Who asks somebody outside, again and again, waits for the answer to change.
    let spins = |thread: &&Moving| {
        thread.running >= ENOUGH && thread.came_round() >= ROUNDS && thread.outside == 0
    };
    let (spinning, working): (Vec<_>, Vec<_>) = busy.iter().copied().partition(spins);
    if working.is_empty() {
        let places = places(&spinning);
        let (confidence, outlook) = match nobody_else_can_end(&spinning, scene) {
            true => (Confidence::Inferred, "whoever could end that does not run"),
            false => (Confidence::Suspected, "nobody was seen who could end that"),
        };
        let summary = format!(
            "{} in {places} and came back to the same state: {outlook}",
            threads(spinning.len(), "spins", "spin"),
        );
        return Some((Kind::Livelock, confidence, summary));
    }
    if !spinning.is_empty() {
        let summary = format!(
            "{} in {}, and {} for them: slow, as far as can be seen",
            threads(spinning.len(), "spins", "spin"),
            places(&spinning),
            threads(working.len(), "still works", "still work"),
        );
        return Some((Kind::Slow, Confidence::Suspected, summary));
    }
    // All of them in and around locks, in few functions: trying, not working.
    let trying = |thread: &&Moving| {
        thread.functions.len() <= 3
            && thread.syncing * 2 >= thread.seen
            && thread.seen >= ENOUGH
            && thread.outside == 0
    };
    // Where somebody works while others wait for their turn, it goes on.
    let nobody_works = motion.working * 4 <= motion.looks;
    if nobody_works && working.len() > 1 && working.iter().all(trying) {
        let summary = format!(
            "{} in {} without getting past it, as far as can be seen",
            threads(working.len(), "keeps trying", "keep trying"),
            places(&working)
        );
        return Some((Kind::Livelock, Confidence::Suspected, summary));
    }
    let asking = working.iter().filter(|thread| thread.outside > 0).count();
    if asking > 0 {
        let summary = format!(
            "{} when the deadline passed, with system calls or the time: slow, or it waits for something \
             outside of its own threads",
            threads(asking, "was busy", "were busy")
        );
        return Some((Kind::Slow, Confidence::Suspected, summary));
    }
    if scene.looks.len() < ENOUGH {
        let summary = "busy when the deadline passed, and too few looks succeeded to say more";
        return Some((Kind::Hang, Confidence::Suspected, summary.to_owned()));
    }
    let summary = format!(
        "{} when the deadline passed, in states that do not repeat: slow, or a loop that makes no \
         progress",
        threads(working.len(), "was busy", "were busy")
    );
    Some((Kind::Slow, Confidence::Suspected, summary))
}

/// Whether all other threads wait without a time limit for somebody of this process, the memory that is
/// spun on was seen not to change, and nobody outside could change it.
fn nobody_else_can_end(spinning: &[&Moving], scene: &Scene) -> bool {
    let Some(last) = scene.looks.last() else { return false };
    let spins = |tid: i32| spinning.iter().any(|thread| thread.tid == tid);
    let alone = scene.wakers.is_empty() && scene.writers.is_empty();
    let seen = spinning.iter().all(|thread| thread.blind == 0);
    alone
        && seen
        && last.after.iter().all(|thread| spins(thread.tid) || thread.wait.is_futex_forever())
}

fn threads(n: usize, one: &str, many: &str) -> String {
    match n {
        1 => format!("1 thread {one}"),
        n => format!("{n} threads {many}"),
    }
}

/// Where they were seen most, each place once.
fn places(threads: &[&Moving]) -> String {
    let mut places: Vec<&str> = threads.iter().filter_map(|thread| thread.place()).collect();
    places.sort_unstable();
    places.dedup();
    match places.len() {
        0 => "code without a name".to_owned(),
        1..=3 => places.join(" and "),
        n => format!("{} and {} other places", places[0], n - 1),
    }
}
