//! The memory of a process by region, and what of each a core file is to hold.

use std::ops::Range;

/// What a core file holds of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// Nothing: the file that it maps has it, or nobody may touch it.
    Nothing,
    /// All of it, as it reads.
    Whole,
    /// The pages that exist. The others read as zeroes.
    Anonymous,
    /// The pages that exist for this process. Of the others nothing is known without touching them.
    Shared,
    /// The pages that are no longer those of the file behind it.
    Modified,
}

/// One mapping, as `/proc/PID/smaps` tells it. Read from `maps` it lacks what only `smaps` knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) range: Range<u64>,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) executable: bool,
    shared: bool,
    /// Offset in the file.
    pub(super) offset: u64,
    inode: u64,
    /// The file, or a name in brackets; empty for anonymous memory. With the mark of a deleted file.
    pub(super) path: Vec<u8>,
    /// KiB that exist somewhere, of any kind.
    existing: Option<u64>,
    /// KiB that no file has: written to since they were mapped.
    own: Option<u64>,
    /// KiB that were written out to swap.
    pub(super) swapped: u64,
    /// The kernel's two-letter flags.
    flags: Vec<String>,
}

impl Region {
    /// Reads the text of `smaps` or `maps`; a line that makes no sense is left out.
    pub(super) fn parse_all(text: &[u8]) -> Vec<Self> {
        let mut regions: Vec<Region> = Vec::new();
        for line in text.split(|&byte| byte == b'\n') {
            if let Some(region) = Region::parse(line) {
                regions.push(region);
            } else if let Some(region) = regions.last_mut() {
                region.learn(line);
            }
        }
        regions.sort_by_key(|region| region.range.start);
        regions
    }

    /// Reads the line that a region begins with.
    fn parse(line: &[u8]) -> Option<Self> {
        // Six fields, the last of which is all that is left, spaces included.
        let mut fields = line.splitn(6, |&byte| byte == b' ');
        let mut field = || std::str::from_utf8(fields.next()?).ok();
        let (start, end) = field()?.split_once('-')?;
        let permissions = field()?;
        let offset = hex(field()?)?;
        let _device = field()?;
        let inode = field()?.parse().ok()?;
        let path = fields.next().unwrap_or_default().trim_ascii_start();
        Some(Region {
            range: hex(start)?..hex(end)?,
            readable: permissions.contains('r'),
            writable: permissions.contains('w'),
            executable: permissions.contains('x'),
            shared: permissions.contains('s'),
            offset,
            inode,
            path: unescape(path),
            ..Region::default()
        })
    }

    /// Takes in a line of what `smaps` tells of the region.
    fn learn(&mut self, line: &[u8]) {
        let Some((key, value)) = std::str::from_utf8(line).ok().and_then(|l| l.split_once(':'))
        else {
            return;
        };
        let kib = value.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        let add = |sum: &mut Option<u64>| *sum = Some(sum.unwrap_or(0) + kib);
        match key {
            "Rss" | "Shared_Hugetlb" => add(&mut self.existing),
            "Anonymous" => add(&mut self.own),
            "Private_Hugetlb" => {
                add(&mut self.existing);
                add(&mut self.own);
            }
            "Swap" => {
                add(&mut self.existing);
                add(&mut self.own);
                self.swapped = kib;
            }
            "VmFlags" => self.flags = value.split_whitespace().map(str::to_owned).collect(),
            _ => {}
        }
    }

    /// What a core file holds of it: in the main what the kernel writes by default
    /// (`coredump_filter` 0x33, see core(5)).
    pub(super) fn contents(&self) -> Contents {
        if self.path == b"[vdso]" {
            return Contents::Whole;
        }
        // Not to be dumped, by the program's own wish (madvise(2)); the memory of a device.
        let is_barred = self.flags.iter().any(|flag| ["dd", "io", "pf"].contains(&&**flag));
        if is_barred || self.path.starts_with(b"[vvar") || self.path.starts_with(b"[uprobes") {
            return Contents::Nothing;
        }
        if self.shared {
            // A file that has no name any more is as good as anonymous. Beyond the kernel's
            // default: what lies in /dev/shm is memory too, and may well be what a thread waits on.
            let is_memory = self.path.ends_with(b" (deleted)")
                || self.path.starts_with(b"/dev/shm/")
                || self.path.starts_with(b"[anon_shmem");
            return if is_memory { Contents::Shared } else { Contents::Nothing };
        }
        if self.inode == 0 { Contents::Anonymous } else { Contents::Modified }
    }

    /// Whether no page of it can be worth reading, by the kernel's own count.
    pub(super) fn is_empty(&self) -> bool {
        let count = if self.contents() == Contents::Modified { self.own } else { self.existing };
        count == Some(0)
    }

    /// Whether it is the one page at the top of the address space that belongs to the kernel.
    pub(super) fn is_kernels(&self) -> bool {
        self.path == b"[vsyscall]"
    }

    /// Whether a file is behind it.
    pub(super) fn has_file(&self) -> bool {
        self.path.starts_with(b"/")
    }
}

/// The path as it is; the kernel escapes nothing but the newline.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let newline = rest.strip_prefix(br"\012");
        whole.push(if newline.is_some() { b'\n' } else { byte });
        rest = newline.unwrap_or(after);
    }
    whole
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &[u8] = b"\
55d0c0000000-55d0c0002000 rw-p 00001000 fe:01 1835                       /opt/a b\\012/target
Size:                  8 kB
Rss:                   8 kB
Anonymous:             4 kB
Swap:                  0 kB
VmFlags: rd wr mr mw me ac sd 
7f3000000000-7f3000021000 rw-p 00000000 00:00 0 
Rss:                   0 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd wr mr mw me dd sd 
7f3100000000-7f3100021000 rw-s 00000000 00:01 7                          /memfd:m (deleted)
7f3200000000-7f3200021000 rw-s 00000000 00:01 8                          /var/lib/table
7ffd1c9f0000-7ffd1c9f4000 r--p 00000000 00:00 0                          [vvar]
7ffd1ca00000-7ffd1ca02000 r-xp 00000000 00:00 0                          [vdso]
7ffd1d000000-7ffd1d021000 rw-p 00000000 00:00 0                          [stack]
";

    #[test]
    fn a_region_knows_its_file_and_what_of_it_exists() {
        let regions = Region::parse_all(SMAPS);
        let file = &regions[0];
        assert_eq!((file.range.start, file.offset, file.inode), (0x55d0c0000000, 0x1000, 1835));
        assert_eq!(file.path, b"/opt/a b\n/target");
        assert!(file.readable && file.writable && !file.executable && file.has_file());
        assert_eq!((file.existing, file.own, file.is_empty()), (Some(8), Some(4), false));
        assert!(regions[1].is_empty());
        // Without counts nothing is known to be empty.
        assert!(!regions[6].is_empty() && regions[6].existing.is_none());
        assert_eq!(regions.len(), 7);
    }

    #[test]
    fn contents_are_what_no_file_has() {
        let regions = Region::parse_all(SMAPS);
        let contents: Vec<_> = regions.iter().map(Region::contents).collect();
        use Contents::{Anonymous, Modified, Nothing, Shared, Whole};
        assert_eq!(contents, [Modified, Nothing, Shared, Nothing, Nothing, Whole, Anonymous]);
    }
}
