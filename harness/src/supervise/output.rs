//! A trial's output: read as fast as it comes, kept only in part.

use std::collections::VecDeque;
use std::io::Read;

use crate::observation::Output;

/// Bytes kept of the beginning, and as many of the end.
const KEPT: usize = 16 * 1024;
/// Bytes read at most before somebody else gets a turn.
const TURN: usize = 4 << 20;

/// One output stream of a worker's trials, read without blocking.
pub(crate) struct Stream {
    pipe: std::io::PipeReader,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    bytes: u64,
    buffer: Vec<u8>,
}

impl Stream {
    /// A stream and the end to write into.
    pub(crate) fn new() -> std::io::Result<(Stream, std::io::PipeWriter)> {
        let (pipe, writer) = std::io::pipe()?;
        rustix::io::ioctl_fionbio(&pipe, true)?;
        let (head, tail) = (Vec::new(), VecDeque::new());
        Ok((Stream { pipe, head, tail, bytes: 0, buffer: vec![0; 64 * 1024] }, writer))
    }

    pub(crate) fn pipe(&self) -> &std::io::PipeReader {
        &self.pipe
    }

    /// Reads what is there.
    pub(crate) fn drain(&mut self) {
        let mut turn = 0;
        while turn < TURN {
            match self.pipe.read(&mut self.buffer) {
                Ok(0) => return,
                Ok(n) => {
                    turn += n;
                    self.keep(n);
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn keep(&mut self, n: usize) {
        self.bytes += n as u64;
        let fresh = &self.buffer[..n];
        let (first, rest) = fresh.split_at(n.min(KEPT - self.head.len().min(KEPT)));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(KEPT)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(KEPT);
        self.tail.drain(..over);
        self.tail.extend(rest);
    }

    /// What was read since the last call.
    pub(crate) fn take(&mut self) -> Output {
        self.drain();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let head = text(&std::mem::take(&mut self.head));
        let tail = text(std::mem::take(&mut self.tail).make_contiguous());
        Output { head, tail, bytes: std::mem::take(&mut self.bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_beginning_and_the_end_of_a_flood_are_kept() {
        let (mut stream, mut writer) = Stream::new().unwrap();
        let flood = std::thread::spawn(move || {
            writer.write_all(b"begin").unwrap();
            for _ in 0..1024 {
                writer.write_all(&[b'x'; 1024]).unwrap();
            }
            writer.write_all(b"end").unwrap();
        });
        while !flood.is_finished() {
            stream.drain();
        }
        let output = stream.take();
        assert!(output.head.starts_with("begin") && output.tail.ends_with("end"));
        assert_eq!(output.bytes, 1024 * 1024 + 8);
        assert_eq!((output.head.len(), output.tail.len()), (KEPT, KEPT));
        assert!(stream.take().is_empty());
    }
}
