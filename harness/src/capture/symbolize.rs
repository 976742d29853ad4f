//! Names for addresses of one binary: functions, inlined calls, files and lines.
//!
//! DWARF comes first, from the binary or from a debug file of the same build id; then the symbol
//! tables. addr2line maps the file: should someone overwrite it in place (not replace it, as
//! linkers and package managers do), the harness would read garbage or die of SIGBUS. The loader
//! of the target itself stands on the same promise.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use addr2line::{Loader, demangle_auto};
use object::elf::{FileHeader64, STT_FUNC, STT_GNU_IFUNC, STT_OBJECT};
use object::read::elf::{ElfFile64, Sym, SymbolTable};
use object::{Endianness, Object, ReadCache, ReadRef};

use super::spelling::spelled;

/// A function at an address. Several stand at one address where calls were inlined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) function: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

/// The names of one binary, loaded when the first is asked for.
pub(crate) struct Symbols {
    source: Source,
    loaded: Option<Loaded>,
    known: HashMap<u64, Arc<[Name]>>,
}

enum Source {
    File(PathBuf),
    Image(Vec<u8>),
}

#[derive(Default)]
struct Loaded {
    dwarf: Option<Loader>,
    table: Table,
    objects: Table,
}

impl Symbols {
    /// The names in a file.
    pub(crate) fn of_file(path: PathBuf) -> Self {
        Symbols { source: Source::File(path), loaded: None, known: HashMap::new() }
    }

    /// The names in the copy of an object.
    pub(super) fn of_image(image: &[u8]) -> Self {
        Symbols { source: Source::Image(image.to_vec()), loaded: None, known: HashMap::new() }
    }

    /// Where the file can be read now: an earlier path may have led through a process that is gone.
    pub(super) fn found_at(&mut self, path: PathBuf) {
        if self.loaded.is_none() {
            self.source = Source::File(path);
        }
    }

    /// The object of data at an address of the file: its name and the distance from its beginning.
    pub(super) fn object(&mut self, address: u64) -> Option<(String, u64)> {
        let Symbols { source, loaded, .. } = self;
        loaded.get_or_insert_with(|| Loaded::new(source)).objects.at(address)
    }

    /// Begin and size of the function that covers an address of the file.
    pub(super) fn function(&mut self, address: u64) -> Option<(u64, u64)> {
        let Symbols { source, loaded, .. } = self;
        let function = loaded.get_or_insert_with(|| Loaded::new(source)).table.function(address)?;
        Some((function.address, function.size))
    }

    /// What stands at an address of the file, the innermost inlined call first and the function
    /// that holds them all last; empty if nothing is known.
    pub(crate) fn names(&mut self, address: u64) -> Arc<[Name]> {
        let Symbols { source, loaded, known } = self;
        let names = known
            .entry(address)
            .or_insert_with(|| loaded.get_or_insert_with(|| Loaded::new(source)).names(address));
        Arc::clone(names)
    }
}

impl Loaded {
    fn new(source: &Source) -> Self {
        let mut loaded = Loaded::default();
        match source {
            Source::File(path) => {
                let debug = loaded.add_file(path);
                if let Some(debug) = &debug {
                    loaded.add_file(debug);
                }
                loaded.dwarf = Loader::new(debug.as_ref().unwrap_or(path)).ok();
            }
            Source::Image(image) => {
                loaded.add(&**image);
            }
        }
        loaded.table.sort();
        loaded.objects.sort();
        loaded
    }

    /// Adds the symbols of a file; the separate debug file that belongs to it, if it needs one.
    fn add_file(&mut self, path: &Path) -> Option<PathBuf> {
        let cache = ReadCache::new(File::open(path).ok()?);
        let file = self.add(&cache)?;
        if file.section_by_name(".debug_info").is_some() {
            return None;
        }
        let (first, rest) = file.build_id().ok()??.split_first()?;
        let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
        let debug = PathBuf::from(format!("/usr/lib/debug/.build-id/{first:02x}/{rest}.debug"));
        debug.exists().then_some(debug)
    }

    /// Adds the symbols of an object.
    fn add<'data, R: ReadRef<'data>>(
        &mut self,
        data: R,
    ) -> Option<ElfFile64<'data, Endianness, R>> {
        let file = ElfFile64::<Endianness, R>::parse(data).ok()?;
        for table in [file.elf_symbol_table(), file.elf_dynamic_symbol_table()] {
            self.table.add_table(&file, table, data, &[STT_FUNC, STT_GNU_IFUNC]);
            self.objects.add_table(&file, table, data, &[STT_OBJECT]);
        }
        Some(file)
    }

    fn names(&self, address: u64) -> Arc<[Name]> {
        let mut names = self.dwarf.as_ref().map_or_else(Vec::new, |d| from_dwarf(d, address));
        // DWARF may know the line alone, and for Rust's line tables the bare name alone: the symbol
        // table has the path as well.
        let symbol = self.table.name(address);
        match names.last_mut() {
            Some(outermost) => outermost.function = symbol.or(outermost.function.take()),
            None if symbol.is_some() => names.push(Name { function: symbol, ..Name::default() }),
            None => {}
        }
        names.into()
    }
}

/// A name as its language writes it. Only what looks mangled is demangled: to a demangler of C++ the C
/// function `a` is a `signed char`.
fn readable<'a>(
    name: std::borrow::Cow<'a, str>,
    language: Option<addr2line::gimli::DwLang>,
) -> std::borrow::Cow<'a, str> {
    let is_mangled = ["_Z", "__Z", "_R", "__R"].iter().any(|prefix| name.starts_with(prefix));
    if is_mangled { demangle_auto(name, language) } else { name }
}

fn from_dwarf(dwarf: &Loader, address: u64) -> Vec<Name> {
    let mut names = Vec::new();
    let Ok(mut frames) = dwarf.find_frames(address) else { return names };
    while let Ok(Some(frame)) = frames.next() {
        let location = frame.location.as_ref();
        names.push(Name {
            function: frame
                .function
                .as_ref()
                .and_then(|f| Some(readable(f.raw_name().ok()?, None).into_owned())),
            file: location.and_then(|l| l.file).map(spelled),
            line: location.and_then(|l| l.line).filter(|&line| line != 0),
        });
    }
    names
}

/// The address in a file's own terms of what stands at an offset in it.
#[cfg(feature = "cli")]
pub(crate) fn file_address(path: &str, offset: u64) -> Option<u64> {
    use object::{elf::PT_LOAD, read::elf::ProgramHeader};
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = ElfFile64::<Endianness, _>::parse(&cache).ok()?;
    let endian = file.endian();
    file.elf_program_headers().iter().filter(|h| h.p_type(endian) == PT_LOAD).find_map(|header| {
        let within = offset.checked_sub(header.p_offset(endian))?;
        (within < header.p_filesz(endian)).then(|| header.p_vaddr(endian) + within)
    })
}

/// Functions or objects by address, of all symbol tables that belong to a binary.
///
/// Unlike addr2line's, it honours the size of a symbol: in a stripped library most functions have
/// no symbol, and the nearest one before them would be a lie.
#[derive(Default)]
struct Table {
    functions: Vec<Function>,
    strings: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Function {
    address: u64,
    size: u64,
    /// Where the name begins in `strings`.
    name: usize,
}

impl Table {
    fn add_table<'data, R: ReadRef<'data>>(
        &mut self,
        file: &ElfFile64<'data, Endianness, R>,
        table: &SymbolTable<'data, FileHeader64<Endianness>, R>,
        data: R,
        types: &[u8],
    ) -> Option<()> {
        let endian = file.endian();
        // All names at once: one by one, each would be a read of its own.
        let section = file.elf_section_table().section(table.string_section()).ok()?;
        let names = object::read::elf::SectionHeader::data(section, endian, data).ok()?;
        let base = self.strings.len();
        self.strings.extend_from_slice(names);
        self.strings.push(0);
        self.functions.extend(table.iter().filter_map(|symbol| {
            let name = symbol.st_name(endian) as usize;
            (types.contains(&symbol.st_type())
                && !symbol.is_undefined(endian)
                && name < names.len())
            .then(|| Function {
                address: symbol.st_value(endian),
                size: symbol.st_size(endian),
                name: base + name,
            })
        }));
        Some(())
    }

    /// Puts the best name for an address last among those that share it, where lookups begin: one
    /// with a size, then the one that its users write (`pthread_mutex_lock` of three).
    fn sort(&mut self) {
        let mut functions = std::mem::take(&mut self.functions);
        functions.sort_by_cached_key(|function| {
            let name = self.string(function.name);
            let underscores = name.iter().take_while(|&&b| b == b'_').count();
            (function.address, function.size != 0, Reverse(underscores), Reverse(name.len()))
        });
        self.functions = functions;
    }

    fn name(&self, address: u64) -> Option<String> {
        let name = String::from_utf8_lossy(self.string(self.function(address)?.name));
        Some(readable(name, None).into_owned())
    }

    fn function(&self, address: u64) -> Option<Function> {
        /// How many symbols before an address are tried: functions rarely nest.
        const TRIES: usize = 8;

        let after = self.functions.partition_point(|f| f.address <= address);
        let function = self.functions[..after].iter().rev().take(TRIES).enumerate().find(
            // Assembly is often without a size; such a function ends where the next begins.
            |(nth, f)| address - f.address < f.size || (f.size == 0 && *nth == 0),
        );
        function.map(|(_, function)| *function)
    }

    /// The symbol that covers an address, and how far it is from its beginning.
    fn at(&self, address: u64) -> Option<(String, u64)> {
        let after = self.functions.partition_point(|f| f.address <= address);
        let object = self.functions[..after].last()?;
        let offset = address - object.address;
        let name = String::from_utf8_lossy(self.string(object.name));
        (offset < object.size.max(1)).then(|| (readable(name, None).into_owned(), offset))
    }

    fn string(&self, at: usize) -> &[u8] {
        self.strings[at..].split(|&b| b == 0).next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(functions: &[(u64, u64, &str)]) -> Table {
        let mut table = Table::default();
        for &(address, size, name) in functions {
            let at = table.strings.len();
            table.strings.extend_from_slice(name.as_bytes());
            table.strings.push(0);
            table.functions.push(Function { address, size, name: at });
        }
        table.sort();
        table
    }

    #[test]
    fn a_symbol_ends_where_its_size_says() {
        let table = table(&[(0x100, 0x10, "first"), (0x200, 0, "assembly"), (0x300, 8, "last")]);
        assert_eq!(table.name(0x10f).as_deref(), Some("first"));
        assert_eq!(table.name(0x110), None);
        assert_eq!(table.name(0x2ff).as_deref(), Some("assembly"));
        assert_eq!(table.name(0x308), None);
        assert_eq!(table.name(0xff), None);
    }

    #[test]
    fn of_many_names_the_public_one_wins() {
        let table = table(&[
            (0x100, 16, "___pthread_mutex_lock"),
            (0x100, 16, "pthread_mutex_lock"),
            (0x100, 0, "x"),
        ]);
        assert_eq!(table.name(0x104).as_deref(), Some("pthread_mutex_lock"));
    }

    #[test]
    fn names_of_all_languages_are_readable() {
        let table = table(&[
            (0x100, 16, "_ZN4core3fmt5write17h0123456789abcdefE"),
            (0x200, 16, "_RNvCs1234_7mycrate3foo"),
            (0x300, 16, "_ZN13whisper_state4initEi"),
            (0x400, 16, "ggml_init"),
        ]);
        assert_eq!(table.name(0x100).as_deref(), Some("core::fmt::write"));
        assert_eq!(table.name(0x200).as_deref(), Some("mycrate::foo"));
        assert_eq!(table.name(0x300).as_deref(), Some("whisper_state::init(int)"));
        assert_eq!(table.name(0x400).as_deref(), Some("ggml_init"));
    }
}
