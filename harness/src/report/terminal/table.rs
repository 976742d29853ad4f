//! The live table: a row for each scenario and thread count, as far as the screen has room.
//!
//! Where it has not, only what is being run is shown, and the rest is counted.

use std::time::Duration;

use crate::event::Summary;
use crate::report::style::Paint;
use crate::stats::{Rate, percent};
use crate::text::printable;

/// Characters of a row's bar.
const BAR: usize = 16;

/// One scenario with one thread count.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its trials in this session.
    pub(super) summary: Summary,
    /// Trials that are to be run in this session, where that is known.
    pub(super) total: Option<u64>,
    /// Whether all of them were.
    pub(super) ended: bool,
    /// Time from the end of what was run before to the last of its trials.
    pub(super) took: Duration,
}

/// The rows, each no wider than `width`; at most `height` of them.
pub(super) fn lines(rows: &[Row], width: usize, height: usize, paint: Paint) -> Vec<String> {
    let began = |row: &&Row| row.ended || row.summary.trials() > 0;
    let is_tight = rows.len() > height;
    let in_flight = |row: &&Row| began(row) && !row.ended;
    let shown: Vec<&Row> = match is_tight {
        false => rows.iter().collect(),
        true => rows.iter().filter(in_flight).take(height.saturating_sub(1)).collect(),
    };
    let widest = shown.iter().map(|row| title(row).chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = shown.iter().map(|row| line(row, widest, paint)).collect();
    if is_tight && height > 0 {
        let ended = rows.iter().filter(|row| row.ended).count();
        let left = rows.iter().filter(|row| !began(row)).count();
        let found = rows.iter().filter(|row| row.summary.rate.k > 0).count();
        let text = format!(
            "{} pairs of scenario and thread count: {ended} done, {left} to come, findings in {found}",
            rows.len()
        );
        lines.push(paint.dim(text).to_string());
    }
    let cut = |line: &String| console::truncate_str(line, width, "…").into_owned();
    lines.iter().map(cut).collect()
}

fn title(row: &Row) -> String {
    printable(&format!("{} x {}", row.summary.scenario, row.summary.threads))
}

fn line(row: &Row, widest: usize, paint: Paint) -> String {
    let summary = &row.summary;
    let title = format!("{:widest$}", title(row));
    let seen = summary.trials();
    if seen == 0 {
        let what = if row.ended { "done" } else { "waits" };
        return paint.dim(format!("{title}  {what}")).to_string();
    }
    let bar = row.total.map_or(String::new(), |total| {
        let full = (BAR as u64 * seen.min(total) / total.max(1)) as usize;
        format!("  [{}{}] {seen}/{total}", "=".repeat(full), " ".repeat(BAR - full))
    });
    let speed = match row.took.as_secs_f64() {
        took if took > 0.0 => format!("  {:.1}/s", seen as f64 / took),
        _ => String::new(),
    };
    let grade = paint.grade(summary.grade(), summary.grade());
    format!("{title}{bar}  {}  {grade}{}", found(summary), paint.dim(speed))
}

/// `3 of 25, 2.55 % to 31.22 %`.
fn found(summary: &Summary) -> String {
    let Rate { k, n } = summary.rate;
    let (low, high) = summary.rate.interval();
    match (k, n) {
        (_, 0) => "nothing judged".to_owned(),
        (0, _) => format!("0 of {n}, at most {}", percent(high)),
        _ => format!("{k} of {n}, {} to {}", percent(low), percent(high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, k: u64, n: u64, total: u64) -> Row {
        let mut summary = Summary::new(0, &format!("bank/{name}"), 2);
        (summary.rate, summary.clean, summary.unexpected) = (Rate { k, n }, n - k, k);
        Row { summary, total: Some(total), ended: n == total, took: Duration::from_secs(n / 4) }
    }

    fn all() -> [Row; 4] {
        [
            row("transfer", 8, 8, 8),
            row("audit", 0, 4, 16),
            row("close", 3, 8, 16),
            row("open", 0, 0, 16),
        ]
    }

    #[test]
    fn each_unit_has_a_row_with_its_progress_and_what_was_found() {
        let lines = lines(&all(), 120, 10, Paint::PLAIN);
        insta::assert_snapshot!(lines.join("\n"), @r"
        bank/transfer x 2  [================] 8/8  8 of 8, 63.06 % to 100.00 %  UNEXPECTED  4.0/s
        bank/audit x 2     [====            ] 4/16  0 of 4, at most 60.24 %  as expected  4.0/s
        bank/close x 2     [========        ] 8/16  3 of 8, 8.52 % to 75.51 %  UNEXPECTED  4.0/s
        bank/open x 2      waits
        ");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let lines = lines(&all(), 120, 3, Paint::PLAIN);
        insta::assert_snapshot!(lines.join("\n"), @r"
        bank/audit x 2  [====            ] 4/16  0 of 4, at most 60.24 %  as expected  4.0/s
        bank/close x 2  [========        ] 8/16  3 of 8, 8.52 % to 75.51 %  UNEXPECTED  4.0/s
        4 pairs of scenario and thread count: 1 done, 1 to come, findings in 2
        ");
    }

    #[test]
    fn no_row_is_wider_than_the_screen_and_colours_take_no_room() {
        for width in [10, 40, 60] {
            for line in lines(&all(), width, 10, Paint::COLOURED) {
                assert!(console::measure_text_width(&line) <= width, "{line:?}");
            }
        }
        assert!(lines(&all(), 80, 0, Paint::PLAIN).is_empty());
        let plain = lines(&all(), 200, 10, Paint::PLAIN).join("\n");
        let coloured = lines(&all(), 200, 10, Paint::COLOURED).join("\n");
        assert_eq!(console::strip_ansi_codes(&coloured), plain);
        assert!(!plain.contains('\x1b'));
    }
}
