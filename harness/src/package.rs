//! The package that a program was built from, as cargo tells it in the file beside the program.
//!
//! Where programs lie says nothing of where their sources are: `CARGO_TARGET_DIR` and `build.target-dir`
//! lead anywhere. But beside `target/release/name` lies `name.d`, which names all of its sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// The manifest of the package that builds this program; none where nothing beside it tells.
pub(crate) fn manifest_of(exe: &Path) -> Option<PathBuf> {
    let name = exe.file_name()?.to_str()?;
    let text = std::fs::read_to_string(exe.with_file_name(format!("{name}.d"))).ok()?;
    let manifests = manifests(&sources(&text, name)?);
    // The sources of packages that it depends on by path are listed, too.
    let stem = names(name);
    let builds = |manifest: &&PathBuf| stem.iter().any(|stem| builds(manifest, stem));
    match &manifests[..] {
        [only] => Some(only.clone()),
        several => several.iter().find(builds).cloned(),
    }
}

/// What a program may be called in a manifest: cargo appends a hash to the names of test binaries.
pub(crate) fn names(file: &str) -> Vec<String> {
    let without = file.rsplit_once('-').map(|(name, _)| name.to_owned());
    std::iter::once(file.to_owned()).chain(without).collect()
}

/// The name in a manifest.
pub(crate) fn name_in(manifest: &Path) -> Option<String> {
    Some(read(manifest)?.get("package")?.get("name")?.as_str()?.to_owned())
}

fn read(manifest: &Path) -> Option<Table> {
    std::fs::read_to_string(manifest).ok()?.parse().ok()
}

/// What a line of make says that the program is made of: `path/to/name: a.rs b\ c.rs`.
fn sources(text: &str, name: &str) -> Option<Vec<PathBuf>> {
    let mut lines = text.lines().filter_map(|line| line.split_once(": "));
    let (_, listed) = lines.find(|(made, _)| made.rsplit('/').next() == Some(name))?;
    let (mut sources, mut word) = (vec![], String::new());
    let mut chars = listed.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            ' ' => sources.push(PathBuf::from(std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    sources.push(PathBuf::from(word));
    Some(sources)
}

/// The nearest manifests above these files, each once, in their order.
fn manifests(sources: &[PathBuf]) -> Vec<PathBuf> {
    let (mut known, mut manifests) = (BTreeSet::new(), vec![]);
    for dir in sources.iter().filter_map(|file| file.parent()) {
        if dir.is_absolute() && known.insert(dir.to_owned()) {
            let above = dir.ancestors().map(|dir| dir.join("Cargo.toml"));
            let manifest = above.into_iter().find(|file| file.is_file());
            manifests.extend(manifest.filter(|manifest| known.insert(manifest.clone())));
        }
    }
    manifests
}

/// Whether the package has a program of that name.
fn builds(manifest: &Path, name: &str) -> bool {
    let Some(table) = read(manifest) else { return false };
    let is_it = |value: &Value| value.get("name").and_then(Value::as_str) == Some(name);
    let listed = ["bin", "test", "example", "bench"].iter().any(|sort| {
        table.get(*sort).and_then(Value::as_array).is_some_and(|all| all.iter().any(is_it))
    });
    let found = ["src/bin", "tests", "examples", "benches"].iter().any(|dir| {
        let dir = manifest.with_file_name(dir);
        dir.join(format!("{name}.rs")).is_file() || dir.join(name).join("main.rs").is_file()
    });
    listed || found || table.get("package").is_some_and(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package below `root` with a source file.
    fn package(root: &Path, name: &str, file: &str) -> PathBuf {
        let source = root.join(name).join(file);
        std::fs::create_dir_all(source.parent().unwrap()).unwrap();
        std::fs::write(&source, "").unwrap();
        let manifest = root.join(name).join("Cargo.toml");
        std::fs::write(manifest, format!("[package]\nname = \"{name}\"\n")).unwrap();
        source
    }

    fn escaped(path: &Path) -> String {
        path.to_str().unwrap().replace(' ', "\\ ")
    }

    #[test]
    fn the_package_is_found_wherever_the_program_lies() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("my sources");
        let library = package(&root, "library", "src/lib.rs");
        let program = package(&root, "close", "src/bin/oneshot-close.rs");
        let exe = dir.path().join("elsewhere/release/oneshot-close");
        std::fs::create_dir_all(exe.parent().unwrap()).unwrap();
        assert_eq!(manifest_of(&exe), None, "nothing beside it");
        let beside = exe.with_file_name("oneshot-close.d");
        let line = |sources: &[&Path]| {
            let sources: Vec<String> = sources.iter().map(|path| escaped(path)).collect();
            format!("{}: {}\n", escaped(&exe), sources.join(" "))
        };
        std::fs::write(&beside, line(&[&library, &program])).unwrap();
        assert_eq!(manifest_of(&exe), Some(root.join("close/Cargo.toml")));
        assert_eq!(name_in(&root.join("close/Cargo.toml")).as_deref(), Some("close"));
        // Several packages, and none that has such a program: nobody is guessed.
        std::fs::write(root.join("close/src/bin/oneshot-close.rs.old"), "").unwrap();
        std::fs::rename(&program, program.with_file_name("other.rs")).unwrap();
        assert_eq!(manifest_of(&exe), None);
        std::fs::write(&beside, "something-else: /a.rs\n").unwrap();
        assert_eq!(manifest_of(&exe), None);
    }

    #[test]
    fn a_test_binary_goes_by_its_name_without_the_hash() {
        assert_eq!(names("close-0123456789abcdef"), ["close-0123456789abcdef", "close"]);
        assert_eq!(names("close"), ["close"]);
    }
}
