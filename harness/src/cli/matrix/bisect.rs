//! `--bisect`: which versions there are to choose from, and what is asked of each.

use std::time::Duration;

use anyhow::anyhow;
use cargo_metadata::semver::Version;

use super::Bench;
use crate::cli::Failure;
use crate::matrix::bisect::Rules;
use crate::matrix::cargo_home;
use crate::matrix::index::{between, published};
use crate::matrix::lab::LabError;
use crate::matrix::record::Lane;
use crate::matrix::search::{Bisected, Plan, Search};
use crate::matrix::source::Source;
use crate::matrix::subject::Wanted;
use crate::matrix::workshop::{Built, WorkshopError};

/// Failures after which a rate is known well enough. Their bound is at about half of the rate; fewer
/// give one so low that every version after it needs many times as many trials.
const ENOUGH: u64 = 20;
/// Trials at a time, at first.
const BATCH: u64 = 20;
/// Time for the trials of one version.
const BUDGET: Duration = Duration::from_secs(300);

impl Bench<'_> {
    /// Finds where the finding begins or ends.
    pub(super) fn bisect(
        &self,
        ends: &(Version, Version),
        named: Vec<Source>,
    ) -> Result<Bisected, Failure> {
        let &[lane] = self.lanes else {
            return Err(Failure::usage(anyhow!(
                "a bisection has one rate to go by: name one lane, native or controlled"
            )));
        };
        let sources = self.candidates(ends, named)?;
        self.forget(&sources)?;
        let last = sources.last().and_then(Source::version);
        let suspect_last = last == Some(&ends.1);
        let scenario = self.scenario(&sources)?;
        let what = match (&scenario, &self.lab.workshop.subject.wanted) {
            (Some((scenario, _)), _) => scenario.clone(),
            (None, Wanted::Bin(name) | Wanted::Test(name)) => name.clone(),
        };
        let plan = Plan {
            rules: Rules {
                alpha: 1.0 - self.args.confidence,
                enough: ENOUGH,
                most: self.args.max_trials,
                first: BATCH,
                // A search begins with trials of its own kind, and takes a while to begin.
                least: if lane == Lane::Controlled { BATCH } else { 1 },
            },
            sources,
            suspect_last,
            lane,
            scenario,
            what,
            seed: self.args.seed.unwrap_or(1),
            budget: self.args.budget.unwrap_or(BUDGET),
            kinds: self.args.kinds.iter().copied().collect(),
            unbuildable: self.args.unbuildable.side(),
        };
        let mut tell = |line: &str| self.tell(line);
        Ok(Search::new(&plan, self.lab, &mut tell).run()?)
    }

    /// The versions from one end to the other, in order.
    fn candidates(
        &self,
        ends: &(Version, Version),
        mut named: Vec<Source>,
    ) -> Result<Vec<Source>, Failure> {
        let (low, high) = if ends.0 < ends.1 { (&ends.0, &ends.1) } else { (&ends.1, &ends.0) };
        if named.is_empty() {
            self.refresh(high)?;
            let name = self.lab.workshop.name;
            let home = cargo_home().unwrap_or_default();
            let all = published(&home, name).map_err(Failure::usage)?;
            let versions = between(&all, (low, high), self.args.yanked)
                .map_err(|why| Failure::usage(anyhow!("of {name}, {why}")))?;
            let registry = |version| Source::Registry { version };
            return Ok(versions.into_iter().map(registry).collect());
        }
        if let Some(git) = named.iter().find(|source| source.version().is_none()) {
            let title = git.title();
            return Err(Failure::usage(anyhow!(
                "a bisection goes by version, and {title} has none that is known before it is \
                 fetched: check it out, and name it with --path"
            )));
        }
        for end in [low, high] {
            if !named.iter().any(|source| source.version() == Some(end)) {
                named.push(Source::Registry { version: end.clone() });
            }
        }
        named.sort_by(|a, b| a.version().cmp(&b.version()));
        named.retain(|s| s.version().is_some_and(|version| low <= version && version <= high));
        if let Some(pair) = named.windows(2).find(|pair| pair[0].version() == pair[1].version()) {
            return Err(Failure::usage(anyhow!(
                "{} and {} have the same version: a bisection could not tell them apart",
                pair[0].title(),
                pair[1].title()
            )));
        }
        Ok(named)
    }

    /// Has cargo look the crate up, by building what is to be built anyway.
    fn refresh(&self, end: &Version) -> Result<(), Failure> {
        self.tell(&format!(
            "{} {end}: building, to learn which versions there are",
            self.lab.workshop.name
        ));
        let mut source = Source::Registry { version: end.clone() };
        match self.lab.workshop.build(&mut source) {
            // What does not build may still be known.
            Ok(_) => Ok(()),
            Err(error @ (WorkshopError::Interrupted | WorkshopError::Io { .. })) => {
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The one scenario, and how many actors it is to have; none for a program.
    fn scenario(&self, sources: &[Source]) -> Result<Option<(String, u32)>, Failure> {
        if let Wanted::Bin(_) = self.lab.workshop.subject.wanted {
            return Ok(None);
        }
        let mut why = "no end builds".to_owned();
        for end in [sources.first(), sources.last()].into_iter().flatten() {
            let mut end = end.clone();
            match self.lab.workshop.build(&mut end)? {
                Built::Not { why: not } => why = not,
                Built::Program(_) => {
                    let listed = self.lab.list(&end, &self.args.scenarios);
                    return one(listed.map_err(failed)?, &self.args.threads).map(Some);
                }
            }
        }
        Err(Failure::failed(anyhow!("failed to build an end of the bisection: {why}")))
    }
}

fn failed(error: LabError) -> Failure {
    match error {
        LabError::Workshop(error) => error.into(),
        LabError::NotTried(why) => Failure::usage(anyhow!(why)),
    }
}

/// A bisection has one rate, so it takes one scenario with one thread count.
fn one(listed: Vec<(String, Vec<u32>)>, asked: &[u64]) -> Result<(String, u32), Failure> {
    let [(scenario, own)] = &listed[..] else {
        let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::usage(anyhow!(
            "a bisection takes one scenario, and these are {}",
            names.join(", ")
        )));
    };
    let asked: Vec<u32> = asked.iter().map(|n| *n as u32).collect();
    match if asked.is_empty() { own } else { &asked }[..] {
        [threads] => Ok((scenario.clone(), threads)),
        _ => {
            let counts: Vec<String> = own.iter().map(u32::to_string).collect();
            let counts = counts.join(", ");
            Err(Failure::usage(anyhow!(
                "a bisection takes one thread count: name it with --threads ({scenario} asks for \
                 {counts})"
            )))
        }
    }
}
