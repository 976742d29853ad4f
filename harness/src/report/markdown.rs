//! `REPORT.md`: a stored run, rendered from a template that users may replace.
//!
//! The template is Jinja as minijinja reads it; a field that it names and the run does not have is
//! an error, never an empty place.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::event::Summary;
use crate::observation::Isolation;
use crate::report::json::worst;
use crate::stats::{Rate, percent};
use crate::store::{ProbeRecord, Run, TrialRecord};
use crate::verdict::{Confidence, Finding, Grade};

/// The built-in template.
pub const TEMPLATE: &str = include_str!("../../REPORT_TEMPLATE.md");

/// Pairs of scenario and thread count without a finding that get a line of their own at the top.
const MOST_QUIET: usize = 3;
/// Findings told in full; the rest is counted.
const MOST_FINDINGS: usize = 8;

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
#[error("failed to render the report: {0}")]
pub struct RenderError(String);

/// Renders a run.
pub fn render(run: &Run, template: &str) -> Result<String, RenderError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let fault = |error: minijinja::Error| {
        let line = error.line().map_or(String::new(), |line| format!(" (template line {line})"));
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let place = error
            .range()
            .and_then(|range| template.get(range))
            .map_or(String::new(), |text| format!(" at `{text}`"));
        RenderError(format!("{detail}{place}{line}"))
    };
    environment.add_template("report", template).map_err(fault)?;
    let template = environment.get_template("report").map_err(fault)?;
    let text = template.render(minijinja::value::Serde(Page::of(run))).map_err(fault)?;
    Ok(text.trim_end().to_owned() + "\n")
}

/// Writes a report in one go: a reader sees the old one or the new one.
pub fn save(path: &Path, text: &str) -> io::Result<()> {
    let named =
        |e: io::Error| io::Error::new(e.kind(), format!("failed to write {}: {e}", path.display()));
    let draft = path.with_extension("md.new");
    let write = || {
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&draft, path)
    };
    write().map_err(|e| {
        let _ = std::fs::remove_file(&draft);
        named(e)
    })
}

/// Everything that a template can name.
#[derive(Serialize)]
struct Page {
    headline: String,
    verdict: Vec<String>,
    run: RunFacts,
    units: Vec<UnitRow>,
    bound: Option<String>,
    inconclusive: Vec<String>,
    scenarios: Vec<ScenarioFacts>,
    findings: Vec<FindingFacts>,
    more_findings: Option<String>,
    environment: Vec<Row>,
    books: Vec<BookFacts>,
    limitations: Vec<String>,
}

#[derive(Serialize)]
struct RunFacts {
    standstill: String,
    began: String,
    command: String,
    trials: usize,
    planned: u64,
    complete: bool,
}

#[derive(Serialize)]
struct UnitRow {
    scenario: String,
    threads: u32,
    k: u64,
    n: u64,
    rate: String,
    interval: String,
    clean: u64,
    inconclusive: u64,
    median: String,
    p99: String,
    grade: String,
}

#[derive(Serialize)]
struct ScenarioFacts {
    name: String,
    about: String,
    claim: String,
    source: String,
    expectation: String,
    timeout: String,
    processes: String,
    oracle: String,
    facts: Vec<String>,
}

#[derive(Serialize)]
struct FindingFacts {
    scenario: String,
    threads: String,
    kind: String,
    confidence: String,
    summary: String,
    evidence: Vec<String>,
    fingerprint: String,
    times: String,
    token: String,
    stacks: Option<String>,
    stopped_us: u64,
    output: Option<String>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct BookFacts {
    name: String,
    sha256: String,
    crates: Vec<CrateFacts>,
}

#[derive(Serialize)]
struct CrateFacts {
    name: String,
    version: String,
    checksum: String,
    direct: bool,
}

impl Page {
    fn of(run: &Run) -> Page {
        let header = &run.header;
        let summaries = run.summaries();
        let (findings, more_findings) = findings(run);
        let total = Rate {
            k: summaries.iter().map(|s| s.rate.k).sum(),
            n: summaries.iter().map(|s| s.rate.n).sum(),
        };
        let bound = (total.k == 0 && total.n > 0 && summaries.len() > 1).then(|| {
            format!(
                "Nothing was found in {} over all units: if the trials were alike and independent, \
                 the probability of a finding in one of them is at most {} (95 % confidence).",
                counted(total.n, "judged trial"),
                percent(total.interval().1)
            )
        });
        Page {
            headline: headline(&summaries),
            verdict: verdict_lines(&summaries),
            run: RunFacts {
                standstill: header.standstill.clone(),
                began: header.began.clone(),
                command: tidy(&header.command),
                trials: run.trials.len(),
                planned: header.plan.units.iter().map(|u| u.trials).sum(),
                complete: run.is_complete(),
            },
            units: summaries.iter().map(UnitRow::of).collect(),
            bound,
            inconclusive: summaries.iter().flat_map(inconclusive_lines).collect(),
            scenarios: scenarios(run),
            findings,
            more_findings,
            environment: environment(run),
            books: books(run),
            limitations: limitations(run),
        }
    }
}

/// The symptom in one line, no stronger than the weakest word that fits.
fn headline(summaries: &[Summary]) -> String {
    let mut kinds: Vec<(Confidence, String)> = summaries
        .iter()
        .flat_map(|s| &s.findings)
        .map(|f| (f.confidence, f.kind.to_string()))
        .collect();
    kinds.sort_by(|a, b| b.cmp(a));
    kinds.dedup();
    let n: u64 = summaries.iter().map(Summary::trials).sum();
    let judged: u64 = summaries.iter().map(|s| s.rate.n).sum();
    let of = if judged == n { "trial" } else { "judged trial" };
    let mut names: Vec<&str> = summaries.iter().map(|s| s.scenario.as_str()).collect();
    names.dedup();
    let what = match names[..] {
        [] => "no scenario".to_owned(),
        [one] => one.to_owned(),
        _ => format!("{} scenarios", names.len()),
    };
    let k: u64 = summaries.iter().map(|s| s.rate.k).sum();
    match (kinds.is_empty(), worst(summaries)) {
        (true, Grade::Inconclusive) => {
            format!("{what}: inconclusive after {}", counted(n, "trial"))
        }
        (true, grade) => {
            let though = if grade == Grade::Missed { ", against expectation" } else { "" };
            format!("{what}: nothing found in {}{though}", counted(n, "trial"))
        }
        (false, grade) => {
            let list: Vec<String> = kinds.iter().map(|(c, kind)| format!("{kind} ({c})")).collect();
            let expected = if grade == Grade::AsExpected { ", as expected" } else { "" };
            format!("{what}: {} in {k} of {}{expected}", list.join(", "), counted(judged, of))
        }
    }
}

/// A line for each unit; of many in which nothing happened, one for all of them.
fn verdict_lines(summaries: &[Summary]) -> Vec<String> {
    let is_quiet =
        |s: &&Summary| s.rate.k == 0 && s.inconclusive == 0 && s.grade() == Grade::AsExpected;
    let quiet = summaries.iter().filter(is_quiet).count();
    if quiet <= MOST_QUIET {
        return summaries.iter().map(verdict_line).collect();
    }
    let mut lines: Vec<String> =
        summaries.iter().filter(|s| !is_quiet(s)).map(verdict_line).collect();
    let n = summaries.len();
    lines.push(format!(
        "nothing found in {quiet} of {n} pairs of scenario and thread count; rates below"
    ));
    lines
}

fn verdict_line(summary: &Summary) -> String {
    let Summary { scenario, threads, .. } = summary;
    format!("**{scenario}**, {}: {}", counted(*threads, "thread"), summary.sentence())
}

/// `1 thread`, `2 threads`.
fn counted(n: impl Into<u64>, what: &str) -> String {
    let n = n.into();
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

fn inconclusive_lines(summary: &Summary) -> Vec<String> {
    let title = format!("{} with {}", summary.scenario, counted(summary.threads, "thread"));
    let whys = summary.why_inconclusive.iter();
    whys.map(|(why, n)| format!("{title}: {}: {}", times(*n), literal(why))).collect()
}

impl UnitRow {
    fn of(summary: &Summary) -> UnitRow {
        let (low, high) = summary.rate.interval();
        let ms =
            |us: Option<u64>| us.map_or("-".to_owned(), |us| format!("{:.2} ms", us as f64 / 1e3));
        let Rate { k, n } = summary.rate;
        UnitRow {
            scenario: summary.scenario.clone(),
            threads: summary.threads,
            k,
            n,
            rate: if n == 0 { "-".to_owned() } else { percent(k as f64 / n as f64) },
            interval: format!("{} to {}", percent(low), percent(high)),
            clean: summary.clean,
            inconclusive: summary.inconclusive,
            median: ms(summary.median_us),
            p99: ms(summary.p99_us),
            grade: summary.grade().to_string(),
        }
    }
}

fn scenarios(run: &Run) -> Vec<ScenarioFacts> {
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
fn findings(run: &Run) -> (Vec<FindingFacts>, Option<String>) {
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
                format!("{name} ({} bytes):\n{}", output.bytes, fenced(&output.to_string()))
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

fn environment(run: &Run) -> Vec<Row> {
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

fn books(run: &Run) -> Vec<BookFacts> {
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
fn limitations(run: &Run) -> Vec<String> {
    let mut lines = vec![
        "The operating system chose the schedules of one machine with the number of cores above; a \
         schedule that it never chose was never tried."
            .to_owned(),
        "A bound holds for trials like these: this binary, these inputs, this machine.".to_owned(),
        "Data races are not looked for in this lane; they show only as a crash or a wrong result."
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

/// One line without the user's home directory in it.
fn tidy(text: &str) -> String {
    without_home(&text.replace('\n', " "))
}

/// The same of words that are not Markdown, such as a panic of thread `<unnamed>`: nothing of them
/// is taken for a tag or for emphasis.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in tidy(text).chars() {
        if matches!(c, '<' | '*' | '`' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text that cannot end the code block it stands in.
fn fenced(text: &str) -> String {
    without_home(text.trim_end()).replace("```", "'''")
}

fn without_home(text: &str) -> String {
    without(text, &std::env::var("HOME").unwrap_or_default())
}

/// `home` as `~` wherever it stands as a whole path or the beginning of one: `/home/me` is
/// none of `/home/men`.
fn without(text: &str, home: &str) -> String {
    let home = home.trim_end_matches('/');
    if home.is_empty() {
        return text.to_owned();
    }
    let goes_on = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let mut pieces = text.split(home);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_whole = !out.ends_with(goes_on) && !piece.starts_with(goes_on);
        out.push_str(if is_whole { "~" } else { home });
        out.push_str(piece);
    }
    out
}

#[cfg(test)]
mod tests;
