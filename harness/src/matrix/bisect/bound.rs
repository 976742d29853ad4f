//! How often, at least; and how many trials without it are enough.

use statrs::distribution::{Beta, ContinuousCDF};

/// The lower end of the one-sided interval of Clopper and Pearson: with probability of at most `alpha`
/// is the true rate lower. Where trials went on until the k-th failure came it is exact, too: that the
/// k-th came within n trials and that n trials have at least k failures is the same event.
pub fn at_least(k: u64, n: u64, alpha: f64) -> f64 {
    if k == 0 || n == 0 {
        return 0.0;
    }
    let k = k.min(n);
    let beta = Beta::new(k as f64, (n - k) as f64 + 1.0);
    beta.map_or(0.0, |beta| beta.inverse_cdf(alpha).clamp(0.0, 1.0))
}

/// How many trials without a failure leave a chance of at most `alpha`, where one fails at least as
/// often as `rate` says. None if no number does.
pub fn needed(rate: f64, alpha: f64) -> Option<u64> {
    if rate <= 0.0 {
        return None;
    }
    if rate >= 1.0 {
        return Some(1);
    }
    let n = (alpha.ln() / (-rate).ln_1p()).ceil();
    // What rounds down by a hair would leave a hair too much.
    let n = if miss(rate, n as u64) > alpha { n + 1.0 } else { n };
    Some((n as u64).max(1))
}

/// The chance that `n` trials all miss what one shows with probability `rate`.
pub fn miss(rate: f64, n: u64) -> f64 {
    ((-rate).ln_1p() * n as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: at the bound, as many failures or more have probability `alpha`.
    fn tail(k: u64, n: u64, p: f64) -> f64 {
        let choose = |i: u64| (0..i).fold(1.0, |c, j| c * (n - j) as f64 / (j + 1) as f64);
        (k..=n).map(|i| choose(i) * p.powi(i as i32) * (1.0 - p).powi((n - i) as i32)).sum()
    }

    #[test]
    fn the_bound_solves_the_binomial_tail() {
        for (k, n) in [(1, 1), (1, 20), (5, 20), (12, 40), (40, 40), (3, 100)] {
            for alpha in [0.05, 0.01, 0.001] {
                let bound = at_least(k, n, alpha);
                assert!((tail(k, n, bound) - alpha).abs() < 1e-6, "{k} of {n}: {bound}");
            }
        }
        assert_eq!(at_least(0, 50, 0.05), 0.0);
        assert_eq!(at_least(0, 0, 0.05), 0.0);
    }

    #[test]
    fn as_many_trials_as_are_needed_and_not_one_more() {
        for rate in [0.9, 0.5, 0.1, 0.01, 1e-4] {
            for alpha in [0.05, 0.0125, 1e-3] {
                let n = needed(rate, alpha).unwrap();
                assert!(miss(rate, n) <= alpha, "{rate} {alpha}: {n}");
                assert!(n == 1 || miss(rate, n - 1) > alpha, "{rate} {alpha}: {n}");
            }
        }
        assert_eq!(needed(0.0, 0.05), None);
        assert_eq!(needed(1.0, 0.05), Some(1));
    }
}
