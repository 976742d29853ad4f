//! Which versions of a crate there are, from cargo's own copy of the registry's index.
//!
//! Whoever has had cargo resolve a crate once has this file, so no other client asks the registry, and
//! mirrors and proxies that cargo is set up for count. Its form is cargo's business
//! (`src/cargo/sources/registry/index/cache.rs`) and may change; then this says so and the user names
//! the versions.
//!
//! ```text
//! 3  u32 index version  etag NUL  ( version NUL json NUL )*
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cargo_metadata::semver::Version;
use serde::Deserialize;

/// The form of the cache that is understood.
const FORM: u8 = 3;
/// What precedes the etag: the form, and the version of the index.
const HEAD: usize = 5;

/// Why the versions of a crate are not known.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Cargo has never looked the crate up.
    #[error(
        "failed to find {name} in cargo's copy of the index below {}: name the versions with --versions",
        home.display()
    )]
    Absent {
        /// The crate.
        name: String,
        /// Cargo's home.
        home: PathBuf,
    },
    /// Its form is another.
    #[error("failed to read {}: {why}; name the versions with --versions", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// One published version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which.
    pub version: Version,
    /// Whether its author has taken it back.
    pub yanked: bool,
    /// SHA-256 of the package, as lock files have it.
    pub checksum: String,
}

#[derive(Deserialize)]
struct Line {
    vers: Version,
    cksum: String,
    #[serde(default)]
    yanked: bool,
}

/// All versions of `name` that cargo knows of, in semver's order.
pub fn published(home: &Path, name: &str) -> Result<Vec<Published>, IndexError> {
    let mut known: BTreeMap<Version, Published> = BTreeMap::new();
    let mut is_there = false;
    for path in files(home, name) {
        let form = |why: String| IndexError::Form { path: path.clone(), why };
        let bytes = std::fs::read(&path).map_err(|error| form(error.to_string()))?;
        is_there = true;
        for version in parse(&bytes).map_err(form)? {
            known.insert(version.version.clone(), version);
        }
    }
    match is_there {
        true => Ok(known.into_values().collect()),
        false => Err(IndexError::Absent { name: name.to_owned(), home: home.to_owned() }),
    }
}

/// The crate's file in each index, crates.io's last: what that one says wins.
fn files(home: &Path, name: &str) -> Vec<PathBuf> {
    let Ok(indexes) = std::fs::read_dir(home.join("registry/index")) else { return vec![] };
    let mut indexes: Vec<PathBuf> = indexes.flatten().map(|entry| entry.path()).collect();
    let is_first = |dir: &PathBuf| {
        dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("index.crates.io-"))
    };
    indexes.sort_by_key(|dir| (is_first(dir), dir.clone()));
    let place = place(&name.to_lowercase());
    let files = indexes.into_iter().map(|dir| dir.join(".cache").join(&place));
    files.filter(|file| file.is_file()).collect()
}

/// Where an index keeps a crate.
fn place(name: &str) -> PathBuf {
    let part = |from, to| name.get(from..to).unwrap_or_default();
    match name.len() {
        length @ 1..=2 => Path::new(&length.to_string()).join(name),
        3 => Path::new("3").join(part(0, 1)).join(name),
        _ => Path::new(part(0, 2)).join(part(2, 4)).join(name),
    }
}

/// The versions in one file. Entries that are no versions are an error: a list with holes would let
/// a bisection name the wrong version as the first.
fn parse(bytes: &[u8]) -> Result<Vec<Published>, String> {
    match bytes.first() {
        Some(&FORM) if bytes.len() > HEAD => {}
        Some(&form) => return Err(format!("cargo's index cache has form {form}, not {FORM}")),
        None => return Err("it is empty".to_owned()),
    }
    let mut parts = bytes[HEAD..].split(|byte| *byte == 0);
    let _etag = parts.next();
    let mut versions = Vec::new();
    while let Some(version) = parts.next() {
        let Some(json) = parts.next() else {
            // What follows the last NUL is empty, in a file that is whole.
            return match version {
                [] => Ok(versions),
                _ => Err("it is torn at its end".to_owned()),
            };
        };
        let shown = String::from_utf8_lossy(version).into_owned();
        // Versions before semver was settled are nobody's subject.
        if Version::parse(&shown).is_err() {
            continue;
        }
        let line: Line = serde_json::from_slice(json)
            .map_err(|error| format!("its entry of version {shown} is not understood: {error}"))?;
        let Line { vers: version, cksum: checksum, yanked } = line;
        versions.push(Published { version, yanked, checksum });
    }
    Ok(versions)
}

/// The versions from one end to the other, both included, in semver's order. Pre-releases count. What
/// was yanked is left out unless it is an end, or `yanked` asks for it.
pub fn between(
    all: &[Published],
    ends: (&Version, &Version),
    yanked: bool,
) -> Result<Vec<Version>, String> {
    let (low, high) = if ends.0 <= ends.1 { ends } else { (ends.1, ends.0) };
    if let Some(missing) =
        [low, high].into_iter().find(|end| !all.iter().any(|p| p.version == **end))
    {
        let nearest = all.iter().map(|p| &p.version).filter(|version| *version < missing).max();
        let hint = nearest.map_or_else(String::new, |near| format!(" (the one before is {near})"));
        return Err(format!("version {missing} was not published{hint}"));
    }
    let inside = |p: &&Published| p.version >= *low && p.version <= *high;
    let wanted = |p: &&Published| yanked || !p.yanked || p.version == *low || p.version == *high;
    let mut versions: Vec<Version> =
        all.iter().filter(inside).filter(wanted).map(|p| p.version.clone()).collect();
    versions.sort();
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(entries: &[(&str, bool)]) -> Vec<u8> {
        let mut bytes = b"\x03\x02\0\0\0\"an etag\"\0".to_vec();
        for (version, yanked) in entries {
            let json = format!(
                r#"{{"name":"x","vers":"{version}","deps":[],"cksum":"ab{version}","features":{{}},"yanked":{yanked},"pubtime":"2020-01-01T00:00:00Z"}}"#
            );
            bytes.extend(version.as_bytes());
            bytes.push(0);
            bytes.extend(json.as_bytes());
            bytes.push(0);
        }
        bytes
    }

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn versions_are_read_from_the_bytes_that_cargo_writes() {
        let versions = parse(&file(&[("0.9.7", false), ("0.9.8", true)])).unwrap();
        assert_eq!(versions.len(), 2);
        assert_eq!(versions[0].checksum, "ab0.9.7");
        assert!(!versions[0].yanked && versions[1].yanked);
        assert_eq!(parse(&file(&[])).unwrap(), []);
    }

    #[test]
    fn what_is_not_understood_is_said_and_nothing_is_guessed() {
        let whole = file(&[("1.0.0", false)]);
        assert!(parse(&[]).unwrap_err().contains("empty"));
        let mut other = whole.clone();
        other[0] = 4;
        assert!(parse(&other).unwrap_err().contains("form 4"));
        let error = parse(&whole[..whole.len() - 40]).unwrap_err();
        assert!(error.contains("1.0.0"), "{error}");
        let mut torn = whole.clone();
        torn.extend(b"1.0.1");
        assert!(parse(&torn).unwrap_err().contains("torn"));
        // No prefix of a file makes it panic.
        (0..whole.len()).for_each(|end| drop(parse(&whole[..end])));
    }

    #[test]
    fn a_crate_lies_where_cargo_puts_it() {
        for (name, at) in
            [("a", "1/a"), ("ab", "2/ab"), ("abc", "3/a/abc"), ("tokio", "to/ki/tokio")]
        {
            assert_eq!(place(name), Path::new(at));
        }
    }

    #[test]
    fn the_copy_is_found_below_cargos_home() {
        let home = tempfile::tempdir().unwrap();
        let error = published(home.path(), "spin").unwrap_err().to_string();
        assert!(error.contains("--versions"), "{error}");
        let dir = home.path().join("registry/index/index.crates.io-0/.cache/sp/in");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("spin"), file(&[("0.9.10", false), ("0.9.9", false)])).unwrap();
        let versions = published(home.path(), "spin").unwrap();
        assert_eq!(versions[1].version, version("0.9.10"), "in semver's order");
        std::fs::write(dir.join("spin"), "nonsense").unwrap();
        let error = published(home.path(), "spin").unwrap_err().to_string();
        assert!(error.contains("--versions") && error.contains("sp/in/spin"), "{error}");
    }

    #[test]
    fn between_two_versions_lie_pre_releases_and_what_was_not_yanked() {
        let entries = [("0.17.0-rc.9", false), ("0.17.0-rc.10", true), ("0.17.0-rc.11", false)];
        let more = [("0.17.0", true), ("0.17.1", false), ("0.18.0", false)];
        let all = parse(&file(&[&entries[..], &more[..]].concat())).unwrap();
        let list = |a: &str, b: &str, yanked| {
            let versions = between(&all, (&version(a), &version(b)), yanked)?;
            Ok::<_, String>(versions.iter().map(Version::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(
            list("0.17.0-rc.10", "0.17.1", false).unwrap(),
            "0.17.0-rc.10 0.17.0-rc.11 0.17.1"
        );
        assert_eq!(
            list("0.17.1", "0.17.0-rc.9", true).unwrap(),
            "0.17.0-rc.9 0.17.0-rc.10 0.17.0-rc.11 0.17.0 0.17.1"
        );
        let error = list("0.17.2", "0.18.0", false).unwrap_err();
        assert_eq!(error, "version 0.17.2 was not published (the one before is 0.17.1)");
    }
}
