//! Findings, one of each form, with all that is known of the first occurrence.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandFacts;
use super::words::{counted, fenced, literal, times};
use crate::explore::aftermath::Minimal;
use crate::explore::interleaving::{Row, Table};
use crate::graph::{WaitGraph, draw, mermaid, svg};
use crate::observation::{Observation, Output, Standstill};
use crate::report::interleaving::{interleaving, name, told};
use crate::report::schedule::replay;
use crate::store::{FoundSchedule, Run, SearchRecord, TrialRecord};
use crate::text::shortened;
use crate::verdict::{Finding, Kind};

/// Findings told in full; the rest is counted.
pub(crate) const MOST_FINDINGS: usize = 8;
/// Lines of a trial's output that are shown.
const LINES: usize = 30;

/// One form of finding.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FindingFacts {
    /// `native`, where the operating system scheduled, or `controlled`.
    pub lane: String,
    /// The scenario, or the program.
    pub scenario: String,
    /// `2 threads`; `its own threads` of a program.
    pub threads: String,
    /// `deadlock`, ...
    pub kind: String,
    /// `proven`, `inferred`, `suspected`.
    pub confidence: String,
    /// One sentence.
    pub summary: String,
    /// What it rests on, by weight.
    pub evidence: Vec<String>,
    /// Equal for the same misbehaviour.
    pub fingerprint: String,
    /// How often it was seen in this form: `once`, `12 times`.
    pub times: String,
    /// The repro token of the first occurrence.
    pub token: String,
    /// The command that repeats the schedule; none in the native lane, where nothing repeats it.
    pub replay: Option<String>,
    /// Whether it was seen without control, too: a sentence. None in the native lane.
    pub natively: Option<String>,
    /// Who waits for whom; none where nobody was seen to wait.
    pub graph: Option<GraphFacts>,
    /// The shortest schedule that shows it.
    pub interleaving: Option<InterleavingFacts>,
    /// All stacks, equal ones folded.
    pub stacks: Option<String>,
    /// For how long the target was stopped for that, in microseconds.
    pub stopped_us: u64,
    /// What it printed.
    pub output: Option<String>,
}

/// A wait-for graph, drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GraphFacts {
    /// In characters.
    pub text: String,
    /// As a mermaid flowchart.
    pub mermaid: String,
    /// As an SVG document.
    pub svg: String,
}

/// A schedule as a table: threads as columns, time downwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InterleavingFacts {
    /// In characters.
    pub text: String,
    /// The columns: `main`, `thread 1`.
    pub threads: Vec<String>,
    /// The lines.
    pub steps: Vec<Step>,
    /// What it comes to.
    pub verdict: String,
    /// Switches and preemptions of it, and of the schedule that was found first.
    pub short: String,
}

/// One line of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// `did`, `folded` (steps that concern nobody else), `preempted` (a thread could have gone on, and
    /// another runs), or `end` (how a thread stands at the end).
    pub row: String,
    /// Number of the step.
    pub step: Option<u32>,
    /// Whose, by its name in `threads`; more than one where steps of several are folded, and of a
    /// preemption first the one that could have gone on, then the one that runs.
    pub threads: Vec<String>,
    /// What.
    pub text: String,
    /// Where in the sources.
    pub place: String,
}

/// Of all runs, and how many forms are left out.
pub(super) fn all(runs: &[Run]) -> (Vec<FindingFacts>, Option<String>) {
    let mut found: Vec<FindingFacts> = runs.iter().flat_map(native).collect();
    for run in runs {
        found.extend(run.searches.iter().flat_map(|search| {
            search.findings.iter().map(|found| FindingFacts::controlled(search, found))
        }));
    }
    let left_out = found.len().saturating_sub(MOST_FINDINGS);
    found.truncate(MOST_FINDINGS);
    let more =
        (left_out > 0).then(|| format!("{left_out} further forms of finding stand in the run."));
    (found, more)
}

/// One of each form, the first that was seen.
fn native(run: &Run) -> Vec<FindingFacts> {
    let mut forms: BTreeMap<(usize, &str), (usize, u64)> = BTreeMap::new();
    for (at, trial) in run.trials.iter().enumerate() {
        if let Some(finding) = trial.verdict.first() {
            let form = forms.entry((trial.unit, finding.fingerprint.as_str())).or_insert((at, 0));
            form.1 += 1;
        }
    }
    let mut order: Vec<(usize, u64)> = forms.into_values().collect();
    order.sort_unstable();
    let told = order.iter().map(|(at, times)| (&run.trials[*at], *times));
    told.filter_map(|(trial, times)| {
        Some(FindingFacts::native(trial, trial.verdict.first()?, times))
    })
    .collect()
}

/// What prints: both streams, in one block.
fn printed(stdout: &Output, stderr: &Output) -> Option<String> {
    let streams = [("stdout", stdout), ("stderr", stderr)].into_iter();
    let told: Vec<String> = streams
        .filter(|(_, output)| !output.is_empty())
        .map(|(name, output)| {
            format!("{name} ({} bytes):\n{}", output.bytes, fenced(&shortened(output, LINES)))
        })
        .collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

impl FindingFacts {
    fn native(trial: &TrialRecord, finding: &Finding, count: u64) -> FindingFacts {
        let seen = &trial.observation;
        let bare = FindingFacts::bare(finding, count);
        let program = seen.program.iter().flat_map(|program| {
            let head = format!("generated program {}:", program.wanted());
            std::iter::once(head).chain(program.lines(&seen.actors))
        });
        let program = program.map(|line| literal(&line));
        FindingFacts {
            evidence: bare.evidence.into_iter().chain(program).collect(),
            lane: "native".to_owned(),
            scenario: seen.trial.scenario.clone(),
            threads: counted(seen.trial.threads, "thread"),
            token: seen.trial.to_string(),
            replay: None,
            natively: None,
            graph: stands(finding.kind)
                .then(|| graph_of(seen))
                .flatten()
                .as_ref()
                .and_then(GraphFacts::of),
            interleaving: None,
            stacks: seen.stacks.as_ref().map(|s| fenced(&s.to_string())),
            stopped_us: seen.stacks.as_ref().map_or(0, |s| s.stopped_us),
            output: printed(&seen.stdout, &seen.stderr),
            ..bare
        }
    }

    fn controlled(search: &SearchRecord, found: &FoundSchedule) -> FindingFacts {
        let minimal = found.minimal();
        let size = minimal.and_then(|m| m.smaller.as_ref()).map(|smaller| smaller.now.threads);
        let threads = size.or(search.threads).map(|n| counted(n, "thread"));
        FindingFacts {
            lane: "controlled".to_owned(),
            scenario: search.subject.clone(),
            threads: threads.unwrap_or_else(|| "its own threads".to_owned()),
            token: found.token().to_owned(),
            replay: Some(replay(found.token())),
            natively: minimal.and_then(natively).or_else(|| found.not_minimised.clone()),
            graph: found.graph.as_ref().and_then(GraphFacts::of),
            interleaving: minimal.map(InterleavingFacts::of),
            stacks: found.stacks.as_ref().map(|s| fenced(&s.to_string())),
            stopped_us: 0,
            output: printed(&found.stdout, &found.stderr),
            ..FindingFacts::bare(&found.finding, found.times)
        }
    }

    fn bare(finding: &Finding, count: u64) -> FindingFacts {
        FindingFacts {
            lane: String::new(),
            scenario: String::new(),
            threads: String::new(),
            kind: finding.kind.to_string(),
            confidence: finding.confidence.to_string(),
            summary: literal(&finding.summary),
            evidence: finding.evidence.iter().map(|line| literal(line)).collect(),
            fingerprint: finding.fingerprint.clone(),
            times: times(count),
            token: String::new(),
            replay: None,
            natively: None,
            graph: None,
            interleaving: None,
            stacks: None,
            stopped_us: 0,
            output: None,
        }
    }
}

/// Whether who waits for whom is about it. Of what ends by itself, a crash or a wrong result, the main
/// thread that waits for its actors is all that is ever seen.
fn stands(kind: Kind) -> bool {
    !matches!(kind, Kind::DataRace | Kind::Crash | Kind::Panic | Kind::WrongResult)
}

/// Who waited for whom when the trial was looked at; none where nobody waits.
fn graph_of(seen: &Observation) -> Option<WaitGraph> {
    let stacks = seen.stacks.as_ref()?;
    Some(match &seen.standstill {
        Some(Standstill::Complete { threads, .. }) => WaitGraph::seen(stacks, threads),
        _ => WaitGraph::of(stacks),
    })
}

impl GraphFacts {
    fn of(graph: &WaitGraph) -> Option<GraphFacts> {
        let waits = graph.threads.iter().any(|node| node.wants.is_some());
        waits.then(|| GraphFacts {
            text: fenced(&draw::draw(graph)),
            mermaid: fenced(&mermaid::mermaid(graph)),
            svg: svg::svg(graph),
        })
    }
}

/// What runs without control have shown.
fn natively(minimal: &Minimal) -> Option<String> {
    let confirmed = minimal.larger.as_ref().or(minimal.confirmed.as_ref())?;
    let ((slept, of_slept), (plain, of_plain)) = (confirmed.with_sleeps, confirmed.plain);
    let fewer = confirmed.remark().map_or(String::new(), |remark| format!(" ({remark})"));
    let told = match confirmed.is_native() {
        _ if (of_slept, of_plain) == (0, 0) => "not run without control".to_owned(),
        true => format!(
            "appears without control, too: in {plain} of {} and in {slept} of {of_slept} with sleeps at \
             the schedule's switches",
            counted(of_plain, "plain run")
        ),
        false => format!(
            "not seen without control: in none of {}, nor of {of_slept} with sleeps at the schedule's \
             switches",
            counted(of_plain, "plain run")
        ),
    };
    Some(told + &fewer)
}

impl InterleavingFacts {
    fn of(minimal: &Minimal) -> InterleavingFacts {
        let table = &minimal.table;
        let (switches, preemptions) = minimal.was;
        InterleavingFacts {
            text: fenced(&interleaving(table)),
            threads: table.threads.iter().copied().map(name).collect(),
            steps: steps(table),
            verdict: table.verdict.clone(),
            short: format!(
                "{} with {}, made from a schedule of {switches} with {}",
                counted(minimal.switches, "switch").replace("switchs", "switches"),
                counted(minimal.preemptions, "preemption"),
                counted(preemptions, "preemption"),
            ),
        }
    }
}

fn steps(table: &Table) -> Vec<Step> {
    let rows = table.rows.iter().map(|row| match row {
        Row::Did { step, thread, op, object, mark, place } => Step {
            row: "did".to_owned(),
            step: Some(*step),
            threads: vec![name(*thread)],
            text: format!(
                "{op}{}{}",
                object.as_ref().map_or(String::new(), |object| format!(" {object}")),
                told(*mark)
            ),
            place: place.clone(),
        },
        Row::Folded { threads, steps } => Step {
            row: "folded".to_owned(),
            step: None,
            threads: threads.iter().copied().map(name).collect(),
            text: counted(*steps, "step"),
            place: String::new(),
        },
        Row::Preempted { from, to } => Step {
            row: "preempted".to_owned(),
            step: None,
            threads: vec![name(*from), name(*to)],
            text: format!("{} could go on; {} runs", name(*from), name(*to)),
            place: String::new(),
        },
    });
    let ends = table.ends.iter().map(|end| Step {
        row: "end".to_owned(),
        step: None,
        threads: vec![name(end.thread)],
        text: end.text.clone(),
        place: end.place.clone(),
    });
    rows.chain(ends).collect()
}

/// The commands that repeat what was seen.
pub(super) fn repeat(runs: &[Run], findings: &[FindingFacts]) -> Vec<CommandFacts> {
    let runs = runs.iter().map(|run| CommandFacts {
        what: match run.searches.is_empty() {
            true => "the trials, scheduled by the operating system".to_owned(),
            false => "the search of schedules".to_owned(),
        },
        command: super::words::repeatable(&run.header.command),
    });
    let replays = findings.iter().filter_map(|finding| {
        Some(CommandFacts {
            what: format!("the schedule of the {}, step for step", finding.kind),
            command: finding.replay.clone()?,
        })
    });
    runs.chain(replays).collect()
}
