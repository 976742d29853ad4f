//! The report that is to be replaced: what of it is somebody's own.
//!
//! Words in their place of `REPORT.md` are carried over. Anything else that the list of checksums does
//! not vouch for is a reason to touch nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{FolderError, SUMS, sum};
use crate::report::own_words;

/// The file with the words.
const REPORT: &str = "REPORT.md";

/// The words of the reporter in the directory, if a report is there. Refuses one that holds something
/// which would be lost.
pub(super) fn words(dir: &Path) -> Result<String, FolderError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| FolderError::Io { what, path, source }
    };
    let sums = match fs::read_to_string(dir.join(SUMS)) {
        Ok(sums) => sums,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(source) => return Err(failed("read", &dir.join(SUMS))(source)),
    };
    let sums: BTreeMap<&str, &str> = sums
        .lines()
        .filter_map(|line| line.split_once("  ").map(|(sum, name)| (name, sum)))
        .collect();
    let mut words = String::new();
    let mut todo: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(place) = todo.pop() {
        for entry in fs::read_dir(&place).map_err(failed("open", &place))? {
            let path = entry.map_err(failed("open", &place))?.path();
            let kind = path.symlink_metadata().map_err(failed("open", &path))?.file_type();
            if kind.is_dir() {
                // What cargo makes of the reproducer is made again when it is wanted.
                let is_cargos = path.ends_with("target") && path.join("CACHEDIR.TAG").is_file();
                todo.extend((!is_cargos).then_some(path));
                continue;
            }
            let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
            let Some(known) = sums.get(name.as_str()).filter(|_| kind.is_file()) else {
                match name.as_str() {
                    SUMS => continue,
                    _ => return Err(FolderError::Foreign(dir.to_owned(), name)),
                }
            };
            let bytes = fs::read(&path).map_err(failed("read", &path))?;
            let is_untouched = sum(&bytes) == *known;
            let written = (name == REPORT)
                .then(|| own_words::read(&String::from_utf8_lossy(&bytes)))
                .flatten();
            match written {
                Some(own) if is_untouched || own.is_rest_untouched => words = own.words,
                _ if is_untouched => {}
                _ => return Err(FolderError::Changed(dir.to_owned(), name)),
            }
        }
    }
    Ok(words)
}

/// Refuses to replace a file beside the directory that is no archive of a report.
pub(super) fn check_archive(dir: &Path, archive: &Path) -> Result<(), FolderError> {
    let is_ours = match archive.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(source) => {
            return Err(FolderError::Io { what: "open", path: archive.to_owned(), source });
        }
        Ok(meta) => meta.is_file() && (dir.join(SUMS).is_file() || is_report(archive)),
    };
    if is_ours { Ok(()) } else { Err(FolderError::ForeignArchive(archive.to_owned())) }
}

/// Whether a file is an archive with a list of checksums in it, as reports are.
fn is_report(archive: &Path) -> bool {
    /// More than any report unpacks to.
    const MOST: u64 = 4 << 30;

    let look = || -> io::Result<bool> {
        let unpacked = zstd::Decoder::new(File::open(archive)?)?;
        let mut archive = tar::Archive::new(unpacked.take(MOST));
        for entry in archive.entries()? {
            if entry?.path()?.ends_with(SUMS) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    look().unwrap_or(false)
}
