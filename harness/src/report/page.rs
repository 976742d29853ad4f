//! Everything that a report can say, as data: what the template names, what `report.html` draws, and
//! what `report.json` is.
//!
//! Rates of the native lane and of the controlled one are never added up: in the one the operating
//! system chose the schedules, in the other standstill did, on purpose and badly.

mod controlled;
mod controls;
mod facts;
mod findings;
mod headline;
mod limits;
mod native;
mod rate;
mod subject;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use controlled::SearchRow;
pub use facts::{BookFacts, CrateFacts, Row, ScenarioFacts};
#[cfg(test)]
pub(crate) use findings::MOST_FINDINGS;
pub use findings::{FindingFacts, GraphFacts, InterleavingFacts, Step};
pub(crate) use limits::damaged;
pub use native::NativeRow;
pub use rate::RateFacts;
pub use subject::SubjectFacts;

use crate::store::Run;

/// The version of `report.json`. Raised whenever a field goes or means something else.
pub const SCHEMA: u32 = 1;

/// One report.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// Version of this format.
    pub schema: u32,
    /// Version of standstill that made the report.
    pub standstill: String,
    /// `found`, `nothing-found`, or `inconclusive`.
    pub outcome: String,
    /// Symptom, component and version, rate: one line.
    pub headline: String,
    /// What was examined.
    pub subject: SubjectFacts,
    /// What was claimed, by whom; one for each different claim.
    pub claims: Vec<ClaimFacts>,
    /// What was expected, a sentence for each scenario or program.
    pub expected: Vec<String>,
    /// What was seen, a sentence for each scenario and thread count or search in which something was,
    /// or for all of them.
    pub seen: Vec<String>,
    /// The least thread count with a finding, and what was seen with fewer; none where nothing was found.
    pub least_threads: Option<String>,
    /// The runs that it is made of.
    pub runs: Vec<RunFacts>,
    /// Trials in which the operating system scheduled.
    pub native: Vec<NativeRow>,
    /// The same scenario with something in place that should help, beside it without.
    pub controls: Vec<ControlFacts>,
    /// Searches in which standstill scheduled.
    pub controlled: Vec<SearchRow>,
    /// What nothing found in all native trials together bounds; none where something was found.
    pub bound: Option<String>,
    /// Trials that count neither way, with their reasons.
    pub inconclusive: Vec<String>,
    /// One of each form of finding, in the order in which they were seen.
    pub findings: Vec<FindingFacts>,
    /// How many forms are left out, if some are.
    pub more_findings: Option<String>,
    /// A program that shows it without standstill.
    pub reproducer: Option<ReproducerFacts>,
    /// Commands that repeat what was seen, each with what it does.
    pub repeat: Vec<CommandFacts>,
    /// The same over versions of the library, if that was examined.
    pub versions: Option<VersionFacts>,
    /// Further tables of that sort.
    #[serde(default)]
    pub more_versions: Vec<VersionFacts>,
    /// Scenarios, what they rely on, how they were run.
    pub scenarios: Vec<ScenarioFacts>,
    /// The machine and its tools.
    pub environment: Vec<Row>,
    /// Binaries and the crates in them.
    pub books: Vec<BookFacts>,
    /// What could not have been seen.
    pub limitations: Vec<String>,
    /// What was taken out before this was written, and how often.
    pub redacted: Vec<String>,
    /// What of the stored runs could not be read.
    pub damaged: Vec<String>,
}

/// A promise that a scenario relies on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimFacts {
    /// The promise, quoted.
    pub claim: String,
    /// Where it stands.
    pub source: String,
}

/// One run directory.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunFacts {
    /// Version of standstill that wrote it.
    pub standstill: String,
    /// When it began, RFC 3339, UTC.
    pub began: String,
    /// The command that repeats it.
    pub command: String,
    /// Native trials that were run.
    pub trials: u64,
    /// Native trials that were planned.
    pub planned: u64,
    /// Whether all of those were run.
    pub complete: bool,
    /// Schedules that were tried.
    pub schedules: u64,
}

/// A scenario beside its control, with as many threads unless the threads are what differs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ControlFacts {
    /// The scenario in which something was found.
    pub scenario: String,
    /// Its actors.
    pub threads: u32,
    /// Its rate.
    pub rate: RateFacts,
    /// The control's name.
    pub control: String,
    /// What is different in it: `one thread`, `an external mutex`.
    pub what: String,
    /// Its actors.
    pub control_threads: u32,
    /// Its rate.
    pub control_rate: RateFacts,
    /// Fisher's exact test, two-sided, of there being no difference.
    pub p: f64,
    /// The same, rounded for people.
    pub p_text: String,
    /// What that says, and no more.
    pub sentence: String,
}

/// A program that needs no standstill.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReproducerFacts {
    /// Its directory beside the report.
    pub directory: String,
    /// The line that builds it.
    pub build: String,
    /// The line that runs it.
    pub run: String,
    /// Whether it could be built in an empty directory.
    pub built: bool,
    /// How often it showed what was found in the time that was given; none where it was not run. A
    /// failure of another sort shows nothing.
    pub rate: Option<RateFacts>,
    /// How it failed, and how often, whatever that shows.
    #[serde(default)]
    pub kinds: BTreeMap<String, u32>,
    /// What was seen of it, a sentence.
    pub sentence: String,
    /// Its main file, whole if it is short enough for a report.
    pub source: Option<String>,
}

/// A command for the reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandFacts {
    /// What it does.
    pub what: String,
    /// The line.
    pub command: String,
}

/// What was seen of several versions of the library.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct VersionFacts {
    /// Which crate's versions they are, and what tried them.
    #[serde(default)]
    pub title: String,
    /// What it comes to, one sentence a line.
    pub sentences: Vec<String>,
    /// Heads of the table.
    pub heads: Vec<String>,
    /// Its rows, each as long as `heads`.
    pub rows: Vec<Vec<String>>,
}

/// What a report has besides runs.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// The library in question, `name` or `name@version`, if the runs do not tell.
    pub subject: Option<String>,
    /// A reproducer that was tried.
    pub reproducer: Option<ReproducerFacts>,
    /// Versions that were tried.
    pub versions: Vec<VersionFacts>,
}

impl Page {
    /// What a report of these runs is about.
    pub fn subject(runs: &[Run], asked: Option<&str>) -> SubjectFacts {
        subject::of(runs, asked)
    }

    /// The page of these runs, of which there is at least one.
    pub fn of(runs: &[Run], extra: Extra) -> Page {
        let native = native::rows(runs);
        let controlled = controlled::rows(runs);
        let (findings, more_findings) = findings::all(runs);
        let subject = subject::of(runs, extra.subject.as_deref());
        let mut versions = extra.versions.into_iter();
        let outcome = headline::outcome(&native, &controlled);
        Page {
            schema: SCHEMA,
            standstill: env!("CARGO_PKG_VERSION").to_owned(),
            outcome: outcome.to_owned(),
            headline: headline::headline(runs, &subject, &native, &controlled),
            claims: facts::claims(runs),
            expected: facts::expected(runs),
            seen: headline::seen(runs, &controlled),
            least_threads: headline::least_threads(runs),
            runs: runs.iter().map(RunFacts::of).collect(),
            bound: native::bound(runs),
            inconclusive: native::inconclusive(runs),
            controls: controls::rows(runs),
            repeat: findings::repeat(runs, &findings),
            native,
            controlled,
            findings,
            more_findings,
            reproducer: extra.reproducer,
            versions: versions.next(),
            more_versions: versions.collect(),
            scenarios: facts::scenarios(runs),
            environment: facts::environment(&runs[0]),
            books: facts::books(runs),
            limitations: limits::limitations(runs),
            redacted: vec![],
            damaged: limits::damaged(runs),
            subject,
        }
    }
}

impl Page {
    /// The headline with how often the reproducer failed, if it did: it is what a reader can repeat.
    pub fn with_the_reproducers_rate(mut self) -> Page {
        if let Some(rate) = self.reproducer.as_ref().and_then(|made| made.rate.as_ref())
            && rate.k > 0
        {
            self.headline += &format!("; {} of {} runs of a standalone reproducer", rate.k, rate.n);
        }
        self
    }
}

impl RunFacts {
    fn of(run: &Run) -> RunFacts {
        RunFacts {
            standstill: run.header.standstill.clone(),
            began: run.header.began.clone(),
            command: words::tidy(&run.header.command),
            trials: run.trials.len() as u64,
            planned: run.planned(),
            complete: run.is_complete(),
            schedules: run.searches.iter().fold(0, |sum, s| sum.saturating_add(s.trials)),
        }
    }
}
