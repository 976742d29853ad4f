//! Which of a process's binaries scheduling points are put into, and where they lie.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use object::read::elf::ElfFile64;
use object::{Endianness, ReadCache};

use crate::capture::maps::Maps;
use crate::capture::modules::{Segment, find_file};

/// A binary in a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Where its file can be read from here.
    pub path: PathBuf,
    /// Its file name in the process.
    pub name: String,
    /// What its addresses in memory exceed those in the file by.
    pub bias: u64,
}

/// The binaries of a process that are to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modules {
    /// The program and its libraries, by address.
    pub modules: Vec<Module>,
    /// What would have been among them but could not be read, and why.
    pub notes: Vec<String>,
}

/// Parts of the C library: its locks are interposed, and what it does inside is not the program's.
const SYSTEM: [&str; 12] = [
    "ld",
    "libc",
    "libm",
    "libmvec",
    "libpthread",
    "libdl",
    "librt",
    "libresolv",
    "libutil",
    "libanl",
    "libnsl",
    "libthread_db",
];

/// Finds the program of a process and its libraries, without the C library, the unwinder, the
/// loader, the vdso and our own runtime.
pub fn modules_of(pid: i32) -> io::Result<Modules> {
    let maps = Maps::parse(&fs::read(format!("/proc/{pid}/maps"))?);
    let mut found = Modules::default();
    for mapping in maps.iter().filter(|m| m.executable && m.inode != 0) {
        let path = Path::new(&mapping.path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_system(&name) {
            continue;
        }
        let module = find_file(pid, mapping)
            .ok_or_else(|| "deleted or replaced since it was mapped".to_owned())
            .and_then(|(path, _)| {
                let file = ReadCache::new(File::open(&path).map_err(|e| e.to_string())?);
                let elf = ElfFile64::<Endianness, _>::parse(&file).map_err(|e| e.to_string())?;
                let bias = Segment::bias(&Segment::of_code(&elf), mapping)
                    .ok_or("not mapped the way the file says")?;
                Ok(Module { path, name: name.into_owned(), bias })
            });
        match module {
            Ok(module) if found.modules.contains(&module) => {}
            Ok(module) => found.modules.push(module),
            Err(why) => found.notes.push(format!("{}: {why}", mapping.path)),
        }
    }
    Ok(found)
}

fn is_system(name: &str) -> bool {
    let is = |stem: &&str| {
        // `libc.so.6`, and `libc-2.31.so` of older systems; but not `libc-client.so`.
        name.strip_prefix(stem).is_some_and(|rest| match rest.strip_prefix('-') {
            Some(version) => version.starts_with(|c: char| c.is_ascii_digit()),
            None => rest.starts_with('.'),
        })
    };
    SYSTEM.iter().any(is)
        || ["ld-linux", "ld-musl", "libnss_", "libgcc_s"].iter().any(|p| name.starts_with(p))
        || name.contains("standstill_scheduler")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_told_from_the_program() {
        for name in [
            "ld-linux-x86-64.so.2",
            "ld-2.31.so",
            "ld-musl-x86_64.so.1",
            "libc.so.6",
            "libc-2.31.so",
            "libc.musl-x86_64.so.1",
            "libm.so.6",
            "libgcc_s.so.1",
            "libnss_files.so.2",
            "libstandstill_scheduler-3f.so",
        ] {
            assert!(is_system(name), "{name}");
        }
        for name in ["libcurl.so.4", "libc-client.so", "libmagic.so.1", "ldtest", "libstdc++.so.6"]
        {
            assert!(!is_system(name), "{name}");
        }
    }

    #[test]
    fn the_bias_leads_from_the_file_to_memory() {
        let found = modules_of(std::process::id() as i32).unwrap();
        let exe = std::env::current_exe().unwrap();
        let own = found.modules.iter().find(|m| m.path == exe).unwrap();
        assert_eq!(found.modules.iter().filter(|m| m.path == exe).count(), 1);
        assert!(!found.modules.iter().any(|m| m.name.starts_with("libc.")));

        let want = super::super::Want { rmw: true, ..Default::default() };
        let sites = super::super::find(&fs::read(&exe).unwrap(), want).unwrap();
        for site in super::super::place(&sites, own.bias).iter().take(50) {
            // SAFETY: the instruction lies in this program's own code, which stays where it is.
            let here = unsafe {
                std::slice::from_raw_parts(site.address as *const u8, site.length.into())
            };
            assert_eq!(here, &site.bytes[..site.length.into()]);
        }
    }
}
