//! What addresses in a target are: module, function, file and line.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::capture::{Maps, Symbols, file_address, short};

/// What an address is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// File name of the object that it lies in.
    pub module: String,
    /// The address in that file: the same in every run.
    pub address: u64,
    /// The functions at it, the innermost inlined one first, each with file and line where known.
    pub frames: Vec<Line>,
}

/// A function, and where in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Demangled.
    pub function: String,
    /// `file:line`; empty if unknown.
    pub at: String,
}

impl Place {
    /// The same in every run, from wherever that is started: the source line, which all inlined copies
    /// of it have in common, without the file's directories; else `module+0x123`, which fits
    /// `addr2line`.
    pub fn stable(&self) -> String {
        match self.own() {
            Some(line) if !line.at.is_empty() => {
                let file = line.at.rsplit('/').next().unwrap_or_default();
                format!("{} at {file}", line.function)
            }
            _ => format!("{}+{:#x}", self.module, self.address),
        }
    }

    /// The call that a reader would look for: the innermost outside of the language's libraries.
    pub fn own(&self) -> Option<&Line> {
        let own = self.frames.iter().find(|line| is_own(&line.function, &line.at));
        own.or(self.frames.last())
    }
}

/// Whether a function is the program's rather than one of the language's libraries.
pub(super) fn is_own(function: &str, file: &str) -> bool {
    let name = function.trim_start_matches('<');
    let libraries =
        ["std::", "core::", "alloc::", "lock_api::", "parking_lot", "pthread_", "__gthread_"];
    let paths = ["/rustc/", "/nptl/", "/sysdeps/", "scheduler/src/runtime", "include/c++/"];
    // What implements `lock_api`'s traits is a lock, whoever wrote it.
    let is_raw_lock = name.contains("::RawMutex") || name.contains("::RawRwLock");
    !is_raw_lock
        && !libraries.iter().any(|library| name.starts_with(library))
        && !paths.iter().any(|path| file.contains(path))
        && !["library/std/", "library/core/", "library/alloc/"]
            .iter()
            .any(|path| file.contains(path))
}

impl Line {
    /// A function, and where in it.
    pub fn new(function: &str, file: Option<&str>, line: Option<u32>) -> Line {
        let at = match (file, line) {
            (Some(file), Some(line)) => format!("{}:{line}", short(file)),
            _ => String::new(),
        };
        Line { function: function.to_owned(), at }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.at.is_empty() {
            true => f.write_str(&self.function),
            false => write!(f, "{} at {}", self.function, self.at),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.own() {
            Some(line) if line.at.is_empty() => write!(f, "{} ({})", line.function, self.module),
            Some(line) => write!(f, "{line}"),
            None => f.write_str(&self.stable()),
        }
    }
}

/// Names addresses, and keeps what it has read of binaries.
#[derive(Default)]
pub struct Namer {
    files: HashMap<String, Symbols>,
}

impl Namer {
    /// What these addresses are in a process that lives. They are taken as return addresses: what is
    /// looked up is the call before each.
    pub fn name(
        &mut self,
        pid: i32,
        addresses: impl IntoIterator<Item = u64>,
    ) -> BTreeMap<u64, Place> {
        let maps = Maps::parse(&std::fs::read(format!("/proc/{pid}/maps")).unwrap_or_default());
        let addresses = addresses.into_iter().filter(|address| *address != 0);
        addresses.filter_map(|pc| Some((pc, self.place(&maps, pc)?))).collect()
    }

    fn place(&mut self, maps: &Maps, pc: u64) -> Option<Place> {
        let call = pc.checked_sub(1)?;
        let mapping = maps.at(call)?;
        let module = mapping.path.rsplit('/').next().unwrap_or_default().to_owned();
        let in_file = call - mapping.range.start + mapping.offset;
        let Some(address) = file_address(&mapping.path, in_file) else {
            return Some(Place { module, address: in_file, frames: vec![] });
        };
        let path = mapping.path.clone();
        let symbols =
            self.files.entry(path).or_insert_with_key(|path| Symbols::of_file(path.into()));
        let frames = symbols.names(address);
        let line = |name: &crate::capture::Name| {
            Some(Line::new(name.function.as_deref()?, name.file.as_deref(), name.line))
        };
        Some(Place { module, address, frames: frames.iter().filter_map(line).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_process_has_its_name() {
        let pid = std::process::id() as i32;
        let here = an_address_of_this_process_has_its_name as *const () as u64 + 4;
        let named = Namer::default().name(pid, [here, 0, 3]);
        assert_eq!(named.len(), 1);
        let place = &named[&here];
        assert!(place.to_string().contains("an_address_of_this_process"), "{place:?}");
    }

    #[test]
    fn the_languages_own_code_is_no_program_even_where_its_name_does_not_say_so() {
        let file = Some("/rustc/ab12/library/core/src/cmp.rs");
        let line = Line::new("<u32 as core::cmp::Ord>::cmp", file, Some(1878));
        assert_eq!(line.at, "library/core/src/cmp.rs:1878");
        assert!(!is_own(&line.function, &line.at));
        // A member of the reader's workspace may have any name.
        let line = Line::new("core_of_mine::cmp", Some("core/src/cmp.rs"), Some(3));
        assert!(is_own(&line.function, &line.at), "{line}");
    }

    #[test]
    fn the_readers_own_call_is_told_rather_than_the_librarys() {
        let line = |function: &str, at: &str| Line { function: function.into(), at: at.into() };
        let frames = vec![line("std::sync::Mutex::lock", ""), line("app::transfer", "src/a.rs:3")];
        let place = Place { module: "app".into(), address: 1, frames };
        assert_eq!(place.to_string(), "app::transfer at src/a.rs:3");
        assert_eq!(place.stable(), "app::transfer at a.rs:3");
        let frames = vec![line("app::transfer", "")];
        assert_eq!(Place { frames, ..place }.stable(), "app+0x1");
    }
}
