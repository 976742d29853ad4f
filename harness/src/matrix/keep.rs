//! The files in the directory of a subject: a table, and an answer for each question of a bisection.
//! Whatever a command writes there, what others have found stays.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::merge::merged;
use super::record::{BISECTION, FILE, Matrix, SCHEMA};
use super::search::End;
use super::source::{plain, short_hash};

/// Why a file of this sort cannot be had. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The system's word.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// "read" or "write".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("read the matrix {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// There is none.
    #[error("find a matrix in {}: it has neither {FILE} nor {BISECTION}", .0.display())]
    None(PathBuf),
}

/// Reads one file.
pub fn read(path: &Path) -> Result<Matrix, KeepError> {
    let text = fs::read_to_string(path).map_err(|source| KeepError::Io {
        what: "read",
        path: path.to_owned(),
        source,
    })?;
    let unreadable = |why| KeepError::Unreadable { path: path.to_owned(), why };
    let matrix: Matrix = serde_json::from_str(&text).map_err(|why| unreadable(why.to_string()))?;
    match matrix.schema {
        SCHEMA => Ok(matrix),
        found => Err(unreadable(format!(
            "it was written in schema {found}; this standstill reads {SCHEMA}"
        ))),
    }
}

/// All that a path holds: the file, or the table of a directory and then its bisections, each once.
pub fn all(path: &Path) -> Result<Vec<(PathBuf, Matrix)>, KeepError> {
    if !path.is_dir() {
        return Ok(vec![(path.to_owned(), read(path)?)]);
    }
    let mut all = vec![];
    let table = path.join(FILE);
    if table.is_file() {
        all.push((table.clone(), read(&table)?));
    }
    for file in bisections(path)? {
        all.push((file.clone(), read(&file)?));
    }
    let last = path.join(BISECTION);
    if last.is_file() {
        let matrix = read(&last)?;
        // As a rule it is one of the others under a name that never changes.
        if !all.iter().any(|(_, known)| is_same(known, &matrix)) {
            all.push((last, matrix));
        }
    }
    if all.is_empty() { Err(KeepError::None(path.to_owned())) } else { Ok(all) }
}

/// The files of bisections that are named after their question.
fn bisections(dir: &Path) -> Result<Vec<PathBuf>, KeepError> {
    let failed = |source| KeepError::Io { what: "read", path: dir.to_owned(), source };
    let mut files = vec![];
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("bisection-") && name.ends_with(".json") {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn is_same(one: &Matrix, other: &Matrix) -> bool {
    (&one.written, &one.command) == (&other.written, &other.command)
}

/// Puts a table together with that of earlier commands; where.
pub fn table(dir: &Path, matrix: &Matrix) -> Result<PathBuf, KeepError> {
    let path = dir.join(FILE);
    let earlier = match read(&path) {
        Ok(earlier) => Some(earlier),
        Err(KeepError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        Err(error @ KeepError::Io { .. }) => return Err(error),
        // Of another version of standstill, or torn: nothing that may be written over.
        Err(_) => {
            let aside = free(dir, "matrix-unreadable");
            fs::rename(&path, &aside).map_err(|source| KeepError::Io {
                what: "move",
                path: path.clone(),
                source,
            })?;
            None
        }
    };
    let both = earlier.as_ref().map(|earlier| merged(earlier, matrix));
    write(&path, both.as_ref().unwrap_or(matrix))?;
    Ok(path)
}

/// What a bisection is asked, besides what stands in its answer.
#[derive(Clone, Debug)]
pub struct Question {
    /// `GOOD..BAD`.
    pub ends: String,
    /// The kinds that were asked for.
    pub kinds: Vec<String>,
    /// All else: flags, arguments, the profile.
    pub with: Vec<String>,
}

impl Question {
    /// The name of its answer, the same whenever it is asked.
    fn name(&self, matrix: &Matrix) -> String {
        let about = matrix.bisection.as_ref().map(|b| (&b.what, b.threads, b.lane, &b.versions));
        let hash = short_hash(&format!("{about:?}{:?}", self.with));
        let kinds = if self.kinds.is_empty() { "any".to_owned() } else { self.kinds.join("+") };
        format!("bisection-{}-{}-{hash}", plain(&self.ends), plain(&kinds))
    }
}

/// Writes the answer of a bisection under the name of its question, and as the last one unless that
/// knows more; where. An answer that says less than an earlier one to the same question stands beside
/// it.
pub fn bisection(dir: &Path, matrix: &Matrix, question: &Question) -> Result<PathBuf, KeepError> {
    let (last, new) = (dir.join(BISECTION), decided(matrix));
    let before = last_one(dir, &last)?;
    let name = question.name(matrix);
    let interrupted = dir.join(format!("{name}-interrupted.json"));
    let own = dir.join(format!("{name}.json"));
    let path = match read(&own) {
        _ if new == 0 => interrupted,
        Err(KeepError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => own,
        Ok(earlier) if decided(&earlier) <= new => own,
        _ => free(dir, &name),
    };
    write(&path, matrix)?;
    if new > 0 {
        // What was interrupted has come to its end.
        let _ = fs::remove_file(dir.join(format!("{name}-interrupted.json")));
    }
    if before.is_none_or(|before| before <= new) {
        write(&last, matrix)?;
    }
    Ok(path)
}

/// How much the last bisection says, none if there is none. One that has no file of its own, as an
/// earlier standstill gave it none, gets one; what cannot be read is put aside.
fn last_one(dir: &Path, last: &Path) -> Result<Option<u8>, KeepError> {
    let earlier = match read(last) {
        Ok(earlier) => earlier,
        Err(KeepError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error @ KeepError::Io { .. }) => return Err(error),
        Err(_) => {
            fs::rename(last, free(dir, "unreadable-bisection"))
                .map_err(|source| KeepError::Io { what: "move", path: last.to_owned(), source })?;
            return Ok(None);
        }
    };
    let mut known = bisections(dir)?.into_iter().filter_map(|file| read(&file).ok());
    // The trials of an interrupted one are kept, and its answer is none.
    if decided(&earlier) > 0 && !known.any(|known| is_same(&known, &earlier)) {
        write(&free(dir, "bisection-earlier"), &earlier)?;
    }
    Ok(Some(decided(&earlier)))
}

/// How much an answer says.
fn decided(matrix: &Matrix) -> u8 {
    match matrix.bisection.as_ref().map(|bisected| bisected.end) {
        Some(End::Found) => 4,
        Some(End::Between) => 3,
        Some(End::BothFail | End::NeitherFails | End::EndUndecided) => 2,
        Some(End::EndNotBuilt) => 1,
        Some(End::Interrupted) | None => 0,
    }
}

/// A name that nothing has yet.
fn free(dir: &Path, stem: &str) -> PathBuf {
    let names = (2_u32..).map(|nth| dir.join(format!("{stem}-{nth}.json")));
    let first = dir.join(format!("{stem}-1.json"));
    names.into_iter().find(|path| !path.exists()).unwrap_or(first)
}

/// Writes beside it first, so that no reader meets half a file.
fn write(path: &Path, matrix: &Matrix) -> Result<(), KeepError> {
    let failed = |source| KeepError::Io { what: "write", path: path.to_owned(), source };
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    let beside = path.with_extension("json.new");
    let text = serde_json::to_string_pretty(matrix).map_err(|error| failed(error.into()))?;
    fs::write(&beside, text + "\n").map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

#[cfg(test)]
mod tests;
