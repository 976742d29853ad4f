//! What can be typed after `standstill report`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::MessageFormat;

const ABOUT: &str = "\
Files of a report:
  REPORT.md        one screen for an issue, the rest folded
  report.html      the same to be read in a browser, in one file, without a network
  report.json      the same for programs; its schema is harness/schema/report-1.schema.json
  junit.xml        for CI
  report.sarif     for code scanning
  graphs/          wait-for graphs
  schedules/       what `standstill replay FILE` takes
  raw/             the runs themselves; `standstill report raw/RUN` makes the report again
  SHA256SUMS       of all of them
and beside the directory an archive of it.

Exit codes:
  0    it was written
  2    what was asked for does not exist or makes no sense, such as a template with an unknown field
  4    something that standstill needs failed, such as a disk";

/// `standstill report`.
#[derive(Args, Debug)]
#[command(after_help = ABOUT)]
pub(in crate::cli) struct ReportArgs {
    /// Run directories that make one report, of `stress` and of `explore` [default: the last run]
    #[arg(value_name = "RUN")]
    pub(super) runs: Vec<PathBuf>,
    /// Write here instead of into `report` in the first run; `-` prints REPORT.md and writes nothing
    #[arg(long, short, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// Render REPORT.md from this template instead of the built-in one
    #[arg(long, value_name = "PATH")]
    pub(super) template: Option<PathBuf>,
    /// The library in question, if the runs do not tell
    #[arg(long, value_name = "NAME[@VERSION]")]
    pub(super) subject: Option<String>,
    /// Put core files and minidumps of the runs in, as they are: they hold memory of the process, in
    /// which nothing can be redacted
    #[arg(long)]
    pub(super) with_cores: bool,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    pub(super) message_format: MessageFormat,
}
