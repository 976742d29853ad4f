//! The runtime that is preloaded into a target: carried inside this program, laid down in a file.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The shared object; none on machines that the controlled lane does not know.
#[cfg(controlled)]
const RUNTIME: Option<&[u8]> = Some(include_bytes!(env!("STANDSTILL_RUNTIME")));
/// The shared object; none on machines that the controlled lane does not know.
#[cfg(not(controlled))]
const RUNTIME: Option<&[u8]> = None;

/// Why the runtime cannot be laid down. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum PreloadError {
    /// Another machine.
    #[error("control a schedule: the controlled lane is for x86-64 Linux with glibc only")]
    Unsupported,
    /// No directory would have it.
    #[error("write the runtime to {}: {source}", path.display())]
    Write {
        /// The last place that was tried.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The file of the runtime, written if it is not there.
///
/// The directory is the user's own and closed to others: whoever could write there could make the
/// next target run code of theirs. The name holds a hash of the content, so that two versions live
/// side by side, and a file is put in place by `rename(2)`, so that nobody loads half of one.
pub fn lay_down() -> Result<PathBuf, PreloadError> {
    let content = RUNTIME.ok_or(PreloadError::Unsupported)?;
    let hash: String = Sha256::digest(content)[..8].iter().map(|b| format!("{b:02x}")).collect();
    let name = format!("libstandstill_scheduler-{hash}.so");
    let mut failed = None;
    for dir in directories() {
        match lay_down_in(&dir, &name, content) {
            Ok(path) => return Ok(path),
            Err(source) => failed = Some(PreloadError::Write { path: dir.join(&name), source }),
        }
    }
    Err(failed.unwrap_or(PreloadError::Unsupported))
}

/// The first choice and what stands in for it. The loader splits `LD_PRELOAD` at spaces and colons
/// and knows no way to quote them.
fn directories() -> impl Iterator<Item = PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let own = cache.map(|cache| cache.join("standstill"));
    let me = rustix::process::getuid().as_raw();
    let temp = std::env::temp_dir().join(format!("standstill-{me}"));
    let plain = |dir: &PathBuf| {
        dir.is_absolute()
            && !dir.to_string_lossy().contains([' ', ':', '$', char::REPLACEMENT_CHARACTER])
    };
    own.into_iter().chain([temp, PathBuf::from(format!("/tmp/standstill-{me}"))]).filter(plain)
}

fn lay_down_in(dir: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let about = std::fs::symlink_metadata(dir)?;
    if !about.is_dir() || about.uid() != rustix::process::getuid().as_raw() {
        return Err(io::Error::other("the directory belongs to somebody else"));
    }
    if about.mode() & 0o022 != 0 {
        return Err(io::Error::other("others may write to the directory"));
    }
    let path = dir.join(name);
    if std::fs::read(&path).is_ok_and(|present| present == content) {
        return Ok(path);
    }
    let draft = dir.join(format!(".{name}.{}", std::process::id()));
    let _ = std::fs::remove_file(&draft);
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(0o700)
        .open(&draft)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| std::fs::rename(&draft, &path));
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written.map(|()| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_there_is_verified_and_mended() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("own");
        let path = lay_down_in(&dir, "x.so", b"right").unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        std::fs::write(&path, b"wrong").unwrap();
        lay_down_in(&dir, "x.so", b"right").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"right");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let error = lay_down_in(dir.path(), "x.so", b"right").unwrap_err();
        assert!(error.to_string().contains("others may write"), "{error}");
    }
}
