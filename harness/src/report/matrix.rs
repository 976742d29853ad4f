//! A matrix as people read it: a table for the terminal, and one for an issue.

mod bisection;

pub use bisection::{sentence, steps};

use crate::explore::target::quoted;
use crate::matrix::merge::NOT_ASKED;
use crate::matrix::record::{Cell, Lane, Matrix, Row, Shown, Tried};
use crate::report::page::{SubjectFacts, VersionFacts};
use crate::stats::{Rate, percent};

/// For the terminal.
pub fn text(matrix: &Matrix) -> String {
    let rows = table(matrix);
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        out += cells.collect::<Vec<_>>().join("  ").trim_end();
        out.push('\n');
    }
    out.push('\n');
    for line in remarks(matrix) {
        out += &format!("{line}\n");
    }
    if let Some(bisected) = &matrix.bisection {
        out = format!("{}\n{}\n", steps(bisected, &matrix.name), sentence(bisected, &matrix.name));
    }
    out
}

/// For an issue.
pub fn markdown(matrix: &Matrix) -> String {
    if let Some(bisected) = &matrix.bisection {
        let table = bisection::rows(bisected);
        return format!("{}\n\n{}", sentence(bisected, &matrix.name), pipes(&table));
    }
    let mut out = pipes(&table(matrix));
    out.push('\n');
    for line in remarks(matrix) {
        out += &format!("- {}\n", escaped(&line));
    }
    out
}

/// For a report of runs of this subject.
pub fn facts(matrix: &Matrix, subject: &SubjectFacts) -> VersionFacts {
    let (mut table, mut sentences) = match &matrix.bisection {
        Some(bisected) => (bisection::rows(bisected), vec![sentence(bisected, &matrix.name)]),
        None => (table(matrix), remarks(matrix)),
    };
    let heads = if table.is_empty() { vec![] } else { table.remove(0) };
    sentences.splice(..0, unlike(matrix, subject));
    VersionFacts { title: title(matrix), sentences, heads, rows: table }
}

/// Which crate's versions they are, and what tried them.
fn title(matrix: &Matrix) -> String {
    let mut lanes: Vec<&str> = matrix.rows.iter().map(|row| row.lane.name()).collect();
    lanes.extend(matrix.bisection.iter().map(|bisected| bisected.lane.name()));
    lanes.dedup();
    let s = if lanes.len() == 1 { "" } else { "s" };
    format!(
        "{}, tried by {} (package {}, {} lane{s})",
        matrix.name,
        listed(&tried_by(matrix)),
        matrix.package,
        lanes.join(" and ")
    )
}

/// The scenarios, or the program.
fn tried_by(matrix: &Matrix) -> Vec<&str> {
    let mut names: Vec<&str> = matrix.rows.iter().map(|row| row.what.as_str()).collect();
    names.extend(matrix.bisection.iter().map(|bisected| bisected.what.as_str()));
    names.sort_unstable();
    names.dedup();
    names
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// That it is not about what the runs of the report are about, where it is not.
fn unlike(matrix: &Matrix, subject: &SubjectFacts) -> Option<String> {
    let tried = tried_by(matrix);
    // Where the library is not known, the subject goes by the name of what examined it.
    let is_known = subject.name != subject.by.join(", ");
    if is_known && subject.name != matrix.name {
        return Some(format!(
            "These are versions of {}, and the runs of this report are about {}: what is said here is \
             not about them.",
            matrix.name, subject.name
        ));
    }
    let is_other = !tried.iter().any(|name| subject.by.iter().any(|by| by == name));
    is_other.then(|| {
        let by: Vec<&str> = subject.by.iter().map(String::as_str).collect();
        format!(
            "These versions were tried by {}, and the runs of this report are of {}: what is said here \
             is not about them.",
            listed(&tried),
            listed(&by)
        )
    })
}

/// A table between pipes.
fn pipes(rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (nth, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        out += &format!("| {} |\n", cells.join(" | "));
        if nth == 0 {
            out += &format!("|{}\n", "---|".repeat(row.len()));
        }
    }
    out
}

/// What would end a cell, or be taken for markup.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ").replace('*', "\\*")
}

/// The head and a line a row, all as wide as one another.
fn table(matrix: &Matrix) -> Vec<Vec<String>> {
    let has_threads = matrix.rows.iter().any(|row| row.threads.is_some());
    let mut head = vec![matrix.name.clone()];
    if has_threads {
        head.push("threads".to_owned());
    }
    head.push("lane".to_owned());
    head.extend(matrix.columns.iter().map(|column| column.source.title()));
    let line = |row: &Row| {
        let mut line = vec![what(row, matrix)];
        if has_threads {
            line.push(row.threads.map_or_else(String::new, |threads| threads.to_string()));
        }
        line.push(row.lane.name().to_owned());
        line.extend(row.cells.iter().map(cell));
        line
    };
    std::iter::once(head).chain(matrix.rows.iter().map(line)).collect()
}

/// What was tried, with its flags where it was tried with others, too.
fn what(row: &Row, matrix: &Matrix) -> String {
    let of = |row: &Row| (row.lane, row.what.clone(), row.threads);
    let is_other = |known: &&Row| of(known) == of(row) && known.with != row.with;
    let words: Vec<String> = row.with.iter().map(|word| quoted(word)).collect();
    match matrix.rows.iter().find(is_other) {
        Some(_) if !words.is_empty() => format!("{} {}", row.what, words.join(" ")),
        _ => row.what.clone(),
    }
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::NotBuilt { .. } => "does not build".to_owned(),
        Cell::NotTried { .. } => "not tried".to_owned(),
        Cell::Tried(tried) => tried_words(tried),
    }
}

fn tried_words(tried: &Tried) -> String {
    let Rate { k, n } = tried.rate;
    let (low, high) = tried.interval;
    let unclear = match tried.inconclusive {
        0 => String::new(),
        some => format!(", {some} inconclusive"),
    };
    match (k, n) {
        (_, 0) => format!("nothing can be said{unclear}"),
        (0, _) => format!("0 of {n} (at most {}){unclear}", percent(high)),
        _ => {
            let range = format!("{} to {}", percent(low), percent(high));
            format!("{k} of {n} ({range}) {}{unclear}", kinds(&tried.shown))
        }
    }
}

/// What was found, with how sure it is where that is not proven.
fn kinds(shown: &[Shown]) -> String {
    let one = |shown: &Shown| match shown.confidence {
        crate::verdict::Confidence::Proven => shown.kind.to_string(),
        less => format!("{} ({less})", shown.kind),
    };
    let kinds = shown.iter().map(|found| match shown.len() {
        1 => one(found),
        _ => format!("{} {}", found.times, one(found)),
    });
    kinds.collect::<Vec<_>>().join(", ")
}

/// What the table cannot say.
fn remarks(matrix: &Matrix) -> Vec<String> {
    let mut lines = vec![];
    for column in &matrix.columns {
        let title = format!("{} {}", matrix.name, column.source.title());
        if let Some(why) = &column.not_built {
            lines.push(format!("{title} does not build: {why}"));
        }
        lines.extend(column.notes.iter().map(|note| format!("{title}: {note}")));
    }
    for row in &matrix.rows {
        for (cell, column) in row.cells.iter().zip(&matrix.columns) {
            let title = format!("{} over {} {}", row.what, matrix.name, column.source.title());
            match cell {
                Cell::NotTried { why } if why == NOT_ASKED => {}
                Cell::NotTried { why } => lines.push(format!("{title} was not tried: {why}")),
                Cell::Tried(Tried { why: Some(why), .. }) => lines.push(format!("{title}: {why}")),
                _ => {}
            }
        }
    }
    let is_tried = |row: &Row| row.cells.iter().any(|cell| matches!(cell, Cell::Tried(_)));
    if !matrix.rows.iter().any(is_tried) {
        return lines;
    }
    let range = "Ranges are 95 % intervals; \"at most\" is the largest probability that n trials \
                 without a finding leave open.";
    lines.push(range.to_owned());
    if matrix.rows.iter().any(|row| row.lane == Lane::Controlled) {
        let held = "Rates of the controlled lane hold for schedules as this search draws them; how \
                    often it happens without control they do not say.";
        lines.push(held.to_owned());
    }
    lines
}

#[cfg(test)]
mod tests;
