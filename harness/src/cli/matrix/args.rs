//! What can be typed after `standstill matrix`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use cargo_metadata::semver::Version;
use clap::{Args, ValueEnum};

use crate::cli::{MessageFormat, duration, setting, threads};
use crate::matrix::bisect::Side;
use crate::matrix::record::Lane;
use crate::verdict::Kind;

const HELP: &str = "\
Scenarios of the catalog are tried by `standstill stress`, a program (--manifest-path without a
scenario) by `standstill explore`. Every version is built in a directory of its own below
target/standstill/matrix, with the lock file of the original in which one crate is exchanged. What
was built and run is kept: the same command goes on after an interruption. matrix.json there holds
the table of all commands, each cell as it was tried last; bisection-GOOD..BAD-KIND-*.json what a
bisection came to, and bisection.json the last that came as far as any before it.

Exit codes:
  0    everything was as expected; a bisection found two neighbours
  1    something unexpected was found; by a bisection, of another kind than what it looked for
  2    what was asked for does not exist or makes no sense
  3    nothing unexpected was found, and something was inconclusive or did not build; a bisection
       says between which versions the answer lies, or that it has none
  4    something that standstill needs failed, no version could be tried, or an end of a bisection
       does not build
  130  interrupted; the same command goes on";

/// `standstill matrix`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(in crate::cli) struct MatrixArgs {
    /// Scenarios of one crate: `crate/scenario`, or `crate` for all of them. None: the program of
    /// --manifest-path
    #[arg(value_name = "SCENARIO", required_unless_present = "manifest_path")]
    pub(super) scenarios: Vec<String>,
    /// Versions as published, separated by commas
    #[arg(long, value_name = "VERSION,...", value_delimiter = ',', value_parser = version)]
    pub(super) versions: Vec<Version>,
    /// A directory as a further version; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(super) path: Vec<PathBuf>,
    /// A commit or tag of a repository as a further version; may be repeated
    #[arg(long, value_name = "URL#REV", value_parser = git)]
    pub(super) git: Vec<(String, String)>,
    /// Find the version between these two at which a finding begins or ends; either may be the one
    /// that fails. Over all published versions between them, or those that are named
    #[arg(long, value_name = "GOOD..BAD", value_parser = range)]
    pub(super) bisect: Option<(Version, Version)>,
    /// The crate whose versions they are [default: `subject` in the package's
    /// metadata.standstill, or its only dependency from a registry]
    #[arg(long = "crate", value_name = "NAME")]
    pub(super) name: Option<String>,
    /// How trials are made [default: native for scenarios, controlled for programs]
    #[arg(long, value_enum)]
    pub(super) lane: Option<LaneArg>,
    /// The package's program, where it has several
    #[arg(long, value_name = "NAME", conflicts_with = "scenarios")]
    pub(super) bin: Option<String>,
    /// Thread counts, separated by commas [default: what each scenario asks for]
    #[arg(long, short, value_name = "N,N,...", value_delimiter = ',', value_parser = threads)]
    pub(super) threads: Vec<u64>,
    /// Trials of each cell [default: 100; 500 schedules]
    #[arg(long, short = 'n', value_name = "N", conflicts_with = "bisect")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) trials: Option<u64>,
    /// Time for the schedules of a cell [default: 60s], or for all trials of a version of a bisection
    /// [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) budget: Option<Duration>,
    /// Seed of the first trials [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Deadline of a trial's actors; under control, how long a trial may be without a step
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) timeout: Option<Duration>,
    /// Trials at a time
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(super) jobs: Option<u64>,
    /// Model file for the scenarios that take one; the same as --set model=PATH
    #[arg(long, value_name = "PATH")]
    pub(super) model: Option<PathBuf>,
    /// Something that the scenarios read when they prepare
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub(super) settings: Vec<(String, String)>,
    /// Take the package, or for scenarios the workspace, of this Cargo.toml
    #[arg(long, value_name = "PATH")]
    pub(super) manifest_path: Option<PathBuf>,
    /// Build with this cargo profile [default: release]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// How sure a bisection is to be
    #[arg(long, value_name = "PERCENT", default_value = "95%", value_parser = confidence)]
    pub(super) confidence: f64,
    /// Trials of one version at most, in a bisection
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(20..))]
    pub(super) max_trials: u64,
    /// Bisect for these kinds, separated by commas [default: what the failing end shows first]
    #[arg(long = "kind", value_name = "KIND,...", value_delimiter = ',')]
    pub(super) kinds: Vec<Kind>,
    /// Bisect over versions, too, that were yanked
    #[arg(long)]
    pub(super) yanked: bool,
    /// What a version counts as in a bisection that does not build
    #[arg(long, value_enum, default_value_t = UnbuildableArg::Skip)]
    pub(super) unbuildable: UnbuildableArg,
    /// Forget what earlier commands have resolved and run for these versions
    #[arg(long)]
    pub(super) fresh: bool,
    /// Print tables as Markdown
    #[arg(long)]
    pub(super) markdown: bool,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    pub(super) message_format: MessageFormat,
    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS", conflicts_with = "scenarios")]
    pub(super) arguments: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LaneArg {
    /// As it runs by itself
    Native,
    /// Every trial another schedule
    Controlled,
    /// One after the other
    Both,
}

impl LaneArg {
    pub(super) fn lanes(self) -> &'static [Lane] {
        match self {
            LaneArg::Native => &[Lane::Native],
            LaneArg::Controlled => &[Lane::Controlled],
            LaneArg::Both => &[Lane::Native, Lane::Controlled],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum UnbuildableArg {
    /// Neither: it is left open
    Skip,
    /// As one that does not fail
    Good,
    /// As one that fails
    Bad,
}

impl UnbuildableArg {
    pub(super) fn side(self) -> Option<Side> {
        match self {
            UnbuildableArg::Skip => None,
            UnbuildableArg::Good => Some(Side::Good),
            UnbuildableArg::Bad => Some(Side::Bad),
        }
    }
}

fn version(text: &str) -> Result<Version, String> {
    let text = text.trim().trim_start_matches('=');
    Version::parse(text).map_err(|_| "versions are written in full, such as 0.16.0".to_owned())
}

fn git(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('#') {
        Some((url, rev)) if !url.is_empty() && !rev.is_empty() => {
            Ok((url.to_owned(), rev.to_owned()))
        }
        _ => Err("a commit is written URL#REV, such as https://example.org/repo#v1.2.3".to_owned()),
    }
}

fn range(text: &str) -> Result<(Version, Version), String> {
    let (good, bad) =
        text.split_once("..").ok_or("the ends are written GOOD..BAD, such as 1.51.0..1.52.0")?;
    let (good, bad) = (version(good)?, version(bad)?);
    if good == bad { Err("both ends are the same version".to_owned()) } else { Ok((good, bad)) }
}

fn confidence(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim().parse::<f64>();
    match number {
        Ok(percent) if (50.0..=99.9999).contains(&percent) => Ok(percent / 100.0),
        _ => Err("a percentage from 50% to 99.9999%, such as 95%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_understood_or_refused_in_words() {
        assert_eq!(range("1.0.0..1.2.0-rc.1").unwrap().1, Version::parse("1.2.0-rc.1").unwrap());
        for wrong in ["1.0.0", "1.0.0..1", "1.0.0..1.0.0", ".."] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
        assert_eq!(git("https://a/b#c").unwrap(), ("https://a/b".to_owned(), "c".to_owned()));
        assert!(git("https://a/b").is_err() && git("#c").is_err());
        assert_eq!(confidence("99 %").unwrap(), 0.99);
        assert!(confidence("0.95").is_err() && confidence("100%").is_err());
    }
}
