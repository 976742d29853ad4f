//! Where runs are kept, and which was the last.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::Failure;
use crate::catalog::Catalog;
use crate::store::Run;
use crate::sweep::{kept::Kept, tried};

/// The link to the last run beside it.
const LAST: &str = "last";

/// Where the runs of a workspace are kept.
pub(super) fn of_workspace(catalog: Option<&Catalog>) -> PathBuf {
    match catalog {
        Some(catalog) => catalog.target_dir.join("standstill"),
        None => PathBuf::from("standstill-runs"),
    }
}

/// Where runs are kept of programs that belong to no catalog: nobody wants them in the directory in
/// which such a program was started.
pub(super) fn of_programs() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    cache.map_or_else(|| of_workspace(None), |cache| cache.join("standstill/runs"))
}

/// A directory that is not there yet: the time at which it `began` (RFC 3339), and what it is about.
pub(super) fn new_dir(runs: &Path, began: &str, what: &str) -> PathBuf {
    let time: String = began.chars().filter(char::is_ascii_digit).collect();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let what: String = what.chars().map(|c| if is_plain(c) { c } else { '-' }).take(80).collect();
    let name = format!("{}-{}-{what}", &time[..8.min(time.len())], &time[8.min(time.len())..]);
    (0..)
        .map(|n| if n == 0 { runs.join(&name) } else { runs.join(format!("{name}-{n}")) })
        .find(|dir| !dir.exists())
        .unwrap_or_else(|| runs.join(name))
}

/// Lets `standstill report` find the run. A file system without links does without.
pub(super) fn remember(dir: &Path) {
    let (Some(runs), Some(name)) = (dir.parent(), dir.file_name()) else { return };
    let last = runs.join(LAST);
    let _ = std::fs::remove_file(&last);
    let _ = symlink(name, last);
}

/// A run to tell about. A sweep leaves thread counts out on purpose; these are no gaps.
pub(super) fn load(dir: &Path) -> Result<Run, Failure> {
    let run = Run::load(dir)?;
    Ok(if Kept::is_in(dir) { tried(&run) } else { run })
}

/// The run that was begun last: of this workspace, or of a program.
pub(super) fn last() -> Result<PathBuf, Failure> {
    let workspace = of_workspace(Catalog::find(None).ok().as_ref()).join(LAST);
    let program = of_programs().join(LAST);
    let began = |dir: &PathBuf| Run::load(dir).ok().map(|run| run.header.began);
    let runs = [workspace.clone(), program].into_iter();
    let newest = runs.filter_map(|dir| Some((began(&dir)?, dir))).max();
    match newest {
        Some((_, dir)) => Ok(dir),
        // One that cannot be read says why itself.
        None if workspace.exists() => Ok(workspace),
        None => Err(Failure::usage(anyhow!(
            "there is no run in {} yet; name one, or run `standstill stress` or `standstill explore`",
            workspace.display()
        ))),
    }
}
