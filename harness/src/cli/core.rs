//! Core files of a process that hangs, for `watch` and `inspect`.

use std::path::Path;

use crate::capture::coredump::write_core_of_culprit;
use crate::scene::Scene;

/// The thread that a debugger should show first: one of the surest cycle, or of those that wait
/// the first that is not in a join.
pub(super) fn culprit(scene: &Scene) -> i32 {
    let graph = crate::detect::scene::graph(scene);
    let member = graph.cycles.first().and_then(|cycle| cycle.tids.first().copied());
    let waiting = |node: &&crate::graph::Node| {
        node.wants.is_some() && node.what != crate::detect::waits::WaitsFor::Join && !node.idle
    };
    let waiter = || graph.threads.iter().find(waiting).map(|node| node.tid);
    member.or_else(waiter).unwrap_or(scene.pid)
}

/// Writes a core file of `pid`, which goes on afterwards, and says what was written.
pub(super) fn write(pid: i32, culprit: i32, path: &Path) -> Result<String, String> {
    let core = write_core_of_culprit(pid, culprit, path).map_err(|e| format!("failed to {e}"))?;
    let mut said = format!(
        "standstill: wrote {} ({} KiB, {} threads; process {pid} was stopped for {} ms); it holds \
         the memory of the process, secrets included",
        core.path.display(),
        core.bytes / 1024,
        core.threads,
        core.stopped.as_millis()
    );
    for note in core.notes {
        said += &format!("\nstandstill: note: {note}");
    }
    Ok(said)
}
