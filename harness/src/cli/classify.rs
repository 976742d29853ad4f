//! `standstill classify`: judges what was stored again, with the detectors of today.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::{Exit, Failure, MessageFormat, print};
use crate::detect;
use crate::report::scene as report;
use crate::scene::{SCENES, SceneError};
use crate::store::{RECORDS, Run};
use crate::verdict::{Kind, Verdict};

const EXIT_CODES: &str = "\
Nothing is written: the run stays as it is.

Exit codes:
  0    every verdict is as it was stored, or nothing was found in the scenes
  1    a verdict differs from the stored one, or something was found in a scene
  2    the directory holds neither a run nor scenes, or what it holds cannot be read";

/// `standstill classify`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct ClassifyArgs {
    /// A run of `stress`, or what `watch --keep` or `inspect --keep` left
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    message_format: MessageFormat,
}

pub(super) fn main(args: &ClassifyArgs) -> Result<Exit, Failure> {
    let kept = args.run.join(SCENES);
    match kept.exists() && !args.run.join(RECORDS).exists() {
        true => scenes(&kept, args.message_format),
        false => run(&args.run, args.message_format),
    }
}

/// Every trial of a run, and which of them are judged otherwise now.
fn run(dir: &Path, format: MessageFormat) -> Result<Exit, Failure> {
    let run = Run::load(dir)?;
    let mut changed = 0_u64;
    let mut kinds: Vec<Kind> = Vec::new();
    for trial in &run.trials {
        let now = detect::judge(&trial.observation);
        kinds.extend(now.findings().iter().map(|finding| finding.kind));
        let same = brief(&now) == brief(&trial.verdict);
        changed += u64::from(!same);
        match format {
            MessageFormat::Json => print(&format!(
                "{}\n",
                json!({
                    "event": "classified",
                    "trial": trial.observation.trial,
                    "stored": trial.verdict,
                    "verdict": now,
                    "changed": !same,
                })
            )),
            MessageFormat::Human if !same => print(&format!(
                "{}: was {}, is {}\n",
                trial.observation.trial,
                brief(&trial.verdict),
                brief(&now)
            )),
            MessageFormat::Human => {}
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    let trials = run.trials.len();
    match format {
        MessageFormat::Human => {
            print(&format!("{trials} trials judged again, {changed} verdicts differ\n"));
        }
        MessageFormat::Json => print(&format!(
            "{}\n",
            json!({
                "event": "ended",
                "verdict": if kinds.is_empty() { "clean" } else { "found" },
                "kinds": kinds,
                "trials": trials,
                "changed": changed,
            })
        )),
    }
    Ok(if changed == 0 { Exit::AsExpected } else { Exit::Unexpected })
}

/// Every kept scene, told as if it had just been seen.
fn scenes(path: &Path, format: MessageFormat) -> Result<Exit, Failure> {
    let scenes = crate::scene::load(path).map_err(|error| match error {
        SceneError::Read { .. } => Failure::failed(anyhow!("failed to {error}")),
        _ => Failure::usage(anyhow!("failed to {error}")),
    })?;
    let mut found = false;
    for scene in &scenes {
        let verdict = detect::scene::judge(scene);
        found |= matches!(verdict, Verdict::Found { .. });
        print(&match format {
            MessageFormat::Human => report::text(scene, &verdict),
            MessageFormat::Json => format!("{}\n", report::json(scene, &verdict)),
        });
    }
    Ok(if found { Exit::Unexpected } else { Exit::AsExpected })
}

/// A verdict without its words: `deadlock (proven)`.
fn brief(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Found { findings } => {
            let all = findings.iter().map(|f| format!("{} ({})", f.kind, f.confidence));
            all.collect::<Vec<_>>().join(" + ")
        }
        Verdict::Clean => "clean".to_owned(),
        Verdict::Inconclusive { .. } => "inconclusive".to_owned(),
    }
}
