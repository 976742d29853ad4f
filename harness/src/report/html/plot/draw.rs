//! The picture itself: SVG that takes its colours from the page.

use std::fmt::Write;

use minijinja::HtmlEscape;

use super::Series;
use super::axis::{self, Axis, Place};
use crate::report::page::RateFacts;

const HEIGHT: f64 = 300.0;
/// Room for the labels of shares, and above and below.
const LEFT: f64 = 58.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 46.0;
/// From the ends of the axis to the first and last thread count.
const INSET: f64 = 0.09;
/// Between two series at one thread count, at most.
const APART: f64 = 18.0;
/// Pixels that a label of the lower axis needs.
const LABEL: f64 = 26.0;

/// The area in which shares are drawn.
struct Frame<'a> {
    axis: Axis,
    series: &'a [Series<'a>],
    top: f64,
    right: f64,
}

/// The picture of some series. `all` are the places of every picture on the page, so that they share
/// one axis; `id` is used by no other.
pub(super) fn picture(series: &[Series], all: &[Place], top: f64, width: f64, id: &str) -> String {
    let right = width - 12.0;
    let inset = (right - LEFT) * INSET;
    let axis = Axis::of(all, LEFT + inset, right - inset);
    let frame = Frame { axis, series, top, right };
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {width} {HEIGHT}\" \
         role=\"img\" aria-labelledby=\"{id}\"><title id=\"{id}\">Share of judged trials with a \
         finding over thread counts, with 95 % intervals; the table has the same numbers</title>"
    );
    frame.grid(&mut out);
    for nth in 0..series.len() {
        frame.series(&mut out, nth);
    }
    out.push_str("</svg>");
    out
}

impl Frame<'_> {
    fn y(&self, share: f64) -> f64 {
        let share = if share.is_finite() { share.clamp(0.0, self.top) } else { 0.0 };
        let (low, high) = (HEIGHT - BOTTOM, TOP);
        low - (low - high) * share / self.top
    }

    fn grid(&self, out: &mut String) {
        for share in axis::ticks(self.top) {
            let y = self.y(share);
            let class = if share == 0.0 { "axis" } else { "grid" };
            let _ = write!(
                out,
                "<line class=\"{class}\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"y\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                self.right,
                LEFT - 8.0,
                y + 4.0,
                axis::percent(share)
            );
        }
        let (y, mut free) = (HEIGHT - BOTTOM, 0.0);
        for (place, x) in &self.axis.places {
            let _ = write!(
                out,
                "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\"/>",
                y + 5.0
            );
            let (label, room) = (place.label(), LABEL / 2.0);
            let room = if label.len() > 3 { room * 1.6 } else { room };
            if x - room >= free {
                free = x + room;
                let _ = write!(
                    out,
                    "<text class=\"x\" x=\"{x:.1}\" y=\"{:.1}\">{label}</text>",
                    y + 20.0
                );
            }
        }
        let _ = write!(
            out,
            "<text class=\"what\" x=\"{:.1}\" y=\"{:.1}\">threads</text>",
            (LEFT + self.right) / 2.0,
            HEIGHT - 6.0
        );
    }

    /// Which points stand at a place, side by side: by series, and by number in the series.
    fn beside(&self, place: Place) -> Vec<(usize, usize)> {
        let all = self.series.iter().enumerate().flat_map(|(nth, series)| {
            series.points.iter().enumerate().map(move |(at, point)| (nth, at, point.0))
        });
        all.filter(|(_, _, known)| *known == place).map(|(nth, at, _)| (nth, at)).collect()
    }

    /// One series, beside the others where they share a thread count.
    fn series(&self, out: &mut String, nth: usize) {
        let series = &self.series[nth];
        let _ = write!(out, "<g class=\"series s{}\">", series.nth);
        for (at, (place, rate)) in series.points.iter().enumerate() {
            let Some(x) = self.axis.at(*place) else { continue };
            let beside = self.beside(*place);
            let slot = beside.iter().position(|known| *known == (nth, at)).unwrap_or(0);
            let apart = (self.axis.gap * 0.8 / beside.len() as f64).min(APART);
            let aside = (slot as f64 - (beside.len() - 1) as f64 / 2.0) * apart;
            self.point(out, series, x + aside, *place, rate, (apart / 2.0 - 1.0).clamp(1.5, 5.0));
        }
        out.push_str("</g>");
    }

    fn point(
        &self,
        out: &mut String,
        series: &Series,
        x: f64,
        place: Place,
        rate: &RateFacts,
        cap: f64,
    ) {
        let what = if rate.k == 0 { "bound" } else { "rate" };
        let (low, high) = (self.y(rate.low), self.y(rate.high));
        let share = if rate.n == 0 { 0.0 } else { rate.k as f64 / rate.n as f64 };
        let told = format!(
            "{}, {}: {} of {}, {}",
            series.name,
            place.words(),
            rate.k,
            rate.n,
            rate.interval
        );
        let (from, to) = (x - cap, x + cap);
        let _ = write!(
            out,
            "<g class=\"{what}\"><title>{}</title>\
             <path class=\"bar\" d=\"M{x:.1} {low:.1}V{high:.1}\"/>\
             <path class=\"cap\" d=\"M{from:.1} {high:.1}H{to:.1}",
            HtmlEscape(&told)
        );
        if rate.k > 0 {
            let _ = write!(out, "M{from:.1} {low:.1}H{to:.1}");
        }
        let _ = write!(out, "\"/>{}</g>", shape(series.nth, x, self.y(share), 5.0));
    }
}

/// The mark of a series: no two have the same shape.
fn shape(nth: usize, x: f64, y: f64, r: f64) -> String {
    let d = match nth {
        0 => return format!("<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r}\"/>"),
        1 => format!("M{:.1} {:.1}h{s}v{s}h-{s}z", x - r * 0.9, y - r * 0.9, s = r * 1.8),
        2 => format!("M{x:.1} {:.1}l{r} {h}h-{w}z", y - r * 1.1, h = r * 1.9, w = r * 2.0),
        3 => format!("M{x:.1} {:.1}l{q} {q}l-{q} {q}l-{q} -{q}z", y - r * 1.25, q = r * 1.25),
        4 => format!("M{x:.1} {:.1}l{r} -{h}h-{w}z", y + r * 1.1, h = r * 1.9, w = r * 2.0),
        _ => {
            let (a, b) = (r * 0.45, r * 0.8);
            format!(
                "M{:.1} {:.1}h{w}v{b}h{b}v{w}h-{b}v{b}h-{w}v-{b}h-{b}v-{w}h{b}z",
                x - a,
                y - a - b,
                w = a * 2.0
            )
        }
    };
    format!("<path class=\"dot\" d=\"{d}\"/>")
}

/// The mark of a series for the legend.
pub(super) fn sample(nth: usize) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot sample\" viewBox=\"0 0 18 18\" \
         width=\"18\" height=\"18\" aria-hidden=\"true\"><g class=\"series s{nth}\">\
         <g class=\"rate\">{}</g></g></svg>",
        shape(nth, 9.0, 9.0, 5.0)
    )
}
