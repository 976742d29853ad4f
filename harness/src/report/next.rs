//! What a person wants to type next, chosen from what happened: three commands that work as they stand.

mod command;
mod explored;

pub use command::{Origin, words};
pub use explored::{Search, explored};

use std::cmp::Reverse;
use std::fmt::Write;
use std::path::Path;

use super::style::Paint;
use crate::event::Summary;
use crate::explore::target::quoted;
use crate::observation::Isolation;
use crate::plan::Unit;
use crate::shrink::Shrunk;
use crate::stats::percent;
use crate::store::{Run, TrialRecord};
use crate::sweep::Swept;

/// One command, and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// As a shell reads it.
    pub command: String,
    /// A clause.
    pub why: String,
}

impl Step {
    fn new(words: &[String], why: &str) -> Step {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        Step { command: words.join(" "), why: why.to_owned() }
    }
}

/// The commands, one a line, each with what it is good for.
pub fn lines(steps: &[Step], paint: Paint) -> String {
    let width = steps.iter().map(|step| step.command.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    if !steps.is_empty() {
        out += "next:\n";
    }
    for Step { command, why } in steps {
        // Where commands are long, a column would only push the words out of sight.
        let gap = match width {
            0..=60 => width - command.chars().count(),
            _ => 0,
        };
        let (command, why) = (paint.command(command), paint.dim(format!("# {why}")));
        let _ = writeln!(out, "  {command}{:gap$}  {why}", "");
    }
    out
}

/// After a campaign of `stress`.
pub fn stressed(run: &Run, summaries: &[Summary]) -> Vec<Step> {
    let origin = Origin::of(&run.header);
    let report = report(&run.dir);
    let weight = |s: &&Summary| (s.unexpected > 0, s.rate.k, Reverse(s.unit));
    let found = summaries.iter().filter(|s| s.rate.k > 0).max_by_key(weight);
    let doubtful = summaries.iter().find(|s| s.inconclusive > 0);
    let mut steps = Vec::new();
    if !run.is_complete() {
        steps.push(resume("stress", run));
    }
    if let Some(found) = found {
        let explore = origin.explore(&found.scenario, Some(found.threads));
        steps.push(report);
        steps.push(Step::new(&explore, "look for a schedule that fails and can be repeated"));
        let is_generated = |trial: &TrialRecord| {
            trial.observation.program.is_some() && !trial.verdict.findings().is_empty()
        };
        steps.push(match found.threads {
            _ if run.trials.iter().any(is_generated) => {
                let words = ["standstill".to_owned(), "shrink".to_owned()];
                let dir = [run.dir.to_string_lossy().into_owned()];
                let why = "the least calls of its generated program that fail";
                Step::new(&[&words[..], &dir[..]].concat(), why)
            }
            1 => more(&origin, &found.scenario, 1, 10 * found.rate.n),
            _ => {
                Step::new(&origin.sweep(&found.scenario), "the least number of threads that fails")
            }
        });
    } else if let Some(doubtful) = doubtful {
        let unit = &run.header.plan.units[doubtful.unit];
        steps.push(Step { why: "says why trials said nothing".to_owned(), ..report });
        steps.push(Step::new(
            &["standstill".to_owned(), "doctor".to_owned()],
            "what this machine can and cannot do",
        ));
        steps.push(otherwise(&origin, run, unit));
    } else {
        let first = run.header.plan.units.iter().find(|unit| unit.threads > 1);
        if let Some(unit) = first.or(run.header.plan.units.first()) {
            let threads = (unit.threads > 1).then_some(unit.threads);
            let explore = origin.explore(&unit.scenario, threads);
            steps.push(Step::new(&explore, "choose the schedules instead of hoping for one"));
        }
        steps.extend(tighter(&origin, summaries));
        steps.push(report);
    }
    steps.truncate(3);
    steps
}

/// After a generated program was made smaller; `run` is that of the smallest.
pub fn shrunk(run: &Run, shrunk: &Shrunk) -> Vec<Step> {
    let (origin, scenario) = (Origin::of(&run.header), &shrunk.scenario);
    let threads = shrunk.now.threads as u32;
    let explore = origin.explore(scenario, Some(threads));
    let again = origin.stress(scenario, threads, shrunk.each);
    vec![
        report(&run.dir),
        Step::new(&explore, "look for a schedule of it that fails and can be repeated"),
        Step::new(&again, "run the smallest program again"),
    ]
}

/// After a sweep.
pub fn swept(run: &Run, swept: &Swept) -> Vec<Step> {
    let origin = Origin::of(&run.header);
    let scenario = &swept.scenario;
    let mut steps = Vec::new();
    if swept.interrupted {
        steps.extend([resume("sweep", run), report(&run.dir)]);
    }
    // Where it fails, or else where it was seen most often.
    let most = swept.counts.iter().filter(|count| count.rate.k > 0).max_by_key(|c| c.rate.k);
    let at = swept.least.or(most.map(|count| count.threads));
    if let Some(threads) = at {
        let seen = swept.count(threads).map_or(0, |count| count.rate.n);
        let explore = origin.explore(scenario, Some(threads));
        if !swept.interrupted {
            steps.push(report(&run.dir));
        }
        steps.push(Step::new(&explore, "look for a schedule that fails and can be repeated"));
        steps.push(more(&origin, scenario, threads, 10 * seen));
    } else if let Some(doubtful) = swept.counts.iter().find(|count| count.rate.n == 0) {
        let units = &run.header.plan.units;
        steps.push(Step { why: "says why trials said nothing".to_owned(), ..report(&run.dir) });
        if let Some(unit) = units.iter().find(|unit| unit.threads == doubtful.threads) {
            steps.push(otherwise(&origin, run, unit));
        }
        steps.push(Step::new(
            &["standstill".to_owned(), "doctor".to_owned()],
            "what this machine can and cannot do",
        ));
    } else {
        let explore = origin.explore(scenario, None);
        steps.push(Step::new(&explore, "choose the schedules instead of hoping for one"));
        let floor = (swept.floor / 10.0).max(0.0001);
        if floor < swept.floor {
            let mut lower = origin.sweep(scenario);
            lower.extend(["--floor".to_owned(), format!("{}%", (floor * 1e6).round() / 1e4)]);
            steps.push(Step::new(&lower, "look for failures ten times as seldom"));
        }
        steps.push(report(&run.dir));
    }
    steps.truncate(3);
    steps
}

fn report(dir: &Path) -> Step {
    let dir = dir.to_string_lossy().into_owned();
    Step::new(
        &["standstill".to_owned(), "report".to_owned(), dir],
        "the report, to read or to hand on",
    )
}

fn resume(command: &str, run: &Run) -> Step {
    let dir = run.dir.to_string_lossy().into_owned();
    let words = ["standstill".to_owned(), command.to_owned(), "--resume".to_owned(), dir];
    Step::new(&words, "go on where it was interrupted")
}

/// More trials of one count, for a rate that is known better.
fn more(origin: &Origin, scenario: &str, threads: u32, trials: u64) -> Step {
    let words = origin.stress(scenario, threads, trials.clamp(100, 10_000));
    Step::new(&words, "how often it fails, more exactly")
}

/// The same campaign with as many trials as a bound takes that is ten times smaller.
fn tighter(origin: &Origin, summaries: &[Summary]) -> Option<Step> {
    let judged: Vec<f64> =
        summaries.iter().filter(|s| s.rate.n > 0).map(|s| s.rate.interval().1 / 10.0).collect();
    let bound = judged.into_iter().reduce(f64::min)?;
    let trials = crate::sweep::looks::Looks::needed(bound);
    let words = origin.again(&[("--trials", trials.to_string())])?;
    let why = format!("if it stays clean, a bound ten times smaller: {}", percent(bound));
    Some(Step::new(&words, &why))
}

/// Trials that say nothing, made in another way: alone in their processes, or with more time.
fn otherwise(origin: &Origin, run: &Run, unit: &Unit) -> Step {
    let is_fresh = match run.header.plan.isolation {
        Some(isolation) => isolation == Isolation::Fresh,
        None => run.probes.get(&unit.scenario).is_some_and(|p| p.isolation == Isolation::Fresh),
    };
    let mut words = origin.stress(&unit.scenario, unit.threads, unit.trials.min(100));
    let why = if is_fresh {
        words.extend(["--timeout".to_owned(), format!("{}ms", unit.timeout_ms.saturating_mul(4))]);
        "the same with four times the time"
    } else {
        words.extend(["--isolation".to_owned(), "fresh".to_owned()]);
        "the same, each trial prepared by itself"
    };
    Step::new(&words, why)
}

#[cfg(test)]
mod tests;
