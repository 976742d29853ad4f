//! Core files of a process that hangs.

use std::path::Path;

use crate::cli::complain;

/// Writes `core.PID` of a process, which goes on meanwhile, into `dir` or the current directory, and
/// says what came of it.
pub(super) fn write(pid: i32, dir: Option<&Path>) {
    let path = dir.unwrap_or(Path::new("")).join(format!("core.{pid}"));
    let made = dir.map_or(Ok(()), |dir| {
        std::fs::create_dir_all(dir).map_err(|error| format!("create {}: {error}", dir.display()))
    });
    match made.and_then(|()| write_core(pid, &path)) {
        Ok(()) => complain(&format!("standstill: wrote {}", path.display())),
        Err(why) => complain(&format!("standstill: no core file was written: failed to {why}")),
    }
}

/// The one place that calls the capture's writer. There is none yet, and this says so.
fn write_core(pid: i32, path: &Path) -> Result<(), String> {
    // crate::capture::write_core(pid, path).map_err(|error| error.to_string())
    let path = path.display();
    Err(format!("write {path} of process {pid}: this version cannot write core files yet"))
}
