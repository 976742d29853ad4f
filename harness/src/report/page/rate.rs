//! A rate as numbers and as words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::{Rate, percent};

/// k of n, with its 95 % Clopper-Pearson interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateFacts {
    /// How often it happened.
    pub k: u64,
    /// In how many.
    pub n: u64,
    /// Lower end, from 0 to 1.
    pub low: f64,
    /// Upper end, from 0 to 1.
    pub high: f64,
    /// `3.21 %`; `-` where n is 0.
    pub rate: String,
    /// `1.02 % to 7.30 %`, and `at most 0.74 %` where k is 0.
    pub interval: String,
}

impl RateFacts {
    pub(crate) fn of(rate: Rate) -> RateFacts {
        // Nine decimals say all, and read back as they were written.
        let (low, high) = rate.interval();
        let [low, high] = [low, high].map(|p| (p * 1e9).round() / 1e9);
        let Rate { k, n } = rate;
        RateFacts {
            k,
            n,
            low,
            high,
            rate: if n == 0 { "-".to_owned() } else { percent(k as f64 / n as f64) },
            interval: match (k, n) {
                (_, 0) => "-".to_owned(),
                (0, _) => format!("at most {}", percent(high)),
                _ => format!("{} to {}", percent(low), percent(high)),
            },
        }
    }
}
