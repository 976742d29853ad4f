//! The crates that a binary is made of, from its `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::store::CrateRecord;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// Everything that `package` depends on, itself first, then by name. Empty if there is no lock file
/// that names it: then nothing is known, which a report says.
pub(crate) fn crates(manifest: &Path, package: &str) -> Vec<CrateRecord> {
    let lock = manifest
        .ancestors()
        .skip(1)
        .find_map(|dir| std::fs::read_to_string(dir.join("Cargo.lock")).ok());
    lock.map_or_else(Vec::new, |text| closure(&text, package))
}

fn closure(lock: &str, package: &str) -> Vec<CrateRecord> {
    let Ok(lock) = toml::from_str::<Lock>(lock) else { return vec![] };
    let mut by_name: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in &lock.package {
        by_name.entry(&package.name).or_default().push(package);
    }
    // A dependency is `name`, `name version` or `name version (source)`, as short as is unambiguous.
    let find = |dependency: &str| {
        let mut words = dependency.split(' ');
        let candidates = by_name.get(words.next()?)?;
        match words.next() {
            Some(version) => candidates.iter().find(|p| p.version == version).copied(),
            None => candidates.first().copied(),
        }
    };
    let Some(root) = find(package) else { return vec![] };
    let (mut seen, mut todo) = (BTreeSet::new(), vec![root]);
    let mut crates = Vec::new();
    while let Some(next) = todo.pop() {
        if !seen.insert((next.name.as_str(), next.version.as_str())) {
            continue;
        }
        let is_direct = |d: &String| find(d).is_some_and(|p| std::ptr::eq(p, next));
        crates.push(CrateRecord {
            name: next.name.clone(),
            version: next.version.clone(),
            checksum: next.checksum.clone(),
            direct: root.dependencies.iter().any(is_direct),
        });
        todo.extend(next.dependencies.iter().filter_map(|d| find(d)));
    }
    crates[1..].sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    crates
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 4
[[package]]
name = "mine"
version = "0.1.0"
dependencies = ["whisper-rs", "sys 2.0.0"]
[[package]]
name = "whisper-rs"
version = "0.16.0"
checksum = "abc"
dependencies = ["sys 1.0.0"]
[[package]]
name = "sys"
version = "1.0.0"
[[package]]
name = "sys"
version = "2.0.0"
[[package]]
name = "stranger"
version = "9.9.9"
"#;

    #[test]
    fn the_closure_holds_what_is_linked_and_nothing_else() {
        let crates = closure(LOCK, "mine");
        let list: Vec<_> = crates.iter().map(|c| (&*c.name, &*c.version, c.direct)).collect();
        assert_eq!(
            list,
            [
                ("mine", "0.1.0", false),
                ("sys", "1.0.0", false),
                ("sys", "2.0.0", true),
                ("whisper-rs", "0.16.0", true)
            ]
        );
        assert_eq!(crates[3].checksum.as_deref(), Some("abc"));
        assert!(closure(LOCK, "unknown").is_empty() && closure("{", "mine").is_empty());
    }
}
