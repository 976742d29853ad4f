//! The table of instructions at which scheduling points are put (levels 1 and 1+).

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use standstill_scheduler::abi::{SITE_IS_CHOSEN, Site};

use super::profile::Chosen;
use crate::levels::carried::points_of;
use crate::sites::{self, Cache, Want};

/// Atomic read-modify-writes, and what spin loops are known by.
const ATOMICS: Want = Want { rmw: true, pauses: true, memory: false };
/// Those, and plain accesses.
const ALL: Want = Want { memory: true, ..ATOMICS };
/// Plain accesses of a program that are looked at; those of a larger one are left out.
const MOST_ACCESSES: usize = 400_000;
/// Libraries of the language, whose plain accesses are left out.
const LANGUAGE: [&str; 3] = ["libstdc++.so", "libc++.so", "libc++abi.so"];

/// Which instructions get a point.
#[derive(Debug, Clone)]
pub enum Points {
    /// Atomics and spins.
    Atomics,
    /// Also the plain accesses that were chosen.
    Chosen(Arc<Chosen>),
    /// Also all plain accesses, to be profiled.
    Profiled,
}

/// Every worker starts the same program.
static CACHE: LazyLock<Cache> = LazyLock::new(Cache::default);

/// A memfd that the target maps when it is told to patch itself.
pub struct Patches {
    file: File,
    /// The sites of the table, and for each module where they begin.
    table: Vec<Site>,
    modules: Vec<(usize, PathBuf, u64)>,
}

impl Patches {
    /// An empty table.
    pub fn new() -> io::Result<Patches> {
        let fd: OwnedFd = memfd_create("standstill-sites", MemfdFlags::CLOEXEC)?;
        Ok(Patches { file: fd.into(), table: vec![], modules: vec![] })
    }

    /// The descriptor to pass on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Writes the table. The number of sites; what could not be searched goes to `notes`.
    pub fn place(&mut self, found: Found, notes: &mut Vec<String>) -> io::Result<usize> {
        let new = found.notes.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>();
        notes.extend(new);
        (self.table, self.modules) = (found.table, found.modules);
        let bytes: Vec<u8> = self.table.iter().flat_map(bytes).collect();
        ftruncate(&self.file, 0)?;
        self.file.write_all_at(&bytes, 0)?;
        Ok(self.table.len())
    }

    /// The file of a site of the table, and its address in the file, if it is a plain access.
    pub fn access(&self, index: usize) -> Option<(PathBuf, u64)> {
        let site = self.table.get(index)?;
        let (_, path, bias) = self.modules.iter().rev().find(|(first, ..)| *first <= index)?;
        site.is_access().then(|| (path.clone(), site.address.wrapping_sub(*bias)))
    }
}

/// The sites of a process.
#[derive(Debug, Default)]
pub struct Found {
    table: Vec<Site>,
    modules: Vec<(usize, PathBuf, u64)>,
    notes: Vec<String>,
}

/// Searches a process as it is mapped now: the program and the libraries that it has loaded, without
/// the C library.
pub fn search(pid: i32, points: &Points) -> io::Result<Found> {
    let modules = sites::modules_of(pid)?;
    let mut found_all = Found::default();
    let Found { table, modules: known, notes } = &mut found_all;
    let mut note = |text: String| {
        if !notes.contains(&text) {
            notes.push(text);
        }
    };
    let none_in = |text: &str| format!("no scheduling points inside of {text}");
    modules.notes.iter().for_each(|text| note(none_in(text)));
    for module in modules.modules {
        // Where it has points already none are put.
        let built_in = points_in(&module.path);
        let of_language = LANGUAGE.iter().any(|name| module.name.starts_with(name));
        let want = match points {
            Points::Atomics => ATOMICS,
            _ if of_language || built_in.is_some() => ATOMICS,
            Points::Chosen(_) | Points::Profiled => ALL,
        };
        let found = match CACHE.sites(&module.path, want) {
            Ok(found) => found,
            Err(why) => {
                note(none_in(&format!("{}: {why}", module.name)));
                continue;
            }
        };
        let before = table.len();
        known.push((before, module.path.clone(), module.bias));
        let placed = sites::place(&found, module.bias);
        let chosen = match points {
            Points::Chosen(chosen) => chosen.of(&module.path),
            _ => None,
        };
        let wanted =
            placed.into_iter().zip(&found.sites).filter_map(|(site, in_file)| match points {
                _ if built_in.as_ref().is_some_and(|range| range.contains(&in_file.address)) => {
                    None
                }
                _ if !site.is_access() => Some(site),
                Points::Atomics => None,
                Points::Profiled => Some(site),
                Points::Chosen(_) => chosen
                    .is_some_and(|chosen| chosen.contains(&in_file.address))
                    .then_some(Site { flags: site.flags | SITE_IS_CHOSEN, ..site }),
            });
        table.extend(wanted);
        if table.len() > MOST_ACCESSES {
            table.truncate(before);
            known.pop();
            let text = format!("plain accesses of {} are too many to be looked at", module.name);
            note(text);
        }
    }
    Ok(found_all)
}

/// Where a file that was built for level 2 or 3 has its points; asked of the same files again and again.
fn points_in(path: &Path) -> Option<Range<u64>> {
    static KNOWN: Mutex<BTreeMap<PathBuf, Option<Range<u64>>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let look = || points_of(&std::fs::read(path).ok()?);
    known.entry(path.to_owned()).or_insert_with(look).clone()
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
        let found = search(std::process::id() as i32, &Points::Atomics).unwrap();
        let count = patches.place(found, &mut notes).unwrap();
        assert!(count > 0, "{notes:?}");
        let length = patches.file.metadata().unwrap().len();
        assert_eq!(length, (count * size_of::<Site>()) as u64);
    }
}
