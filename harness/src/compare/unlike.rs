//! What else differs between two runs. Of a difference in rates nobody can say whether it comes from
//! the program or from one of these.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Pair;
use crate::observation::Isolation;
use crate::store::{BookRecord, CrateRecord, Run};

/// Something that should be equal on both sides and is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unlike {
    /// What it is.
    pub what: String,
    /// As it was in A.
    pub a: String,
    /// As it was in B.
    pub b: String,
}

/// A crate that one side has in another version, or not at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CrateDiff {
    /// Its name.
    pub name: String,
    /// Its versions in A; none if it is not there.
    pub a: Vec<String>,
    /// Its versions in B.
    pub b: Vec<String>,
    /// Whether a scenario crate names it itself.
    pub direct: bool,
}

/// All that differs, each once. The seeds of two campaigns may well differ.
pub(super) fn all(a: &Run, b: &Run, pairs: &[Pair]) -> Vec<Unlike> {
    let mut found = Vec::new();
    if !std::ptr::eq(a, b) {
        found.extend(machine(a, b));
    }
    for pair in pairs {
        for one in of_pair(a, b, pair) {
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found
}

/// Settings of the campaigns, and where they ran.
fn machine(a: &Run, b: &Run) -> Vec<Unlike> {
    let facts = |run: &Run| {
        let (e, plan) = (&run.header.environment, &run.header.plan);
        let settings = plan.settings.iter().map(|(key, value)| format!("{key}={value}"));
        let settings = settings.collect::<Vec<_>>().join(" ");
        [
            ("settings", if settings.is_empty() { "none".to_owned() } else { settings }),
            ("trials at a time", plan.jobs.to_string()),
            ("cores", e.cores.to_string()),
            ("CPU", e.cpu.clone()),
            ("kernel", e.kernel.clone()),
            ("system", e.system.clone()),
            ("C library", e.libc.clone()),
            ("rustc", e.rustc.clone()),
            ("C compiler", e.cc.clone()),
            ("C++ compiler", e.cxx.clone()),
            ("standstill", run.header.standstill.clone()),
        ]
    };
    let both = facts(a).into_iter().zip(facts(b));
    both.filter_map(|((what, a), (_, b))| unlike(what, a, b)).collect()
}

/// How the trials of one pair were made.
fn of_pair(a: &Run, b: &Run, pair: &Pair) -> Vec<Unlike> {
    let mut found = Vec::new();
    let unit = |run: &Run, scenario: &str| {
        let units = run.header.plan.units.iter();
        let fits = units.filter(|u| u.scenario == scenario && u.threads == pair.threads);
        let mut times: Vec<String> =
            fits.map(|u| humantime::format_duration(u.timeout()).to_string()).collect();
        times.dedup();
        times.join(", ")
    };
    let (of_a, of_b) = (pair.a.scenario.as_str(), pair.b.scenario.as_str());
    found.extend(unlike("deadline of a trial", unit(a, of_a), unit(b, of_b)));
    let (Some(probe_a), Some(probe_b)) = (a.probes.get(of_a), b.probes.get(of_b)) else {
        return found;
    };
    let processes = |isolation| match isolation {
        Isolation::Zygote => "forked from a prepared process".to_owned(),
        Isolation::Fresh => "fresh processes".to_owned(),
    };
    let (how_a, how_b) = (processes(probe_a.isolation), processes(probe_b.isolation));
    found.extend(unlike("trials", how_a, how_b));
    let short = |hash: &String| format!("sha256 {}", hash.chars().take(12).collect::<String>());
    found.extend(each("input", &probe_a.hashes, &probe_b.hashes, short));
    // Two scenarios say different things of themselves; one that says so is another.
    if of_a == of_b {
        found.extend(each("noted", &probe_a.probe.notes, &probe_b.probe.notes, String::clone));
    }
    found
}

/// The entries of two maps that differ.
fn each(
    what: &str,
    a: &BTreeMap<String, String>,
    b: &BTreeMap<String, String>,
    shown: impl Fn(&String) -> String,
) -> Vec<Unlike> {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let value = |map: &BTreeMap<String, String>, key| map.get(key).map_or("none".into(), &shown);
    keys.into_iter()
        .filter(|key| a.get(*key) != b.get(*key))
        .map(|key| Unlike { what: format!("{what} {key}"), a: value(a, key), b: value(b, key) })
        .collect()
}

fn unlike(what: &str, a: String, b: String) -> Option<Unlike> {
    (a != b).then(|| Unlike { what: what.to_owned(), a, b })
}

/// The crates that differ between the binaries of all pairs, and the books of which two runs have
/// one and the same binary, although a scenario of theirs is put beside itself.
pub(super) fn books(a: &Run, b: &Run, pairs: &[Pair]) -> (Vec<CrateDiff>, Vec<String>) {
    let book = |scenario: &str| scenario.split('/').next().unwrap_or_default().to_owned();
    let met: BTreeSet<(String, String)> =
        pairs.iter().map(|pair| (book(&pair.a.scenario), book(&pair.b.scenario))).collect();
    let itself = |name: &str| {
        pairs.iter().any(|p| p.a.scenario == p.b.scenario && book(&p.b.scenario) == name)
    };
    let (mut crates, mut same) = (BTreeSet::new(), BTreeSet::new());
    for (name_a, name_b) in met {
        let found = (a.header.books.get(&name_a), b.header.books.get(&name_b));
        let (Some(of_a), Some(of_b)) = found else { continue };
        match of_a.sha256 == of_b.sha256 {
            true if itself(&name_b) => _ = same.insert(name_b),
            true => {}
            false => crates.extend(unlike_crates(of_a, of_b)),
        }
    }
    (crates.into_iter().collect(), same.into_iter().collect())
}

fn unlike_crates(a: &BookRecord, b: &BookRecord) -> Vec<CrateDiff> {
    // Without a lock file nothing is known, which is not the same as nothing being there.
    if a.crates.is_empty() || b.crates.is_empty() {
        return vec![];
    }
    let versions = |book: &BookRecord, name: &str| -> Vec<String> {
        let of = book.crates.iter().filter(|c| c.name == name);
        of.map(version).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let all = || a.crates.iter().chain(&b.crates);
    let names: BTreeSet<&str> = all().map(|c| c.name.as_str()).collect();
    let is_direct = |name: &str| all().any(|c: &CrateRecord| c.name == name && c.direct);
    names
        .into_iter()
        .map(|name| CrateDiff {
            name: name.to_owned(),
            a: versions(a, name),
            b: versions(b, name),
            direct: is_direct(name),
        })
        .filter(|diff| diff.a != diff.b)
        .collect()
}

/// A patched crate has the version of what it stands in for.
fn version(of: &CrateRecord) -> String {
    match of.checksum {
        Some(_) => of.version.clone(),
        None => format!("{} (from no registry)", of.version),
    }
}
