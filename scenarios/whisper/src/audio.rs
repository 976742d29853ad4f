//! Audio to transcribe, with the same bits on every machine.

/// Samples a second, as whisper expects.
pub const SAMPLE_RATE: u32 = 16_000;

/// A sweep from 200 Hz to 3.2 kHz, at half of full scale.
///
/// The phase is an integer and the sine a parabola, so no libm decides about a bit.
pub fn sweep(milliseconds: u32) -> Vec<f32> {
    let samples = u64::from(milliseconds) * u64::from(SAMPLE_RATE) / 1000;
    let mut phase = 0_i32;
    (0..samples)
        .map(|sample| {
            let hertz = 200 + 3000 * sample / samples;
            let turn = (hertz << 32) / u64::from(SAMPLE_RATE);
            phase = phase.wrapping_add(turn as i32);
            // Half a turn is 1, so this is -1 to 1, and 4x(1 - |x|) is near sin(pi x).
            let x = (phase >> 8) as f32 / (1 << 23) as f32;
            0.5 * 4.0 * x * (1.0 - x.abs())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_loud_and_balanced_and_gets_higher() {
        let audio = sweep(300);
        assert_eq!(audio.len(), 4800);
        assert!(audio.iter().all(|sample| sample.abs() <= 0.5));
        assert!(audio.iter().any(|sample| *sample > 0.49));
        let crossings =
            |part: &[f32]| part.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        assert!(crossings(&audio[..1600]) * 3 < crossings(&audio[3200..]));
    }

    #[test]
    fn no_time_is_no_audio() {
        assert!(sweep(0).is_empty());
    }
}
