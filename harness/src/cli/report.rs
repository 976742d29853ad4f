//! `standstill report`.

use std::path::PathBuf;

use super::{Exit, Failure, ReportArgs, print};
use crate::catalog::Catalog;
use crate::report::markdown;
use crate::store::Run;

pub(super) fn main(args: &ReportArgs) -> Result<Exit, Failure> {
    let dir = match &args.run {
        Some(dir) => dir.clone(),
        None => last_run()?,
    };
    let run = Run::load(&dir)?;
    let template = match &args.template {
        None => markdown::TEMPLATE.to_owned(),
        Some(path) => std::fs::read_to_string(path).map_err(|e| {
            Failure::usage(anyhow::anyhow!("failed to read the template {}: {e}", path.display()))
        })?,
    };
    let text = markdown::render(&run, &template).map_err(Failure::usage)?;
    let path = args.output.clone().unwrap_or_else(|| run.dir.join("REPORT.md"));
    if path.as_os_str() == "-" {
        print(&text);
    } else {
        markdown::save(&path, &text).map_err(Failure::failed)?;
        print(&format!("wrote {}\n", path.display()));
    }
    Ok(Exit::AsExpected)
}

/// The run that the last campaign of this workspace made.
fn last_run() -> Result<PathBuf, Failure> {
    let last = super::stress::runs_dir(Catalog::find(None).ok().as_ref()).join("last");
    if last.exists() {
        return Ok(last);
    }
    let why =
        format!("there is no run in {} yet; name one, or run `standstill stress`", last.display());
    Err(Failure::usage(anyhow::anyhow!(why)))
}
