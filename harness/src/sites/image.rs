//! What of an ELF file matters here: its code, and which of its memory can change.

use std::ops::Range;

use object::elf::{
    EM_X86_64, ET_DYN, ET_EXEC, PF_W, PF_X, PT_GNU_RELRO, PT_LOAD, R_X86_64_IRELATIVE,
    R_X86_64_RELATIVE, SHF_EXECINSTR, SHT_PROGBITS,
};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader, SectionHeader};
use object::{LittleEndian, Object, ObjectSection, RelocationFlags};

use super::Error;

pub(super) type Elf<'data> = ElfFile64<'data, LittleEndian>;

/// A piece of code.
pub(super) struct Code<'data> {
    pub(super) address: u64,
    pub(super) bytes: &'data [u8],
    /// Made by the linker, of jumps to other objects.
    pub(super) is_plt: bool,
}

impl Code<'_> {
    pub(super) fn range(&self) -> Range<u64> {
        self.address..self.address + self.bytes.len() as u64
    }
}

/// A program or a shared library.
pub(super) struct Image<'data> {
    pub(super) elf: Elf<'data>,
    /// By address, without overlaps.
    pub(super) code: Vec<Code<'data>>,
    writable: Vec<Range<u64>>,
    /// Parts of the writable memory that nobody writes to but the loader.
    linked: Vec<Range<u64>>,
}

impl<'data> Image<'data> {
    pub(super) fn parse(file: &'data [u8]) -> Result<Self, Error> {
        let elf = Elf::parse(file)?;
        let (header, endian) = (elf.elf_header(), LittleEndian);
        let is_linked = matches!(header.e_type(endian), ET_EXEC | ET_DYN);
        if header.e_machine(endian) != EM_X86_64 || !is_linked {
            return Err(Error::Foreign);
        }
        let (mut code, mut linked) = (Vec::new(), Vec::new());
        for section in elf.sections() {
            let name = section.name_bytes().unwrap_or_default();
            let Some(end) = section.address().checked_add(section.size()) else { continue };
            if name.starts_with(b".got") {
                linked.push(section.address()..end);
            }
            let header = section.elf_section_header();
            if header.sh_flags(endian) & u64::from(SHF_EXECINSTR) != 0
                && header.sh_type(endian) == SHT_PROGBITS
                && is_loaded(&elf, header.sh_offset(endian), section.address()..end)
            {
                let is_plt = name.starts_with(b".plt");
                code.push(Code { address: section.address(), bytes: section.data()?, is_plt });
            }
        }
        code.sort_by_key(|code| code.address);
        code.dedup_by(|later, earlier| later.address < earlier.range().end);

        let segments = |wanted: u32, flags: u32| {
            elf.elf_program_headers()
                .iter()
                .filter(move |h| h.p_type(endian) == wanted && h.p_flags(endian) & flags == flags)
                .map(move |h| {
                    let start: u64 = h.p_vaddr(endian);
                    start..start.saturating_add(h.p_memsz(endian))
                })
        };
        let writable = segments(PT_LOAD, PF_W).collect();
        linked.extend(segments(PT_GNU_RELRO, 0));
        Ok(Image { elf, code, writable, linked })
    }

    /// Whether the program may change what is at `address`, of the file's own memory.
    pub(super) fn is_writable(&self, address: u64) -> bool {
        let within = |ranges: &[Range<u64>]| ranges.iter().any(|r| r.contains(&address));
        within(&self.writable) && !within(&self.linked)
    }

    /// The addresses that the loader writes into tables: functions, and where a computed goto leads.
    pub(super) fn pointers(&self) -> impl Iterator<Item = u64> {
        let relocations = self.elf.dynamic_relocations().into_iter().flatten();
        relocations.filter_map(|(_, relocation)| match relocation.flags() {
            RelocationFlags::Elf { r_type: R_X86_64_RELATIVE | R_X86_64_IRELATIVE } => {
                Some(relocation.addend() as u64)
            }
            _ => None,
        })
    }

    /// The piece of code that `range` lies in as a whole.
    pub(super) fn code_at(&self, range: &Range<u64>) -> Option<&Code<'data>> {
        let after = self.code.partition_point(|c| c.address <= range.start);
        self.code[..after].last().filter(|c| range.end <= c.range().end)
    }
}

/// Whether the bytes at `offset` of the file become executable memory at `range`. A section header
/// may say anything; the loader looks at segments.
fn is_loaded(elf: &Elf<'_>, offset: u64, range: Range<u64>) -> bool {
    let endian = LittleEndian;
    elf.elf_program_headers().iter().any(|h| {
        let start: u64 = h.p_vaddr(endian);
        h.p_type(endian) == PT_LOAD
            && h.p_flags(endian) & PF_X != 0
            && start <= range.start
            && range.end <= start.saturating_add(h.p_filesz(endian))
            && range.start - start == offset.wrapping_sub(h.p_offset(endian))
    })
}
