//! Two runs compared: for a terminal, as one JSON object, or as a table to paste into an issue.

mod markdown;
mod remarks;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::compare::{Comparison, Origin, Pair};
use crate::text::printable;
use crate::verdict::Kind;
use remarks::remarks;
use words::{Words, counted};

pub use markdown::markdown;
pub use words::overall;

/// No line that can be broken is longer.
const WIDTH: usize = 100;

/// For a terminal: a table for each scenario, then a paragraph for each thread count.
pub fn text(of: &Comparison) -> String {
    let mut out = String::new();
    let one_run = of.a.dir == of.b.dir;
    let sides = [(if one_run { "A, B" } else { "A" }, &of.a), ("B", &of.b)];
    for (name, side) in sides.into_iter().take(if one_run { 1 } else { 2 }) {
        wrap(&mut out, 2, &format!("{name}: {}: {}", side.dir.display(), made(side)));
        wrap(&mut out, 2, &format!("  {}", side.command));
    }
    for pairs in of.pairs.chunk_by(|a, b| a.title() == b.title()) {
        let _ = write!(out, "\n{}\n", pairs[0].title());
        table(&mut out, pairs);
        out.push('\n');
        for pair in pairs {
            paragraph(&mut out, pair);
        }
    }
    for (title, lines) in remarks(of) {
        let _ = write!(out, "\n{title}:\n");
        lines.iter().for_each(|line| wrap(&mut out, 4, &format!("  {line}")));
    }
    if !of.pairs.is_empty() {
        out.push('\n');
        wrap(&mut out, 0, words::LEGEND);
    }
    out.push('\n');
    wrap(&mut out, 2, &overall(of));
    printable(&out)
}

/// One object with all numbers, and the sentences that belong to them.
pub fn json(of: &Comparison) -> serde_json::Value {
    let mut value = serde_json::json!(of);
    value["event"] = "comparison".into();
    value["sentence"] = overall(of).into();
    // As in what other commands print: what was found, here in the run that is judged.
    let kinds: BTreeSet<Kind> = of.pairs.iter().flat_map(|p| p.b.kinds.keys().copied()).collect();
    value["kinds"] = serde_json::json!(kinds);
    for (shown, pair) in value["pairs"].as_array_mut().into_iter().flatten().zip(&of.pairs) {
        shown["sentence"] = Words(pair).rates().into();
    }
    value
}

/// `300 trials, began 2026-01-02T03:04:05Z, standstill 0.1.0`.
fn made(side: &Origin) -> String {
    let Origin { began, standstill, trials, planned, .. } = side;
    let trials = match *trials as u64 == *planned {
        true => counted(*planned, "trial"),
        false => format!("{trials} of {planned} planned trials"),
    };
    format!("{trials}, began {began}, standstill {standstill}")
}

fn table(out: &mut String, pairs: &[Pair]) {
    let mut rows = vec![
        ["threads", "A failed", "95 % interval", "B failed", "95 % interval", "points B - A", "p"]
            .map(str::to_owned),
    ];
    rows.extend(pairs.iter().map(|pair| {
        let words = Words(pair);
        let [(a, of_a), (b, of_b)] =
            [&pair.a, &pair.b].map(|side| (words::ratio_of(side.rate), words::interval_of(side)));
        let [difference, p] = words.cells();
        [pair.threads.to_string(), a, of_a, b, of_b, difference, p]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
        let _ = writeln!(out, "  {}", cells.collect::<Vec<_>>().join("  "));
    }
}

fn paragraph(out: &mut String, pair: &Pair) {
    let words = Words(pair);
    wrap(out, 4, &format!("  {}: {}", counted(pair.threads, "thread"), words.rates()));
    let more = [words.kinds(), words.inconclusive(), Some(words.time()), words.throughput()];
    more.iter().flatten().for_each(|line| wrap(out, 6, &format!("    {line}")));
}

/// Appends one paragraph, its later lines moved to the right.
fn wrap(out: &mut String, by: usize, text: &str) {
    let first = text.len() - text.trim_start().len();
    let mut line = " ".repeat(first);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line = " ".repeat(by);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    let _ = writeln!(out, "{line}");
}
