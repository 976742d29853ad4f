//! A sweep in words: a row for each tested thread count, then the answer in a sentence that claims no
//! more than was tested.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use super::style::Paint;
use super::{closing, next};
use crate::stats::percent;
use crate::store::Run;
use crate::sweep::counts::words;
use crate::sweep::looks::Says;
use crate::sweep::{Count, Swept};
use crate::verdict::Kind;

/// The last lines of `sweep`.
pub fn closing(run: &Run, swept: &Swept, report: Option<&Path>, paint: Paint) -> String {
    let mut out = format!("\n{}\n", table(swept, paint));
    for line in sentences(swept) {
        let _ = writeln!(out, "{line}");
    }
    let _ = write!(out, "\n{}", closing::places(run, report));
    let _ = write!(out, "\n{}", next::lines(&next::swept(run, swept), paint));
    out
}

/// Threads, k of n, rate, interval, and what that says.
fn table(swept: &Swept, paint: Paint) -> String {
    let heads = ["threads", "k of n", "rate", "interval", "says"].map(str::to_owned);
    let rows: Vec<[String; 5]> = swept
        .counts
        .iter()
        .map(|count| {
            let rate = match count.rate.n {
                0 => "-".to_owned(),
                n => percent(count.rate.k as f64 / n as f64),
            };
            let k_of_n = format!("{} of {}", count.rate.k, count.rate.n);
            [count.threads.to_string(), k_of_n, rate, count.interval(), count.says.to_string()]
        })
        .collect();
    let all = || std::iter::once(&heads).chain(&rows);
    let width = |at: usize| all().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let [threads, k_of_n, rate, interval, says] = [0, 1, 2, 3, 4].map(width);
    let line = |row: &[String; 5]| {
        format!(
            "{:>threads$}  {:>k_of_n$}  {:>rate$}  {:interval$}  ",
            row[0], row[1], row[2], row[3]
        )
    };
    let mut out = format!("{}\n", paint.strong(line(&heads) + "says"));
    for (row, count) in rows.iter().zip(&swept.counts) {
        let rest = besides(count);
        let word = match rest.is_empty() {
            true => row[4].clone(),
            false => format!("{:says$}", row[4]),
        };
        let _ = writeln!(out, "{}{}{rest}", line(row), paint.says(count.says, word));
    }
    let _ = writeln!(
        out,
        "The floor is {}. Each interval holds at 95 % over all looks at its count.",
        percent(swept.floor)
    );
    out
}

/// What else was seen at a count.
fn besides(count: &Count) -> String {
    let mut parts: Vec<String> =
        count.others.iter().map(|(kind, times)| format!("{kind} in {times}")).collect();
    if count.inconclusive > 0 {
        parts.push(format!("{} inconclusive", count.inconclusive));
    }
    if parts.is_empty() { String::new() } else { format!("  also: {}", parts.join(", ")) }
}

/// The answer, and what it leaves open.
pub fn sentences(swept: &Swept) -> Vec<String> {
    let mut lines = vec![answer(swept)];
    lines.extend(above(swept));
    lines.extend(seldom(swept));
    if let (Some(needed), true) = (swept.needed, swept.counts.iter().any(is_open)) {
        lines.push(format!(
            "with so few trials nothing can be called below the floor of {}; -n {needed} could",
            percent(swept.floor)
        ));
    }
    if swept.interrupted {
        lines.push("interrupted; what was seen is kept".to_owned());
    }
    lines
}

fn is_open(count: &Count) -> bool {
    count.says == Says::Undecided
}

/// `fails with 2 threads: 37 of 50, at least 58.32 %; with 1 thread 0 of 400, at most 0.92 %`.
fn answer(swept: &Swept) -> String {
    let scenario = &swept.scenario;
    let what = swept.kind.map_or("failure".to_owned(), |kind| kind.to_string());
    let Some(least) = swept.least.and_then(|threads| swept.count(threads)) else {
        return format!("{scenario}: {}{}", no_answer(swept), untested(swept, 0));
    };
    let with = |count: &Count| {
        let s = if count.threads == 1 { "" } else { "s" };
        let rate = count.rate;
        format!("{} thread{s} in {} of {}, {}", count.threads, rate.k, rate.n, count.interval())
    };
    let mut out = format!(
        "{scenario} fails with {} thread{}: {what} in {} of {}, {}",
        least.threads,
        if least.threads == 1 { "" } else { "s" },
        least.rate.k,
        least.rate.n,
        least.interval()
    );
    let below = swept.counts.iter().rev().find(|count| count.threads < least.threads);
    match below {
        Some(below) if is_open(below) => {
            let _ = write!(out, "; undecided: with {}", with(below));
        }
        Some(below) => {
            let _ = write!(out, "; with {}", with(below));
        }
        None if least.threads == 1 => out += "; so it takes no second thread",
        None => {}
    }
    // Fewer threads may fail where a count between does not: what was not tried is not known.
    let left: Vec<u32> = (1..least.threads).filter(|n| swept.count(*n).is_none()).collect();
    if !left.is_empty() {
        let were = if left.len() == 1 { "was" } else { "were" };
        let _ = write!(out, "; {} {were} not tested", words(&left));
    }
    out
}

/// Where no count is known to fail.
fn no_answer(swept: &Swept) -> String {
    let of = |says: Says| -> Vec<u32> {
        swept.counts.iter().filter(|c| c.says == says).map(|c| c.threads).collect()
    };
    let threads = |counts: &[u32]| if counts == [1] { "thread" } else { "threads" };
    let (below, open) = (of(Says::Below), of(Says::Undecided));
    let mut parts = Vec::new();
    if swept.counts.is_empty() {
        parts.push("no trial was run".to_owned());
    } else if swept.seen() == 0 {
        let what = swept.kind.map_or("failure".to_owned(), |kind| kind.to_string());
        parts.push(format!("no {what} was seen"));
        parts.extend(instead(swept));
    }
    if !below.is_empty() {
        let each = if below.len() == 1 { "" } else { "each of " };
        // Nothing seen is a bound, not a failure; and only a bound of what was looked for.
        let fails = match swept.kind {
            _ if swept.seen() > 0 => "it fails in".to_owned(),
            Some(kind) => format!("left open is {kind} in"),
            None => "left open is".to_owned(),
        };
        parts.push(format!(
            "{fails} less than {} of trials with {each}{} {}",
            percent(swept.floor),
            words(&below),
            threads(&below)
        ));
    }
    if !open.is_empty() {
        parts.push(format!("undecided with {} {}", words(&open), threads(&open)));
    }
    parts.join("; ")
}

/// Failures of other kinds, where the one that is swept for was not seen: whoever reads that it was not
/// must not take it for a good end. `panic in 25 of 25 with 2 and with 4 threads`.
fn instead(swept: &Swept) -> Vec<String> {
    let kinds: BTreeSet<Kind> =
        swept.counts.iter().flat_map(|c| c.others.keys().copied()).collect();
    let told = |kind: Kind| {
        let times = |count: &&Count| (count.others.get(&kind).copied(), count.rate.n);
        let seen: Vec<&Count> =
            swept.counts.iter().filter(|count| count.others.contains_key(&kind)).collect();
        let alike = seen.chunk_by(|a, b| times(a) == times(b));
        let groups = alike.map(|group| {
            let (k, n) = times(&group[0]);
            let with: Vec<String> = group.iter().map(|c| format!("with {}", c.threads)).collect();
            let s = if group.iter().all(|count| count.threads == 1) { "" } else { "s" };
            let with = listed(&with);
            format!("{} of {n} {with} thread{s}", k.unwrap_or_default())
        });
        format!("{kind} in {}", groups.collect::<Vec<_>>().join(", in "))
    };
    kinds.into_iter().map(told).collect()
}

/// `a, b and c`.
fn listed(parts: &[String]) -> String {
    match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => parts.concat(),
    }
}

/// What is known of more threads than the least that fails.
fn above(swept: &Swept) -> Option<String> {
    let least = swept.least?;
    let of = |wanted: fn(&Count) -> bool| -> Vec<u32> {
        let above = swept.counts.iter().filter(|count| count.threads > least);
        above.filter(|count| wanted(count)).map(|count| count.threads).collect()
    };
    let parts = [
        ("fails with", of(|count| count.says == Says::Fails)),
        ("is below the floor with", of(|count| count.says == Says::Below)),
        ("is undecided with", of(is_open)),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(_, counts)| !counts.is_empty())
        .map(|(what, counts)| format!("{what} {}", words(counts)))
        .collect();
    (!told.is_empty())
        .then(|| format!("of more threads: it {}{}", told.join(", "), untested(swept, least)))
}

/// The counts above `from` that were asked for and not tested, as the end of a sentence.
fn untested(swept: &Swept, from: u32) -> String {
    let asked = swept.asked.iter().copied();
    let left: Vec<u32> = asked.filter(|n| *n > from && swept.count(*n).is_none()).collect();
    match left.len() {
        0 => String::new(),
        1 => format!("; {} was not tested", words(&left)),
        _ => format!("; {} were not tested", words(&left)),
    }
}

/// A failure that was seen can happen, whatever its rate.
fn seldom(swept: &Swept) -> Vec<String> {
    let seldom = swept.counts.iter().filter(|c| c.rate.k > 0 && c.says != Says::Fails);
    let line = |count: &Count| {
        let times = match count.rate.k {
            1 => "once".to_owned(),
            2 => "twice".to_owned(),
            n => format!("{n} times"),
        };
        let s = if count.threads == 1 { "" } else { "s" };
        let says = match count.says {
            Says::Below => "below the floor",
            _ => "undecided whether below the floor",
        };
        format!(
            "seen {times} with {} thread{s}, in {} of {}, {says}: it can happen there",
            count.threads, count.rate.k, count.rate.n
        )
    };
    seldom.map(line).collect()
}

#[cfg(test)]
mod tests;
