//! What can be typed after `standstill sweep`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;

use crate::cli::{Failure, IsolationArg, MessageFormat, Source, duration, setting};
use crate::config::Config;
use crate::explore::target::quoted;
use crate::plan::Plan;
use crate::sweep::counts;
use crate::verdict::Kind;

const EXIT_CODES: &str = "\
One thread is tried first, as a control; then 2, 4, 8 and so on until a count fails, what lies
between, the next larger count and the largest. At each count trials are run in looks of 25, 50,
100 and so on, until the interval of the rate lies at or above the floor (fails) or below it;
all looks at a count together are wrong in at most 5 % of sweeps. Only findings of one kind
count: the one that the scenario expects, or else the first that is found; other kinds are told.

Exit codes:
  0    what was found was expected, or every tested count is below the floor
  1    something unexpected was found, or a control was missed
  2    what was asked for does not exist or makes no sense
  3    no count is known to fail, and at least one is undecided
  4    something that standstill needs failed: a build, a disk, a process limit
  130  interrupted; what was seen is kept, and --resume goes on";

/// `standstill sweep`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(in crate::cli) struct SweepArgs {
    /// A scenario: `crate/scenario`
    #[arg(required_unless_present = "resume", value_name = "SCENARIO")]
    pub(super) scenario: Option<String>,
    /// Thread counts to choose from: a range, both ends included, or a list [default: 1..64]
    #[arg(long, short, value_name = "1..64|1,2,4,8")]
    pub(super) threads: Option<String>,
    /// The smallest rate of failures that matters, such as 1% or 0.01
    #[arg(long, value_name = "RATE", default_value = "1%", value_parser = floor)]
    pub(super) floor: f64,
    /// The kind of finding to sweep for, such as deadlock [default: what the scenario expects, or else
    /// what is found first]
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(super) kind: Option<Kind>,
    /// Trials at one thread count, at most [default: 400, or what the floor needs]
    #[arg(long, short = 'n', value_name = "MAX", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) trials: Option<u64>,
    /// Deadline of a trial's actors, such as 30s or 1m30s [default: what the scenario asks for]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) timeout: Option<Duration>,
    /// Seed of the sweep; the same seed gives each trial the same random numbers [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Trials at a time [default: 1, since trials disturb one another]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(super) jobs: Option<u64>,
    /// Model file for the scenarios that take one; the same as --set model=PATH
    #[arg(long, value_name = "PATH")]
    pub(super) model: Option<PathBuf>,
    /// Something that the scenario reads when it prepares
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub(super) settings: Vec<(String, String)>,
    /// How each trial's process is made
    #[arg(long, value_enum, default_value_t = IsolationArg::Auto)]
    pub(super) isolation: IsolationArg,
    /// Keep the run here [default: a new directory below target/standstill]
    #[arg(long, value_name = "DIR")]
    pub(super) run_dir: Option<PathBuf>,
    /// Go on with this sweep: the missing trials of the same plan with the same binary
    #[arg(long, value_name = "RUN", conflicts_with_all = [
        "threads", "trials", "timeout", "seed", "model", "settings", "run_dir", "scenario", "isolation",
        "floor", "kind", "binary", "manifest_path", "profile",
    ])]
    pub(super) resume: Option<PathBuf>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    pub(super) message_format: MessageFormat,
    #[command(flatten)]
    pub(super) source: Source,
}

impl SweepArgs {
    /// The deadline that was asked for, here or in the workspace's file.
    pub(super) fn timeout(&self, config: &Config) -> Result<Option<Duration>, Failure> {
        match (&self.timeout, &config.timeout) {
            (Some(time), _) => Ok(Some(*time)),
            (None, Some(text)) => duration(text).map(Some).map_err(|why| {
                Failure::usage(anyhow!("timeout in {}: {why}", crate::config::FILE))
            }),
            (None, None) => Ok(None),
        }
    }

    /// The command that repeats the sweep, defaults spelled out.
    pub(super) fn command(&self, scenario: &str, plan: &Plan) -> String {
        let mut words = vec!["standstill".to_owned(), "sweep".to_owned(), scenario.to_owned()];
        let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        let threads: Vec<u32> = plan.units.iter().map(|unit| unit.threads).collect();
        flag("threads", counts::typed(&threads));
        flag("floor", format!("{}", self.floor));
        if let Some(kind) = self.kind {
            flag("kind", kind.to_string());
        }
        if let Some(unit) = plan.units.first() {
            flag("trials", unit.trials.to_string());
        }
        if let Some(timeout) = self.timeout {
            flag("timeout", humantime::format_duration(timeout).to_string().replace(' ', ""));
        }
        flag("seed", plan.seed.to_string());
        flag("jobs", plan.jobs.to_string());
        for (key, value) in &plan.settings {
            match key.as_str() {
                "model" => flag("model", value.clone()),
                _ => flag("set", format!("{key}={value}")),
            }
        }
        match self.isolation {
            IsolationArg::Auto => {}
            IsolationArg::Zygote => flag("isolation", "zygote".to_owned()),
            IsolationArg::Fresh => flag("isolation", "fresh".to_owned()),
        }
        words.extend(self.source.flags());
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

fn floor(text: &str) -> Result<f64, String> {
    let (digits, of) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits.trim_end(), 100.0),
        None => (text.trim(), 1.0),
    };
    match digits.parse::<f64>().map(|value| value / of) {
        Ok(rate) if (0.0001..=0.5).contains(&rate) => Ok(rate),
        Ok(_) => Err("a floor lies between 0.01% and 50%".to_owned()),
        Err(_) => Err("rates are written like 1% or 0.01".to_owned()),
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    text.parse().map_err(|why| {
        let known: Vec<&str> = crate::verdict::KINDS.iter().map(|kind| kind.name()).collect();
        format!("{why}; there are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_is_a_percentage_or_a_fraction() {
        assert_eq!(floor("1%"), Ok(0.01));
        assert_eq!(floor(" 0.5 %"), Ok(0.005));
        assert_eq!(floor("0.2"), Ok(0.2));
        for text in ["1", "0%", "60%", "-1%", "nan", "a%", ""] {
            assert!(floor(text).is_err(), "{text}");
        }
    }
}
