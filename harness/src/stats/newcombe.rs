//! How large a difference of two rates may be, and above all how large when none was shown.

use super::Rate;

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The difference of two rates, `b - a`, with the ends of its 95 % interval: Newcombe's hybrid of
/// Wilson's score intervals (Stat. Med. 17, 1998, 873-890, method 10). `None` if a side has no
/// trials.
///
/// Its ends lie within -1 and 1, and it keeps a width where nothing was seen on either side. It is
/// an approximation, while the [test](super::fisher) is exact: near the edge the two may disagree.
pub fn difference(a: Rate, b: Rate) -> Option<(f64, f64, f64)> {
    let ((pa, la, ua), (pb, lb, ub)) = (wilson(a)?, wilson(b)?);
    let d = pb - pa;
    let low = d - (pb - lb).hypot(ua - pa);
    let high = d + (ub - pb).hypot(pa - la);
    Some((d, low.clamp(-1.0, d), high.clamp(d, 1.0)))
}

/// A rate and Wilson's score interval (J. Am. Stat. Assoc. 22, 1927).
fn wilson(Rate { k, n }: Rate) -> Option<(f64, f64, f64)> {
    if n == 0 {
        return None;
    }
    let n = n as f64;
    let p = (k as f64 / n).min(1.0);
    let middle = 2.0 * n * p + Z * Z;
    let half = Z * (Z * Z + 4.0 * n * p * (1.0 - p)).sqrt();
    let whole = 2.0 * (n + Z * Z);
    Some((p, ((middle - half) / whole).clamp(0.0, p), ((middle + half) / whole).clamp(p, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table II of the paper, whose differences are first less second.
    #[test]
    fn the_examples_of_the_paper_come_out_right() {
        for (k1, n1, k2, n2, low, high) in [
            (56, 70, 48, 80, 0.0524, 0.3339),
            (9, 10, 3, 10, 0.1705, 0.8090),
            (6, 7, 2, 7, 0.0582, 0.8062),
            (5, 56, 0, 29, -0.0381, 0.1926),
            (0, 10, 0, 20, -0.1611, 0.2775),
            (0, 10, 0, 10, -0.2775, 0.2775),
            (10, 10, 0, 20, 0.6791, 1.0),
            (10, 10, 0, 10, 0.6075, 1.0),
        ] {
            let (first, second) = (Rate { k: k1, n: n1 }, Rate { k: k2, n: n2 });
            let (d, l, h) = difference(second, first).unwrap();
            assert!((d - (k1 as f64 / n1 as f64 - k2 as f64 / n2 as f64)).abs() < 1e-12);
            assert!((l - low).abs() < 6e-5 && (h - high).abs() < 6e-5, "{k1}/{n1}: {l} {h}");
        }
    }

    #[test]
    fn without_trials_there_is_no_difference_to_tell() {
        assert_eq!(difference(Rate { k: 0, n: 0 }, Rate { k: 1, n: 2 }), None);
    }
}
