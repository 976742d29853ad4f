//! The memory of a stopped process, read without bringing pages into being.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::vec;

use super::PAGE;
use crate::os::{pagemap, ptrace};

/// `pagemap` has one word a page; these are the bits of it that count here.
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// The page is a file's, or shared memory.
const OF_A_FILE: u64 = 1 << 61;
/// Words of `pagemap` that are read at a time: 256 MiB of memory.
const WORDS: usize = 64 * 1024;

/// The open memory of a process. Only the thread that traces it may read what the process itself
/// could not.
pub(super) struct Memory {
    tid: i32,
    memory: File,
    /// `None` where the kernel has none: then all pages count as existing.
    pagemap: Option<File>,
}

impl Memory {
    /// Opens the memory of thread `tid`, whose directory in `/proc` is `task`.
    pub(super) fn open(tid: i32, task: &str) -> io::Result<Self> {
        Ok(Memory {
            tid,
            memory: File::open(format!("{task}/mem"))?,
            pagemap: File::open(format!("{task}/pagemap")).ok(),
        })
    }

    /// Fills the front of `buffer` with what is at `address`: how many bytes. None, where nothing
    /// can be read.
    pub(super) fn read(&self, address: u64, buffer: &mut [u8]) -> usize {
        // In one go it is twice as fast, but stops at what the process itself could not read.
        match ptrace::read_memory(self.tid, address, buffer) {
            Ok(read) if read > 0 => read,
            _ => self.memory.read_at(buffer, address).unwrap_or(0),
        }
    }

    /// Whether an ELF file begins at `address`.
    pub(super) fn is_elf(&self, address: u64) -> bool {
        let mut magic = [0; 4];
        self.read(address, &mut magic) == 4 && magic == *b"\x7fELF"
    }

    /// Whether it is known which pages exist.
    pub(super) fn knows_pages(&self) -> bool {
        self.pagemap.is_some()
    }

    /// The runs of pages in `range` that exist, and with `own` of those only that are no file's. One
    /// run may begin where the one before ends.
    pub(super) fn runs(&self, range: Range<u64>, own: bool) -> Runs<'_> {
        Runs { memory: self, own, rest: range, found: Vec::new().into_iter() }
    }
}

/// See [`Memory::runs`].
pub(super) struct Runs<'a> {
    memory: &'a Memory,
    own: bool,
    /// Where nobody has looked yet.
    rest: Range<u64>,
    found: vec::IntoIter<Range<u64>>,
}

impl Runs<'_> {
    /// Looks a little further.
    fn look(&mut self) -> io::Result<()> {
        let range = self.rest.clone();
        let (found, end) = match &self.memory.pagemap {
            None => (vec![range.clone()], range.end),
            Some(pagemap) => match pagemap::scan(pagemap, range.clone(), self.own) {
                Ok((found, end)) if end > range.start => (found, end),
                // The kernel is older than the request.
                _ => read(pagemap, range, self.own)?,
            },
        };
        self.rest.start = end;
        self.found = found.into_iter();
        Ok(())
    }
}

impl Iterator for Runs<'_> {
    type Item = io::Result<Range<u64>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(run) = self.found.next() {
                return Some(Ok(run));
            }
            if self.rest.is_empty() {
                return None;
            }
            if let Err(e) = self.look() {
                self.rest.start = self.rest.end;
                return Some(Err(e));
            }
        }
    }
}

/// Reads page after page of the map: the runs in the first part of `range`, and where that ends.
fn read(pagemap: &File, range: Range<u64>, own: bool) -> io::Result<(Vec<Range<u64>>, u64)> {
    let pages = usize::try_from((range.end - range.start) / PAGE).unwrap_or(WORDS).min(WORDS);
    let mut words = vec![0; pages * 8];
    pagemap.read_exact_at(&mut words, range.start / PAGE * 8)?;
    let mut runs: Vec<Range<u64>> = Vec::new();
    let mut address = range.start;
    for word in words.as_chunks().0 {
        let word = u64::from_le_bytes(*word);
        let next = address + PAGE;
        if word & (PRESENT | SWAPPED) != 0 && !(own && word & OF_A_FILE != 0) {
            match runs.last_mut() {
                Some(run) if run.end == address => run.end = next,
                _ => runs.push(address..next),
            }
        }
        address = next;
    }
    Ok((runs, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs that touch made one.
    fn joined(runs: impl IntoIterator<Item = Range<u64>>) -> Vec<Range<u64>> {
        let mut joined: Vec<Range<u64>> = Vec::new();
        for run in runs {
            match joined.last_mut() {
                Some(last) if last.end == run.start => last.end = run.end,
                _ => joined.push(run),
            }
        }
        joined
    }

    #[test]
    fn pages_are_found_where_they_exist_in_either_way() {
        const PAGES: usize = 16 * 1024;
        // Fresh from the kernel: too large for the allocator to keep. Huge pages may blur the runs.
        let mut own = vec![0_u8; PAGES * PAGE as usize];
        for page in (0..PAGES / 2).step_by(2).chain(PAGES / 2..PAGES / 2 + 100) {
            own[page * PAGE as usize] = 1;
        }
        let start = (own.as_ptr() as u64).next_multiple_of(PAGE);
        let range = start..start + (PAGES as u64 - 1) * PAGE;
        let memory = Memory::open(std::process::id() as i32, "/proc/self").unwrap();
        let pagemap = memory.pagemap.as_ref().unwrap();
        for own in [true, false] {
            let found = joined(memory.runs(range.clone(), own).map(Result::unwrap));
            let (read, end) = read(pagemap, range.clone(), own).unwrap();
            assert_eq!(end, range.end);
            // Not with assert_eq, which would print thousands.
            assert!(found == read, "{} runs and {}", found.len(), read.len());
            assert!(!found.is_empty());
        }
        assert_eq!(own[PAGE as usize], 0);
    }
}
