//! The memory map of a process, as `/proc/PID/maps` tells it.

use std::ops::Range;

/// One line of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) range: Range<u64>,
    /// Offset in the file.
    pub(crate) offset: u64,
    pub(crate) executable: bool,
    pub(crate) writable: bool,
    /// What is written there, other processes that map it see.
    pub(crate) shared: bool,
    /// Zero when no file is behind it.
    pub(crate) inode: u64,
    /// The file, or a name in brackets; empty for anonymous memory.
    pub(crate) path: String,
    /// The file was unlinked or replaced after it was mapped.
    pub(crate) deleted: bool,
}

/// All mappings, in the order of their addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Maps(Vec<Mapping>);

impl Maps {
    /// Reads the map's text; a line that makes no sense is left out.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut maps: Vec<_> =
            String::from_utf8_lossy(text).lines().filter_map(Mapping::parse).collect();
        maps.sort_by_key(|m| m.range.start);
        Maps(maps)
    }

    /// The mapping that `address` lies in.
    pub(crate) fn at(&self, address: u64) -> Option<&Mapping> {
        let after = self.0.partition_point(|m| m.range.start <= address);
        self.0[..after].last().filter(|m| m.range.contains(&address))
    }

    /// Whether `address` lies in memory that may be executed.
    pub(crate) fn is_code(&self, address: u64) -> bool {
        self.at(address).is_some_and(|m| m.executable)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.0.iter()
    }
}

impl Mapping {
    fn parse(line: &str) -> Option<Self> {
        // The path is all that follows the fifth field, spaces included.
        let mut rest = line;
        let mut field = || {
            let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
            rest = tail;
            word
        };
        let (start, end) = field().split_once('-')?;
        let rights = field();
        let (executable, writable) = (rights.contains('x'), rights.contains('w'));
        let shared = rights.ends_with('s');
        let offset = hex(field())?;
        let _device = field();
        let inode = field().parse().ok()?;
        let path = rest.trim_start();
        let (path, deleted) = match path.strip_suffix(" (deleted)") {
            Some(path) => (path, true),
            None => (path, false),
        };
        // The kernel escapes nothing but the newline.
        let path = path.replace("\\012", "\n");
        Some(Mapping {
            range: hex(start)?..hex(end)?,
            offset,
            executable,
            writable,
            shared,
            inode,
            path,
            deleted,
        })
    }
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
55d0c0000000-55d0c0002000 r--p 00000000 fe:01 1835 /opt/a b/target (deleted)
55d0c0002000-55d0c0009000 r-xp 00002000 fe:01 1835 /opt/a b/target (deleted)
not a line
7f3000000000-7f3000021000 rw-p 00000000 00:00 0 
7ffd1c9f0000-7ffd1ca11000 rw-p 00000000 00:00 0                          [stack]
";

    #[test]
    fn a_path_keeps_its_spaces_and_loses_the_deletion_mark() {
        let maps = Maps::parse(TEXT);
        let code = maps.at(0x55d0c0002000).unwrap();
        assert_eq!((code.path.as_str(), code.deleted, code.inode), ("/opt/a b/target", true, 1835));
        assert_eq!((code.offset, code.executable), (0x2000, true));
        assert_eq!(maps.iter().count(), 4);
    }

    #[test]
    fn an_address_between_mappings_is_in_none() {
        let maps = Maps::parse(TEXT);
        assert!(maps.at(0x55d0c0009000).is_none());
        assert!(maps.at(0).is_none());
        assert_eq!(maps.at(0x7ffd1c9f0008).unwrap().path, "[stack]");
        assert_eq!(maps.at(0x7f3000000000).unwrap().path, "");
        assert!(maps.is_code(0x55d0c0008fff) && !maps.is_code(0x55d0c0001fff));
    }
}
