//! What can be typed after `standstill report`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::{MessageFormat, duration};

const ABOUT: &str = "\
Files of a report:
  REPORT.md        one screen for an issue, the rest folded
  report.html      the same to be read in a browser, in one file, without a network
  report.json      the same for programs; its schema is harness/schema/report-1.schema.json
  junit.xml        for CI
  report.sarif     for code scanning
  graphs/          wait-for graphs
  schedules/       what `standstill replay FILE` takes
  reproducer/      a program that shows the first finding without standstill; it is built and run in
                   an empty directory, and the report says how often it failed there
  raw/             the runs themselves, and the files of --matrix; `standstill report raw/RUN` makes
                   the report again
  SHA256SUMS       of all of them
and beside the directory an archive of it. When a report is made again, what you have written into its
place of REPORT.md is carried over; a file of your own, or one that was changed, is named, and
nothing is replaced. The home directory, names of users and of this host,
and what looks like a secret are taken out of all of it, and the report says how often.

Exit codes:
  0    it was written
  2    what was asked for does not exist or makes no sense, such as a template with an unknown field
  4    something that standstill needs failed, such as a disk";

/// `standstill report`.
#[derive(Args, Debug)]
#[command(after_help = ABOUT)]
pub(in crate::cli) struct ReportArgs {
    /// Run directories that make one report, of `stress`, `sweep` and `explore` [default: the last run of
    /// this workspace or directory]
    #[arg(value_name = "RUN")]
    pub(super) runs: Vec<PathBuf>,
    /// Write here instead of into `report` in the first run; `-` prints REPORT.md and writes nothing
    #[arg(long, short, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// Render REPORT.md from this template instead of the built-in one
    #[arg(long, value_name = "PATH")]
    pub(super) template: Option<PathBuf>,
    /// The library in question, if the runs do not tell
    #[arg(long, value_name = "NAME[@VERSION]", value_parser = subject)]
    pub(super) subject: Option<String>,
    /// What `standstill matrix` has found: its directory for all of it, or one of the files there
    #[arg(long, value_name = "PATH")]
    pub(super) matrix: Option<PathBuf>,
    /// Time for running the reproducer in an empty directory once it is built, or `off` for none
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time_or_off)]
    pub(super) reproduce: Time,
    /// Runs of the reproducer, at most
    #[arg(long = "trials", short = 'n', value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) runs_of_it: u32,
    /// Take this file in C or C++, whose first line says `// build: COMMAND`, as the reproducer
    #[arg(long, value_name = "FILE")]
    pub(super) reproducer_source: Option<PathBuf>,
    /// The command that builds the file of --reproducer-source
    #[arg(long, value_name = "COMMAND", requires = "reproducer_source")]
    pub(super) build: Option<String>,
    /// Manifest of the scenario's crate or of the program, where it is not found from here
    #[arg(long, value_name = "PATH")]
    pub(super) manifest_path: Option<PathBuf>,
    /// Put core files and minidumps of the runs in, as they are: they hold memory of the process, in
    /// which nothing can be redacted
    #[arg(long)]
    pub(super) with_cores: bool,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    pub(super) message_format: MessageFormat,
}

/// A time, or none at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Option<Duration>);

/// A subject stands in the headline and in tables.
fn subject(text: &str) -> Result<String, String> {
    let name = text.split('@').next().unwrap_or_default();
    match text.chars().any(char::is_control) {
        true => Err("a subject is one line, NAME or NAME@VERSION".to_owned()),
        false if name.trim().is_empty() => {
            Err("a subject has a name, NAME or NAME@VERSION".to_owned())
        }
        false => Ok(text.to_owned()),
    }
}

fn time_or_off(text: &str) -> Result<Time, String> {
    if text == "off" { Ok(Time(None)) } else { duration(text).map(|time| Time(Some(time))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line_with_a_name() {
        for good in ["bank", "bank@1.2.0", "my bank"] {
            assert_eq!(subject(good).as_deref(), Ok(good));
        }
        for bad in ["", " ", "@1.2.0", "bank\nof mine", "bank\u{7}"] {
            assert!(subject(bad).is_err(), "{bad:?}");
        }
    }
}
