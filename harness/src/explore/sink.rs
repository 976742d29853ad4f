//! Where a target's output goes: memory that is emptied before each trial.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{
    FallocateFlags, MemfdFlags, OFlags, fallocate, fcntl_setfl, ftruncate, memfd_create,
};

use super::output::{Hasher, Printed};
use crate::observation::Output;

/// Bytes of the beginning, and of the end, that are kept.
const KEPT: u64 = 32 * 1024;
/// Bytes of the beginning that are kept for comparing.
const COMPARED: u64 = 2 * KEPT;
/// Bytes that are held while a trial runs; when there are more, their middle is let go.
const HELD: u64 = 8 * 1024 * 1024;
/// Bytes that are hashed at a time.
const PIECE: u64 = 256 * 1024;

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
    /// Bytes that were hashed and let go, but for the beginning, and the hash of all of them.
    hashed: (u64, Hasher),
}

impl Sink {
    fn new() -> io::Result<Sink> {
        let fd: OwnedFd = memfd_create("standstill-output", MemfdFlags::CLOEXEC)?;
        fcntl_setfl(&fd, OFlags::APPEND)?;
        Ok(Sink { file: fd.into(), hashed: (0, Hasher::new()) })
    }

    /// The descriptor to pass on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    fn clear(&mut self) -> io::Result<()> {
        self.hashed = (0, Hasher::new());
        match self.len() {
            0 => Ok(()),
            _ => Ok(ftruncate(&self.file, 0)?),
        }
    }

    fn relieve(&mut self) {
        let (from, _) = self.hashed;
        let len = self.len();
        if len.saturating_sub(from) > HELD {
            let to = len - KEPT;
            self.hashed = (to, self.hash_to(to));
            // A hole leaves the length alone: what is written meanwhile is neither lost nor moved.
            let from = from.max(COMPARED);
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = fallocate(&self.file, flags, from, to - from);
        }
    }

    /// All that was written since it was emptied, for comparing; none if somebody else cut it, so that
    /// it is not known.
    pub fn printed(&self) -> Option<Printed> {
        let len = self.len();
        (len >= self.hashed.0).then(|| Printed {
            bytes: len,
            hash: self.hash_to(len).0,
            head: read(&self.file, 0, COMPARED.min(len)),
        })
    }

    fn hash_to(&self, to: u64) -> Hasher {
        let (mut from, mut hasher) = self.hashed;
        while from < to {
            hasher.add(&read(&self.file, from, PIECE.min(to - from)));
            from += PIECE;
        }
        hasher
    }

    /// The beginning and the end of what was written since it was emptied.
    pub fn output(&self) -> Output {
        let len = self.len();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let head = read(&self.file, 0, KEPT);
        let tail = read(&self.file, len.saturating_sub(KEPT).max(KEPT), KEPT);
        Output { head: text(head), tail: text(tail), bytes: len }
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
        assert!(output.head.starts_with("first") && output.tail.ends_with("xlast"));
        sink.clear().unwrap();
        assert!(sink.output().is_empty());
    }

    #[test]
    fn what_was_let_go_is_compared_all_the_same() {
        let printed = |relieved: bool, middle: u8| {
            let mut sink = Sink::new().unwrap();
            let mut writer = sink.file.try_clone().unwrap();
            for byte in [b'a', middle, b'z'] {
                writer.write_all(&vec![byte; HELD as usize]).unwrap();
                if relieved {
                    sink.relieve();
                }
            }
            let blocks = std::os::unix::fs::MetadataExt::blocks(&sink.file.metadata().unwrap());
            (sink.printed().unwrap(), blocks * 512)
        };
        let ((held, _), (let_go, left)) = (printed(false, b'b'), printed(true, b'b'));
        assert!(held.is_like(&let_go) && held.bytes == 3 * HELD);
        assert!(left < 2 * HELD, "{left} bytes are held");
        assert!(!held.is_like(&printed(true, b'c').0));
    }
}
