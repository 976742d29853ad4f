//! The numbers in a generated model, with the same bits on every machine: integers, and the four
//! operations and the square root that IEEE 754 rounds correctly. Nothing here calls libm.

use super::checksum::fnv1a;
use super::layout::N_BINS;

/// The weights of one tensor, one after the other.
pub(super) enum Weights {
    /// All the same.
    Constant(f32),
    /// Multiples of 1/1024 of a power of two, which `f32` and `f16` both hold exactly, so that no
    /// conversion ever rounds.
    Seeded {
        /// Of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
        state: u64,
        /// The power of two.
        scale: f32,
    },
}

impl Weights {
    /// Uniform in `-scale..scale`, independent for each name; `scale` is a power of two.
    pub(super) fn seeded(seed: u64, name: &str, scale: f32) -> Self {
        Self::Seeded { state: seed ^ fnv1a(name.as_bytes()), scale }
    }

    pub(super) fn next(&mut self) -> f32 {
        match self {
            Self::Constant(value) => *value,
            Self::Seeded { state, scale } => {
                let eleven_bits = (splitmix64(state) >> 53) as i32;
                (eleven_bits - 1024) as f32 / 1024.0 * *scale
            }
        }
    }
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The power of two at or above `2 / sqrt(inputs)`, so that sums over so many inputs stay near 1; but
/// never so small that the smallest weight would be no normal `f16`.
pub(super) fn scale(inputs: u64) -> f32 {
    (2.0 / (1_u64 << (inputs.ilog2() / 2)) as f32).max(1.0 / 16.0)
}

/// The bits of `value` as an `f16`, which must hold it exactly and as a normal number.
pub(super) fn f16_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    if value == 0.0 {
        return sign;
    }
    let exponent = (bits >> 23 & 0xff) as i32 - 127 + 15;
    debug_assert!((1..31).contains(&exponent) && bits & 0x1fff == 0, "{value} is not an f16");
    sign | (exponent as u16) << 10 | (bits >> 13 & 0x3ff) as u16
}

/// The filter bank that whisper was trained with (slaney's scale and norm, 16 kHz, 400 samples),
/// row by row, equal to librosa's up to rounding.
pub(super) fn mel_filters(n_mels: usize) -> Vec<f32> {
    // The scale is linear to 1 kHz, where 15 mels are reached, and logarithmic from there.
    const MELS_AT_1_KHZ: f64 = 15.0;
    const LOG_STEP: f64 = 0.068_751_777_420_949_12; // ln(6.4) / 27
    const LN_8: f64 = 2.079_441_541_679_835_7;
    let hertz = |mel: f64| match mel - MELS_AT_1_KHZ {
        above if above > 0.0 => 1000.0 * exp(above * LOG_STEP),
        _ => mel * 200.0 / 3.0,
    };
    let top = MELS_AT_1_KHZ + LN_8 / LOG_STEP; // 8 kHz
    let edges: Vec<f64> =
        (0..n_mels + 2).map(|i| hertz(top * i as f64 / (n_mels + 1) as f64)).collect();

    let mut filters = Vec::with_capacity(n_mels * N_BINS);
    for edge in edges.windows(3) {
        let (low, peak, high) = (edge[0], edge[1], edge[2]);
        for bin in 0..N_BINS {
            let frequency = bin as f64 * 40.0;
            let rise = (frequency - low) / (peak - low);
            let fall = (high - frequency) / (high - peak);
            filters.push((rise.min(fall).max(0.0) * 2.0 / (high - low)) as f32);
        }
    }
    filters
}

/// e to the `x`, for 0 to 3: forty terms of the series leave nothing to add.
fn exp(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..40 {
        term *= x / f64::from(n);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_differ_by_name_and_repeat_by_seed() {
        let draw = |seed, name| {
            let mut weights = Weights::seeded(seed, name, 0.5);
            [weights.next(), weights.next(), weights.next()]
        };
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert!(draw(1, "a").iter().all(|weight| weight.abs() <= 0.5));
    }

    #[test]
    fn scales_are_powers_of_two_near_the_root() {
        assert_eq!([scale(64), scale(256), scale(384)], [0.25, 0.125, 0.125]);
    }

    #[test]
    fn halves_are_exact() {
        let known = [(0.0, 0), (1.0, 0x3c00), (-2.0, 0xc000), (0.5, 0x3800), (-1.5, 0xbe00)];
        for (value, bits) in known {
            assert_eq!(f16_bits(value), bits, "{value}");
        }
        // The smallest and the largest that a weight can be.
        assert_eq!(f16_bits(scale(1 << 20) / 1024.0), 0x0400);
        assert_eq!(f16_bits(1023.0 / 1024.0), 0x3bfe);
    }

    #[test]
    fn filters_are_slaney_s() {
        let filters = mel_filters(80);
        assert_eq!(filters.len(), 80 * N_BINS);
        // librosa.filters.mel(sr=16000, n_fft=400, n_mels=80)[0, 1] and [79, 197].
        assert!((filters[1] - 0.024_862_59).abs() < 1e-6, "{}", filters[1]);
        let widths = filters.chunks(N_BINS).map(|row| row.iter().filter(|&&f| f > 0.0).count());
        assert!(widths.min().unwrap() >= 1, "no filter is empty");
    }

    #[test]
    fn exp_agrees_with_libm() {
        for x in [0.0, 0.1, 1.0, 2.079] {
            assert!((exp(x) - f64::exp(x)).abs() < 1e-14, "{x}");
        }
    }
}
