//! Several tests at once: of twenty that test nothing, one comes out below 0.05 by chance.

/// The p-values adjusted by Holm's step-down method (Scand. J. Stat. 6, 1979), in their order:
/// rejecting those below 0.05 rejects any true hypothesis at all with a probability of at most 5 %,
/// however the tests depend on one another.
pub fn adjusted(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let (mut out, mut least) = (vec![1.0; p.len()], 0.0_f64);
    for (rank, at) in order.into_iter().enumerate() {
        // No test may come out surer than one before it.
        least = least.max((p.len() - rank) as f64 * p[at]).min(1.0);
        out[at] = least;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_multiplied_most_and_order_is_kept() {
        let near = |p: &[f64], wanted: &[f64]| {
            let got = adjusted(p);
            assert!(got.len() == wanted.len(), "{got:?}");
            assert!(got.iter().zip(wanted).all(|(g, w)| (g - w).abs() < 1e-12), "{got:?}");
        };
        near(&[], &[]);
        near(&[0.03], &[0.03]);
        near(&[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02]);
        near(&[0.5, 0.6, 0.0001], &[1.0, 1.0, 0.0003]);
    }
}
