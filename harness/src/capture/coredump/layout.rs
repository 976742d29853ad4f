//! The head of a core file: what is where in it.

use super::PAGE;
use super::segments::Segment;

const FILE_HEADER: u64 = 64;
const PROGRAM_HEADER: u64 = 56;
const SECTION_HEADER: u64 = 64;
/// So many program headers, or more, do not fit the file header's count: the one section header
/// has it then (`PN_XNUM` of elf(5)).
const TOO_MANY: u64 = 0xffff;

/// Where everything goes.
pub(super) struct Layout {
    /// All that precedes the memory.
    pub(super) head: Vec<u8>,
    /// Where the memory of each segment begins.
    pub(super) offsets: Vec<u64>,
    /// The size of the file.
    pub(super) end: u64,
}

impl Layout {
    /// Lays out a file with these notes and segments.
    pub(super) fn new(notes: &[u8], segments: &[Segment]) -> Self {
        let count = segments.len() as u64 + 1;
        let extra = if count >= TOO_MANY { SECTION_HEADER } else { 0 };
        let headers = FILE_HEADER + extra;
        let notes_at = headers + count * PROGRAM_HEADER;

        let mut end = (notes_at + notes.len() as u64).next_multiple_of(PAGE);
        let offsets: Vec<u64> = segments
            .iter()
            .map(|segment| {
                let at = end;
                end += segment.size_in_file();
                at
            })
            .collect();

        let mut head = Vec::new();
        file_header(&mut head, count, headers);
        if extra > 0 {
            section_header(&mut head, count);
        }
        let size = notes.len() as u64;
        program_header(&mut head, [4, 0], [notes_at, 0, 0, size, 0, 4]);
        for (segment, &offset) in segments.iter().zip(&offsets) {
            let (start, length) = (segment.range.start, segment.range.end - segment.range.start);
            let words = [offset, start, 0, segment.size_in_file(), length, PAGE];
            program_header(&mut head, [1, segment.flags], words);
        }
        head.extend(notes);
        Layout { head, offsets, end }
    }
}

/// `Elf64_Ehdr` of a core file for x86-64.
fn file_header(head: &mut Vec<u8>, count: u64, program_headers: u64) {
    let is_crowded = count >= TOO_MANY;
    head.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    // ET_CORE, EM_X86_64.
    halves(head, [4, 62]);
    words(head, [1]);
    let sections = if is_crowded { FILE_HEADER } else { 0 };
    longs(head, [0, program_headers, sections]);
    words(head, [0]);
    let counted = count.min(TOO_MANY) as u16;
    let section_size = if is_crowded { SECTION_HEADER as u16 } else { 0 };
    let sizes = [FILE_HEADER as u16, PROGRAM_HEADER as u16, counted, section_size];
    halves(head, sizes);
    halves(head, [u16::from(is_crowded), 0]);
}

/// `Elf64_Shdr` that names no section: its `sh_info` counts the program headers.
fn section_header(head: &mut Vec<u8>, count: u64) {
    words(head, [0, 0]);
    longs(head, [0; 4]);
    words(head, [0, count as u32]);
    longs(head, [0; 2]);
}

/// `Elf64_Phdr`: type and flags; offset, addresses, sizes, alignment.
fn program_header(head: &mut Vec<u8>, kind_and_flags: [u32; 2], rest: [u64; 6]) {
    words(head, kind_and_flags);
    longs(head, rest);
}

fn halves<const N: usize>(head: &mut Vec<u8>, numbers: [u16; N]) {
    head.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn words<const N: usize>(head: &mut Vec<u8>, numbers: [u32; N]) {
    head.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn longs<const N: usize>(head: &mut Vec<u8>, numbers: [u64; N]) {
    head.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use object::read::elf::{FileHeader, ProgramHeader};
    use object::{Endianness, elf};

    use super::super::segments::Filled;
    use super::*;

    #[test]
    fn a_reader_finds_every_segment_however_many_there_are() {
        for count in [0, 2, 0xfffd, 0xfffe, 0xffff, 70_000] {
            let segment = |nth: u64| Segment {
                range: nth * 4096..(nth + 1) * 4096,
                filled: if nth == 1 { Filled::Fully } else { Filled::Not },
                flags: 6,
            };
            let segments: Vec<_> = (0..count).map(segment).collect();
            let layout = Layout::new(b"notes---", &segments);
            let header = elf::FileHeader64::<Endianness>::parse(&*layout.head).unwrap();
            let endian = header.endian().unwrap();
            assert_eq!(header.e_type(endian), elf::ET_CORE);
            let found = header.program_headers(endian, &*layout.head).unwrap();
            assert_eq!(found.len() as u64, count + 1);
            assert_eq!(found[0].data(endian, &*layout.head).unwrap(), b"notes---");
            for (header, segment) in found[1..].iter().zip(&segments) {
                assert_eq!(header.p_vaddr(endian), segment.range.start);
                assert_eq!((header.p_memsz(endian), header.p_flags(endian)), (4096, 6));
                assert_eq!(header.p_filesz(endian), segment.size_in_file());
                assert!(header.p_offset(endian) >= layout.head.len() as u64);
            }
        }
    }
}
