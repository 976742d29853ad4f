//! Which object lies where: from the memory map of a process to the binaries behind it.
//!
//! What a binary file says is kept for as long as the `Capturer` lives, told apart by device,
//! inode, size and time of change; where it lies is found anew in each capture.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File, Metadata};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::elf::{PF_X, PT_LOAD};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ReadCache, ReadRef};

use super::maps::{Mapping, Maps};
use super::stop::Stopped;
use super::symbolize::Symbols;

type Bytes = Arc<[u8]>;
type Placed = framehop::Module<Bytes>;

/// What a binary file says, whichever process maps it.
pub(super) struct Binary {
    /// Where its last segment ends, uninitialised data included.
    end: u64,
    /// Those with code. Only they are looked up: the page where two segments meet in the file is
    /// part of both.
    segments: Vec<Segment>,
    sections: framehop::ExplicitModuleSectionInfo<Bytes>,
    /// The module at the place where it was seen last: one without an index of its unwind tables
    /// takes a while to build.
    last: Option<(Range<u64>, u64, Placed)>,
    pub(super) symbols: Symbols,
}

/// A piece of code, as the file describes it.
#[derive(Clone, Copy)]
pub(crate) struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// A binary in the memory of a process.
pub(super) struct Module {
    pub(super) name: String,
    /// All of its code.
    pub(super) range: Range<u64>,
    /// What the address in memory exceeds the address in the file by.
    pub(super) bias: u64,
    pub(super) binary: BinaryId,
    pub(super) has_tables: bool,
    /// Where its data ends, in memory.
    end: u64,
}

/// Tells one binary from another: device, inode, size, seconds and nanoseconds of its last change.
pub(crate) type BinaryId = (u64, u64, u64, i64, i64);

/// The vdso is not a file; there is one to a running kernel.
const VDSO: BinaryId = (0, 0, 0, 0, 0);

/// All binaries seen so far.
#[derive(Default)]
pub(super) struct Binaries(HashMap<BinaryId, Binary>);

/// The code of one process: its modules by address, and an unwinder that knows them.
#[derive(Default)]
pub(super) struct AddressSpace {
    modules: Vec<Module>,
    pub(super) unwinder: framehop::x86_64::UnwinderX86_64<Bytes>,
}

impl AddressSpace {
    /// The module whose code `address` lies in.
    pub(super) fn module(&self, address: u64) -> Option<&Module> {
        let after = self.modules.partition_point(|m| m.range.start <= address);
        self.modules[..after].last().filter(|m| m.range.contains(&address))
    }
}

impl AddressSpace {
    /// The module whose file is mapped at `address`, or whose uninitialised data lies there, as
    /// anonymous memory behind the last of the file.
    pub(super) fn data_module(&self, address: u64, maps: &Maps) -> Option<&Module> {
        let here = maps.at(address)?;
        let file = match here.path.is_empty() {
            true => maps.at(here.range.start.checked_sub(1)?)?,
            false => here,
        };
        let name = Path::new(&file.path).file_name()?.to_string_lossy();
        // The code of an object lies before its data.
        let before = self.modules.iter().rev().find(|m| m.range.start <= file.range.start);
        let own = |module: &&Module| module.name == name && address < module.end;
        before.filter(|module| file.inode != 0 && own(module))
    }
}

impl Binaries {
    pub(super) fn get_mut(&mut self, id: BinaryId) -> Option<&mut Binary> {
        self.0.get_mut(&id)
    }

    /// Finds the binary behind each piece of code of a process; what cannot be read is noted.
    pub(super) fn place(&mut self, stopped: &Stopped, notes: &mut Vec<String>) -> AddressSpace {
        let mut space = AddressSpace::default();
        for mapping in stopped.maps.iter().filter(|m| m.executable) {
            match self.open(stopped, mapping) {
                Ok(Some((id, bias))) => space.extend(mapping, id, bias),
                Ok(None) => {}
                Err(why) => {
                    let note = format!("{}: {why}; frames in it have no names.", mapping.path);
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                }
            }
        }
        for module in &mut space.modules {
            let Some(binary) = self.0.get_mut(&module.binary) else { continue };
            module.has_tables = binary.has_tables();
            module.end = module.bias.wrapping_add(binary.end);
            framehop::Unwinder::add_module(&mut space.unwinder, binary.placed(module));
        }
        space
    }

    /// The binary behind `mapping` and its bias; none for memory that no file or vdso is behind.
    fn open(
        &mut self,
        stopped: &Stopped,
        mapping: &Mapping,
    ) -> Result<Option<(BinaryId, u64)>, String> {
        let (id, path) = if mapping.path == "[vdso]" {
            (VDSO, None)
        } else if mapping.inode != 0 {
            let (path, metadata) = find_file(stopped.witness, mapping)
                .ok_or("deleted or replaced since it was mapped")?;
            (identity(&metadata), Some(path))
        } else {
            return Ok(None);
        };
        let binary = match self.0.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(match &path {
                Some(path) => {
                    let file = File::open(path).map_err(|e| e.to_string())?;
                    Binary::parse(&ReadCache::new(file), Symbols::of_file(path.clone()))?
                }
                None => Binary::parse(&*stopped.vdso, Symbols::of_image(&stopped.vdso))?,
            }),
        };
        if let Some(path) = path {
            binary.symbols.found_at(path);
        }
        let bias =
            Segment::bias(&binary.segments, mapping).ok_or("not mapped the way the file says")?;
        Ok(Some((id, bias)))
    }
}

impl AddressSpace {
    /// Adds a piece of code to its module. Pieces come in the order of their addresses.
    fn extend(&mut self, mapping: &Mapping, binary: BinaryId, bias: u64) {
        if let Some(last) = self.modules.last_mut()
            && (last.binary, last.bias) == (binary, bias)
        {
            last.range.end = mapping.range.end;
            return;
        }
        let name = Path::new(&mapping.path)
            .file_name()
            .map_or_else(|| mapping.path.clone(), |name| name.to_string_lossy().into_owned());
        let range = mapping.range.clone();
        self.modules.push(Module { name, range, bias, binary, has_tables: false, end: 0 });
    }
}

impl Segment {
    /// Those of a file.
    pub(crate) fn of_code<'data, R: ReadRef<'data>>(
        file: &ElfFile64<'data, Endianness, R>,
    ) -> Vec<Segment> {
        let endian = file.endian();
        file.elf_program_headers()
            .iter()
            .filter(|h| h.p_type(endian) == PT_LOAD && h.p_flags(endian) & PF_X != 0)
            .map(|header| Segment {
                address: header.p_vaddr(endian),
                offset: header.p_offset(endian),
                size: header.p_filesz(endian),
            })
            .collect()
    }

    /// What the file's addresses must be moved by to get to those of `mapping`.
    pub(crate) fn bias(segments: &[Segment], mapping: &Mapping) -> Option<u64> {
        // A segment begins in the middle of the page that the mapping begins with.
        const PAGE: u64 = 4096;
        let segment = segments.iter().find(|s| {
            let first_page = s.offset - s.offset % PAGE;
            (first_page..s.offset.saturating_add(s.size)).contains(&mapping.offset)
        })?;
        let address = segment.address.wrapping_add(mapping.offset).wrapping_sub(segment.offset);
        Some(mapping.range.start.wrapping_sub(address))
    }
}

impl Binary {
    fn parse<'data, R: ReadRef<'data>>(data: R, symbols: Symbols) -> Result<Self, String> {
        let file = ElfFile64::<Endianness, R>::parse(data).map_err(|e| e.to_string())?;
        let endian = file.endian();
        let segments = Segment::of_code(&file);
        let range = |name| {
            let section = file.section_by_name(name)?;
            Some(section.address()..section.address().checked_add(section.size())?)
        };
        let bytes = |name| -> Option<Bytes> {
            let data = file.section_by_name(name)?.uncompressed_data().ok()?;
            (!data.is_empty()).then(|| data.as_ref().into())
        };
        let eh_frame: Option<Bytes> = bytes(".eh_frame");
        let sections = framehop::ExplicitModuleSectionInfo {
            base_svma: segments.iter().map(|s| s.address).min().unwrap_or(0),
            text_svma: range(".text"),
            got_svma: range(".got"),
            eh_frame_svma: range(".eh_frame"),
            eh_frame_hdr_svma: range(".eh_frame_hdr"),
            eh_frame_hdr: bytes(".eh_frame_hdr"),
            // Only asked for where there is no .eh_frame.
            debug_frame: if eh_frame.is_none() { bytes(".debug_frame") } else { None },
            eh_frame,
            ..Default::default()
        };
        let ends = file.elf_program_headers().iter().filter(|h| h.p_type(endian) == PT_LOAD);
        let ends = ends.map(|h| h.p_vaddr(endian).saturating_add(h.p_memsz(endian)));
        let end = ends.max().unwrap_or(0);
        Ok(Binary { end, segments, sections, last: None, symbols })
    }

    fn has_tables(&self) -> bool {
        self.sections.eh_frame.is_some() || self.sections.debug_frame.is_some()
    }

    /// The unwinder's view of the binary where `module` lies.
    fn placed(&mut self, module: &Module) -> Placed {
        match &self.last {
            Some((range, bias, placed)) if (range, bias) == (&module.range, &module.bias) => {
                placed.clone()
            }
            _ => {
                let base = module.bias.wrapping_add(self.sections.base_svma);
                let (name, range) = (module.name.clone(), module.range.clone());
                let placed = Placed::new(name, range.clone(), base, self.sections.clone());
                self.last = Some((range, module.bias, placed.clone()));
                placed
            }
        }
    }
}

/// A path under which the mapped file can be read from here.
///
/// The target may live in another mount namespace, so its own root decides; the plain path is
/// preferred where it leads to the same file, for it outlives the target. A file that was unlinked
/// is still behind `/proc`; the inode tells whether it is the one.
pub(crate) fn find_file(witness: i32, mapping: &Mapping) -> Option<(PathBuf, Metadata)> {
    let look = |path: String| {
        let metadata = fs::metadata(&path).ok().filter(Metadata::is_file)?;
        Some((PathBuf::from(path), metadata))
    };
    let is_mapped = |(_, metadata): &(PathBuf, Metadata)| metadata.ino() == mapping.inode;
    if mapping.deleted {
        let Range { start, end } = mapping.range;
        let mapped = look(format!("/proc/{witness}/map_files/{start:x}-{end:x}"));
        let exe = || look(format!("/proc/{witness}/exe"));
        return mapped.filter(is_mapped).or_else(|| exe().filter(is_mapped));
    }
    let plain = look(mapping.path.clone());
    match look(format!("/proc/{witness}/root{}", mapping.path)) {
        Some(own) => plain.filter(|(_, m)| identity(m) == identity(&own.1)).or(Some(own)),
        None => plain.filter(is_mapped),
    }
}

pub(crate) fn identity(m: &Metadata) -> BinaryId {
    (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec())
}
