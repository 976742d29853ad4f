//! Files that come along as they are: a package's sources, what its build script compiles, and the
//! environment of its builds.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use toml::{Table, Value};

use super::ReproError;

/// The largest file that is copied: a reproducer is to fit into an issue.
const LARGEST: u64 = 10 << 20;
/// Directories of a package that its programs are not made of.
const LEFT_OUT: [&str; 4] = ["target", "tests", "benches", "examples"];

/// Writes a file, and the directories above it.
pub(super) fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), ReproError> {
    let failed = |error: std::io::Error| ReproError::Write(path.to_owned(), error);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)
}

/// Copies a file.
pub(super) fn file(from: &Path, to: &Path) -> Result<(), ReproError> {
    let failed = |why: String| ReproError::Source(from.to_owned(), why);
    let size = fs::metadata(from).map_err(|error| failed(error.to_string()))?.len();
    if size > LARGEST {
        return Err(failed(format!("it has {} MiB, too much for a reproducer", size >> 20)));
    }
    write(to, fs::read(from).map_err(|error| failed(error.to_string()))?)
}

/// Copies the sources of a package: no tests, nothing that was built, nothing hidden, and no package
/// within it. Returns what was copied, relative to it.
pub(super) fn package(from: &Path, to: &Path) -> Result<Vec<PathBuf>, ReproError> {
    let mut copied = vec![];
    let mut todo = vec![PathBuf::new()];
    while let Some(below) = todo.pop() {
        let dir = from.join(&below);
        let failed = |error: std::io::Error| ReproError::Source(dir.clone(), error.to_string());
        for entry in fs::read_dir(&dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let path = below.join(&name);
            let is_hidden = name.to_string_lossy().starts_with('.');
            let is_top = below.as_os_str().is_empty();
            let about = entry.metadata().map_err(failed)?;
            let is_left_out = is_top && LEFT_OUT.iter().any(|left_out| name == *left_out)
                || !is_top && name == "Cargo.toml"
                || about.is_dir() && entry.path().join("Cargo.toml").exists()
                || is_top
                    && ["Cargo.toml", "Cargo.lock", "case.toml"].iter().any(|one| name == *one);
            match about.is_dir() {
                _ if is_hidden || is_left_out || entry.path() == to => {}
                true => todo.push(path),
                // Sockets and the like are nobody's source.
                false if about.is_file() => {
                    file(&entry.path(), &to.join(&path))?;
                    copied.push(path);
                }
                false => {}
            }
        }
    }
    copied.sort();
    Ok(copied)
}

/// Copies what a build script names: each literal in it that is a path of the package. Sources in C
/// bring the files beside them along, which may be their headers.
pub(super) fn named_by(script: &str, from: &Path, to: &Path) -> Result<(), ReproError> {
    let mut paths = BTreeSet::new();
    let pieces = script.split('"').skip(1).step_by(2).flat_map(|literal| literal.split('='));
    for piece in pieces.map(str::trim).filter(|piece| !piece.is_empty()) {
        let path = Path::new(piece);
        let is_within = path.components().all(|part| matches!(part, Component::Normal(_)));
        let is_left_out = LEFT_OUT.iter().any(|left_out| path.starts_with(left_out));
        if is_within && !is_left_out && !piece.starts_with("src") && piece != "Cargo.toml" {
            paths.insert(path.to_owned());
        }
    }
    for path in paths {
        let source = from.join(&path);
        if source.is_dir() {
            package(&source, &to.join(&path))?;
        } else if source.is_file() {
            file(&source, &to.join(&path))?;
            let beside = source.parent().into_iter().flat_map(fs::read_dir).flatten().flatten();
            for header in beside.map(|entry| entry.path()).filter(|path| is_header(path)) {
                let name = header.file_name().unwrap_or_default();
                file(&header, &to.join(&path).with_file_name(name))?;
            }
        }
    }
    Ok(())
}

fn is_header(path: &Path) -> bool {
    let ends = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    ["h", "hh", "hpp", "inc"].contains(&ends) && path.is_file()
}

/// Carries the environment of builds over that `.cargo/config.toml` of the workspace sets: build
/// scripts of dependencies may need it. Files that it names come along.
pub(super) fn environment(root: &Path, to: &Path) -> Result<(), ReproError> {
    let text = fs::read_to_string(root.join(".cargo/config.toml")).unwrap_or_default();
    let config: Table = toml::from_str(&text).unwrap_or_default();
    let Some(variables) = config.get("env").and_then(Value::as_table) else { return Ok(()) };
    let mut kept = Table::new();
    for (name, value) in variables {
        let is_relative = value.get("relative").and_then(Value::as_bool) == Some(true);
        let path = value.get("value").and_then(Value::as_str).filter(|_| is_relative);
        let mut value = value.clone();
        if let (Some(path), Some(table)) = (path, value.as_table_mut()) {
            let from = root.join(path);
            let Some(file_name) = from.file_name().filter(|_| from.is_file()) else { continue };
            let name = Path::new("files").join(file_name);
            file(&from, &to.join(&name))?;
            table.insert("value".to_owned(), name.to_string_lossy().into_owned().into());
        }
        kept.insert(name.clone(), value);
    }
    if kept.is_empty() {
        return Ok(());
    }
    let mut config = Table::new();
    config.insert("env".to_owned(), Value::Table(kept));
    write(&to.join(".cargo/config.toml"), toml::to_string(&config).unwrap_or_default())
}
