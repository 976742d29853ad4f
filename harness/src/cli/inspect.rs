//! `standstill inspect`: what a live process stands at; it goes on.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;

use super::keep::Keep;
use super::{Exit, Failure, MessageFormat, complain, duration, print};
use crate::capture::CaptureError;
use crate::detect::scene;
use crate::inspect::{Inspector, Sampling};
use crate::report::scene as report;
use crate::verdict::Verdict;

const EXIT_CODES: &str = "\
The process is stopped for some milliseconds a look and goes on as if nothing had happened. Without
a deadline nobody can say that a busy or idle process should be further: only threads that nobody
can wake any more, or that wait for one another, are found. A spin is drawn as what it is seen to do;
whether it is a livelock is judged by `watch`, at its deadline.

Exit codes:
  0    nothing stands still for good, as far as can be seen
  1    a deadlock or a lost wake-up was found
  2    there is no such process, or the command line makes no sense
  3    inconclusive: the process is stopped, there was one look only, or stacks alone cannot tell
  4    the process may not be looked at, or a file could not be written";

/// `standstill inspect`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct InspectArgs {
    /// The process; a thread's id stands for its process
    #[arg(value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pid: i32,
    /// Looks at most, two of which it takes to find anything; fewer where the second shows that nothing
    /// moves
    #[arg(long, value_name = "K", default_value_t = Sampling::default().samples)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    samples: u32,
    /// Time from one look to the next
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = duration)]
    every: Duration,
    /// Write a core file here, which gdb opens; the process is stopped while its memory is copied
    #[arg(long, value_name = "PATH")]
    core: Option<PathBuf>,
    /// Keep what was seen in this directory, which must be new or empty: report, verdict, graph as
    /// DOT and SVG, and the scene for `standstill classify`
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Leave the stacks out
    #[arg(long)]
    no_stacks: bool,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    message_format: MessageFormat,
}

pub(super) fn main(args: &InspectArgs) -> Result<Exit, Failure> {
    if let Some(why) = crate::supervise::foreign_proc() {
        return Err(Failure::failed(anyhow!(why)));
    }
    let keep = args.keep.as_deref().map(Keep::new).transpose()?;
    let pid = process_of(args.pid);
    if pid != args.pid {
        complain(&format!("standstill: note: {} is a thread of process {pid}", args.pid));
    }
    let mut scene = Inspector::introduce(pid);
    let sampling = Sampling { samples: args.samples, every: args.every };
    Inspector::new().look(&mut scene, sampling).map_err(refused)?;
    let verdict = scene::judge(&scene);
    match args.message_format {
        MessageFormat::Human if args.no_stacks => print(&report::brief(&scene, &verdict)),
        MessageFormat::Human => print(&report::text(&scene, &verdict)),
        MessageFormat::Json => print(&format!("{}\n", report::json(&scene, &verdict))),
    }
    // What was seen has been told; a full disk loses no more than the files.
    if let Some(keep) = keep {
        keep.write(&[(&scene, &verdict)], &report::json(&scene, &verdict))
            .map_err(|why| Failure::failed(anyhow!("failed to {why}")))?;
    }
    if let Some(path) = &args.core {
        let culprit = super::core::culprit(&scene);
        let said = super::core::write(pid, culprit, path);
        complain(&said.map_err(|why| Failure::failed(anyhow!(why)))?);
    }
    Ok(match verdict {
        Verdict::Clean => Exit::AsExpected,
        Verdict::Found { .. } => Exit::Unexpected,
        Verdict::Inconclusive { .. } => Exit::Inconclusive,
    })
}

/// The process that a thread belongs to; any other number is left as it is.
fn process_of(id: i32) -> i32 {
    let status = crate::os::proc_text(format!("/proc/{id}/status")).unwrap_or_default();
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    group.and_then(|group| group.trim().parse().ok()).unwrap_or(id)
}

/// A process that is not there is the user's mistake, one that may not be looked at the machine's.
fn refused(error: CaptureError) -> Failure {
    let sentence = anyhow!("failed to {error}");
    match error {
        CaptureError::Gone { .. } => Failure::usage(sentence),
        _ => Failure::failed(sentence),
    }
}
