//! A report as one folder and one archive: what is attached to an issue.
//!
//! The folder is made beside its place and moved there when it is whole, so that a full disk leaves the
//! report before. The archive holds the same files in the order of their names, with no times and no
//! owners in it: the same report gives the same bytes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The list of checksums, as `sha256sum --check` reads it. Whatever has one is a folder of ours.
pub const SUMS: &str = "SHA256SUMS";
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
        let line = |(name, bytes): (&String, &Vec<u8>)| {
            let hash = Sha256::digest(bytes);
            let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hex}  {name}\n")
        };
        self.files.iter().map(line).collect()
    }

    /// Writes the folder, and beside it the archive; returns where that is.
    pub fn write(mut self, dir: &Path) -> Result<PathBuf, FolderError> {
        let sums = self.sums();
        self.put(SUMS, sums);
        let archive = with_end(dir, ".tar.zst");
        let [draft, packed] =
            [dir, &archive].map(|path| with_end(path, &format!(".new-{}", std::process::id())));
        let written = check(dir)
            .and_then(|()| self.lay_down(&draft))
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

/// Refuses a directory that holds something which is no report.
pub fn check(dir: &Path) -> Result<(), FolderError> {
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
        true => Ok(()),
        false => Err(FolderError::Occupied(dir.to_owned())),
    }
}

/// Puts the draft in the place of what is there.
fn replace(dir: &Path, draft: &Path) -> Result<(), FolderError> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|source| FolderError::Io {
            what: "replace",
            path: dir.to_owned(),
            source,
        })?;
    }
    rename(draft, dir)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> Folder {
        let mut folder = Folder::default();
        folder.put("REPORT.md", text);
        folder.put("raw/run.jsonl", "{}\n");
        folder
    }

    #[test]
    fn a_folder_has_its_files_and_their_sums_and_so_has_the_archive() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("report");
        let archive = folder("text").write(&place).unwrap();
        let sums = fs::read_to_string(place.join(SUMS)).unwrap();
        // `printf text | sha256sum`
        let known = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1  REPORT.md\n";
        assert!(sums.starts_with(known), "{sums}");
        assert_eq!(sums.lines().count(), 2);
        let unpacked = zstd::Decoder::new(File::open(&archive).unwrap()).unwrap();
        let mut unpacked = tar::Archive::new(unpacked);
        let names =
            unpacked.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string());
        let names: Vec<String> = names.collect();
        assert_eq!(names, ["report/REPORT.md", "report/SHA256SUMS", "report/raw/run.jsonl"]);
    }

    #[test]
    fn the_same_report_gives_the_same_archive() {
        let dir = tempfile::tempdir().unwrap();
        let [one, other] = ["a", "b"].map(|name| dir.path().join(name).join("report"));
        let bytes = |place: &Path| fs::read(folder("x").write(place).unwrap()).unwrap();
        fs::create_dir_all(one.parent().unwrap()).unwrap();
        fs::create_dir_all(other.parent().unwrap()).unwrap();
        assert!(bytes(&one) == bytes(&other));
    }

    #[test]
    fn a_report_is_replaced_and_anything_else_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("report");
        folder("old").write(&place).unwrap();
        folder("new").write(&place).unwrap();
        assert_eq!(fs::read_to_string(place.join("REPORT.md")).unwrap(), "new");
        fs::remove_file(place.join(SUMS)).unwrap();
        let error = folder("newer").write(&place).unwrap_err().to_string();
        assert!(error.contains("holds something else"), "{error}");
        assert_eq!(fs::read_to_string(place.join("REPORT.md")).unwrap(), "new");
        let file = dir.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(matches!(folder("x").write(&file), Err(FolderError::Occupied(_))));
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("none/report");
        let mut folder = folder("x");
        folder.put("REPORT.md/inner", "a file below a file");
        let error = folder.write(&place).unwrap_err().to_string();
        assert!(error.starts_with("create ") || error.starts_with("write "), "{error}");
        assert!(fs::read_dir(dir.path().join("none")).map_or(0, Iterator::count) == 0);
    }
}
