//! A report as one folder and one archive: what is attached to an issue.
//!
//! The folder is made beside its place and moved there when it is whole, so that a full disk leaves the
//! report before. What somebody has written into that one is carried over, or it is left alone. The archive holds the same files in the order of their names, with no times and no
//! owners in it: the same report gives the same bytes.

mod earlier;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::own_words;

/// The list of checksums, as `sha256sum --check` reads it. Whatever has one is a folder of ours.
pub use crate::store::SUMS;

/// How hard zstd works: the highest level that is meant for everyday use.
const LEVEL: i32 = 19;

/// Why a folder could not be written. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system's word.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// `write`, `create`, ...
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something that is not ours is in the way.
    #[error(
        "write a report to {}: it holds something else; name a directory that is new or empty, or that \
         holds a report", .0.display()
    )]
    Occupied(PathBuf),
    /// A file that is not of the report that is to be replaced.
    #[error(
        "replace the report in {}: `{}` in it is none of its files; move it away, or name another \
         directory", .0.display(), .1
    )]
    Foreign(PathBuf, String),
    /// A file of the report was changed by hand.
    #[error(
        "replace the report in {}: `{}` was changed since it was written, and only what stands in \
         the place for your own words is carried over; move it away, or name another directory",
        .0.display(), .1
    )]
    Changed(PathBuf, String),
    /// There are words to be carried over, and nowhere to put them.
    #[error(
        "replace the report in {}: words of your own stand in its REPORT.md, and the template has no \
         place for them; name another directory", .0.display()
    )]
    NoPlace(PathBuf),
    /// Beside the directory is a file that is no archive of a report.
    #[error("write an archive to {}: it holds something else; name another directory", .0.display())]
    ForeignArchive(PathBuf),
    /// Another process was quicker.
    #[error("write a report to {}: another report was written there meanwhile; it was left", .0.display())]
    Meanwhile(PathBuf),
}

/// Files by their names, `/` between directories.
#[derive(Debug, Default)]
pub struct Folder {
    files: BTreeMap<String, Vec<u8>>,
}

impl Folder {
    /// Adds a file; one of the same name gives way.
    pub fn put(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(name.into(), bytes.into());
    }

    /// Adds all files below a directory, but for those that cargo makes.
    pub fn put_tree(&mut self, name: &str, dir: &Path) -> Result<(), FolderError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { what: "read", path, source }
        };
        for entry in fs::read_dir(dir).map_err(failed(dir))? {
            let path = entry.map_err(failed(dir))?.path();
            let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let name = format!("{name}/{own}");
            match path.is_dir() {
                true if own == "target" || own == ".git" => {}
                true => self.put_tree(&name, &path)?,
                false => {
                    let bytes = fs::read(&path).map_err(failed(&path))?;
                    self.put(name, bytes);
                }
            }
        }
        Ok(())
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// `sha256sum`'s list of all files.
    pub fn sums(&self) -> String {
        let line = |(name, bytes): (&String, &Vec<u8>)| format!("{}  {name}\n", sum(bytes));
        self.files.iter().map(line).collect()
    }

    /// Writes the folder, and beside it the archive; returns where that is. What a reporter has written
    /// into the `REPORT.md` that was there stands in the new one.
    pub fn write(mut self, dir: &Path) -> Result<PathBuf, FolderError> {
        let archive = with_end(dir, ".tar.zst");
        let _turn = turn(dir);
        let words = words(dir)?;
        if let Some(report) = self.files.get_mut("REPORT.md") {
            let told = own_words::write(&String::from_utf8_lossy(report), &words);
            if !words.is_empty() && own_words::read(&told).is_none() {
                return Err(FolderError::NoPlace(dir.to_owned()));
            }
            *report = told.into_bytes();
        }
        let sums = self.sums();
        self.put(SUMS, sums);
        let [draft, packed] =
            [dir, &archive].map(|path| with_end(path, &format!(".new-{}", std::process::id())));
        let written = self
            .lay_down(&draft)
            .and_then(|()| self.pack(&packed, dir))
            .and_then(|()| replace(dir, &draft))
            .and_then(|()| rename(&packed, &archive));
        if written.is_err() {
            let _ = (fs::remove_dir_all(&draft), fs::remove_file(&packed));
        }
        written.map(|()| archive)
    }

    fn lay_down(&self, dir: &Path) -> Result<(), FolderError> {
        for (name, bytes) in &self.files {
            let path = dir.join(name);
            let parent = path.parent().unwrap_or(dir);
            fs::create_dir_all(parent).map_err(|source| FolderError::Io {
                what: "create",
                path: parent.to_owned(),
                source,
            })?;
            fs::write(&path, bytes).map_err(|source| FolderError::Io {
                what: "write",
                path,
                source,
            })?;
        }
        Ok(())
    }

    /// The archive, whose files lie in a directory of the folder's name.
    fn pack(&self, path: &Path, dir: &Path) -> Result<(), FolderError> {
        let top = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let write = || -> io::Result<()> {
            let mut archive = tar::Builder::new(zstd::Encoder::new(File::create(path)?, LEVEL)?);
            for (name, bytes) in &self.files {
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes.len() as u64);
                header.set_mode(if name.ends_with(".sh") { 0o755 } else { 0o644 });
                archive.append_data(&mut header, format!("{top}/{name}"), &bytes[..])?;
            }
            let mut file = archive.into_inner()?.finish()?;
            file.flush()
        };
        write().map_err(|source| FolderError::Io { what: "write", path: path.to_owned(), source })
    }
}

/// Refuses a directory that holds something which is no report, or which would be lost with it.
pub fn check(dir: &Path) -> Result<(), FolderError> {
    let _turn = turn(dir);
    words(dir).map(drop)
}

/// The words of the reporter in what is there, unless that is to be left alone.
fn words(dir: &Path) -> Result<String, FolderError> {
    earlier::check_archive(dir, &with_end(dir, ".tar.zst"))?;
    let is_empty = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(FolderError::Occupied(dir.to_owned()));
        }
        Err(source) => {
            return Err(FolderError::Io { what: "open", path: dir.to_owned(), source });
        }
    };
    match is_empty || dir.join(SUMS).is_file() {
        true => earlier::words(dir),
        false => Err(FolderError::Occupied(dir.to_owned())),
    }
}

/// Reports that are written to one place take turns. The lock is on the directory above, which lives
/// as long as it is held; a file system without locks does without.
fn turn(dir: &Path) -> Option<File> {
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
    let above = File::open(above.unwrap_or(Path::new("."))).ok()?;
    above.lock().ok().map(|()| above)
}

/// Puts the draft in the place of what is there, which goes when the draft is in its place.
fn replace(dir: &Path, draft: &Path) -> Result<(), FolderError> {
    let before = with_end(dir, &format!(".old-{}", std::process::id()));
    let is_there = dir.exists();
    if is_there {
        rename(dir, &before)?;
    }
    if let Err(error) = put(draft, dir) {
        // Nothing goes that has nothing in its place.
        let _ = match error {
            FolderError::Meanwhile(_) => fs::remove_dir_all(&before),
            _ => fs::rename(&before, dir),
        };
        return Err(error);
    }
    match is_there.then(|| fs::remove_dir_all(&before)) {
        Some(Err(source)) => Err(FolderError::Io { what: "remove", path: before, source }),
        _ => Ok(()),
    }
}

/// Moves the draft to where nothing is any more.
fn put(draft: &Path, dir: &Path) -> Result<(), FolderError> {
    fs::rename(draft, dir).map_err(|source| match dir.exists() {
        true => FolderError::Meanwhile(dir.to_owned()),
        false => FolderError::Io { what: "write", path: dir.to_owned(), source },
    })
}

/// The SHA-256 of a file, in hexadecimal.
fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rename(from: &Path, to: &Path) -> Result<(), FolderError> {
    fs::rename(from, to).map_err(|source| FolderError::Io {
        what: "write",
        path: to.to_owned(),
        source,
    })
}

/// A name with something behind it, in the same directory.
fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
