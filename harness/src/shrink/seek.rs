//! The search: delta debugging over actors, then over calls, until neither gives anything.

use std::collections::BTreeMap;

use crate::explore::minimise::ddmin;
use crate::program::Parts;
use crate::session::SessionError;

/// Who knows whether a part of the program fails.
pub(super) trait Tries {
    /// Whether it was seen to fail.
    fn fails(&mut self, parts: &Parts) -> Result<bool, SessionError>;
    /// Whether no more is to be tried.
    fn is_over(&self) -> bool;
}

/// The smallest part that was seen to fail, of one that was; and whether everything with one actor or
/// one call less was tried.
pub(super) fn smallest(parts: Parts, tries: &mut dyn Tries) -> Result<(Parts, bool), SessionError> {
    let mut known: BTreeMap<Parts, bool> = BTreeMap::new();
    let mut trouble = None;
    let over = std::cell::Cell::new(tries.is_over());
    let mut fails = |parts: &Parts| {
        if let Some(known) = known.get(parts) {
            return *known;
        }
        let failed = tries.fails(parts).unwrap_or_else(|error| {
            trouble = Some(error);
            over.set(true);
            false
        });
        over.set(over.get() || tries.is_over());
        known.insert(parts.clone(), failed);
        failed
    };
    let is_over = || over.get();
    let mut smallest = parts;
    loop {
        let before = smallest.clone();
        smallest = ddmin(smallest, &mut |list| fails(&list.to_vec()), &is_over);
        let calls = smallest.iter().flat_map(|(actor, calls)| calls.iter().map(|c| (*actor, *c)));
        smallest = grouped(&ddmin(calls.collect(), &mut |list| fails(&grouped(list)), &is_over));
        if smallest == before || over.get() {
            break;
        }
    }
    match trouble {
        Some(error) => Err(error),
        None => Ok((smallest, !over.get())),
    }
}

/// Calls by actor; an actor without calls is none.
fn grouped(calls: &[(u32, u32)]) -> Parts {
    let mut parts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (actor, call) in calls {
        parts.entry(*actor).or_default().push(*call);
    }
    parts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Needs {
        calls: Vec<(u32, u32)>,
        tried: Vec<Parts>,
        patience: usize,
    }

    impl Tries for Needs {
        fn fails(&mut self, parts: &Parts) -> Result<bool, SessionError> {
            assert!(!self.tried.contains(parts), "{parts:?} was tried before");
            self.tried.push(parts.clone());
            let has = |actor: u32, call: u32| {
                parts.iter().any(|part| part.0 == actor && part.1.contains(&call))
            };
            Ok(self.calls.iter().all(|(actor, call)| has(*actor, *call)))
        }
        fn is_over(&self) -> bool {
            self.tried.len() >= self.patience
        }
    }

    fn shrunk(needed: &[(u32, u32)], patience: usize) -> (Parts, bool, usize) {
        let whole: Parts = (0..8).map(|actor| (actor, (0..6).collect())).collect();
        let mut tries = Needs { calls: needed.to_vec(), tried: vec![], patience };
        let (parts, complete) = smallest(whole, &mut tries).unwrap();
        (parts, complete, tries.tried.len())
    }

    #[test]
    fn what_is_needed_is_left_and_nothing_is_tried_twice() {
        let (parts, complete, tried) = shrunk(&[(1, 4), (6, 0)], usize::MAX);
        assert_eq!((parts, complete), (vec![(1, vec![4]), (6, vec![0])], true));
        assert!(tried < 60, "{tried}");
        let (parts, ..) = shrunk(&[(3, 1), (3, 2), (3, 5)], usize::MAX);
        assert_eq!(parts, [(3, vec![1, 2, 5])], "it takes one thread");
    }

    #[test]
    fn whoever_runs_out_of_time_says_so_and_keeps_what_failed() {
        let (parts, complete, _) = shrunk(&[(1, 4), (6, 0)], 5);
        let has = |actor, call| {
            parts.iter().any(|(a, calls): &(u32, Vec<u32>)| *a == actor && calls.contains(&call))
        };
        assert!(!complete && has(1, 4) && has(6, 0), "{parts:?}");
    }
}
