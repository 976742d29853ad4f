//! `standstill compare`.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::{Exit, Failure, MessageFormat, print, runs};
use crate::compare::pairing::{self, Rule};
use crate::compare::{Outcome, compare};
use crate::redact::Redactor;
use crate::report::compare as report;
use crate::store::Run;

const AFTER_HELP: &str = "\
B is judged against A, by scenario and thread count:
  standstill compare before after                     two runs of the same scenarios
  standstill compare old new --pair 'old/*=new/*'     two versions under two names
  standstill compare run --pair '*_plain=*_locked'    two scenarios of one run

Rates are tested by Fisher's exact test, two-sided, with Holm's adjustment for the number of pairs;
shown is what has p < 0.05 then. That no difference was shown does not say that there is none: what
remains possible is told with it. Times never decide the exit code. Nothing is written.

Exit codes:
  0    nothing worse was shown in B
  1    B was shown to fail more often in some pair, altogether or in one kind of finding
  2    what was given is no run, or a --pair fits nothing
  3    nothing can be said: no pair in common, or no pair with judged trials on both sides
  4    a run could not be read";

/// `standstill compare`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CompareArgs {
    /// The run that is judged against: before, the old version, without the mutex
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The run that is judged: after, the new version, with the mutex [default: A, with --pair]
    #[arg(value_name = "B")]
    b: Option<PathBuf>,
    /// Put scenario X of A beside scenario Y of B; a * on both sides stands for the same text.
    /// Without it each scenario is put beside itself
    #[arg(long = "pair", value_name = "X=Y")]
    pairs: Vec<Rule>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    message_format: MessageFormat,
    /// Print a table in GitHub's Markdown, to paste into an issue
    #[arg(long, conflicts_with = "message_format")]
    markdown: bool,
}

pub(super) fn main(args: &CompareArgs) -> Result<Exit, Failure> {
    if args.b.is_none() && args.pairs.is_empty() {
        return Err(Failure::usage(anyhow!(
            "there is nothing to compare {} with: name a second run, or two scenarios of this one \
             with --pair X=Y",
            args.a.display()
        )));
    }
    let a = runs::load(&args.a)?;
    let other = match &args.b {
        Some(dir) if !is_same(dir, &args.a) => Some(runs::load(dir)?),
        _ => None,
    };
    // A copy has the same trials, wherever it lies.
    let other = other.filter(|run| !run.is_same(&a));
    let b = other.as_ref().unwrap_or(&a);
    if let Some((pattern, side, names)) = pairing::idle_rule(&a, b, &args.pairs) {
        return Err(Failure::usage(anyhow!(
            "no scenario of {side:?} fits `{pattern}` of --pair; it has {}",
            names.join(", ")
        )));
    }
    let mut found = compare(&a, b, &args.pairs);
    if other.is_none() && found.pairs.iter().any(|pair| pair.a.scenario == pair.b.scenario) {
        return Err(Failure::usage(anyhow!(
            "A and B are the same trials: name two runs, or two scenarios with --pair X=Y"
        )));
    }
    let roots = [&a, b].into_iter().flat_map(Run::roots);
    found.redact(&mut Redactor::of_user().with_roots(roots));
    print(&match (args.markdown, args.message_format) {
        (true, _) => report::markdown(&found),
        (_, MessageFormat::Human) => report::text(&found),
        (_, MessageFormat::Json) => format!("{}\n", report::json(&found)),
    });
    Ok(match found.verdict {
        Outcome::Worse => Exit::Unexpected,
        Outcome::Better | Outcome::NotShown => Exit::AsExpected,
        Outcome::Inconclusive => Exit::Inconclusive,
    })
}

/// Whether two paths lead to one run: `last` is a link to the newest.
fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
