//! A comparison to paste into an issue: no path of ours, no table that breaks.

use std::fmt::Write;

use super::remarks::remarks;
use super::words::{LEGEND, Words, interval_of, overall, ratio_of, ratio_text, shown, tidy};
use super::{counted, made};
use crate::compare::Comparison;
use crate::report::page::words::literal;

/// As GitHub's Markdown.
pub fn markdown(of: &Comparison) -> String {
    let mut out = format!("**{}**\n\n", literal(&overall(of)));
    let one_run = of.a.dir == of.b.dir;
    let sides = [(if one_run { "A and B" } else { "A" }, &of.a), ("B", &of.b)];
    for (name, side) in sides.into_iter().take(if one_run { 1 } else { 2 }) {
        let command = tidy(&side.command).replace('`', "'");
        let _ = writeln!(out, "- {name}: {}: `{command}`", made(side));
    }
    if !of.pairs.is_empty() {
        out += "\n| scenario | threads | A failed | B failed | points B - A | p | time B / A | B fails |\n\
                |---|---:|---|---|---:|---:|---|---|\n";
    }
    for pair in &of.pairs {
        let [difference, p] = Words(pair).cells();
        let [a, b] = [&pair.a, &pair.b]
            .map(|side| format!("{} ({})", ratio_of(side.rate), interval_of(side)));
        let time = pair.time.as_ref().map_or("-".to_owned(), ratio_text);
        let shown = shown(pair);
        let title = literal(&pair.title()).replace('|', "\\|");
        let threads = pair.threads;
        let _ = writeln!(
            out,
            "| {title} | {threads} | {a} | {b} | {difference} | {p} | {time} | {shown} |"
        );
    }
    out.push('\n');
    for pair in &of.pairs {
        let words = Words(pair);
        let title = literal(&pair.title());
        let _ = writeln!(out, "- {title}, {}: {}", counted(pair.threads, "thread"), words.rates());
        let more = [words.kinds(), words.inconclusive(), Some(words.time())];
        for line in more.iter().flatten() {
            let _ = writeln!(out, "  - {}", literal(line));
        }
    }
    for (title, lines) in remarks(of) {
        let _ = writeln!(out, "- {title}:");
        for line in lines {
            let _ = writeln!(out, "  - {}", literal(&line));
        }
    }
    let _ = write!(out, "\n<sub>{LEGEND}</sub>\n");
    out
}
