//! The lock file over one version: the original's, in which one crate is exchanged and all others
//! stay. Versions that were yanked since stay, too, as only a lock file can have them.

use std::path::PathBuf;

use cargo_metadata::semver::Version;
use toml::{Table, Value};

use super::{Workshop, WorkshopError, io_error};
use crate::matrix::child;
use crate::matrix::index;
use crate::matrix::source::Source;

impl Workshop<'_> {
    /// Brings the lock file in the package's directory in line with its manifest.
    pub(super) fn lock(&self, source: &Source) -> Result<Result<(), String>, WorkshopError> {
        let Source::Registry { version } = source else { return self.sync(source) };
        let Some(old) = self.locked() else {
            return Ok(self.sync(source)?.map_err(|why| self.unlocked(why)));
        };
        if old == version.to_string() {
            return self.sync(source);
        }
        let which = format!("{}@{old}", self.name);
        let precise = version.to_string();
        let words = ["update", "--package", &which, "--precise", &precise];
        let ended = self.run(self.cargo(&words, source))?;
        if ended.status.success() {
            return Ok(Ok(()));
        }
        // Cargo takes no yanked version unless the lock file has it already: so be it.
        if ended.stderr.contains("yanked") && self.exchange(source, &old, version)? {
            let synced = self.sync(source)?;
            // Where it does not fit cargo takes another, which is not what was asked for.
            if synced.is_err() || self.versions(source).contains(&version.to_string()) {
                return Ok(synced);
            }
        }
        Ok(Err(sentence(&ended.stderr).unwrap_or_else(|| child::reason(&ended))))
    }

    /// Has cargo add what the lock file lacks, and drop what nobody needs.
    fn sync(&self, source: &Source) -> Result<Result<(), String>, WorkshopError> {
        let ended = self.run(self.cargo(&["metadata", "--format-version", "1"], source))?;
        Ok(match ended.status.success() {
            true => Ok(()),
            false => Err(sentence(&ended.stderr).unwrap_or_else(|| child::reason(&ended))),
        })
    }

    /// The version of the crate in the original's lock file: the one that the package itself depends
    /// on, else the newest.
    fn locked(&self) -> Option<String> {
        let lock: Table = self.subject.lock.as_ref()?.parse().ok()?;
        let packages = || lock.get("package").and_then(Value::as_array).into_iter().flatten();
        let text = |package: &Value, key: &str| Some(package.get(key)?.as_str()?.to_owned());
        let ours = packages().find(|package| {
            text(package, "name").as_deref() == Some(self.subject.package.name.as_str())
                && package.get("source").is_none()
        });
        let direct = ours.and_then(|ours| {
            let list = ours.get("dependencies")?.as_array()?.iter().filter_map(Value::as_str);
            let mut named = list.filter_map(|line| line.strip_prefix(self.name)?.strip_prefix(' '));
            named.next().map(|rest| rest.split(' ').next().unwrap_or(rest).to_owned())
        });
        direct.or_else(|| {
            let known = packages()
                .filter(|package| text(package, "name").as_deref() == Some(self.name))
                .filter(|package| package.get("source").is_some());
            let versions = known.filter_map(|package| text(package, "version"));
            versions.max_by_key(|version| Version::parse(version).ok())
        })
    }

    /// Writes `new` in the place of `old`, with the checksum that the index has. Whether it could.
    fn exchange(&self, source: &Source, old: &str, new: &Version) -> Result<bool, WorkshopError> {
        let Some(home) = cargo_home() else { return Ok(false) };
        let all = index::published(&home, self.name).unwrap_or_default();
        let Some(published) = all.iter().find(|published| published.version == *new) else {
            return Ok(false);
        };
        let path = self.dir_of(source).join("package/Cargo.lock");
        let text = std::fs::read_to_string(&path).map_err(io_error("read", &path))?;
        let Some(text) = exchanged(&text, self.name, old, &new.to_string(), &published.checksum)
        else {
            return Ok(false);
        };
        std::fs::write(&path, text).map_err(io_error("write", &path))?;
        Ok(true)
    }

    fn unlocked(&self, why: String) -> String {
        if !why.contains("yanked") {
            return why;
        }
        let dir = self.subject.root_dir.display();
        format!("{why}; a lock file in {dir} that has {} lets even that be tried", self.name)
    }
}

/// Where cargo keeps its index.
pub fn cargo_home() -> Option<PathBuf> {
    let set = std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    set.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

/// A lock file with another version of one package; none if it does not have the old one.
fn exchanged(lock: &str, name: &str, old: &str, new: &str, checksum: &str) -> Option<String> {
    let mut lock: Table = lock.parse().ok()?;
    let mut is_there = false;
    for package in lock.get_mut("package")?.as_array_mut()? {
        let package = package.as_table_mut()?;
        let is = |key: &str, value: &str| package.get(key).and_then(Value::as_str) == Some(value);
        if is("name", name) && is("version", old) && package.contains_key("checksum") {
            is_there = true;
            package.insert("version".into(), new.into());
            package.insert("checksum".into(), checksum.into());
            // Cargo fills in what this version needs.
            package.remove("dependencies");
        }
        let list = package.get_mut("dependencies").and_then(Value::as_array_mut);
        for dependency in list.into_iter().flatten() {
            let Value::String(line) = dependency else { continue };
            let mut words: Vec<&str> = line.split(' ').collect();
            if words.len() > 1 && words[..2] == [name, old] {
                words[1] = new;
                *line = words.join(" ");
            }
        }
    }
    is_there.then(|| lock.to_string())
}

/// Cargo's complaint about a resolution in one line: its first lines say all.
fn sentence(stderr: &str) -> Option<String> {
    let mut lines = stderr.lines().skip_while(|line| !line.starts_with("error"));
    let first = lines.next()?.trim_start_matches("error: ").trim_end_matches('.');
    let more: Vec<&str> = lines
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .filter(|line| {
            !["location searched", "required by", "..."].iter().any(|more| line.starts_with(more))
        })
        .take(2)
        .collect();
    Some(if more.is_empty() { first.to_owned() } else { format!("{first}: {}", more.join("; ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 4
[[package]]
name = "mine"
version = "0.1.0"
dependencies = ["spin 0.9.7", "other"]
[[package]]
name = "spin"
version = "0.9.7"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "old"
dependencies = ["lock_api"]
[[package]]
name = "spin"
version = "0.5.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "older"
"#;

    #[test]
    fn one_version_takes_the_place_of_another_and_all_else_stays() {
        let made = exchanged(LOCK, "spin", "0.9.7", "0.9.6", "new").unwrap();
        let lock: Table = made.parse().unwrap();
        let packages = lock["package"].as_array().unwrap();
        assert_eq!(packages[0]["dependencies"][0].as_str(), Some("spin 0.9.6"));
        assert_eq!(packages[0]["dependencies"][1].as_str(), Some("other"));
        assert_eq!(packages[1]["version"].as_str(), Some("0.9.6"));
        assert_eq!(packages[1]["checksum"].as_str(), Some("new"));
        assert_eq!(packages[2]["version"].as_str(), Some("0.5.0"));
        assert!(exchanged(LOCK, "spin", "0.9.9", "0.9.6", "new").is_none());
        assert!(exchanged("{", "spin", "0.9.7", "0.9.6", "new").is_none());
    }

    #[test]
    fn what_cargo_says_of_a_resolution_becomes_one_line() {
        let said = "    Updating crates.io index\nerror: failed to select a version for `spin`\n  \
                    version 0.9.6 is yanked\nlocation searched: crates.io index\nrequired by x\n";
        assert_eq!(
            sentence(said).unwrap(),
            "failed to select a version for `spin`: version 0.9.6 is yanked"
        );
        assert_eq!(sentence("nothing"), None);
    }
}
