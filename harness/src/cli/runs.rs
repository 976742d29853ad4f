//! Where runs are kept, and which was the last.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::{Failure, complain};
use crate::catalog::Catalog;
use crate::redact::Redactor;
use crate::report::page::damaged;
use crate::store::{Header, Run};
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

/// Tells what of a run could not be read, in the words of its report: whoever goes on with what is
/// left is to know that it is not all.
pub(super) fn tell_damage(run: &Run) {
    for line in damaged(std::slice::from_ref(run)) {
        complain(&format!("standstill: note: {line}"));
    }
}

/// The run that was begun last: of this workspace, or of a program here. All programs of a user share
/// one place, and nobody is to report by accident what somebody else has begun elsewhere.
pub(super) fn last() -> Result<PathBuf, Failure> {
    let workspace = of_workspace(Catalog::find(None).ok().as_ref()).join(LAST);
    let program = of_programs().join(LAST);
    let here = std::env::current_dir().unwrap_or_default();
    newest(&workspace, &program, &here.to_string_lossy())
}

fn newest(workspace: &Path, program: &Path, here: &str) -> Result<PathBuf, Failure> {
    let header = |dir: &Path| Run::load(dir).ok().map(|run| run.header);
    let (of_workspace, of_program) = (header(workspace), header(program));
    let is_here = |header: &&Header| header.whence.directory == here;
    let began_here = of_program.as_ref().filter(is_here).map(|header| &header.began);
    match (of_workspace.map(|header| header.began), began_here) {
        (Some(of_workspace), Some(of_program)) if *of_program > of_workspace => Ok(program.into()),
        (None, Some(_)) => Ok(program.into()),
        (Some(_), _) => Ok(workspace.into()),
        // One that cannot be read says why itself.
        (None, None) if workspace.exists() => Ok(workspace.into()),
        (None, None) => Err(Failure::usage(match of_program {
            Some(header) => anyhow!(
                "no run was begun in this directory; the last one is {}: if that is meant, name it",
                told(&header, program)
            ),
            None => anyhow!(
                "there is no run in {} yet; name one, or run `standstill stress` or `standstill explore`",
                workspace.display()
            ),
        })),
    }
}

/// Which run it is: what, when, and where it was begun and is kept.
pub(super) fn told(header: &Header, dir: &Path) -> String {
    let command = Redactor::of_user().secrets_only(|redactor| redactor.redact(&header.command));
    let place = match header.whence.directory.as_str() {
        "" => String::new(),
        directory => format!(" in {directory}"),
    };
    let kept = dir.canonicalize().unwrap_or(dir.to_owned());
    format!("`{command}`, begun {}{place}, kept in {}", header.began, kept.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{header, unit};
    use crate::store::Writer;

    /// A run that was begun there and then.
    fn begun(dir: PathBuf, directory: &str, began: &str) -> PathBuf {
        let mut header = header(vec![unit("transfer", 2, 1)]);
        (header.whence.directory, header.began) = (directory.to_owned(), began.to_owned());
        Writer::create(&dir, &header).unwrap();
        dir
    }

    #[test]
    fn the_last_run_is_one_of_this_workspace_or_directory() {
        let dir = tempfile::tempdir().unwrap();
        let none = dir.path().join("none");
        let workspace = begun(dir.path().join("a"), "/work/x/sub", "2026-01-02T03:04:05Z");
        let program = begun(dir.path().join("b"), "/work/x", "2026-01-02T03:04:06Z");
        let newest = |a: &Path, b: &Path, here| newest(a, b, here).map_err(|e| e.error.to_string());
        assert_eq!(newest(&workspace, &program, "/work/x"), Ok(program.clone()));
        assert_eq!(newest(&workspace, &program, "/work/y"), Ok(workspace.clone()));
        assert_eq!(newest(&none, &program, "/work/x"), Ok(program.clone()));
        let refused = newest(&none, &program, "/work/y").unwrap_err();
        for told in ["begun 2026-01-02T03:04:06Z in /work/x", "standstill stress bank", "name it"] {
            assert!(refused.contains(told), "{refused}");
        }
        assert!(newest(&none, &none, "/work/x").unwrap_err().contains("there is no run in"));
    }
}
