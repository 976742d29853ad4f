//! Medians, and how far they can be trusted.

/// A median with its 95 % interval, where there are enough values for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Median {
    pub(crate) middle: f64,
    pub(crate) interval: Option<(f64, f64)>,
}

impl Median {
    /// The interval's ends are values themselves: the k-th from either end, with the largest k for which
    /// a fair coin gives fewer than k heads in at most 2.5 % of all cases. That assumes no distribution,
    /// only rounds that do not depend on each other.
    pub(crate) fn of(values: &[f64]) -> Median {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let k = ranks(sorted.len());
        let interval = (k > 0).then(|| (sorted[k - 1], sorted[sorted.len() - k]));
        Median { middle: middle(values), interval }
    }
}

/// How many values are cut from either end, and one.
fn ranks(n: usize) -> usize {
    // The probability of exactly `heads` heads, and of at most so many.
    let (mut exactly, mut at_most) = (0.5_f64.powi(n as i32), 0.0);
    let mut heads = 0;
    loop {
        at_most += exactly;
        if at_most > 0.025 {
            return heads;
        }
        exactly *= (n - heads) as f64 / (heads + 1) as f64;
        heads += 1;
    }
}

/// The median alone; of an even number of values the mean of the two in the middle.
pub(crate) fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n => (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
    }
}
