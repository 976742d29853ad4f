//! Sweeps by hand: thread count, failures, trials.

use std::collections::BTreeMap;

use super::looks::{Looks, Says};
use super::{Count, Swept};
use crate::stats::Rate;
use crate::verdict::Kind;

/// A count whose last look saw `k` of `n`, at a floor of 1 % and up to 400 trials.
pub(crate) fn count(threads: u32, k: u64, n: u64) -> Count {
    let looks = Looks::new(0.01, 400);
    let nth = looks.sizes().iter().position(|size| *size >= n).unwrap();
    let rate = Rate { k, n };
    let (ends, says) = (looks.ends(nth, rate), looks.says(nth, rate));
    let (low, high) = (ends.low, ends.high);
    Count { threads, rate, low, high, says, others: BTreeMap::new(), inconclusive: 0 }
}

/// A sweep that came to these counts, of 1 to 8.
pub(crate) fn swept(counts: &[(u32, u64, u64)]) -> Swept {
    let counts: Vec<Count> = counts.iter().map(|(t, k, n)| count(*t, *k, *n)).collect();
    let fails = |count: &&Count| count.says == Says::Fails;
    Swept {
        scenario: "bank/transfer".to_owned(),
        floor: 0.01,
        kind: counts.iter().any(|c| c.rate.k > 0).then_some(Kind::Deadlock),
        least: counts.iter().find(fails).map(|c| c.threads),
        counts,
        asked: (1..=8).collect(),
        interrupted: false,
        needed: None,
    }
}
