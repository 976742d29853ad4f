//! What a reader of a comparison has to know besides: what was left out, and what else differs.

use super::words::counted;
use crate::compare::Comparison;
use crate::compare::pairing::{Alone, Which};
use crate::compare::unlike::Unlike;

/// Crates that are named before the rest is counted.
const MOST_CRATES: usize = 10;

/// All of it, by title.
pub(super) fn remarks(of: &Comparison) -> Vec<(&'static str, Vec<String>)> {
    [
        ("without a partner, and not compared", alone(of)),
        ("crates that differ", crates(of)),
        ("differs besides, and may be what a difference comes from", unlike(of)),
        ("note", notes(of)),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .collect()
}

/// Units without a partner, by side.
fn alone(of: &Comparison) -> Vec<String> {
    let line = |unit: &Alone| {
        let side = match unit.only_in {
            Which::A => "A",
            Which::B => "B",
        };
        let (threads, trials) = (counted(unit.threads, "thread"), counted(unit.trials, "trial"));
        format!("only in {side}: {} with {threads} ({trials})", unit.scenario)
    };
    let mut lines: Vec<String> = of.alone.iter().map(line).collect();
    if of.unasked > 0 {
        let units = counted(of.unasked as u64, "pair");
        lines.push(format!("{units} of scenario and thread count that no --pair speaks of"));
    }
    lines
}

/// Crates of unlike version: those that a scenario crate names itself first.
fn crates(of: &Comparison) -> Vec<String> {
    let mut crates: Vec<_> = of.crates.iter().collect();
    crates.sort_by_key(|diff| !diff.direct);
    let versions = |versions: &[String]| match versions {
        [] => "none".to_owned(),
        some => some.join(" and "),
    };
    let told = crates.iter().take(MOST_CRATES);
    let mut lines: Vec<String> = told
        .map(|diff| format!("{} {} -> {}", diff.name, versions(&diff.a), versions(&diff.b)))
        .collect();
    if let left @ 1.. = crates.len().saturating_sub(MOST_CRATES) {
        lines.push(format!("and {}", counted(left as u64, "more crate")));
    }
    lines
}

/// What should be equal and is not.
fn unlike(of: &Comparison) -> Vec<String> {
    let line = |u: &Unlike| format!("{}: {} -> {}", u.what, u.a, u.b);
    of.unlike.iter().map(line).collect()
}

/// What may keep the comparison from meaning what it seems to.
fn notes(of: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    if !of.same_binary.is_empty() {
        let books = of.same_binary.join(", ");
        notes.push(format!(
            "{books}: the binary is the same in A and B: a program is compared with itself"
        ));
    }
    let one_run = of.a.dir == of.b.dir;
    for (name, side) in [("A", &of.a), ("B", &of.b)].into_iter().take(if one_run { 1 } else { 2 }) {
        let name = if one_run { "the run" } else { name };
        if side.searches > 0 {
            let searches = match side.searches {
                1 => "a search".to_owned(),
                n => format!("{n} searches"),
            };
            notes.push(format!(
                "{name} holds {} of schedules too; only trials that the system schedules are compared",
                searches
            ));
        }
        if side.damaged > 0 {
            let lines = counted(side.damaged as u64, "line");
            notes.push(format!("{name} is damaged: {lines} could not be read"));
        }
        if (side.trials as u64) < side.planned {
            notes.push(format!(
                "{name} is not complete: it holds {} of {} planned trials",
                side.trials, side.planned
            ));
        }
    }
    notes
}
