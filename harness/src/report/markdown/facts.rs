//! The parts of a page: scenarios, findings, environment, limitations.

use std::collections::BTreeMap;
use std::time::Duration;

use super::page::{BookFacts, CrateFacts, FindingFacts, Row, ScenarioFacts};
use super::words::{counted, fenced, literal, tidy, times};
use crate::observation::Isolation;
use crate::store::{ProbeRecord, Run, TrialRecord};
use crate::text::shortened;
use crate::verdict::{Confidence, Finding};

/// Findings told in full; the rest is counted.
pub(super) const MOST_FINDINGS: usize = 8;

pub(super) fn scenarios(run: &Run) -> Vec<ScenarioFacts> {
    let mut seen = std::collections::BTreeSet::new();
    let units = run.header.plan.units.iter().filter(|u| seen.insert(u.scenario.clone()));
    units
        .map(|unit| {
            let (card, probe) = (&unit.card, run.probes.get(&unit.scenario));
            let mut facts = Vec::new();
            if let Some(record) = probe {
                let took = Duration::from_micros(record.probe.prepare_us);
                facts.push(format!("prepared in {took:.1?}"));
                facts.extend(record.probe.notes.iter().map(|(k, v)| format!("{k}: {v}")));
                facts.extend(record.probe.inputs.iter().map(|(name, path)| {
                    let hash = record.hashes.get(name).map_or("unreadable", String::as_str);
                    let file = path.file_name().unwrap_or_default().to_string_lossy();
                    format!("{name}: {file}, sha256 {hash}")
                }));
            }
            let notes = run.notes.iter().filter(|(scenario, _)| *scenario == unit.scenario);
            facts.extend(notes.map(|(_, note)| tidy(note)));
            let oracle = match (card.has_oracle, probe) {
                (false, _) => "no".to_owned(),
                (true, None) => "not reached: it was not prepared".to_owned(),
                (true, Some(ProbeRecord { oracle_fault: Some(why), .. })) => {
                    format!("not possible: {}", literal(why))
                }
                (true, Some(_)) => {
                    "yes; one actor alone gave the same four times in two processes".to_owned()
                }
            };
            ScenarioFacts {
                name: unit.scenario.clone(),
                about: card.about.clone(),
                claim: card.contract.claim.replace('\n', "\n> "),
                source: card.contract.source.clone(),
                expectation: card.expectation.to_string(),
                timeout: humantime::format_duration(unit.timeout()).to_string(),
                processes: processes(run, &unit.scenario),
                oracle,
                facts,
            }
        })
        .collect()
}

/// How the trials' processes were made: counted, not planned.
fn processes(run: &Run, scenario: &str) -> String {
    let of = |isolation| {
        let all = run.trials.iter().map(|t| &t.observation);
        all.filter(|o| o.trial.scenario == scenario && o.isolation == isolation).count() as u64
    };
    let forks = |n| format!("{} of a single-threaded prepared process", counted(n, "fork"));
    match (of(Isolation::Zygote), of(Isolation::Fresh)) {
        (0, 0) => "none were started".to_owned(),
        (0, n) => format!("{n} fresh, each prepared for itself"),
        (n, 0) => forks(n),
        (z, f) => format!("{}, {f} fresh", forks(z)),
    }
}

/// One of each form of finding, the first that was seen; and how many forms are left out.
pub(super) fn findings(run: &Run) -> (Vec<FindingFacts>, Option<String>) {
    let mut forms: BTreeMap<(usize, &str), (usize, u64)> = BTreeMap::new();
    for (at, trial) in run.trials.iter().enumerate() {
        if let Some(finding) = trial.verdict.first() {
            let form = forms.entry((trial.unit, finding.fingerprint.as_str())).or_insert((at, 0));
            form.1 += 1;
        }
    }
    let mut order: Vec<(usize, u64)> = forms.into_values().collect();
    order.sort_unstable();
    let left_out = order.len().saturating_sub(MOST_FINDINGS);
    let told = order.iter().take(MOST_FINDINGS);
    let told = told.flat_map(|(at, times)| {
        let trial = &run.trials[*at];
        trial.verdict.first().map(|finding| FindingFacts::of(trial, finding, *times))
    });
    let more =
        (left_out > 0).then(|| format!("{left_out} further forms of finding stand in the run."));
    (told.collect(), more)
}

impl FindingFacts {
    fn of(trial: &TrialRecord, finding: &Finding, count: u64) -> FindingFacts {
        let seen = &trial.observation;
        let output: Vec<String> = [("stdout", &seen.stdout), ("stderr", &seen.stderr)]
            .into_iter()
            .filter(|(_, output)| !output.is_empty())
            .map(|(name, output)| {
                format!("{name} ({} bytes):\n{}", output.bytes, fenced(&shortened(output, 30)))
            })
            .collect();
        FindingFacts {
            scenario: seen.trial.scenario.clone(),
            threads: counted(seen.trial.threads, "thread"),
            kind: finding.kind.to_string(),
            confidence: finding.confidence.to_string(),
            summary: literal(&finding.summary),
            evidence: finding.evidence.iter().map(|line| literal(line)).collect(),
            fingerprint: finding.fingerprint.clone(),
            times: times(count),
            token: seen.trial.to_string(),
            stacks: seen.stacks.as_ref().map(|s| fenced(&s.to_string())),
            stopped_us: seen.stacks.as_ref().map_or(0, |s| s.stopped_us),
            output: (!output.is_empty()).then(|| output.join("\n")),
        }
    }
}

pub(super) fn environment(run: &Run) -> Vec<Row> {
    let e = &run.header.environment;
    let guest = if e.virtualized { " (virtual machine)" } else { "" };
    [
        ("CPU", format!("{}{guest}", e.cpu)),
        ("cores", e.cores.to_string()),
        ("memory", format!("{} MiB", e.memory_mib)),
        ("kernel", e.kernel.clone()),
        ("system", e.system.clone()),
        ("C library", e.libc.clone()),
        ("rustc", e.rustc.clone()),
        ("C compiler", e.cc.clone()),
        ("C++ compiler", e.cxx.clone()),
        ("load average at the beginning", e.load.clone()),
        ("trials at a time", run.header.plan.jobs.to_string()),
        ("seed", run.header.plan.seed.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| Row { name, value: value.replace('|', "\\|") })
    .collect()
}

pub(super) fn books(run: &Run) -> Vec<BookFacts> {
    let of = |(name, book): (&String, &crate::store::BookRecord)| BookFacts {
        name: name.clone(),
        sha256: book.sha256.clone(),
        crates: book
            .crates
            .iter()
            .map(|c| CrateFacts {
                name: c.name.clone(),
                version: c.version.clone(),
                checksum: c.checksum.clone().unwrap_or_else(|| "in this workspace".to_owned()),
                direct: c.direct,
            })
            .collect(),
    };
    run.header.books.iter().map(of).collect()
}

/// What this run could not have seen.
pub(super) fn limitations(run: &Run) -> Vec<String> {
    let mut lines = vec![
        "The operating system chose the schedules of one machine with the number of cores above; a \
         schedule that it never chose was never tried."
            .to_owned(),
        "A bound holds for trials like these: this binary, these inputs, this machine.".to_owned(),
        "Data races are not looked for in this lane; they show only as a crash or a wrong result."
            .to_owned(),
        "A cycle among some threads while others live on is seen only as a passed deadline.".to_owned(),
        "A trial ends by `_exit`: what goes wrong in exit handlers and static destructors was not seen."
            .to_owned(),
    ];
    let suspected = run.trials.iter().filter_map(|t| t.verdict.first());
    if suspected.clone().any(|f| f.confidence == Confidence::Suspected) {
        lines.push(
            "A *suspected* finding says that a deadline passed and what was seen until then; it does \
             not exclude that the work would have ended later."
                .to_owned(),
        );
    }
    if suspected.clone().any(|f| f.confidence == Confidence::Inferred) {
        lines.push(
            "An *inferred* kind was read from stacks; that no thread could be woken is proven all \
             the same where the evidence says so."
                .to_owned(),
        );
    }
    let unseen = run
        .trials
        .iter()
        .filter(|t| t.observation.notes.iter().any(|n| n.starts_with("no stacks")));
    let unseen = unseen.count();
    if unseen > 0 {
        lines.push(format!(
            "In {} the stacks could not be captured.",
            counted(unseen as u64, "trial")
        ));
    }
    lines
}
