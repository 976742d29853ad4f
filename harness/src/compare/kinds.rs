//! Failures by kind: as many on both sides can still be different ones.

use serde::Serialize;

use super::{Side, Test};
use crate::stats::Rate;
use crate::verdict::{KINDS, Kind};

/// One kind on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KindPair {
    /// The kind.
    pub kind: Kind,
    /// Trials of A in which it was the weightiest finding.
    pub a: u64,
    /// The same of B.
    pub b: u64,
    /// Of these rates, over the kinds of all pairs.
    pub test: Test,
}

/// Every kind that was found. A single one is the whole rate, which has its test already.
pub(super) fn pairs(a: &Side, b: &Side) -> Vec<KindPair> {
    let times = |side: &Side, kind| side.kinds.get(&kind).copied().unwrap_or(0);
    let found = KINDS.into_iter().filter(|kind| times(a, *kind) + times(b, *kind) > 0);
    let pairs: Vec<KindPair> = found
        .filter_map(|kind| {
            let (of_a, of_b) = (times(a, kind), times(b, kind));
            let test = Test::of(Rate { k: of_a, n: a.rate.n }, Rate { k: of_b, n: b.rate.n })?;
            Some(KindPair { kind, a: of_a, b: of_b, test })
        })
        .collect();
    if pairs.len() > 1 { pairs } else { vec![] }
}
