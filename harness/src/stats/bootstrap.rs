//! How far a ratio of times can be trusted: the percentile bootstrap (B. Efron, Ann. Stat. 7, 1979).
//!
//! Both samples are drawn again from themselves, with replacement, and the ratio is worked out anew;
//! where it comes to lie in 95 of 100 such draws is its interval. With few samples it is too narrow,
//! and with less than [`FEWEST`] nothing is said.

use serde::{Deserialize, Serialize};

use crate::trial::trial_seed;

/// Samples that a side must have.
pub const FEWEST: usize = 5;
/// How often the samples are drawn again.
pub const RESAMPLES: usize = 2000;
/// The same for all, so that equal runs give equal intervals.
const SEED: u64 = 0x5ca1_ab1e;

/// A ratio B / A and the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Of the samples as they are.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Ratio {
    /// Whether its interval leaves out 1.
    pub fn is_shown(self) -> bool {
        self.low > 1.0 || self.high < 1.0
    }
}

/// The ratio of a statistic of `b` to that of `a`; `None` with too few samples. The statistic must
/// not be 0, and may order what it is given.
pub fn ratio(a: &[u64], b: &[u64], statistic: impl Fn(&mut [u64]) -> f64) -> Option<Ratio> {
    if a.len() < FEWEST || b.len() < FEWEST {
        return None;
    }
    let estimate = statistic(&mut b.to_vec()) / statistic(&mut a.to_vec());
    let mut draws = 0;
    let (mut again_a, mut again_b) = (a.to_vec(), b.to_vec());
    let mut ratios: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            draw(a, &mut again_a, &mut draws);
            draw(b, &mut again_b, &mut draws);
            statistic(&mut again_b) / statistic(&mut again_a)
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let cut = RESAMPLES / 40;
    Some(Ratio { estimate, low: ratios[cut], high: ratios[RESAMPLES - 1 - cut] })
}

/// The median as [`quantile`](super::quantile) takes it, in linear time.
pub fn median(values: &mut [u64]) -> f64 {
    // Half a step rounds up.
    let at = values.len() / 2;
    if values.is_empty() {
        return f64::NAN;
    }
    *values.select_nth_unstable(at).1 as f64
}

/// How many happen in a unit of time, if each takes as long as its value: one over the mean.
pub fn pace(values: &mut [u64]) -> f64 {
    values.len() as f64 / values.iter().map(|v| *v as f64).sum::<f64>()
}

fn draw(from: &[u64], into: &mut [u64], draws: &mut u64) {
    for slot in into {
        *draws += 1;
        // The high half of a product spreads 64 random bits over the indices.
        let at = (u128::from(trial_seed(SEED, *draws)) * from.len() as u128) >> 64;
        *slot = from[at as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::quantile;

    /// Values around `middle`, spread evenly over a fifth of it.
    fn around(middle: u64, n: u64) -> Vec<u64> {
        (0..n).map(|i| middle * 9 / 10 + (trial_seed(3, i) % (middle / 5))).collect()
    }

    #[test]
    fn equal_samples_give_equal_intervals_around_one() {
        let sample = around(1000, 50);
        let first = ratio(&sample, &sample, median).unwrap();
        assert_eq!(Some(first), ratio(&sample, &sample, median));
        assert_eq!(first.estimate, 1.0);
        assert!(first.low < 1.0 && first.high > 1.0 && !first.is_shown(), "{first:?}");
    }

    #[test]
    fn what_takes_twice_as_long_is_shown_to() {
        let (a, b) = (around(1000, 60), around(2000, 40));
        let time = ratio(&a, &b, median).unwrap();
        assert!(time.low > 1.8 && time.high < 2.2 && time.is_shown(), "{time:?}");
        let pace = ratio(&a, &b, pace).unwrap();
        assert!(pace.low > 0.45 && pace.high < 0.55 && pace.is_shown(), "{pace:?}");
    }

    /// For a mean of many samples the bootstrap comes to the normal interval.
    #[test]
    fn the_width_is_that_of_theory() {
        let (a, b) = (vec![1000; 10], around(1000, 400));
        let mean = b.iter().sum::<u64>() as f64 / 400.0;
        let square = b.iter().map(|v| (*v as f64 - mean).powi(2)).sum::<f64>() / 400.0;
        let wanted = 2.0 * 1.96 * (square / 400.0).sqrt() / 1000.0;
        let ratio = ratio(&a, &b, |v| v.iter().sum::<u64>() as f64 / v.len() as f64).unwrap();
        let width = ratio.high - ratio.low;
        assert!((width / wanted - 1.0).abs() < 0.1, "{width} {wanted}");
    }

    #[test]
    fn of_a_few_samples_nothing_is_said() {
        assert_eq!(ratio(&[1; 4], &[2; 100], median), None);
        assert_eq!(ratio(&[1; 100], &[2; 4], median), None);
        assert_eq!(ratio(&[1; 5], &[2; 5], median).map(|r| (r.low, r.high)), Some((2.0, 2.0)));
    }

    #[test]
    fn both_medians_are_the_same() {
        for n in 1..20 {
            let mut sample = around(1000, n);
            assert_eq!(Some(median(&mut sample.clone()) as u64), quantile(&mut sample, 0.5));
        }
    }
}
