//! Why no core file was written.

use std::io;
use std::path::{Path, PathBuf};

use crate::capture::CaptureError;

/// Why no core file was written. Reads after "failed to". Whatever was written of it is removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoreError {
    /// The process could not be stopped, or was gone before its memory was copied.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// Nothing is ever overwritten.
    #[error(
        "write a core file of process {pid}: {} exists already; remove it, or name another file",
        path.display()
    )]
    Exists {
        /// The process.
        pid: i32,
        /// What is in the way.
        path: PathBuf,
    },
    /// The disk is full, or the file would be larger than a limit.
    #[error(
        "write the core file {} of process {pid}: there is no room for it ({source}); what was \
         written of it is removed",
        path.display()
    )]
    NoRoom {
        /// The process.
        pid: i32,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be written for another reason.
    #[error("write the core file {} of process {pid}: {source}", path.display())]
    Write {
        /// The process.
        pid: i32,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Core files of 32-bit processes are built differently.
    #[error("write a core file of process {pid}: it is a 32-bit process")]
    Narrow {
        /// The process.
        pid: i32,
    },
}

impl CoreError {
    /// Sorts a failure to write `path` by what a user can do about it.
    pub(super) fn writing(pid: i32, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.raw_os_error() {
            Some(libc::EEXIST) => CoreError::Exists { pid, path },
            Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => {
                CoreError::NoRoom { pid, path, source }
            }
            _ => CoreError::Write { pid, path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_process_the_file_and_what_to_do() {
        let told = |number| {
            let source = io::Error::from_raw_os_error(number);
            CoreError::writing(7, Path::new("/d/core"), source).to_string()
        };
        let full = told(libc::ENOSPC);
        assert!(full.contains("/d/core of process 7: there is no room"), "{full}");
        assert_eq!(told(libc::EFBIG).replace("File too large (os error 27)", "x"), {
            full.replace("No space left on device (os error 28)", "x")
        });
        let exists = told(libc::EEXIST);
        assert!(exists.ends_with("/d/core exists already; remove it, or name another file"));
        let other = told(libc::EACCES);
        assert!(other.starts_with("write the core file /d/core of process 7: Perm"), "{other}");
    }
}
