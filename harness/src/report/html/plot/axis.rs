//! Where things stand: thread counts by their logarithm, shares from zero on.

/// A place on the lower axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// That many threads.
    Threads(u32),
    /// A program, whose threads are its own: no number, so beside the others.
    Own,
}

impl Place {
    pub(super) fn of(threads: Option<u32>) -> Place {
        threads.map_or(Place::Own, Place::Threads)
    }

    pub(super) fn label(self) -> String {
        match self {
            Place::Threads(n) => n.to_string(),
            Place::Own => "its own".to_owned(),
        }
    }

    pub(super) fn words(self) -> String {
        match self {
            Place::Threads(1) => "1 thread".to_owned(),
            Place::Threads(n) => format!("{n} threads"),
            Place::Own => "its own threads".to_owned(),
        }
    }
}

/// The lower axis: its places and where they stand.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) places: Vec<(Place, f64)>,
    /// The least distance of two of them, or all the room there is.
    pub(super) gap: f64,
}

impl Axis {
    /// Places between two ends. A single one stands in the middle.
    pub(super) fn of(all: &[Place], left: f64, right: f64) -> Axis {
        let mut places = all.to_vec();
        places.sort_unstable();
        places.dedup();
        let log = |place: &Place| match place {
            Place::Threads(n) => Some(f64::from((*n).max(1)).log2()),
            Place::Own => None,
        };
        let logs: Vec<f64> = places.iter().filter_map(log).collect();
        let (least, most) =
            (logs.first().copied().unwrap_or(0.0), logs.last().copied().unwrap_or(0.0));
        // A program has as much room as a doubling, at most a third of all.
        let own = if logs.is_empty() { 0.0 } else { ((most - least) / 2.0).max(1.0) };
        let has_own = places.contains(&Place::Own);
        let span = most - least + if has_own { own } else { 0.0 };
        let at = |place: &Place| {
            let from_left = log(place).map_or(most - least + own, |log| log - least);
            match span > 0.0 {
                true => left + (right - left) * from_left / span,
                false => (left + right) / 2.0,
            }
        };
        let places: Vec<(Place, f64)> = places.iter().map(|place| (*place, at(place))).collect();
        let gaps = places.windows(2).map(|pair| pair[1].1 - pair[0].1);
        let gap = gaps.fold(right - left, f64::min);
        Axis { places, gap }
    }

    pub(super) fn at(&self, place: Place) -> Option<f64> {
        self.places.iter().find(|(known, _)| *known == place).map(|(_, x)| *x)
    }
}

/// The upper end of the share axis: the next round number, at most 1.
pub(super) fn top(highest: f64) -> f64 {
    if !highest.is_finite() || highest <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(highest.log10().floor());
    let round = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let top = round.iter().map(|r| r * power).find(|top| *top >= highest * 0.999);
    top.unwrap_or(1.0).min(1.0)
}

/// Shares that get a line, from 0 to the top.
pub(super) fn ticks(top: f64) -> Vec<f64> {
    let power = 10f64.powf(top.log10().floor());
    let steps = [5.0, 2.5, 2.0, 1.0, 0.5, 0.25, 0.2].map(|s| s * power);
    let step = steps.into_iter().find(|step| top / step >= 2.999).unwrap_or(top / 4.0);
    let count = (top / step + 0.001).floor() as u32;
    (0..=count.min(12)).map(|nth| f64::from(nth) * step).collect()
}

/// A tick in per cent, with as many digits as it needs.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_end_with_a_round_number_and_have_few_lines() {
        for (highest, expected) in
            [(0.0369, 0.04), (0.5, 0.5), (0.84, 1.0), (1.0, 1.0), (0.0012, 0.0015), (f64::NAN, 1.0)]
        {
            let top = top(highest);
            assert!((top - expected).abs() < 1e-9, "{highest}: {top}");
            let ticks = ticks(top);
            assert!((3..=7).contains(&ticks.len()), "{top}: {ticks:?}");
            assert!((ticks[ticks.len() - 1] - top).abs() < 1e-9, "{top}: {ticks:?}");
        }
        assert_eq!([0.0, 0.005, 1.0].map(percent), ["0 %", "0.5 %", "100 %"]);
    }
}
