//! Whether what the program has written to standard output ends with a line's end.
//!
//! It writes there by itself, and nobody reads along. Of a file the last byte can be read. Of a pipe or a
//! terminal it is known only if nothing was written at all, anywhere: the kernel counts that.

use std::fs::File;
use std::os::unix::fs::FileExt;

use rustix::fs::{FileType, fstat};

/// What was written before the program was started.
pub(super) struct Before(Option<u64>);

impl Before {
    /// To be made before the program is started.
    pub(super) fn note() -> Before {
        Before(written())
    }

    /// Whether something written next would begin a line, as far as can be known. For a program that has
    /// been reaped.
    pub(super) fn begins_a_line(&self) -> bool {
        if is(FileType::RegularFile) {
            return file_begins_a_line().unwrap_or(false);
        }
        self.0.is_some() && self.0 == written()
    }
}

/// Bytes that this process and all of its children that were reaped have written to whatever it was;
/// none where the kernel does not count them.
fn written() -> Option<u64> {
    let io = crate::os::proc_text("/proc/self/io").ok()?;
    io.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse().ok()
}

fn is(kind: FileType) -> bool {
    let stat = fstat(rustix::stdio::stdout());
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == kind)
}

fn file_begins_a_line() -> Option<bool> {
    let stdout = rustix::stdio::stdout();
    let flags = rustix::fs::fcntl_getfl(stdout).ok()?;
    let at = match flags.contains(rustix::fs::OFlags::APPEND) {
        true => fstat(stdout).ok()?.st_size as u64,
        false => rustix::fs::tell(stdout).ok()?,
    };
    let Some(last) = at.checked_sub(1) else { return Some(true) };
    let mut byte = [0];
    // It is mostly open for writing alone.
    let read = File::open("/proc/self/fd/1").ok()?.read_at(&mut byte, last).ok()?;
    Some(read == 1 && byte == *b"\n")
}
