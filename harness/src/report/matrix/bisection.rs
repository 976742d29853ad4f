//! What a bisection has found, in words that claim no more.

use crate::matrix::record::Lane;
use crate::matrix::search::{Bisected, End, Tested};
use crate::stats::percent;

/// A line a version, in the order in which they were tried.
pub fn steps(bisected: &Bisected, name: &str) -> String {
    let Bisected { versions, what, threads, lane, .. } = bisected;
    let threads = threads.map_or_else(String::new, |threads| format!(" x {threads}"));
    let mut out = format!(
        "{what}{threads} over {} versions of {name}, {} lane\n\n",
        versions.len(),
        lane.name()
    );
    let rows = rows(bisected);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..rows[0].len()).map(|c| width(c).unwrap_or_default()).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        out += &format!("  {}", cells.collect::<Vec<_>>().join("  "));
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

/// The head and the steps as cells.
pub(super) fn rows(bisected: &Bisected) -> Vec<Vec<String>> {
    let words = bisected.lane.trials();
    let head = ["version", "needs", words, "failed", "verdict", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for step in &bisected.tested {
        let is_failing = bisected.tested.iter().position(|t| t.side.as_deref() == Some("bad"))
            == bisected.tested.iter().position(|t| std::ptr::eq(t, step));
        let needs = match (bisected.needed, &step.side) {
            (_, Some(side)) if side == "not-built" || is_taken(step) => "-".to_owned(),
            _ if is_failing => "a rate".to_owned(),
            (Some(needed), _) => needed.to_string(),
            (None, _) => "-".to_owned(),
        };
        let side = step.side.as_deref().unwrap_or("not decided").replace("not-built", "not built");
        let side = if is_taken(step) { format!("counts as {side}") } else { side };
        rows.push(vec![
            step.version.clone(),
            needs,
            step.n.to_string(),
            step.k.to_string(),
            side,
            remark(step),
        ]);
    }
    rows
}

/// Whether a version counts as what it does without a trial, as it does not build.
fn is_taken(step: &Tested) -> bool {
    step.run == 0 && matches!(step.side.as_deref(), Some("good" | "bad"))
}

fn remark(step: &Tested) -> String {
    let mut parts: Vec<String> = step.why.iter().cloned().collect();
    match step.same_place {
        Some(true) => parts.push("at the same place".to_owned()),
        Some(false) => parts.push("the same kind at another place".to_owned()),
        None => {}
    }
    for other in &step.others {
        let s = if other.times == 1 { "" } else { "s" };
        parts.push(format!(
            "also another kind, which asks for a look: {} time{s} {}",
            other.times, other.kind
        ));
    }
    let unclear =
        step.run.saturating_sub(step.n + step.others.iter().map(|o| o.times).sum::<u64>());
    if unclear > 0 {
        parts.push(format!("{unclear} say nothing"));
    }
    parts.join("; ")
}

/// The answer, with what it rests on.
pub fn sentence(bisected: &Bisected, name: &str) -> String {
    let Bisected { lane, shown, .. } = bisected;
    let kinds: Vec<String> = shown.iter().map(ToString::to_string).collect();
    let kinds = if kinds.is_empty() { "finding".to_owned() } else { kinds.join(" or ") };
    let counted = |version: Option<&String>| {
        let step = bisected.tested.iter().find(|step| Some(&step.version) == version);
        step.map_or_else(String::new, |step| match step.side.as_deref() {
            Some(side) if is_taken(step) => format!("does not build, which counts as {side}"),
            _ => format!("{} of {} {}", step.k, step.n, lane.trials()),
        })
    };
    let (good, bad) = (bisected.good.as_ref(), bisected.bad.as_ref());
    let at = |version: Option<&String>| {
        bisected.versions.iter().position(|known| Some(known) == version)
    };
    let is_fix = at(bad) < at(good);
    let show = |version: Option<&String>| version.map_or("?", String::as_str).to_owned();
    match bisected.end {
        End::Found => {
            let seen =
                format!("{}: {}; {}: {}", show(bad), counted(bad), show(good), counted(good));
            let first = match is_fix {
                true => format!("first version without the {kinds}: {name} {}", show(good)),
                false => format!("first version with the {kinds}: {name} {}", show(bad)),
            };
            format!("{first} ({seen}). {}", proviso(bisected))
        }
        End::Between => {
            let (from, to) = if is_fix { (bad, good) } else { (good, bad) };
            let what = if is_fix { "last" } else { "first" };
            let inside = bisected.versions.iter().enumerate();
            let inside =
                inside.filter(|(place, _)| Some(*place) > at(from) && Some(*place) < at(to));
            let inside: Vec<&str> = inside.map(|(_, version)| version.as_str()).collect();
            let bounds = if is_fix {
                format!("{} fails and {} was not seen to", show(bad), show(good))
            } else {
                format!("{} was not seen to fail and {} does", show(good), show(bad))
            };
            format!(
                "the {what} version of {name} with the {kinds} lies between: {bounds} ({}; {}); not \
                 decided: {}. {}",
                counted(bad),
                counted(good),
                inside.join(", "),
                proviso(bisected)
            )
        }
        End::NeitherFails => {
            let ends: Vec<String> = bisected
                .tested
                .iter()
                .map(|step| format!("{}: {} of {}", step.version, step.k, step.n))
                .collect();
            format!(
                "neither end failed ({}), so there is nothing to look for between them; more trials \
                 (--max-trials, --budget) may show it",
                ends.join(", ")
            )
        }
        End::BothFail => {
            let steps = bisected.tested.iter().take(2);
            let ends: Vec<String> =
                steps.map(|step| format!("{}: {} of {}", step.version, step.k, step.n)).collect();
            format!(
                "both ends show the {kinds} ({}): there is no boundary to find",
                ends.join(", ")
            )
        }
        End::EndUndecided => {
            let rate = bisected.rate_at_least.unwrap_or_default();
            let needed = bisected.needed.map_or_else(|| "more".to_owned(), |n| n.to_string());
            format!(
                "{name} {} fails ({}), perhaps in no more than {} of {}; to say of the other end \
                 that it does not takes {needed} without a failure, which --max-trials or --budget \
                 did not allow",
                show(bad),
                counted(bad),
                percent(rate),
                lane.trials()
            )
        }
        End::EndNotBuilt => {
            let broken = bisected.tested.iter().find(|t| t.side.as_deref() == Some("not-built"));
            let version = broken.map_or("?", |step| step.version.as_str());
            let why =
                broken.and_then(|step| step.why.as_deref()).unwrap_or("the reason is unknown");
            format!(
                "{name} {version} {why}; so it is neither good nor bad; where that is what mended it, \
                 --unbuildable good counts such versions as good"
            )
        }
        End::Interrupted => "interrupted; the same command goes on".to_owned(),
    }
}

/// How sure that is, and what must be true for it.
fn proviso(bisected: &Bisected) -> String {
    let Bisected { alpha, alpha_each, steps, .. } = bisected;
    let rate = percent(bisected.rate_at_least.unwrap_or_default());
    let drawn = match bisected.lane {
        Lane::Native => "trials",
        Lane::Controlled => "schedules as this search draws them",
    };
    format!(
        "The chance that this is wrong is at most {} over the {steps} steps that can err ({} each), if \
         every version that has it fails in at least {rate} of {drawn}, and the versions change sides \
         once",
        percent(*alpha),
        percent(*alpha_each)
    )
}
