//! The file while it is written.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{CoreError, PAGE};

/// A core file in the making, which has another name until it is whole. Dropping it removes it.
pub(super) struct Part {
    pid: i32,
    file: File,
    /// Where it is, and where it is to be.
    partial: PathBuf,
    path: PathBuf,
    is_whole: bool,
}

impl Part {
    /// Begins the file that is to be `path`.
    pub(super) fn create(pid: i32, path: &Path) -> Result<Self, CoreError> {
        if path.symlink_metadata().is_ok() {
            return Err(CoreError::Exists { pid, path: path.to_owned() });
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".part");
        let partial = PathBuf::from(partial);
        // The memory of a process is nobody else's business.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
        let file = file.map_err(|e| CoreError::writing(pid, &partial, e))?;
        Ok(Part { pid, file, partial, path: path.to_owned(), is_whole: false })
    }

    /// Writes `bytes` at `offset`.
    pub(super) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), CoreError> {
        self.file.write_all_at(bytes, offset).map_err(|e| self.failure(e))
    }

    /// Writes the pages in `bytes` that hold anything but zeroes; the others become holes.
    pub(super) fn write_sparsely(&self, bytes: &[u8], offset: u64) -> Result<(), CoreError> {
        const ZEROES: [u8; PAGE as usize] = [0; PAGE as usize];
        let is_hole = |page: &[u8]| *page == ZEROES[..page.len()];
        let mut at = 0;
        while at < bytes.len() {
            let pages = bytes[at..].chunks(ZEROES.len());
            let kind = pages.clone().next().is_some_and(is_hole);
            let length: usize =
                pages.take_while(|page| is_hole(page) == kind).map(<[u8]>::len).sum();
            if !kind {
                self.write(&bytes[at..at + length], offset + at as u64)?;
            }
            at += length;
        }
        Ok(())
    }

    /// Gives the file its size, which ends in a hole if nothing was written there.
    pub(super) fn set_size(&self, size: u64) -> Result<(), CoreError> {
        self.file.set_len(size).map_err(|e| self.failure(e))
    }

    /// Gives the file its name once it is safe on the disk: how many bytes it takes up there.
    pub(super) fn finish(mut self) -> Result<u64, CoreError> {
        const BLOCK: u64 = 512;
        // Some file systems find out only now that they are full.
        self.file.sync_all().map_err(|e| self.failure(e))?;
        let bytes = self.file.metadata().map_err(|e| self.failure(e))?.blocks() * BLOCK;
        self.rename().map_err(|e| CoreError::writing(self.pid, &self.path, e))?;
        self.is_whole = true;
        Ok(bytes)
    }

    fn rename(&self) -> io::Result<()> {
        match renameat_with(CWD, &self.partial, CWD, &self.path, RenameFlags::NOREPLACE) {
            // The file system cannot look and rename in one step. That the name was free has been
            // seen.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                fs::rename(&self.partial, &self.path)
            }
            result => Ok(result?),
        }
    }

    fn failure(&self, source: io::Error) -> CoreError {
        CoreError::writing(self.pid, &self.path, source)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_whole {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroes_are_read_back_without_being_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("core");
        let part = Part::create(7, &path).unwrap();
        let mut bytes = vec![0; 1 << 20];
        (bytes[4096], bytes[12287], bytes[700_000]) = (1, 2, 3);
        part.write_sparsely(&bytes, 4096).unwrap();
        part.set_size(4096 + (1 << 20)).unwrap();
        let on_disk = part.finish().unwrap();
        assert!(on_disk < 1 << 20, "{on_disk}");
        let read = fs::read(&path).unwrap();
        assert!(read[..4096].iter().all(|&byte| byte == 0) && read[4096..] == bytes);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("core");
        let part = Part::create(7, &path).unwrap();
        // A second writer is kept away by the first one's beginnings.
        let error = Part::create(7, &path).err().unwrap().to_string();
        assert!(error.contains("core.part exists already"), "{error}");
        // The name was taken meanwhile.
        fs::write(&path, "mine").unwrap();
        let error = part.finish().unwrap_err();
        assert!(matches!(&error, CoreError::Exists { path: named, .. } if *named == path));
        let error = Part::create(7, &path).err().unwrap();
        assert!(matches!(&error, CoreError::Exists { path: named, .. } if *named == path));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
