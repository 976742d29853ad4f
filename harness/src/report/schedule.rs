//! What a search of schedules found, in plain text.

mod smaller;

use std::fmt::Write;

use standstill_scheduler::abi::Op;

use self::smaller::smaller;
use super::interleaving::interleaving;
use crate::explore::aftermath::Minimal;
use crate::explore::confirm::Confirmed;
use crate::explore::ended::Ended;
use crate::explore::judge::standstill::what;
use crate::explore::ledger::Case;
use crate::explore::portfolio;
use crate::explore::search::Summary;
use crate::explore::target::{Target, quoted};
use crate::stats::{Rate, percent};
use crate::text::{indented, printable, shortened};
use crate::verdict::Kind;

/// Lines of the target's own output that are shown.
const LINES: usize = 12;

/// One finding: headline, threads, evidence, stacks, and how to see it again.
pub fn case(case: &Case, token: &str, minimal: &Result<Minimal, String>) -> String {
    let finding = &case.finding;
    let mut out = format!(
        "standstill: {} ({}): {}; trial {} of the search, after {:.1} s\n",
        finding.kind,
        finding.confidence,
        finding.summary,
        case.assignment.index + 1,
        case.at.as_secs_f64()
    );
    if !case.ended.blocked.is_empty() {
        out.push('\n');
        out.push_str(&threads(&case.ended));
    }
    out.push_str("\n  evidence:\n");
    for line in &finding.evidence {
        let _ = writeln!(out, "    - {line}");
    }
    let numbers = &case.ended.numbers;
    let _ = writeln!(
        out,
        "\n  schedule: {}, {} threads, {} steps, {} switches, hash {:016x}",
        portfolio::name(case.assignment.order.strategy),
        numbers.threads,
        numbers.steps,
        numbers.switches,
        numbers.hash
    );
    if let Some(repeated) = case.repeated {
        let said = match (repeated.same_schedule, repeated.same_end) {
            (true, true) => "run again, it was the same step for step and ended alike",
            (false, true) => "run again, its steps differed and it ended alike",
            (true, false) => "run again, it was the same step for step and ended otherwise",
            (false, false) => "run again, its steps differed and it ended otherwise",
        };
        let _ = writeln!(out, "  {said}");
    }
    match minimal {
        Ok(minimal) => {
            let _ = write!(out, "\n{}", self::minimal(minimal, finding.kind));
        }
        Err(why) => {
            let _ = writeln!(out, "  not minimised: {why}");
        }
    }
    if let Some(scene) = &case.ended.scene
        && let Some(look) = scene.looks.last()
    {
        let _ = writeln!(out, "\n  stacks:");
        out.push_str(&indented(&look.stacks.to_string(), 4));
    }
    for (name, output) in [("stdout", &case.ended.stdout), ("stderr", &case.ended.stderr)] {
        if !output.is_empty() {
            let _ = writeln!(out, "\n  {name} ({} bytes):", output.bytes);
            out.push_str(&indented(&shortened(output, LINES), 4));
        }
    }
    let _ = writeln!(out, "\n  token:  {token}\n  replay: {}", replay(token));
    printable(&out)
}

/// The short schedule of a finding, and whether it was seen without control.
pub fn minimal(minimal: &Minimal, kind: Kind) -> String {
    let mut out = String::new();
    let preempted = |n: u32| format!("{n} {}", if n == 1 { "preemption" } else { "preemptions" });
    let (switches, preemptions) = minimal.was;
    let _ = match minimal.runs {
        0 => writeln!(out, "  not minimised: {switches} switches, {}", preempted(preemptions)),
        runs => writeln!(
            out,
            "  minimised: {switches} switches, {} -> {} switches, {}; {runs} runs, the last two to \
             verify it{}",
            preempted(preemptions),
            minimal.switches,
            preempted(minimal.preemptions),
            if minimal.cut_short { "; there was no time for more" } else { "" }
        ),
    };
    match &minimal.smaller {
        Some(told) => out += &smaller(told),
        None if minimal.runs > 0 => {
            out += "  its threads and their steps are the program's own, and were left alone\n";
        }
        None => {}
    }
    let _ = writeln!(out, "\n{}", interleaving(&minimal.table));
    if let Some(confirmed) = &minimal.confirmed {
        out += &native(confirmed, kind);
    }
    if let Some(confirmed) = &minimal.larger {
        let was = minimal.smaller.as_ref().map_or(String::new(), |told| told.was.to_string());
        let _ = write!(out, "  the larger run, with {was}:\n{}", native(confirmed, kind));
    }
    for note in &minimal.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    out
}

/// What runs without control have shown, and no more than that.
fn native(confirmed: &Confirmed, kind: Kind) -> String {
    let ((slept, of_slept), (plain, of_plain)) = (confirmed.with_sleeps, confirmed.plain);
    let mut out = String::new();
    let _ = match (confirmed.is_native(), of_slept + of_plain) {
        (_, 0) => writeln!(out, "  not run without control: there was no time for it"),
        (false, _) if !confirmed.others.is_empty() => writeln!(
            out,
            "  without control it was never called {kind}, in {of_plain} plain runs and {of_slept} with \
             sleeps at the schedule's switches; they failed otherwise"
        ),
        (false, _) => writeln!(
            out,
            "  controlled only: no {kind} in {of_plain} plain runs without control, nor in {of_slept} \
             with sleeps at the schedule's switches"
        ),
        (true, _) => writeln!(
            out,
            "  appears natively: {kind} in {slept} of {of_slept} runs with sleeps at the schedule's \
             switches, in {plain} of {of_plain} plain ones"
        ),
    };
    let others = confirmed.others.iter().map(|(kind, times)| format!("{kind} in {times}"));
    let late = (confirmed.late > 0).then(|| format!("{} too late to tell", confirmed.late));
    let asleep = (confirmed.sleepless > 0)
        .then(|| format!("in {} no thread came to its sleep", confirmed.sleepless));
    let rest: Vec<String> = others.chain(late).chain(asleep).collect();
    if !rest.is_empty() {
        let _ = writeln!(out, "  of these runs: {}", rest.join(", "));
    }
    if let Some(remark) = confirmed.remark() {
        let _ = writeln!(out, "  {remark}");
    }
    out
}

/// The command that repeats a trial.
pub fn replay(token: &str) -> String {
    format!("standstill replay {}", quoted(token))
}

/// A table: thread, what it waits for, where, and who has it.
pub(crate) fn threads(ended: &Ended) -> String {
    let name = |thread: u32| if thread == 0 { "main".to_owned() } else { format!("{thread}") };
    let at = |pc: u64| ended.places.get(&pc).map(ToString::to_string).unwrap_or_default();
    let rows: Vec<[String; 4]> = ended
        .blocked
        .iter()
        .map(|thread| {
            let op = Op::of(thread.op);
            let waits = match op {
                Op::Join => format!("the end of {}", name(thread.object as u32)),
                Op::None => "nothing: it could run".to_owned(),
                _ if thread.object != 0 => format!("{} {:#x}", what(ended, thread), thread.object),
                _ => what(ended, thread).to_owned(),
            };
            let owner = match (op, thread.owner) {
                (Op::Join | Op::None, _) | (_, 0) => String::new(),
                (_, owner) if thread.owner_pc != 0 && !at(thread.owner_pc).is_empty() => {
                    format!("{}, taken in {}", name(owner - 1), at(thread.owner_pc))
                }
                (_, owner) => name(owner - 1),
            };
            [name(thread.thread), waits, ended.place_of(thread).unwrap_or_default(), owner]
        })
        .collect();
    let heads = ["thread", "waits for", "in", "which has"].map(str::to_owned);
    let all: Vec<&[String; 4]> = std::iter::once(&heads).chain(&rows).collect();
    let width =
        |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second, third) = (width(0), width(1), width(2));
    let mut out = String::new();
    for [thread, what, place, owner] in all {
        let row = format!("  {thread:first$}  {what:second$}  {place:third$}  {owner}");
        let _ = writeln!(out, "{}", row.trim_end());
    }
    out
}

/// The last lines: how many trials, how fast, and what that means.
pub fn closing(target: &Target, summary: &Summary, why: Option<&str>) -> String {
    let ledger = &summary.ledger;
    let seconds = summary.elapsed.as_secs_f64();
    let found: u64 = ledger.cases.iter().map(|case| case.times).sum();
    let levels: Vec<_> = ledger.levels.iter().map(|level| level.name()).collect();
    let at = if levels.is_empty() {
        String::new()
    } else {
        format!(" at level {}", levels.join(" and "))
    };
    let mut out = format!(
        "standstill: {} schedule{} of `{}`{at} in {seconds:.1} s ({:.0} a second, {} steps): ",
        ledger.trials,
        if ledger.trials == 1 { "" } else { "s" },
        target.shown(),
        ledger.trials as f64 / seconds.max(0.001),
        ledger.steps
    );
    out += &match (ledger.cases.len(), why) {
        (0, None) if summary.proof.is_some() => "nothing found\n".to_owned(),
        (0, None) => {
            let rate = Rate { k: 0, n: ledger.clean };
            let most = percent(rate.interval().1);
            format!("nothing found, so at most {most} of schedules drawn like these fail (95 %)\n")
        }
        (0, Some(why)) => format!("inconclusive: {why}\n"),
        (1, _) => format!("1 finding, in {found} of them\n"),
        (n, _) => format!("{n} findings, in {found} of them\n"),
    };
    if let (Some(proof), true) = (&summary.proof, ledger.cases.is_empty()) {
        let _ = writeln!(out, "standstill: {proof}");
    }
    if summary.interrupted {
        out += "standstill: interrupted\n";
    }
    if target.batch > 1 && !ledger.is_unshared {
        let _ = writeln!(out, "standstill: note: up to {} trials shared a process", target.batch);
    }
    for note in &ledger.notes {
        let _ = writeln!(out, "standstill: note: {note}");
    }
    printable(&out)
}
