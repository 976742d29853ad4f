//! Where a report's trials come from: claims, scenarios, environment, binaries.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ClaimFacts;
use super::words::{counted, literal, tidy};
use crate::observation::Isolation;
use crate::plan::Unit;
use crate::store::{ProbeRecord, Run};

/// A scenario, what it relies on, how it was run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioFacts {
    /// `crate/scenario`.
    pub name: String,
    /// What its actors do.
    pub about: String,
    /// The promise that it relies on; empty if it names none.
    pub claim: String,
    /// Where that stands.
    pub source: String,
    /// What it is expected to show.
    pub expectation: String,
    /// The deadline of its actors.
    pub timeout: String,
    /// How the trials' processes were made.
    pub processes: String,
    /// Whether results were compared with those of one actor alone.
    pub oracle: String,
    /// What else is to be known.
    pub facts: Vec<String>,
}

/// A name and a value.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// What.
    pub name: String,
    /// Its value, fit for a table.
    pub value: String,
}

/// A binary.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BookFacts {
    /// The name before the slash, or the program's.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// What it is made of; empty where no lock file was found.
    pub crates: Vec<CrateFacts>,
}

/// A crate of a lock file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CrateFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The registry's checksum, or that it is no crate of a registry.
    pub checksum: String,
    /// Whether the binary's own crate names it.
    pub direct: bool,
}

/// The units of all runs, each scenario once, with the run that has most to say of it.
fn units(runs: &[Run]) -> Vec<(&Run, &Unit)> {
    let mut all: Vec<(&Run, &Unit)> =
        runs.iter().flat_map(|run| run.header.plan.units.iter().map(move |u| (run, u))).collect();
    // Those with trials before those that stand for a search alone.
    all.sort_by_key(|(_, unit)| unit.trials == 0);
    let mut seen = BTreeSet::new();
    all.retain(|(_, unit)| seen.insert(unit.scenario.clone()));
    all
}

/// Every claim once.
pub(super) fn claims(runs: &[Run]) -> Vec<ClaimFacts> {
    let mut claims: Vec<ClaimFacts> = Vec::new();
    for (_, unit) in units(runs) {
        let contract = &unit.card.contract;
        let claim = ClaimFacts {
            claim: contract.claim.replace('\n', "\n> "),
            source: contract.source.clone(),
        };
        if !claim.claim.is_empty() && !claims.contains(&claim) {
            claims.push(claim);
        }
    }
    claims
}

/// What should have been seen.
pub(super) fn expected(runs: &[Run]) -> Vec<String> {
    let mut lines: Vec<String> = units(runs)
        .iter()
        .map(|(_, unit)| {
            let oracle = match unit.card.has_oracle {
                true => ", with the results that one actor alone gives",
                false => "",
            };
            let about = literal(unit.card.about.trim_end_matches('.'));
            let scenario = literal(&unit.scenario);
            match &unit.card.expectation {
                crate::verdict::Expectation::Clean => {
                    format!("**{scenario}** ({about}): every trial ends{oracle}.")
                }
                other => format!("**{scenario}** ({about}): {other}."),
            }
        })
        .collect();
    for search in runs.iter().flat_map(|run| &run.searches).filter(|s| !s.words.is_empty()) {
        lines.push(format!(
            "**{}**: the program ends by itself, as it does when nothing goes wrong.",
            literal(&search.subject)
        ));
    }
    lines.dedup();
    lines
}

pub(super) fn scenarios(runs: &[Run]) -> Vec<ScenarioFacts> {
    units(runs)
        .into_iter()
        .map(|(run, unit)| {
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
    .map(|(name, value)| Row { name: name.to_owned(), value: value.replace('|', "\\|") })
    .collect()
}

/// The binaries of all runs, each once.
pub(super) fn books(runs: &[Run]) -> Vec<BookFacts> {
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
    let mut known = BTreeSet::new();
    let books = runs.iter().flat_map(|run| &run.header.books);
    books.filter(|(_, book)| known.insert(book.sha256.clone())).map(of).collect()
}
