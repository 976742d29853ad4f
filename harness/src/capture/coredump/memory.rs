//! The memory of a stopped process, read without bringing pages into being.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::PAGE;

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
    memory: File,
    /// `None` where the kernel has none: then all pages count as existing.
    pagemap: Option<File>,
}

impl Memory {
    /// Opens the memory that the thread with the directory `task` in `/proc` has.
    pub(super) fn open(task: &str) -> io::Result<Self> {
        Ok(Memory {
            memory: File::open(format!("{task}/mem"))?,
            pagemap: File::open(format!("{task}/pagemap")).ok(),
        })
    }

    /// Fills the front of `buffer` with what is at `address`: how many bytes. None, where nothing
    /// can be read.
    pub(super) fn read(&self, address: u64, buffer: &mut [u8]) -> usize {
        self.memory.read_at(buffer, address).unwrap_or(0)
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

    /// The runs of pages in `range` that exist, and with `own` of those only that are no file's.
    pub(super) fn runs(&self, range: Range<u64>, own: bool) -> Runs<'_> {
        let Range { start, end } = range;
        let bytes = vec![0; if self.pagemap.is_some() { WORDS * 8 } else { 0 }];
        Runs { pages: self, own, read: start, end, address: start, words: 0..0, bytes }
    }
}

/// See [`Memory::runs`].
pub(super) struct Runs<'a> {
    pages: &'a Memory,
    own: bool,
    /// The first page whose word has not been looked at, the first whose word has not been read, and
    /// the end.
    address: u64,
    read: u64,
    end: u64,
    /// The words that have been read and not been looked at, as places in `bytes`.
    words: Range<usize>,
    bytes: Vec<u8>,
}

impl Runs<'_> {
    /// Reads more of the page map, unless all of it has been.
    fn read(&mut self, pagemap: &File) -> io::Result<()> {
        let left = usize::try_from((self.end - self.read) / PAGE).unwrap_or(WORDS);
        self.words = 0..left.min(WORDS) * 8;
        pagemap.read_exact_at(&mut self.bytes[self.words.clone()], self.read / PAGE * 8)?;
        self.read += (self.words.len() / 8) as u64 * PAGE;
        Ok(())
    }

    /// Whether the next page exists; `None` at the end.
    fn next_page(&mut self, pagemap: &File) -> io::Result<Option<bool>> {
        if self.words.is_empty() {
            self.read(pagemap)?;
        }
        let Some(word) = self.bytes[self.words.clone()].first_chunk() else { return Ok(None) };
        let word = u64::from_le_bytes(*word);
        self.words.start += 8;
        self.address += PAGE;
        let exists = word & (PRESENT | SWAPPED) != 0;
        Ok(Some(exists && !(self.own && word & OF_A_FILE != 0)))
    }
}

impl Iterator for Runs<'_> {
    type Item = io::Result<Range<u64>>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(pagemap) = &self.pages.pagemap else {
            let rest = self.address..self.end;
            self.address = self.end;
            return (!rest.is_empty()).then_some(Ok(rest));
        };
        let mut start = None;
        loop {
            let at = self.address;
            match self.next_page(pagemap) {
                Ok(Some(true)) => start = start.or(Some(at)),
                Ok(Some(false)) if start.is_none() => {}
                Ok(_) => return start.map(|start| Ok(start..at)),
                Err(e) => {
                    // Nothing more comes after it.
                    (self.address, self.read, self.words) = (self.end, self.end, 0..0);
                    return Some(Err(e));
                }
            }
        }
    }
}
