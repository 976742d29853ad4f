//! What can be typed after `standstill watch`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{MessageFormat, duration};

const WATCH_EXIT_CODES: &str = "\
The program has this terminal, its streams, its environment and the signals sent to standstill; if
nothing is found, nothing is printed.

Exit codes:
  the program's own, and if a signal ended it, the same signal; otherwise
  2    the command line makes no sense
  124  a hang was found (--on-hang kill, core)
  125  standstill itself failed
  126  the program cannot be executed
  127  there is no such program

For each test of a cargo workspace, in .config/nextest.toml:
  experimental = [\"wrapper-scripts\"]
  scripts.wrapper.standstill.command = \"standstill watch --timeout 20s --\"
  [[profile.default.scripts]]
  filter = \"all()\"
  run-wrapper = \"standstill\"
or for each binary that cargo runs:
  CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=\"standstill watch --timeout 20s --\" cargo test";

/// `standstill watch`.
#[derive(Args, Debug)]
#[command(after_help = WATCH_EXIT_CODES)]
pub(in crate::cli) struct WatchArgs {
    /// How long the program may take; `none` looks for deadlocks only
    #[arg(long, value_name = "TIME|none", default_value = "60s", value_parser = patience)]
    pub(super) timeout: Patience,
    /// What happens when it hangs
    #[arg(long, value_enum, default_value_t = OnHang::Kill)]
    pub(super) on_hang: OnHang,
    /// Keep what was found in this directory, which must be new or empty
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
    /// What goes to standard output, after the program's own
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    pub(super) message_format: MessageFormat,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    #[arg(value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// A deadline, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience(pub(super) Option<Duration>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OnHang {
    /// Tell where, and let it hang
    Report,
    /// Tell where, and kill it with all that it has started
    Kill,
    /// As kill, and write a core file first
    Core,
}

fn patience(text: &str) -> Result<Patience, String> {
    if text == "none" { Ok(Patience(None)) } else { duration(text).map(Some).map(Patience) }
}
