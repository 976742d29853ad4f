//! The table of instructions at which scheduling points are put (level 1).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use standstill_scheduler::abi::Site;

use crate::sites::{self, Cache, Want};

/// Atomic read-modify-writes, and `pause`, by which spin loops are known.
const WANT: Want = Want { rmw: true, pauses: true, memory: false };

/// Every worker starts the same program.
static CACHE: LazyLock<Cache> = LazyLock::new(Cache::default);

/// A memfd that the target maps when it is told to patch itself.
pub struct Patches {
    file: File,
}

impl Patches {
    /// An empty table.
    pub fn new() -> io::Result<Patches> {
        let fd: OwnedFd = memfd_create("standstill-sites", MemfdFlags::CLOEXEC)?;
        Ok(Patches { file: fd.into() })
    }

    /// The descriptor to pass on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Writes the table for a process as it is mapped now: the program and the libraries that it has
    /// loaded, without the C library. The number of sites; what could not be searched goes to `notes`.
    pub fn place(&mut self, pid: i32, notes: &mut Vec<String>) -> io::Result<usize> {
        let modules = sites::modules_of(pid)?;
        let mut table = vec![];
        let mut note = |text: String| {
            let text = format!("no scheduling points inside of {text}");
            if !notes.contains(&text) {
                notes.push(text);
            }
        };
        modules.notes.into_iter().for_each(&mut note);
        for module in modules.modules {
            match CACHE.sites(&module.path, WANT) {
                Ok(found) => table.extend(sites::place(&found, module.bias)),
                Err(why) => note(format!("{}: {why}", module.name)),
            }
        }
        let bytes: Vec<u8> = table.iter().flat_map(bytes).collect();
        ftruncate(&self.file, 0)?;
        self.file.write_all_at(&bytes, 0)?;
        Ok(table.len())
    }
}

/// A site as it lies in memory.
fn bytes(site: &Site) -> [u8; size_of::<Site>()] {
    let mut out = [0; size_of::<Site>()];
    out[..8].copy_from_slice(&site.address.to_ne_bytes());
    out[8..16].copy_from_slice(&site.target.to_ne_bytes());
    out[16..20].copy_from_slice(&site.displacement.to_ne_bytes());
    out[20..22].copy_from_slice(&site.size.to_ne_bytes());
    let small = [
        site.length,
        site.kind,
        site.base,
        site.index,
        site.scale,
        site.relative_at,
        site.flags,
        site.segment,
    ];
    out[22..30].copy_from_slice(&small);
    out[32..].copy_from_slice(&site.bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_written_as_it_lies_in_memory() {
        use std::mem::offset_of;
        let expected = [16, 20, 22, 29, 30, 32, 48];
        let offsets = [
            offset_of!(Site, displacement),
            offset_of!(Site, size),
            offset_of!(Site, length),
            offset_of!(Site, segment),
            offset_of!(Site, pad),
            offset_of!(Site, bytes),
            size_of::<Site>(),
        ];
        assert_eq!(offsets, expected);
        let site = Site { address: 7, kind: 3, bytes: [9; 16], ..Site::default() };
        let bytes = bytes(&site);
        assert_eq!((bytes[0], bytes[23], bytes[32], bytes[47]), (7, 3, 9, 9));
    }

    #[test]
    fn this_process_has_sites() {
        let mut patches = Patches::new().unwrap();
        let mut notes = vec![];
        let count = patches.place(std::process::id() as i32, &mut notes).unwrap();
        assert!(count > 0, "{notes:?}");
        let length = patches.file.metadata().unwrap().len();
        assert_eq!(length, (count * size_of::<Site>()) as u64);
    }
}
