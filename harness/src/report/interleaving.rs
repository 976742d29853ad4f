//! The interleaving table: threads as columns, time downwards.

use std::fmt::Write;

use crate::explore::interleaving::{Mark, Row, Table};
use crate::text::printable;

/// Characters that a line without columns may have, at least.
const ACROSS: usize = 60;
/// Most threads that have columns of their own; what others do is written across.
const COLUMNS: usize = 4;
/// Characters of a line.
const WIDTH: usize = 118;
/// Characters of a column, at least and at most, its gap included.
const COLUMN: std::ops::RangeInclusive<usize> = 12..=30;

/// The table as text.
pub fn interleaving(table: &Table) -> String {
    let layout = Layout::of(table);
    let heads = layout.columns.iter().map(|thread| (*thread, name(*thread)));
    let mut out = layout.line("step", &heads.collect::<Vec<_>>(), "where");
    for row in &table.rows {
        out += &match row {
            Row::Did { step, thread, op, object, mark, place } => {
                let object = object.as_ref().map_or(String::new(), |object| format!(" {object}"));
                let text = format!("{op}{object}{}", told(*mark));
                layout.cell(&step.to_string(), *thread, &text, place)
            }
            Row::Folded { threads, steps } => {
                let steps =
                    if *steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") };
                match threads[..] {
                    [thread] => layout.cell("", thread, &format!("... {steps}"), ""),
                    _ => layout.across(&format!("... {steps} of {} threads", threads.len())),
                }
            }
            Row::Preempted { from, to } => {
                let text = format!("- - {} could go on; {} runs ", name(*from), name(*to));
                let rest = layout.width().saturating_sub(text.chars().count());
                layout.across(&(text + &"- ".repeat(rest / 2)))
            }
        };
    }
    let _ = writeln!(out, "{}", "-".repeat(layout.width() + layout.step + 4));
    for end in &table.ends {
        out += &layout.cell("end", end.thread, &end.text, &end.place);
    }
    let _ = writeln!(out, "  {}", table.verdict);
    if !table.objects.is_empty() {
        let objects = table.objects.iter().map(|o| format!("{} = {:#x}", o.name, o.address));
        let _ = writeln!(out, "  {}", objects.collect::<Vec<_>>().join(", "));
    }
    printable(&out)
}

pub(super) fn told(mark: Mark) -> &'static str {
    match mark {
        Mark::None => "",
        Mark::Has => ": has it",
        Mark::Tries => ": tries",
        Mark::Waits => ": waits",
        Mark::Woken => ": woken",
        Mark::TimedOut => ": timed out",
    }
}

pub(super) fn name(thread: u32) -> String {
    if thread == 0 { "main".to_owned() } else { format!("thread {thread}") }
}

/// Which thread has which column, and how wide they are.
struct Layout {
    columns: Vec<u32>,
    step: usize,
    column: usize,
    place: usize,
}

impl Layout {
    fn of(table: &Table) -> Layout {
        let busy = |thread: &u32| {
            let told = |row: &&Row| match row {
                Row::Did { thread: t, object, .. } => t == thread && object.is_some(),
                Row::Preempted { from, to } => from == thread || to == thread,
                Row::Folded { .. } => false,
            };
            table.rows.iter().filter(told).count()
        };
        let mut columns = table.threads.clone();
        columns.sort_by_key(|thread| std::cmp::Reverse(busy(thread)));
        columns.truncate(COLUMNS);
        columns.sort_unstable();
        let texts = table.rows.iter().filter_map(|row| match row {
            Row::Did { thread, op, object, mark, .. } if columns.contains(thread) => {
                let object = object.as_ref().map_or(0, |object| object.len() + 1);
                Some(op.chars().count() + object + told(*mark).len())
            }
            _ => None,
        });
        let ends = table.ends.iter().filter(|end| columns.contains(&end.thread));
        let widest = texts.chain(ends.map(|end| end.text.chars().count())).max().unwrap_or(0) + 2;
        let steps = table.rows.iter().filter_map(|row| match row {
            Row::Did { step, .. } => Some(step.to_string().len()),
            _ => None,
        });
        let step = steps.max().unwrap_or(0).max(4);
        let column = widest.clamp(*COLUMN.start(), *COLUMN.end());
        let rows = table.rows.iter().filter_map(|row| match row {
            Row::Did { place, .. } => Some(place.chars().count()),
            _ => None,
        });
        let ends = table.ends.iter().map(|end| end.place.chars().count());
        let places = rows.chain(ends).max().unwrap_or(0).clamp(5, WIDTH / 3);
        // The columns get what the places leave.
        let column = column.min((WIDTH - step - 4 - places) / columns.len().max(1));
        let place = WIDTH - step - 4 - column * columns.len();
        Layout { columns, step, column, place }
    }

    fn width(&self) -> usize {
        self.column * self.columns.len()
    }

    /// A line with something in some columns.
    fn line(&self, step: &str, cells: &[(u32, String)], place: &str) -> String {
        let mut line = format!("  {step:>0$}  ", self.step);
        for column in &self.columns {
            let text = cells.iter().find(|(thread, _)| thread == column);
            let text = text.map_or(String::new(), |(_, text)| cut(text, self.column - 1));
            let _ = write!(line, "{text:<0$}", self.column);
        }
        let place = tail(place, self.place);
        format!("{}\n", format!("{line}{place}").trim_end())
    }

    /// A line with one thread's text, across all columns if the thread has none.
    fn cell(&self, step: &str, thread: u32, text: &str, place: &str) -> String {
        if self.columns.contains(&thread) {
            return self.line(step, &[(thread, text.to_owned())], place);
        }
        let text = cut(&format!("{}: {text}", name(thread)), self.width().max(1) - 1);
        let (width, place) = (self.width(), tail(place, self.place));
        let line = format!("  {step:>0$}  {text:<width$}{place}", self.step);
        format!("{}\n", line.trim_end())
    }

    fn across(&self, text: &str) -> String {
        // Beside few columns there is room where the places stand.
        let text = cut(text, self.width().max(ACROSS));
        format!("{}\n", format!("  {:>1$}  {text}", "", self.step).trim_end())
    }
}

/// The beginning of a text, as much as fits.
fn cut(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// The end of a path and what follows it, as much as fits; where something is left out that is seen, so
/// that nobody takes the rest for another file.
fn tail(place: &str, width: usize) -> String {
    const LEFT_OUT: &str = "…/";
    if place.chars().count() <= width {
        return place.to_owned();
    }
    let (mut rest, room) = (place, width.saturating_sub(LEFT_OUT.chars().count()));
    while rest.chars().count() > room
        && let Some((_, after)) = rest.split_once('/')
    {
        rest = after;
    }
    let shown =
        if rest.len() < place.len() { format!("{LEFT_OUT}{rest}") } else { rest.to_owned() };
    cut(&shown, width)
}

#[cfg(test)]
mod tests;
