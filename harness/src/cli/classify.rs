//! `standstill classify`: judges what was stored again, with the detectors of today.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::{Exit, Failure, MessageFormat, print};
use crate::detect;
use crate::report::page::words::counted;
use crate::report::scene as report;
use crate::scene::SCENES;
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
    let dir = &args.run;
    let refused = |why: String| Err(Failure::usage(anyhow!("{} {why}", dir.display())));
    match std::fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return refused("does not exist".to_owned());
        }
        Err(error) => return refused(format!("cannot be opened: {error}")),
        Ok(meta) if !meta.is_dir() => return refused("is no directory".to_owned()),
        Ok(_) => {}
    }
    let is_there = |name: &str| std::fs::symlink_metadata(dir.join(name)).is_ok();
    if is_there(RECORDS) {
        return run(dir, args.message_format);
    }
    if is_there(SCENES) {
        return scenes(&dir.join(SCENES), args.message_format);
    }
    refused(format!("is not a run directory: neither {RECORDS} nor {SCENES} is in it"))
}

/// Every trial of a run, and which of them are judged otherwise now.
fn run(dir: &Path, format: MessageFormat) -> Result<Exit, Failure> {
    // Whatever the reason, nothing can be judged.
    let run = Run::load(dir).map_err(Failure::usage)?;
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
            let differ = match changed {
                1 => "1 verdict differs".to_owned(),
                n => format!("{n} verdicts differ"),
            };
            let trials = counted(trials as u64, "trial");
            print(&format!("{trials} judged again, {differ}\n"));
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
    let scenes =
        crate::scene::load(path).map_err(|error| Failure::usage(anyhow!("failed to {error}")))?;
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
