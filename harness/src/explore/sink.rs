//! Where a target's output goes: memory that is emptied before each trial.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, OFlags, fcntl_setfl, ftruncate, memfd_create};

use crate::observation::Output;

/// Bytes of the beginning, and of the end, that are kept.
const KEPT: u64 = 32 * 1024;
/// Bytes that are held while a trial runs; when there are more, all but the first are let go.
const HELD: u64 = 8 * 1024 * 1024;

/// Both streams of a target.
pub struct Sinks {
    /// Its standard output.
    pub stdout: Sink,
    /// Its standard error.
    pub stderr: Sink,
}

impl Sinks {
    /// Two that are empty.
    pub fn new() -> io::Result<Sinks> {
        Ok(Sinks { stdout: Sink::new()?, stderr: Sink::new()? })
    }

    /// Empties both.
    pub fn clear(&mut self) -> io::Result<()> {
        self.stdout.clear()?;
        self.stderr.clear()
    }

    /// Lets go of what is too much, while the target may still write.
    pub fn relieve(&mut self) {
        self.stdout.relieve();
        self.stderr.relieve();
    }
}

/// One stream: a memfd, opened for appending, so that emptying it moves its end for every writer.
pub struct Sink {
    file: File,
    /// The beginning, if more was let go.
    head: Option<Vec<u8>>,
    let_go: u64,
}

impl Sink {
    fn new() -> io::Result<Sink> {
        let fd: OwnedFd = memfd_create("standstill-output", MemfdFlags::CLOEXEC)?;
        fcntl_setfl(&fd, OFlags::APPEND)?;
        Ok(Sink { file: fd.into(), head: None, let_go: 0 })
    }

    /// The descriptor to pass on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    fn clear(&mut self) -> io::Result<()> {
        (self.head, self.let_go) = (None, 0);
        match self.len() {
            0 => Ok(()),
            _ => Ok(ftruncate(&self.file, 0)?),
        }
    }

    fn relieve(&mut self) {
        let len = self.len();
        if len > HELD {
            self.head.get_or_insert_with(|| read(&self.file, 0, KEPT));
            self.let_go += len;
            let _ = ftruncate(&self.file, 0);
        }
    }

    /// The beginning and the end of what was written since it was emptied.
    pub fn output(&self) -> Output {
        let len = self.len();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let tail_from = |from: u64| read(&self.file, len.saturating_sub(KEPT).max(from), KEPT);
        let (head, tail) = match &self.head {
            Some(head) => (head.clone(), tail_from(0)),
            None => (read(&self.file, 0, KEPT), tail_from(KEPT)),
        };
        Output { head: text(head), tail: text(tail), bytes: self.let_go + len }
    }

    fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |about| about.len())
    }
}

fn read(file: &File, from: u64, at_most: u64) -> Vec<u8> {
    let mut bytes = vec![0; at_most as usize];
    let mut filled = 0;
    while let Ok(n @ 1..) = file.read_at(&mut bytes[filled..], from + filled as u64) {
        filled += n;
    }
    bytes.truncate(filled);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_beginning_and_the_end_are_kept_and_all_is_counted() {
        let mut sink = Sink::new().unwrap();
        let mut writer = sink.file.try_clone().unwrap();
        writer.write_all(b"first").unwrap();
        assert_eq!(sink.output().to_string(), "first");
        writer.write_all(&vec![b'x'; HELD as usize]).unwrap();
        sink.relieve();
        writer.write_all(b"last").unwrap();
        let output = sink.output();
        assert_eq!(output.bytes, HELD + 9);
        assert!(output.head.starts_with("first") && output.tail == "last");
        sink.clear().unwrap();
        assert!(sink.output().is_empty());
    }
}
