//! Files are decoded once: a campaign starts the same program many thousand times.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Error, Found, Want, find};
use crate::capture::modules::{BinaryId, identity};

/// What has been found, by the file's device, inode, size and time of change.
#[derive(Debug, Default)]
pub struct Cache(Mutex<HashMap<(BinaryId, Want), Arc<Found>>>);

impl Cache {
    /// As [`find`], for the file at `path`. A second caller waits for the first and gets the same.
    pub fn sites(&self, path: &Path, want: Want) -> Result<Arc<Found>, Error> {
        let read = |source| Error::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(read)?;
        let metadata = file.metadata().map_err(read)?;
        let key = (identity(&metadata), want);
        // A panic while decoding leaves the map as it was.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&key) {
            return Ok(found.clone());
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        file.read_to_end(&mut bytes).map_err(read)?;
        let found = Arc::new(find(&bytes, want)?);
        // Nobody asks for a file again that has been replaced.
        let is_same = fs::metadata(path).is_ok_and(|now| identity(&now) == key.0);
        if is_same {
            known.insert(key, found.clone());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_decoded_once_for_each_wish() {
        let cache = Cache::default();
        let exe = std::env::current_exe().unwrap();
        let rmw = Want { rmw: true, ..Want::default() };
        let first = cache.sites(&exe, rmw).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.sites(&exe, rmw).unwrap()));
        let pauses = Want { pauses: true, ..Want::default() };
        assert!(!Arc::ptr_eq(&first, &cache.sites(&exe, pauses).unwrap()));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Cache::default().sites(Path::new("/nowhere/x"), Want::default()).unwrap_err();
        assert!(error.to_string().starts_with("cannot read /nowhere/x: "));
    }
}
