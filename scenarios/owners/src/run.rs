//! Hang after hang.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use standstill::detect::scene;
use standstill::graph::WaitGraph;
use standstill::inspect::{Inspector, Sampling};
use standstill::scene::Scene;
use standstill::verdict::Confidence;

use crate::child::Hang;
use crate::compare::{self, Answer};
use crate::tally::Counts;
use crate::truth::{KINDS, Lock};

/// What is run.
#[derive(Clone, Debug)]
pub struct Orders {
    /// How many, spread over all kinds and all binaries.
    pub hangs: u64,
    /// The first hang's seed; each one has the next.
    pub seed: u64,
    /// Builds of `hang`, each with a name.
    pub bins: Vec<(String, PathBuf)>,
    /// The kinds to be run; all if empty.
    pub kinds: Vec<String>,
}

/// Something to read about.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Whether it must never happen.
    pub grave: bool,
    /// All that is known of it.
    pub text: String,
}

/// What came of it: counts for each build and kind, and incidents.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// By build, then kind.
    pub counts: BTreeMap<(String, String), Counts>,
    /// In order.
    pub incidents: Vec<Incident>,
}

impl Results {
    /// The counts, summed up by build or by kind.
    pub fn by(&self, key: impl Fn(&(String, String)) -> String) -> BTreeMap<String, Counts> {
        let mut rows = BTreeMap::<String, Counts>::new();
        for (both, counts) in &self.counts {
            rows.entry(key(both)).or_default().add(counts);
        }
        rows
    }

    /// Whether nothing happened that must not.
    pub fn is_sound(&self) -> bool {
        !self.incidents.iter().any(|incident| incident.grave)
    }
}

/// One hang that was looked at.
pub struct Seen {
    /// How it was built.
    pub about: String,
    /// The truth.
    pub truth: Vec<Lock>,
    /// What was seen.
    pub scene: Scene,
}

/// Runs all, and tells `progress` of each hang.
pub fn run(orders: &Orders, mut progress: impl FnMut(u64)) -> Results {
    let mut results = Results::default();
    let mut inspector = Inspector::new();
    let own = |kind: &&str| orders.kinds.is_empty() || orders.kinds.iter().any(|k| k == kind);
    let kinds: Vec<&str> = KINDS.iter().copied().filter(own).collect();
    if kinds.is_empty() || orders.bins.is_empty() {
        return results;
    }
    for nth in 0..orders.hangs {
        let at = nth as usize;
        let kind = kinds[at / orders.bins.len() % kinds.len()];
        let (build, bin) = &orders.bins[at % orders.bins.len()];
        let seed = orders.seed + nth;
        let counts = results.counts.entry((build.clone(), kind.to_owned())).or_default();
        let name = format!("{build}: hang {kind} {seed}");
        match look(&mut inspector, bin, kind, seed) {
            Ok(seen) => judge(&seen, kind, &name, counts, &mut results.incidents),
            Err(error) => {
                counts.failed += 1;
                results.incidents.push(Incident { grave: true, text: format!("{name}: {error}") });
            }
        }
        progress(nth + 1);
    }
    results
}

/// Makes a hang and looks at it twice.
pub fn look(inspector: &mut Inspector, bin: &Path, kind: &str, seed: u64) -> Result<Seen, String> {
    let hang = Hang::start(bin, kind, seed)?;
    let mut scene = Inspector::introduce(hang.pid());
    let sampling = Sampling { samples: 2, every: Duration::from_millis(60) };
    inspector.look(&mut scene, sampling).map_err(|error| error.to_string())?;
    Ok(Seen { about: hang.about.clone(), truth: hang.locks.clone(), scene })
}

/// Holds what was seen against the truth.
pub fn judge(
    seen: &Seen,
    kind: &str,
    name: &str,
    counts: &mut Counts,
    incidents: &mut Vec<Incident>,
) {
    let graph = scene::graph(&seen.scene);
    let mut wrongs = Vec::new();
    counts.hangs += 1;
    for edge in compare::edges(&graph, &seen.truth) {
        *counts.answers.entry(edge.answer).or_default() += 1;
        counts.misplaced += u32::from(edge.misplaced);
        match edge.answer {
            Answer::ProvenWrong => {
                wrongs.push((true, format!("PROVEN AND WRONG: of {}", edge.waiter)));
            }
            Answer::InferredWrong => {
                wrongs.push((false, format!("inferred and wrong: of {}", edge.waiter)));
            }
            Answer::Unseen => wrongs.push((false, format!("not seen: {}", edge.waiter))),
            _ if edge.misplaced => wrongs.push((false, format!("misplaced: of {}", edge.waiter))),
            _ => {}
        }
    }
    let claimed = |sure: bool| {
        let sure = move |c: Confidence| (c > Confidence::Suspected) == sure;
        graph.cycles.iter().filter(move |cycle| sure(cycle.confidence))
    };
    counts.closed += u32::from(compare::has_a_cycle(&seen.truth));
    let right = claimed(true).filter(|cycle| compare::is_true(cycle, &seen.truth)).count();
    counts.convicted += u32::from(right > 0);
    counts.false_suspicions +=
        claimed(false).filter(|cycle| !compare::is_true(cycle, &seen.truth)).count() as u32;
    for cycle in claimed(true).filter(|cycle| !compare::is_true(cycle, &seen.truth)) {
        counts.false_cycles += 1;
        let grave = cycle.confidence == Confidence::Proven || kind.starts_with("live-");
        wrongs.push((grave, format!("FALSE CYCLE, {}: {:?}", cycle.confidence, cycle.tids)));
    }
    let verdict = scene::judge(&seen.scene);
    let finding = match verdict.first() {
        Some(finding) => format!("{} {}", finding.kind, finding.confidence),
        None => "nothing".to_owned(),
    };
    if verdict.first().is_some_and(|f| f.confidence > Confidence::Suspected)
        && kind.starts_with("live-")
    {
        wrongs.push((true, "CONVICTED, and it lives".to_owned()));
    }
    *counts.findings.entry(finding.clone()).or_default() += 1;
    if !wrongs.is_empty() {
        let grave = wrongs.iter().any(|(grave, _)| *grave);
        let mut text = format!("{name}: found {finding}\n");
        for (_, wrong) in &wrongs {
            let _ = writeln!(text, "  * {wrong}");
        }
        text += &describe(seen, &graph);
        incidents.push(Incident { grave, text });
    }
}

/// All that explains an answer: the truth, the graph, and where addresses were found.
fn describe(seen: &Seen, graph: &WaitGraph) -> String {
    let mut text = format!("  {}\n", seen.about);
    for lock in &seen.truth {
        let _ = writeln!(text, "  truth: {:#x} {lock:?}", lock.address);
    }
    for cycle in &graph.cycles {
        let _ = writeln!(text, "  cycle: {cycle:?}");
    }
    let Some(look) = seen.scene.looks.last() else { return text };
    for (nth, thing) in graph.things.iter().enumerate() {
        let wants = |n: &&standstill::graph::Node| n.wants.is_some_and(|want| want.thing == nth);
        let waiters: Vec<i32> = graph.threads.iter().filter(wants).map(|node| node.tid).collect();
        let _ = writeln!(
            text,
            "  graph: {:#x} {} ({:?}, {:?}) wanted by {waiters:?}; {:?}",
            thing.address, thing.what, thing.place, thing.state, thing.notes
        );
        for holder in &thing.holders {
            let _ = writeln!(text, "    {holder:?}");
        }
        let mentions = look.stacks.words.iter().flat_map(|word| &word.mentions);
        for mention in mentions.filter(|mention| mention.value == thing.address) {
            let thread = look.stacks.threads.iter().find(|thread| thread.tid == mention.tid);
            let frame = mention.frame.and_then(|frame| thread?.frames.get(frame));
            let function = frame.and_then(|frame| frame.function.as_deref());
            let _ = writeln!(
                text,
                "    mention by {} at {:#x} in frame {:?} {function:?}",
                mention.tid, mention.at, mention.frame
            );
        }
    }
    text
}
