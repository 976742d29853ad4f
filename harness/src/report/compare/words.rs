//! What the numbers of a comparison say in words, and nothing beyond it.

pub(super) use crate::report::page::words::{counted, tidy};

use crate::compare::side::Side;
use crate::compare::{Comparison, Outcome, Pair, Test};
use crate::stats::bootstrap::{FEWEST, Ratio};
use crate::stats::{Rate, percent};

/// What stands beneath the numbers.
pub(super) const LEGEND: &str = "\
A trial failed if something was found in it; inconclusive ones do not count. Rates have Clopper and \
Pearson's intervals, their difference (in points of percent) Newcombe's, times the bootstrap's: 95 % \
each, none of them adjusted for the number of pairs. p is Fisher's, two-sided, after Holm's \
adjustment; below 0.05 it counts as shown. Times are of trials whose actors all came to their end.";

/// One pair in words.
pub(super) struct Words<'p>(pub(super) &'p Pair);

impl Words<'_> {
    /// What was shown of the rates.
    pub(super) fn rates(&self) -> String {
        let Words(Pair { a, b, verdict, rates, kinds, .. }) = self;
        let Some(test) = rates else {
            let without = match (a.rate.n, b.rate.n) {
                (0, 0) => "neither side has",
                (0, _) => "A does not have",
                _ => "B does not have",
            };
            return format!("inconclusive: {without} a trial that could be judged");
        };
        let p = p_after(test);
        let (low, high) = test.interval;
        let interval =
            |low: f64, high: f64| format!("95 % interval {} to {}", points(low), points(high));
        let sentence = match test {
            _ if test.shows_less() => format!(
                "B fails less often ({p}){}: by {} points, {}",
                if *verdict == Outcome::Worse { ", and yet more often in one kind" } else { "" },
                points(-test.difference),
                interval(-high, -low)
            ),
            _ if test.shows_more() => format!(
                "B fails more often ({p}): by {} points, {}",
                points(test.difference),
                interval(low, high)
            ),
            _ if kinds.is_empty() => format!("no difference was shown ({p}): {}", left_open(test)),
            _ => {
                let so = format!(
                    "that one side fails more often was not shown ({p}): {}",
                    left_open(test)
                );
                let otherwise = kinds.iter().filter(|kind| kind.a != kind.b);
                match (*verdict == Outcome::Worse, otherwise.count()) {
                    (true, _) => format!("B fails otherwise; {so}"),
                    (false, 0) => so,
                    (false, _) => format!("{so}; the kinds are not the same"),
                }
            }
        };
        format!("{sentence}{}", zeros(a, b))
    }

    /// Failures by kind, where there are several.
    pub(super) fn kinds(&self) -> Option<String> {
        let kinds = &self.0.kinds;
        let tests = kinds.first()?.test.tests;
        let told = kinds.iter().map(|kind| {
            let shown = match kind.test {
                test if test.shows_more() => ", shown to be more",
                test if test.shows_less() => ", shown to be fewer",
                _ => "",
            };
            let p = p_text(kind.test.p_adjusted);
            format!("{} {} -> {} ({p}{shown})", kind.kind, kind.a, kind.b)
        });
        let told = told.collect::<Vec<_>>().join(", ");
        Some(format!("by kind: {told}, p after Holm over {tests} tests of kinds"))
    }

    /// Trials that no rate counts.
    pub(super) fn inconclusive(&self) -> Option<String> {
        let Words(Pair { a, b, .. }) = self;
        (a.inconclusive + b.inconclusive > 0).then(|| {
            let of = |side: &Side| {
                format!("{} of {}", side.inconclusive, side.rate.n + side.inconclusive)
            };
            format!("inconclusive, and not counted: {} trials in A, {} in B", of(a), of(b))
        })
    }

    /// What was shown of the time that trials take.
    pub(super) fn time(&self) -> String {
        let Words(Pair { a, b, time, .. }) = self;
        let (Some(ratio), Some(before), Some(after)) = (time, a.median_us, b.median_us) else {
            return format!(
                "of times nothing can be said: all actors came to their end in {} of A and {} of B, \
                 and {FEWEST} on both sides are the least that tells anything",
                counted(a.timed, "trial"),
                counted(b.timed, "trial"),
            );
        };
        let what = match ratio {
            _ if !ratio.is_shown() => "no difference in time was shown",
            _ if ratio.estimate > 1.0 => "B takes longer",
            _ => "B takes less time",
        };
        format!(
            "{what}: median {} -> {}, B / A {}, n = {} and {}",
            milliseconds(before),
            milliseconds(after),
            ratio_text(ratio),
            a.timed,
            b.timed
        )
    }

    /// Actors that ended in a second of acting.
    pub(super) fn throughput(&self) -> Option<String> {
        let Words(Pair { a, b, throughput, .. }) = self;
        let (before, after) = (a.actors_per_second?, b.actors_per_second?);
        let ratio = ratio_text(throughput.as_ref()?);
        Some(format!("actors ended per second of acting: {before:.0} -> {after:.0}, B / A {ratio}"))
    }

    /// Difference and p-value for a table.
    pub(super) fn cells(&self) -> [String; 2] {
        match &self.0.rates {
            None => ["-".to_owned(), "-".to_owned()],
            Some(test) => {
                let p = p_text(test.p_adjusted);
                [
                    points(test.difference),
                    p.trim_start_matches("p = ").trim_start_matches("p ").to_owned(),
                ]
            }
        }
    }
}

/// What a test that has shown nothing still leaves possible.
fn left_open(test: &Test) -> String {
    let (low, high) = test.interval;
    let possible = match (low < 0.0, high > 0.0) {
        (true, true) => {
            format!("up to {} points more or {} points less often", points(high), points(-low))
        }
        (false, true) => format!("{} to {} points more often", points(low), points(high)),
        (true, false) => format!("{} to {} points less often", points(-high), points(-low)),
        (false, false) => "as often as A".to_owned(),
    };
    format!("with these trials it remains possible that B fails {possible} (95 % interval)")
}

/// What a side without failures still leaves open.
fn zeros(a: &Side, b: &Side) -> String {
    let open = |side: &Side| (side.rate.n, percent(side.interval.1));
    match (a.rate.k, b.rate.k, open(a), open(b)) {
        (0, 0, (n, in_a), (m, in_b)) => format!(
            "; 0 of {n} in A still leaves at most {in_a} open, 0 of {m} in B at most {in_b}"
        ),
        (0, _, (n, most), _) => format!("; 0 of {n} in A still leaves at most {most} open"),
        (_, 0, _, (n, most)) => format!("; 0 of {n} in B still leaves at most {most} open"),
        _ => String::new(),
    }
}

/// Whether B is worse in a kind, and not in the rate of all failures.
fn is_worse_by_kind(pair: &Pair) -> bool {
    pair.verdict == Outcome::Worse && pair.rates.is_some_and(|test| !test.shows_more())
}

/// What was shown of a pair, for a cell of a table.
pub(super) fn shown(pair: &Pair) -> &'static str {
    match pair.verdict {
        Outcome::Worse if !is_worse_by_kind(pair) => "more often",
        Outcome::Worse if pair.rates.is_some_and(Test::shows_less) => {
            "less often, and yet more of one kind"
        }
        Outcome::Worse => "more of one kind",
        Outcome::Better => "less often",
        Outcome::NotShown => "no difference shown",
        Outcome::Inconclusive => "inconclusive",
    }
}

/// The 95 % interval of a side's rate; without trials there is none to tell.
pub(super) fn interval_of(side: &Side) -> String {
    match (side.rate.n, side.interval) {
        (0, _) => "-".to_owned(),
        (_, (low, high)) => format!("{} to {}", percent(low), percent(high)),
    }
}

/// What it all comes to, in one sentence.
pub fn overall(of: &Comparison) -> String {
    let n = of.pairs.len();
    if n == 0 {
        return "nothing can be said: the runs have no scenario and thread count in common"
            .to_owned();
    }
    let times = |outcome| of.pairs.iter().filter(|pair| pair.verdict == outcome).count();
    let by_kind = of.pairs.iter().filter(|pair| is_worse_by_kind(pair)).count();
    let more = times(Outcome::Worse) - by_kind;
    let all = [
        (more, "more often"),
        (by_kind, "more often in one kind alone"),
        (times(Outcome::Better), "less often"),
        (times(Outcome::NotShown), "no difference shown"),
        (times(Outcome::Inconclusive), "inconclusive"),
    ];
    let told = all.iter().filter(|(k, _)| *k > 0).map(|(k, what)| format!("{what} in {k}"));
    let told = format!("{} of {}", told.collect::<Vec<_>>().join(", "), counted(n as u64, "pair"));
    match of.verdict {
        Outcome::Worse if more == 0 => {
            format!("B was shown to fail more often in one kind: {told}")
        }
        Outcome::Worse => format!("B was shown to fail more often: {told}"),
        Outcome::Better => {
            format!("B was shown to fail less often, and nowhere more often: {told}")
        }
        Outcome::NotShown => {
            format!("nothing worse was shown in B, which does not say that nothing is: {told}")
        }
        Outcome::Inconclusive => format!("nothing can be said: {told}"),
    }
}

/// `12/100`.
pub(super) fn ratio_of(Rate { k, n }: Rate) -> String {
    format!("{k}/{n}")
}

/// `p = 0.0031 after Holm over 6 tests`.
fn p_after(test: &Test) -> String {
    match test.tests {
        1 => p_text(test.p_adjusted),
        n => format!("{} after Holm over {n} pairs", p_text(test.p_adjusted)),
    }
}

/// Two digits, and more where they decide.
fn p_text(p: f64) -> String {
    match p {
        _ if p < 1e-15 => "p < 1e-15".to_owned(),
        _ if p < 0.001 => format!("p = {p:.1e}"),
        _ if p < 0.01 => format!("p = {p:.4}"),
        _ if (0.045..0.055).contains(&p) => format!("p = {p:.5}"),
        _ if p < 0.1 => format!("p = {p:.3}"),
        _ if p > 0.995 => "p = 1".to_owned(),
        _ => format!("p = {p:.2}"),
    }
}

/// Points of percent, as precise as a percentage.
fn points(difference: f64) -> String {
    let sign = if difference < 0.0 { "-" } else { "" };
    format!("{sign}{}", percent(difference.abs()).trim_end_matches(" %"))
}

/// `1.031 (0.980 to 1.074)`.
pub(super) fn ratio_text(ratio: &Ratio) -> String {
    let shown = |x: f64| if x < 10.0 { format!("{x:.3}") } else { format!("{x:.1}") };
    format!("{} ({} to {})", shown(ratio.estimate), shown(ratio.low), shown(ratio.high))
}

fn milliseconds(us: f64) -> String {
    format!("{:.2} ms", us / 1e3)
}
