//! What a person reads last of a campaign: a line a unit, where the rest is, and what to type next.

use std::fmt::Write;
use std::path::Path;

use super::json::worst;
use super::next;
use super::page::words::counted;
use super::style::Paint;
use crate::event::Summary;
use crate::stats::Rate;
use crate::store::Run;
use crate::text::printable;

/// The last lines of `stress`.
pub fn closing(run: &Run, summaries: &[Summary], report: Option<&Path>, paint: Paint) -> String {
    let mut out = format!("\n{}", table(summaries, paint));
    let total = summaries.iter().map(Summary::trials).sum::<u64>();
    let found: u64 = summaries.iter().map(|s| s.rate.k).sum();
    let rate = Rate { k: found, n: summaries.iter().map(|s| s.rate.n).sum() };
    let worst = worst(summaries);
    let grade = paint.grade(worst, worst);
    let _ = writeln!(out, "\n{}, {found} with findings; {grade}", counted(total, "trial"));
    let left: u64 = summaries.iter().map(|s| s.left_behind).sum();
    if left > 0 {
        let what =
            if left == 1 { "process behind, which was" } else { "processes behind, which were" };
        let _ = writeln!(out, "the trials left {left} {what} killed");
    }
    if summaries.len() > 1 && rate.k == 0 && rate.n > 0 {
        let _ = writeln!(out, "over all of them, if they are alike: {}", rate.sentence());
    }
    out += &places(run, report);
    let _ = write!(out, "\n{}", next::lines(&next::stressed(run, summaries), paint));
    out
}

/// Where a run and its report are kept.
pub(super) fn places(run: &Run, report: Option<&Path>) -> String {
    let mut out = format!("run:    {}\n", printable(&run.dir.to_string_lossy()));
    if let Some(report) = report {
        let _ = writeln!(out, "report: {}", printable(&report.to_string_lossy()));
    }
    out
}

fn table(summaries: &[Summary], paint: Paint) -> String {
    let rows: Vec<[String; 4]> = summaries
        .iter()
        .map(|s| {
            let title = printable(&format!("{} x {}", s.scenario, s.threads));
            let median = s.median_us.map(|us| format!("median {:.1} ms", us as f64 / 1000.0));
            [title, s.grade().to_string(), s.short(), median.unwrap_or_default()]
        })
        .collect();
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (titles, grades, shorts) = (width(0), width(1), width(2));
    let mut out = String::new();
    for ([title, grade, short, median], summary) in rows.iter().zip(summaries) {
        let grade = paint.grade(summary.grade(), format!("{grade:grades$}"));
        let rest = format!("{short:shorts$}  {median}");
        let _ = writeln!(out, "{title:titles$}  {grade}  {}", rest.trim_end());
    }
    if !rows.is_empty() {
        out += "Ranges are 95 % intervals; \"at most\" is the largest probability per trial left open.\n";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{clean, finding, header, run, unit};
    use crate::verdict::{Confidence::Proven, Kind};

    #[test]
    fn colours_add_nothing_to_the_words() {
        let header = header(vec![unit("transfer", 2, 2), unit("audit", 8, 1)]);
        let deadlock = finding(Kind::Deadlock, Proven, "transfer");
        let trials = vec![
            clean(&header, 0, 0),
            clean(&header, 0, 1).with(&header, deadlock),
            clean(&header, 1, 0),
        ];
        let run = run(&header, trials);
        let told = |paint| closing(&run, &run.summaries(), Some(Path::new("REPORT.md")), paint);
        let (plain, coloured) = (told(Paint::PLAIN), told(Paint::COLOURED));
        assert!(!plain.contains('\x1b') && coloured.contains('\x1b'));
        assert_eq!(plain, console::strip_ansi_codes(&coloured));
        for words in ["bank/transfer x 2  UNEXPECTED", "as expected", "3 trials, 1 with findings"] {
            assert!(plain.contains(words), "{words} is not in\n{plain}");
        }
        assert!(plain.contains("\nnext:\n  standstill report "), "{plain}");
    }
}
