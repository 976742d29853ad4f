//! What `/proc` says of the threads of a process.

use std::fs;
use std::io;

/// The threads of a process, corpses included.
pub(super) fn task_ids(pid: i32) -> io::Result<Vec<i32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"))?;
    // The listing breaks off with an error when the process ends meanwhile.
    Ok(entries.map_while(Result::ok).filter_map(|e| e.file_name().to_str()?.parse().ok()).collect())
}

pub(super) fn thread_name(pid: i32, tid: i32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/task/{tid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end_matches('\n').to_owned())
}

/// The id of a thread in the innermost pid namespace that it belongs to.
pub(super) fn inner_id(pid: i32, tid: i32) -> Option<i32> {
    let status = crate::os::proc_text(format!("/proc/{pid}/task/{tid}/status")).ok()?;
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    ids.split_ascii_whitespace().next_back()?.parse().ok()
}

/// The process of a thread, and the name of that process.
pub(super) fn process_of(tid: i32) -> Option<(i32, String)> {
    let status = crate::os::proc_text(format!("/proc/{tid}/status")).ok()?;
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()?;
    Some((group, thread_name(group, group)?))
}

/// Whether there are processes whose pid namespace is another than that of `pid`: to them an id means
/// another thread.
pub(super) fn has_foreigners(pid: i32) -> bool {
    let space = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let own = space(&pid.to_string());
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut others = processes.filter_map(|entry| space(entry.file_name().to_str()?));
    own.is_none() || others.any(|other| Some(other) != own)
}

/// When a thread was started, in clock ticks since the system was (field 22 of `stat`).
pub(super) fn started(pid: i32, tid: i32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    let after_name = stat.iter().rposition(|&b| b == b')')? + 1;
    // The state, which comes next, is field 3.
    let mut fields = stat.get(after_name..)?.split(|b| *b == b' ').skip(1);
    std::str::from_utf8(fields.nth(22 - 3)?).ok()?.parse().ok()
}

/// The letter that `ps` shows for the thread.
pub(super) fn kernel_state(pid: i32, tid: i32) -> Option<char> {
    let stat = fs::read(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    // The name before it may hold anything, parentheses included.
    let after_name = stat.iter().rposition(|&b| b == b')')? + 2;
    stat.get(after_name).map(|&b| b.into())
}

/// Whether the thread exists and is more than a corpse waiting to be buried.
pub(super) fn is_alive(pid: i32, tid: i32) -> bool {
    !matches!(kernel_state(pid, tid), None | Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_of_our_own_is_listed_alive_and_named() {
        let pid = std::process::id() as i32;
        let me = std::thread::Builder::new().name("tasks) Z (x".into()).spawn(move || {
            // SAFETY: has no preconditions.
            let tid = unsafe { libc::gettid() };
            assert!(task_ids(pid).unwrap().contains(&tid));
            assert_eq!(kernel_state(pid, tid), Some('R'));
            assert!(started(pid, tid) >= started(pid, pid) && started(pid, pid) > Some(0));
            assert_eq!(process_of(tid).map(|(process, _)| process), Some(pid));
            assert_eq!(thread_name(pid, tid).as_deref(), Some("tasks) Z (x"));
            tid
        });
        let tid = me.unwrap().join().unwrap();
        assert!(is_alive(pid, pid));
        while is_alive(pid, tid) {}
        assert!(task_ids(i32::MAX).is_err() && !is_alive(i32::MAX, 1));
    }
}
