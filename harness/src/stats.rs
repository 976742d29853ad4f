//! Rates and what they bound; and, one method a file, what two samples tell of each other.

pub mod bootstrap;
pub mod fisher;
pub mod holm;
pub mod newcombe;

use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF, Normal};

/// k of n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How often it happened.
    pub k: u64,
    /// In how many trials; at least `k`.
    pub n: u64,
}

/// Trials beyond which the search for a beta quantile may not come to an end (it was seen not to, with ten
/// million). There the score interval differs from the exact one in the sixth decimal.
const MOST: u64 = 1_000_000;

impl Rate {
    /// The 95 % interval of Clopper and Pearson (Biometrika 26, 1934): exact, and conservative. It
    /// covers the true probability in at least 95 % of campaigns if trials are independent.
    ///
    /// Beyond a million trials it is Wilson's. With no trial at all it is the whole of 0 to 1. With k = 0
    /// the lower end is 0 and the upper one is that of the two-sided interval, `1 - 0.025^(1/n)`; with
    /// k = n likewise.
    pub fn interval(self) -> (f64, f64) {
        self.ends(0.025, 0.025)
    }

    /// The ends of Clopper and Pearson's interval, each with a probability of its own for missing the
    /// truth: the lower one lies above it with probability `below` at most, the upper one below it with
    /// `above` at most.
    pub fn ends(self, below: f64, above: f64) -> (f64, f64) {
        let (k, n) = (self.k.min(self.n) as f64, self.n as f64);
        let quantile = |a: f64, b: f64, p: f64| match Beta::new(a, b) {
            Ok(beta) => beta.inverse_cdf(p),
            Err(_) => f64::NAN,
        };
        if self.n == 0 {
            return (0.0, 1.0);
        }
        match (self.k, self.n - self.k.min(self.n)) {
            // Solved by hand, and so that nothing cancels where n is large.
            (0, _) => (0.0, -(above.ln() / n).exp_m1()),
            (_, 0) => ((below.ln() / n).exp(), 1.0),
            _ if self.n > MOST => (self.wilson(below, -1.0), self.wilson(above, 1.0)),
            _ => (quantile(k, n - k + 1.0, below), quantile(k + 1.0, n - k, 1.0 - above)),
        }
    }

    /// One end of Wilson's score interval (J. Am. Stat. Assoc. 22, 1927), which needs no search.
    fn wilson(self, missing: f64, side: f64) -> f64 {
        let (n, p) = (self.n as f64, self.k.min(self.n) as f64 / self.n as f64);
        let z = Normal::standard().inverse_cdf(1.0 - missing);
        let (centre, shrink) = (p + z * z / (2.0 * n), 1.0 + z * z / n);
        let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        ((centre + side * reach) / shrink).clamp(0.0, 1.0)
    }

    /// `3 of 500 (0.60 %, 95 % interval 0.12 % to 1.74 %)`; for k = 0 the bound in words.
    pub fn sentence(self) -> String {
        let Rate { k, n } = self;
        let (low, high) = self.interval();
        match (k, n) {
            (_, 0) => "no trials".to_owned(),
            (0, _) => format!(
                "0 of {n}: not seen, which bounds its probability per trial to at most {} (upper end \
                 of the 95 % interval)",
                percent(high)
            ),
            _ => format!(
                "{k} of {n} ({}, 95 % interval {} to {})",
                percent(k as f64 / n as f64),
                percent(low),
                percent(high)
            ),
        }
    }
}

/// A probability as a percentage with two significant digits or two decimals, whichever says more.
pub fn percent(p: f64) -> String {
    let p = p * 100.0;
    match p {
        _ if p == 0.0 || p >= 0.1 => format!("{p:.2} %"),
        _ if p >= 0.01 => format!("{p:.3} %"),
        _ if p >= 0.001 => format!("{p:.4} %"),
        _ => format!("{p:.1e} %"),
    }
}

/// The value below which a share `q` of `values` lies; `values` need not be sorted. `None` if empty.
pub fn quantile(values: &mut [u64], q: f64) -> Option<u64> {
    values.sort_unstable();
    let at = (values.len().checked_sub(1)? as f64 * q).round() as usize;
    values.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference values: the two binomial tail sums, each set to 0.025 and solved by bisection, which
    /// is the definition and shares nothing with the beta quantiles.
    #[test]
    fn intervals_solve_the_binomial_tails() {
        for (k, n, low, high) in [
            (0, 10, 0.0, 0.308_497_1),
            (1, 10, 0.002_528_579, 0.445_016_1),
            (5, 10, 0.187_086_0, 0.812_914_0),
            (10, 10, 0.691_502_9, 1.0),
            (3, 500, 0.001_239_057_5, 0.017_433_673_7),
            (0, 2000, 0.0, 0.001_842_739_8),
        ] {
            let (l, h) = Rate { k, n }.interval();
            assert!((l - low).abs() < 1e-6 && (h - high).abs() < 1e-6, "{k}/{n}: {l} {h}");
        }
    }

    #[test]
    fn so_many_that_nobody_ran_them_have_an_interval_too() {
        for n in [MOST, MOST + 1, u64::MAX] {
            for k in [0, 1, n / 3, n - 1, n] {
                let (low, high) = Rate { k, n }.interval();
                let p = k as f64 / n as f64;
                assert!(
                    (0.0..=p).contains(&low) && (p..=1.0).contains(&high),
                    "{k}/{n}: {low} {high}"
                );
            }
        }
        let rate = Rate { k: 10_000, n: MOST };
        let ((low, high), [lower, upper]) =
            (rate.interval(), [rate.wilson(0.025, -1.0), rate.wilson(0.025, 1.0)]);
        assert!((low - lower).abs() < 2e-6 && (high - upper).abs() < 2e-6);
    }

    #[test]
    fn nothing_seen_is_said_as_a_bound() {
        let sentence = Rate { k: 0, n: 2000 }.sentence();
        assert!(sentence.contains("at most 0.18 %"), "{sentence}");
        assert_eq!(Rate { k: 0, n: 0 }.sentence(), "no trials");
        assert_eq!(Rate { k: 0, n: 0 }.interval(), (0.0, 1.0));
    }

    #[test]
    fn an_interval_always_holds_the_rate() {
        for n in [1, 2, 7, 100, 10_000] {
            for k in (0..=n).step_by((n as usize / 7).max(1)) {
                let (low, high) = Rate { k, n }.interval();
                let p = k as f64 / n as f64;
                assert!(low <= p && p <= high, "{k}/{n}: {low} {high}");
            }
        }
    }

    #[test]
    fn quantiles_of_little_are_what_is_there() {
        assert_eq!(quantile(&mut [], 0.5), None);
        assert_eq!(quantile(&mut [7], 0.99), Some(7));
        assert_eq!(quantile(&mut [3, 1, 2], 0.5), Some(2));
    }
}
