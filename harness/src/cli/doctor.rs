//! `standstill doctor`: what this machine can and cannot do, and what would change that.

mod checks;
mod patient;
mod rings;

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::{Exit, Failure, MessageFormat, print};

pub(super) use patient::{PATIENT, Patient};

const HELP: &str = "\
Each line is one ability: `ok`, or `no` with what would grant it. Those of the controlled lane
are shown rather than asked for: at each level a program that takes two locks in opposite orders
must be convicted, and one that takes them in one order must not. Levels 2 and 3 need rustc, and
build that program first.

Exit codes:
  0  everything works
  1  something does not; each line says what would help
  4  the examination itself failed";

/// `standstill doctor`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct DoctorArgs {
    /// Time for the self-test of each level
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = super::duration)]
    budget: Duration,
    /// How to print
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    message_format: MessageFormat,
}

/// One ability.
#[derive(Debug)]
struct Finding {
    /// What is asked.
    what: String,
    /// What is the case; if it is not well, what would help.
    says: Result<String, String>,
}

impl Finding {
    fn new(what: &str, says: Result<String, String>) -> Finding {
        Finding { what: what.to_owned(), says }
    }
}

pub(super) fn main(args: &DoctorArgs) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let mut findings = checks::all();
    findings.extend(rings::all(args.budget));
    let well = findings.iter().all(|finding| finding.says.is_ok());
    match args.message_format {
        MessageFormat::Human => {
            let width = findings.iter().map(|f| f.what.chars().count()).max().unwrap_or(0);
            for Finding { what, says } in &findings {
                let (mark, text) = match says {
                    Ok(text) => ("ok", text),
                    Err(text) => ("no", text),
                };
                print(&format!("{mark}  {what:width$}  {text}\n"));
            }
        }
        MessageFormat::Json => {
            let lines: Vec<_> = findings
                .iter()
                .map(|f| match &f.says {
                    Ok(text) => json!({ "what": f.what, "ok": true, "says": text }),
                    Err(text) => json!({ "what": f.what, "ok": false, "says": text }),
                })
                .collect();
            let seconds = begun.elapsed().as_secs_f64();
            print(&format!("{}\n", json!({ "well": well, "checks": lines, "seconds": seconds })));
        }
    }
    Ok(if well { Exit::AsExpected } else { Exit::Unexpected })
}
