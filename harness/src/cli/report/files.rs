//! The files of a report.

use super::ReportArgs;
use crate::redact::Redactor;
use crate::report::folder::{Folder, FolderError};
use crate::report::page::Page;
use crate::report::{junit, redacted, sarif};
use crate::store::{RECORDS, Run};

/// All of them, but for what lists what was redacted in the others. `whole` is the page with its places:
/// JUnit and SARIF find times and lines by them, so that places are taken out afterwards. Secrets must
/// not be in it, nor in `runs`: the escapes of a format would hide where they end.
pub(super) fn folder(
    page: &Page,
    whole: &Page,
    runs: &[Run],
    args: &ReportArgs,
    redactor: &mut Redactor,
) -> Result<Folder, FolderError> {
    let mut folder = Folder::default();
    folder.put("junit.xml", redactor.places(&junit::render(whole, runs)));
    folder.put("report.sarif", redactor.places(&sarif::render(whole, runs)));
    for (nth, finding) in page.findings.iter().enumerate() {
        if let Some(graph) = &finding.graph {
            folder.put(format!("graphs/finding-{}.svg", nth + 1), graph.svg.clone());
        }
    }
    let searches = runs.iter().flat_map(|run| &run.searches);
    for (nth, found) in searches.flat_map(|search| &search.findings).enumerate() {
        folder.put(
            format!("schedules/schedule-{}.json", nth + 1),
            pretty(&redacted::value(found.schedule.clone(), redactor)),
        );
    }
    for (nth, run) in runs.iter().enumerate() {
        let name = format!("raw/run-{}", nth + 1);
        raw(&mut folder, &name, run, args, redactor)?;
    }
    Ok(folder)
}

/// The records of a run, and its core files if they are wanted.
fn raw(
    folder: &mut Folder,
    name: &str,
    run: &Run,
    args: &ReportArgs,
    redactor: &mut Redactor,
) -> Result<(), FolderError> {
    let read = |path: std::path::PathBuf| {
        std::fs::read(&path).map_err(|source| FolderError::Io { what: "read", path, source })
    };
    let records = read(run.dir.join(RECORDS))?;
    let records = redacted::lines(&String::from_utf8_lossy(&records), redactor);
    folder.put(format!("{name}/{RECORDS}"), records);
    let entries = std::fs::read_dir(&run.dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_core = own.starts_with("core.") || own.ends_with(".dmp");
        if is_core && path.is_file() && args.with_cores {
            folder.put(format!("{name}/{own}"), read(path)?);
        }
    }
    Ok(())
}

/// JSON to be read by people, too.
pub(super) fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
