//! `standstill report`.

mod args;
mod files;
mod reproduce;
mod taken;
mod versions;

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, anyhow};
use serde_json::json;

use super::{Exit, Failure, MessageFormat, complain, print};
use crate::catalog::Catalog;
use crate::redact::Redactor;
use crate::report::folder::{self, FolderError};
use crate::report::page::{Extra, Page};
use crate::report::{html, markdown, redacted};
use crate::store::Run;

pub(super) use args::ReportArgs;
use versions::Versions;

pub(super) fn main(args: &ReportArgs) -> Result<Exit, Failure> {
    let (dirs, runs) = taken::runs(&args.runs)?;
    let template = match &args.template {
        None => markdown::TEMPLATE.to_owned(),
        Some(path) => taken::template(path)?,
    };
    let is_stdout = args.output.as_deref() == Some(Path::new("-"));
    let dir = match &args.output {
        Some(dir) => dir.clone(),
        None => dirs[0].join("report"),
    };
    reproduce::check(args)?;
    // Nobody is to wait for a reproducer and then learn that nothing can be written.
    if !is_stdout {
        folder::check(&dir).map_err(refused)?;
    }
    let mut redactor = redactor(args.manifest_path.as_deref(), &runs);
    let versions = Versions::read(args.matrix.as_deref())?;
    // Pages are made of runs without secrets; the reproducer is what needs all words of a command.
    let clean: Vec<Run> = runs.iter().map(|run| redacted::run(run, &mut redactor)).collect();
    let facts = versions.facts(&clean, args.subject.as_deref());
    let extra = Extra { subject: args.subject.clone(), versions: facts, ..Extra::default() };
    let whole = Page::of(&clean, extra);
    let page = redacted::page(whole.clone(), &mut redactor);
    let text = markdown::render(&page, &template).map_err(Failure::usage)?;
    if is_stdout {
        print(&text);
        return Ok(Exit::AsExpected);
    }
    let place =
        tempfile::tempdir().context("failed to make a directory").map_err(Failure::failed)?;
    let stop = super::stress::stop_on_signals()?;
    let reproducer = reproduce::reproduce(args, &runs, place.path(), &stop);
    if stop.load(Relaxed) {
        return Ok(Exit::Interrupted);
    }
    let made = reproducer.as_ref().is_some_and(|made| !made.build.is_empty());
    let page = Page { reproducer, ..page }.with_the_reproducers_rate();
    // What the maker of the reproducer has taken out stands in its own files.
    let page = redacted::page(page, &mut redactor);
    let mut folder = files::folder(&page, &whole, &clean, args, &mut redactor).map_err(refused)?;
    versions.put(&mut folder, &mut redactor);
    if made {
        folder.put_tree(reproduce::DIRECTORY, place.path()).map_err(refused)?;
    }
    // Last, so that what was taken out of the other files is listed, too.
    let page = redacted::page(page, &mut redactor);
    folder.put("report.json", files::pretty(&page));
    folder.put("report.html", html::render(&page));
    folder.put("REPORT.md", markdown::render(&page, &template).map_err(Failure::usage)?);
    let names: Vec<String> = folder.names().map(str::to_owned).collect();
    let archive = folder.write(&dir).map_err(refused)?;
    for line in &page.damaged {
        complain(&format!("standstill: note: {line}"));
    }
    print(&told(args, &page, &dir, &archive, &names));
    Ok(Exit::AsExpected)
}

/// For this user, this machine, the workspace that is here, and those that the runs are of.
fn redactor(manifest: Option<&Path>, runs: &[Run]) -> Redactor {
    let root = Catalog::find(manifest).map(|catalog| catalog.root);
    let here = root.or_else(|_| std::env::current_dir()).unwrap_or_default();
    Redactor::here(&here).with_roots(runs.iter().flat_map(Run::roots))
}

/// `REPORT.md` of a run that has just ended, as `report RUN -o -` prints it.
pub(super) fn short(run: &Run) -> Result<String, markdown::RenderError> {
    let mut redactor = redactor(None, std::slice::from_ref(run));
    let page = Page::of(&[redacted::run(run, &mut redactor)], Extra::default());
    markdown::render(&redacted::page(page, &mut redactor), markdown::TEMPLATE)
}

fn told(args: &ReportArgs, page: &Page, dir: &Path, archive: &Path, names: &[String]) -> String {
    if args.message_format == MessageFormat::Json {
        let line = json!({
            "event": "report",
            "outcome": page.outcome,
            "headline": page.headline,
            // JSON has no place for names that are no text.
            "directory": dir.to_string_lossy(),
            "archive": archive.to_string_lossy(),
            "files": names,
        });
        return format!("{line}\n");
    }
    let listed = |name: &str, what: &str| match names.iter().any(|known| known == name) {
        true => format!("  {}  {what}\n", dir.join(name).display()),
        false => String::new(),
    };
    format!(
        "{}\n{}{}{}  {}  all of it, to be attached\n",
        page.headline,
        listed("REPORT.md", "to be pasted into an issue; the place for your own words is marked"),
        listed("report.html", "to be opened in a browser"),
        listed("reproducer/README.md", "the same without standstill"),
        archive.display()
    ) + &page.reproducer.as_ref().map_or(String::new(), |made| format!("{}\n", made.sentence))
}

/// What is in the way is the user's to mend, a full disk is not.
fn refused(error: FolderError) -> Failure {
    let sentence = anyhow!("failed to {error}");
    match error {
        FolderError::Io { .. } | FolderError::Meanwhile(_) => Failure::failed(sentence),
        _ => Failure::usage(sentence),
    }
}
