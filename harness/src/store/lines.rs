//! The lines of a file that anybody may have scribbled in.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// Bytes that a record may have: many times the largest that was ever seen. What is longer is not held
/// in memory.
const MOST: usize = 256 << 20;

/// One line.
pub(super) enum Line {
    /// It ends as it should.
    Whole(Vec<u8>),
    /// It ends, and is longer than any record.
    Huge,
    /// The file ends before it does.
    Torn,
}

/// A file, line by line.
pub(super) struct Lines {
    reader: BufReader<File>,
    most: usize,
    /// Bytes up to the end of the last line that has one.
    pub(super) whole: u64,
    /// All bytes that were read.
    pub(super) read: u64,
}

impl Lines {
    pub(super) fn new(file: File) -> Lines {
        Lines { reader: BufReader::new(file), most: MOST, whole: 0, read: 0 }
    }

    /// The next one; none at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let (mut line, mut begun, mut huge) = (Vec::new(), false, false);
        loop {
            let bytes = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if bytes.is_empty() {
                return Ok(begun.then_some(Line::Torn));
            }
            begun = true;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(bytes.len(), |end| end + 1);
            huge |= line.len() + taken > self.most;
            match huge {
                true => line = Vec::new(),
                false => line.extend_from_slice(&bytes[..taken]),
            }
            self.reader.consume(taken);
            self.read += taken as u64;
            if end.is_some() {
                self.whole = self.read;
                return Ok(Some(if huge { Line::Huge } else { Line::Whole(line) }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> (String, u64, u64) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let mut lines = Lines { most: 4, ..Lines::new(file) };
        let mut kinds = String::new();
        while let Some(line) = lines.next().unwrap() {
            kinds.push(match line {
                Line::Whole(_) => 'w',
                Line::Huge => 'h',
                Line::Torn => 't',
            });
        }
        (kinds, lines.whole, lines.read)
    }

    #[test]
    fn a_line_is_whole_huge_or_torn_and_its_bytes_are_counted() {
        for (text, kinds, whole) in
            [("", "", 0), ("abc\n", "w", 4), ("abcd\n", "h", 5), ("\nabcdefgh\nx\ny", "whwt", 12)]
        {
            assert_eq!(read(text), (kinds.to_owned(), whole, text.len() as u64), "{text:?}");
        }
    }
}
