//! `standstill report`.

use super::{Exit, Failure, ReportArgs, print, runs};
use crate::report::markdown;
use crate::report::page::{Extra, Page};
use crate::store::Run;

pub(super) fn main(args: &ReportArgs) -> Result<Exit, Failure> {
    let dir = match &args.run {
        Some(dir) => dir.clone(),
        None => runs::last()?,
    };
    let run = Run::load(&dir)?;
    let template = match &args.template {
        None => markdown::TEMPLATE.to_owned(),
        Some(path) => std::fs::read_to_string(path).map_err(|e| {
            Failure::usage(anyhow::anyhow!("failed to read the template {}: {e}", path.display()))
        })?,
    };
    let text = markdown::render(&Page::of(std::slice::from_ref(&run), Extra::default()), &template)
        .map_err(Failure::usage)?;
    let path = args.output.clone().unwrap_or_else(|| run.dir.join("REPORT.md"));
    if path.as_os_str() == "-" {
        print(&text);
    } else {
        markdown::save(&path, &text).map_err(Failure::failed)?;
        print(&format!("wrote {}\n", path.display()));
    }
    Ok(Exit::AsExpected)
}
