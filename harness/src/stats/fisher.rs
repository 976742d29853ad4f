//! Whether two rates differ: Fisher's exact test (R. A. Fisher, J. R. Stat. Soc. 85, 1922).
//!
//! Given how many trials failed on both sides together, each way to divide them among the sides has
//! a hypergeometric probability if the sides do not differ. The p-value adds those of all divisions
//! that are at most as probable as the one seen.
//!
//! The probabilities are told as multiples of the largest one, each by one factor from its
//! neighbour. No factorial is taken, so nothing overflows and nothing cancels: of a million trials a
//! side ten digits are right. The walk ends where the multiples fall below what an `f64` holds, some
//! forty standard deviations away, so that its length grows with the root of the number of trials.

/// How much more probable than the table seen another one may seem and still count as at most as
/// probable: what R's `fisher.test` allows for rounding.
const TIE: f64 = 1e-7;

/// The two-sided p-value of `k1` in `n1` trials against `k2` in `n2`: 1 where a side has no trials
/// or both together leave no choice, and never 0, since no table is impossible.
///
/// A `k` above its `n` counts as `n`.
pub fn two_sided(k1: u64, n1: u64, k2: u64, n2: u64) -> f64 {
    let (k1, k2) = (k1.min(n1), k2.min(n2));
    let tables = Tables { n1, n2, k: k1 + k2 };
    let mode = tables.mode();
    let up = tables.above(mode);
    let down = tables.below(mode);
    let seen = match k1.cmp(&mode) {
        std::cmp::Ordering::Equal => Some(&1.0),
        std::cmp::Ordering::Greater => up.get((k1 - mode - 1) as usize),
        std::cmp::Ordering::Less => down.get((mode - k1 - 1) as usize),
    };
    let limit = seen.copied().unwrap_or(0.0) * (1.0 + TIE);
    // Each side falls from the mode on; smallest first keeps what is small.
    let sum = |side: &[f64], most: f64| side.iter().rev().filter(|w| **w <= most).sum::<f64>();
    let all = sum(&up, 1.0) + sum(&down, 1.0) + 1.0;
    let tail = sum(&up, limit) + sum(&down, limit) + if limit >= 1.0 { 1.0 } else { 0.0 };
    (tail / all).clamp(f64::MIN_POSITIVE, 1.0)
}

/// All tables of these margins, by the failures of the first side.
#[derive(Clone, Copy)]
struct Tables {
    n1: u64,
    n2: u64,
    k: u64,
}

impl Tables {
    /// The most probable number of failures on the first side.
    fn mode(self) -> u64 {
        let Tables { n1, n2, k } = self;
        let wide = u128::from;
        let mode = (wide(k) + 1) * (wide(n1) + 1) / (wide(n1) + wide(n2) + 2);
        (mode as u64).clamp(k.saturating_sub(n2), k.min(n1))
    }

    /// P(x + 1) / P(x); 0 beyond the last.
    fn up(self, x: u64) -> f64 {
        let Tables { n1, n2, k } = self;
        let (failed, left) = (k.saturating_sub(x) as f64, n1.saturating_sub(x) as f64);
        failed * left / ((x + 1) as f64 * (n2 + x + 1).saturating_sub(k) as f64)
    }

    /// P(x - 1) / P(x); 0 before the first.
    fn down(self, x: u64) -> f64 {
        let Tables { n1, n2, k } = self;
        let clean = (n2 + x).saturating_sub(k) as f64;
        x as f64 * clean / ((k - x + 1) as f64 * (n1 - x + 1) as f64)
    }

    /// The multiples of P(mode) above the mode, nearest first, while they can be told from nothing.
    fn above(self, mode: u64) -> Vec<f64> {
        let factors = (mode..).map(move |x| self.up(x));
        falling(factors)
    }

    /// The same below it.
    fn below(self, mode: u64) -> Vec<f64> {
        let factors = (1..=mode).rev().map(move |x| self.down(x));
        falling(factors)
    }
}

/// The products of more and more factors.
fn falling(factors: impl Iterator<Item = f64>) -> Vec<f64> {
    let products = factors.scan(1.0, |weight, factor| {
        *weight *= factor;
        Some(*weight)
    });
    products.take_while(|weight| *weight >= f64::MIN_POSITIVE).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn near(p: f64, wanted: f64) {
        assert!((p - wanted).abs() <= 1e-9 * wanted, "{p:e} is not {wanted:e}");
    }

    /// What the documentation of R's `fisher.test` works out: a lady tasting tea, and the
    /// convictions of like-sex twins.
    #[test]
    fn the_textbook_tables_come_out_right() {
        near(two_sided(3, 4, 1, 4), 34.0 / 70.0);
        near(two_sided(2, 17, 10, 13), 0.000_536_724_119_143_435_8);
        near(two_sided(1, 10, 11, 14), 0.002_759_456_185_220_083_6);
    }

    /// Sums of binomial coefficients as whole numbers of any length, divided once.
    #[test]
    fn large_tables_are_exact_too() {
        near(two_sided(12, 100, 0, 500), 2.582_057_652_688_478e-10);
        near(two_sided(600, 1000, 500, 1000), 8.453_719_674_485_641e-6);
        near(two_sided(100, 1_000_000, 150, 1_000_000), 0.001_882_069_651_548_615_3);
        near(two_sided(999_900, 1_000_000, 999_850, 1_000_000), 0.001_882_069_651_548_615_3);
        near(two_sided(40, 3_000_000, 12, 2_000_000), 0.015_282_961_659_840_857);
        near(two_sided(0, 200, 200, 200), 1.942_643_449_522_236_3e-119);
    }

    #[test]
    fn nothing_to_tell_apart_is_one_and_nothing_is_impossible() {
        for (k1, n1, k2, n2) in [(0, 0, 0, 0), (0, 0, 3, 9), (0, 5, 0, 500), (7, 7, 9, 9)] {
            assert_eq!(two_sided(k1, n1, k2, n2), 1.0, "{k1}/{n1} {k2}/{n2}");
        }
        let p = two_sided(0, 5_000_000, 5_000_000, 5_000_000);
        assert!(p > 0.0 && p < 1e-300, "{p:e}");
        near(two_sided(500_000, 1_000_000, 500_000, 1_000_000), 1.0);
    }

    /// The definition in whole numbers, for tables whose coefficients they hold.
    fn by_counting(k1: u64, n1: u64, k2: u64, n2: u64) -> f64 {
        let choose =
            |n: u64, k: u64| (0..k).fold(1_u128, |c, i| c * u128::from(n - i) / u128::from(i + 1));
        let k = k1 + k2;
        let ways = |x: u64| choose(n1, x) * choose(n2, k - x);
        let all = k.saturating_sub(n2)..=k.min(n1);
        let counts = |w: &u128| w * 10_000_000 <= ways(k1) * 10_000_001;
        let tail: u128 = all.clone().map(ways).filter(counts).sum();
        tail as f64 / all.map(ways).sum::<u128>() as f64
    }

    proptest! {
        #[test]
        fn small_tables_agree_with_counting(
            n1 in 0_u64..=40, n2 in 0_u64..=40, a in 0.0..=1.0, b in 0.0..=1.0,
        ) {
            let (k1, k2) = ((a * n1 as f64) as u64, (b * n2 as f64) as u64);
            let p = two_sided(k1, n1, k2, n2);
            let wanted = by_counting(k1, n1, k2, n2);
            prop_assert!((p - wanted).abs() <= 1e-9 * wanted, "{} is not {}", p, wanted);
        }

        #[test]
        fn it_does_not_matter_which_side_is_first_nor_what_is_called_failing(
            n1 in 1_u64..=100_000, n2 in 1_u64..=100_000, a in 0.0..=1.0, b in 0.0..=1.0,
        ) {
            let (k1, k2) = ((a * n1 as f64) as u64, (b * n2 as f64) as u64);
            let p = two_sided(k1, n1, k2, n2);
            prop_assert!(p > 0.0 && p <= 1.0);
            for other in [two_sided(k2, n2, k1, n1), two_sided(n1 - k1, n1, n2 - k2, n2)] {
                prop_assert!((p - other).abs() <= 1e-8 * p, "{} {}", p, other);
            }
        }
    }
}
