//! Rates with their 95 % intervals over thread counts, as pictures.
//!
//! A series is a scenario, told from the others by its shape before its colour. A rate of zero is no
//! estimate but a bound: an open shape on the axis under a broken bar up to what is not excluded.

mod axis;
mod draw;

use serde::Serialize;

use crate::report::page::{NativeRow, RateFacts};
use axis::Place;

/// Series in one picture; more of them get pictures of their own, with the same axes.
const MOST: usize = 6;
/// Widths that are drawn, for a desk and for a hand.
const WIDE: f64 = 720.0;
const NARROW: f64 = 340.0;

/// One picture, in two widths of which the page shows one, and what stands below.
#[derive(Debug, Serialize)]
pub(super) struct Plot {
    wide: String,
    narrow: String,
    legend: Vec<Entry>,
    /// Whether some rate in it is zero, so that a bound is drawn.
    has_bounds: bool,
    /// Whether some is not.
    has_rates: bool,
}

/// A line of the legend.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    shape: String,
}

/// A scenario, run in one way.
#[derive(Debug)]
struct Series<'a> {
    name: String,
    /// Its number on the page: its shape and colour.
    nth: usize,
    points: Vec<(Place, &'a RateFacts)>,
}

/// Pictures of what was judged; none where nothing was.
pub(super) fn plots(rows: &[NativeRow]) -> Vec<Plot> {
    let series = series(rows);
    let all: Vec<Place> = series.iter().flat_map(|s| s.points.iter().map(|p| p.0)).collect();
    let highs = series.iter().flat_map(|s| s.points.iter().map(|p| p.1.high));
    let top = axis::top(highs.fold(0.0, f64::max));
    let plot = |(nth, chunk): (usize, &[Series])| {
        let rates = || chunk.iter().flat_map(|s| s.points.iter().map(|p| p.1));
        Plot {
            wide: draw::picture(chunk, &all, top, WIDE, &format!("plot-{nth}-wide")),
            narrow: draw::picture(chunk, &all, top, NARROW, &format!("plot-{nth}-narrow")),
            legend: chunk.iter().map(Entry::of).collect(),
            has_bounds: rates().any(|rate| rate.k == 0),
            has_rates: rates().any(|rate| rate.k > 0),
        }
    };
    series.chunks(MOST).enumerate().map(plot).collect()
}

fn series(rows: &[NativeRow]) -> Vec<Series<'_>> {
    let mut all: Vec<Series> = Vec::new();
    for row in rows.iter().filter(|row| row.rate.n > 0) {
        let name = match row.how.as_str() {
            "plain" => row.scenario.clone(),
            how => format!("{}, {how}", row.scenario),
        };
        let nth = all.iter().position(|s| s.name == name).unwrap_or_else(|| {
            all.push(Series { name, nth: all.len() % MOST, points: vec![] });
            all.len() - 1
        });
        all[nth].points.push((Place::of(row.threads), &row.rate));
    }
    all
}

impl Entry {
    fn of(series: &Series) -> Entry {
        Entry { name: series.name.clone(), shape: draw::sample(series.nth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Rate;

    fn row(scenario: &str, threads: Option<u32>, k: u64, n: u64) -> NativeRow {
        NativeRow {
            scenario: scenario.to_owned(),
            threads,
            how: "plain".to_owned(),
            rate: RateFacts::of(Rate { k, n }),
            kinds: vec![],
            clean: n - k,
            inconclusive: 0,
            median_us: None,
            p99_us: None,
            median: "-".to_owned(),
            p99: "-".to_owned(),
            grade: "as expected".to_owned(),
        }
    }

    /// Names of SVG's own.
    const TITLE: (&str, &str) = ("http://www.w3.org/2000/svg", "title");
    const SCRIPT: (&str, &str) = ("http://www.w3.org/2000/svg", "script");

    fn parsed(svg: &str) -> roxmltree::Document<'_> {
        roxmltree::Document::parse(svg).unwrap_or_else(|e| panic!("{e}: {svg}"))
    }

    fn classed<'a>(svg: &'a roxmltree::Document, class: &str) -> Vec<roxmltree::Node<'a, 'a>> {
        let has = |n: &roxmltree::Node| {
            n.attribute("class").is_some_and(|c| c.split(' ').any(|c| c == class))
        };
        svg.descendants().filter(has).collect()
    }

    #[test]
    fn nothing_judged_is_no_picture() {
        assert!(plots(&[row("a/b", Some(2), 0, 0)]).is_empty() && plots(&[]).is_empty());
    }

    #[test]
    fn none_found_is_drawn_as_a_bound_and_never_as_a_rate() {
        let rows = [row("a/b", Some(2), 0, 100), row("a/b", Some(8), 3, 100)];
        let plot = &plots(&rows)[0];
        let svg = parsed(&plot.wide);
        let (bounds, rates) = (classed(&svg, "bound"), classed(&svg, "rate"));
        assert_eq!((bounds.len(), rates.len()), (1, 1));
        let title = |node: &roxmltree::Node| {
            let title = node.descendants().find(|n| n.has_tag_name(TITLE));
            title.and_then(|n| n.text().map(str::to_owned)).unwrap_or_default()
        };
        let told = "a/b, 2 threads: 0 of 100, at most 3.62 %";
        assert!(title(&bounds[0]).contains(told), "{}", title(&bounds[0]));
        assert!(title(&rates[0]).contains("3 of 100"), "{}", title(&rates[0]));
        assert!(plot.has_bounds && plot.has_rates);
    }

    #[test]
    fn thread_counts_stand_at_their_logarithm() {
        let rows = [2, 8, 32].map(|threads| row("a/b", Some(threads), 1, 10));
        let plot = plots(&rows);
        let svg = parsed(&plot[0].wide);
        let at = |label: &str| {
            let found = classed(&svg, "x").into_iter().find(|n| n.text() == Some(label));
            found.and_then(|n| n.attribute("x")?.parse::<f64>().ok()).expect("no such label")
        };
        assert!(((at("8") - at("2")) - (at("32") - at("8"))).abs() < 0.2);
    }

    #[test]
    fn a_program_stands_beside_the_axis_of_threads() {
        let rows = [row("a", None, 1, 10), row("a/b", Some(1), 1, 10), row("a/b", Some(2), 1, 10)];
        let plots = plots(&rows);
        let svg = parsed(&plots[0].narrow);
        let labels: Vec<_> = classed(&svg, "x").iter().filter_map(|n| n.text()).collect();
        assert_eq!(labels, ["1", "2", "its own"]);
    }

    #[test]
    fn many_scenarios_get_several_pictures_with_one_scale() {
        let names: Vec<String> = (0..8).map(|nth| format!("a/{nth}")).collect();
        let rows: Vec<NativeRow> = names.iter().map(|name| row(name, Some(2), 1, 10)).collect();
        let plots = plots(&rows);
        assert_eq!(plots.iter().map(|p| p.legend.len()).collect::<Vec<_>>(), [6, 2]);
        let ticks = |plot: &Plot| {
            let svg = parsed(&plot.wide);
            classed(&svg, "y").iter().map(|n| n.text().map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(ticks(&plots[0]), ticks(&plots[1]));
    }

    #[test]
    fn hostile_names_and_odd_numbers_stay_within_the_picture() {
        let mut odd = row("</svg><script>'\"&", Some(u32::MAX), 1, 2);
        odd.rate.low = f64::NAN;
        odd.rate.high = 1e300;
        let mut many = row("a", Some(1), 1, 1);
        (many.rate.k, many.rate.n) = (u64::MAX, u64::MAX);
        let rows = [odd, many, row("a", Some(0), 1, 1), row("a", None, 0, 3)];
        for plot in plots(&rows) {
            for svg in [&plot.wide, &plot.narrow] {
                let svg = parsed(svg);
                let no_number = |text: &str| text.contains("NaN") || text.contains("inf");
                assert!(svg.descendants().all(|n| n.attributes().all(|a| !no_number(a.value()))));
                assert!(!svg.descendants().any(|n| n.has_tag_name(SCRIPT)));
            }
        }
    }
}
