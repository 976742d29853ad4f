//! The manifest of a package over one version of the crate under test.
//!
//! It is written from what cargo understood of the original, in which nothing is inherited any more:
//! a workspace of its own, the original sources by absolute paths, so that stacks and warnings name
//! them, and every dependency as before but one.

use std::path::Path;

use cargo_metadata::{Dependency, DependencyKind, Target};
use toml::{Table, Value};

use super::source::Source;
use super::subject::{Subject, Wanted, is_registered};

/// Keys of a package that a program can ask for at build time, or that change the build.
const COPIED: [&str; 4] = ["links", "default-run", "forced-target", "metadata"];

/// The manifest of `subject` with `name` from `source`.
pub fn manifest(subject: &Subject, name: &str, source: &Source) -> Table {
    let mut all = Table::new();
    if let Some(unstable) = subject.manifest.get("cargo-features") {
        all.insert("cargo-features".into(), unstable.clone());
    }
    all.insert("package".into(), package(subject).into());
    all.insert("workspace".into(), workspace(subject).into());
    targets(subject, &mut all);
    if !subject.package.features.is_empty() {
        let features = subject.package.features.iter();
        let features: Table =
            features.map(|(name, what)| (name.clone(), what.clone().into())).collect();
        all.insert("features".into(), features.into());
    }
    for dependency in &subject.package.dependencies {
        insert(dependency, name, source, &mut all);
    }
    for key in ["profile", "patch"] {
        if let Some(value) = subject.root.get(key) {
            let mut value = value.clone();
            absolute(&mut value, &subject.root_dir);
            all.insert(key.into(), value);
        }
    }
    if let Some(patch) = patch(subject, name, source) {
        let patches = all.entry("patch").or_insert_with(|| Table::new().into());
        let registry = patches
            .as_table_mut()
            .map(|t| t.entry("crates-io").or_insert_with(|| Table::new().into()));
        if let Some(table) = registry.and_then(Value::as_table_mut) {
            table.insert(name.to_owned(), patch.into());
        }
    }
    all
}

fn package(subject: &Subject) -> Table {
    let known = &subject.package;
    let mut package = Table::new();
    let mut set = |key: &str, value: Value| {
        package.insert(key.to_owned(), value);
    };
    set("name", known.name.to_string().into());
    set("version", known.version.to_string().into());
    set("edition", known.edition.as_str().into());
    set("publish", false.into());
    for (key, value) in [
        ("description", known.description.clone()),
        ("license", known.license.clone()),
        ("repository", known.repository.clone()),
        ("homepage", known.homepage.clone()),
        ("rust-version", known.rust_version.as_ref().map(ToString::to_string)),
    ] {
        if let Some(value) = value {
            set(key, value.into());
        }
    }
    if !known.authors.is_empty() {
        set("authors", known.authors.clone().into());
    }
    let written = subject.manifest.get("package").and_then(Value::as_table);
    for key in COPIED {
        if let Some(value) = written.and_then(|table| table.get(key)) {
            set(key, value.clone());
        }
    }
    let script = known.targets.iter().find(|target| target.is_custom_build());
    set("build", script.map_or(false.into(), |script| script.src_path.as_str().into()));
    // The directory shows the original's files: cargo is not to find targets among them by itself.
    for key in ["autolib", "autobins", "autoexamples", "autotests", "autobenches"] {
        set(key, false.into());
    }
    package
}

/// A workspace of its own, so that none around it counts, with the resolver of the original.
fn workspace(subject: &Subject) -> Table {
    let at = |table: &'static str, key| subject.root.get(table)?.get(key)?.as_str();
    let edition = at("package", "edition").or_else(|| {
        let inherited = subject.root.get("workspace")?.get("package")?;
        subject.root.get("package").and_then(|_| inherited.get("edition")?.as_str())
    });
    let implied = match edition {
        Some("2024") => "3",
        Some("2021") => "2",
        _ => "1",
    };
    let resolver = at("workspace", "resolver").or_else(|| at("package", "resolver"));
    Table::from_iter([("resolver".to_owned(), resolver.unwrap_or(implied).into())])
}

fn targets(subject: &Subject, all: &mut Table) {
    for target in subject.targets().filter(|target| !target.is_custom_build()) {
        let kind = match target {
            _ if target.is_bin() => "bin",
            _ if target.is_test() => "test",
            _ => "lib",
        };
        let mut table = written(&subject.manifest, kind, target).cloned().unwrap_or_default();
        table.insert("name".into(), target.name.clone().into());
        table.insert("path".into(), target.src_path.as_str().into());
        if kind == "lib" {
            all.insert("lib".into(), table.into());
            continue;
        }
        let list = all.entry(kind).or_insert_with(|| Value::Array(vec![]));
        if let Some(list) = list.as_array_mut() {
            list.push(table.into());
        }
    }
}

/// What the manifest says of a target, if it does: cargo's own description lacks `harness`.
fn written<'t>(manifest: &'t Table, kind: &str, target: &Target) -> Option<&'t Table> {
    match manifest.get(kind)? {
        Value::Table(library) => Some(library),
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_table)
            .find(|table| table.get("name").and_then(Value::as_str) == Some(&target.name)),
        _ => None,
    }
}

fn insert(dependency: &Dependency, name: &str, source: &Source, all: &mut Table) {
    let section = match dependency.kind {
        DependencyKind::Development => "dev-dependencies",
        DependencyKind::Build => "build-dependencies",
        _ => "dependencies",
    };
    let mut at: &mut Table = all;
    let target = dependency.target.as_ref().map(ToString::to_string);
    let way = match &target {
        Some(target) => vec!["target", target.as_str(), section],
        None => vec![section],
    };
    for key in way {
        let next = at.entry(key).or_insert_with(|| Table::new().into());
        let Value::Table(next) = next else { return };
        at = next;
    }
    let key = dependency.rename.clone().unwrap_or_else(|| dependency.name.clone());
    let mut line = line(dependency, (dependency.name == name).then_some(source));
    // As people write it: build scripts read manifests, too.
    let line = match line.remove("version") {
        Some(version) if line.is_empty() => version,
        version => {
            line.extend(version.map(|version| ("version".to_owned(), version)));
            line.into()
        }
    };
    at.insert(key, line);
}

/// One dependency, from `source` if it is the crate under test.
fn line(dependency: &Dependency, source: Option<&Source>) -> Table {
    let mut line = Table::new();
    let mut set = |key: &str, value: Value| {
        line.insert(key.to_owned(), value);
    };
    if dependency.rename.is_some() {
        set("package", dependency.name.clone().into());
    }
    if !dependency.features.is_empty() {
        set("features", dependency.features.clone().into());
    }
    if !dependency.uses_default_features {
        set("default-features", false.into());
    }
    if dependency.optional {
        set("optional", true.into());
    }
    let registry = dependency.registry.clone();
    let pinned = |version: &_| Value::from(format!("={version}"));
    match source {
        Some(Source::Registry { version }) => {
            set("version", pinned(version));
            registry.into_iter().for_each(|index| set("registry-index", index.into()));
        }
        // One that a registry has stays what it is, at that version, and is patched: it may also be
        // needed by others, who are to get the same.
        Some(Source::Path { version, .. } | Source::Git { version: Some(version), .. })
            if is_registered(dependency) =>
        {
            set("version", pinned(version));
        }
        Some(Source::Path { dir, .. }) => set("path", dir.to_string_lossy().into_owned().into()),
        Some(Source::Git { url, rev, .. }) => {
            set("git", url.clone().into());
            set("rev", rev.clone().into());
        }
        None => original(dependency, &mut set),
    }
    line
}

/// Where a dependency comes from that is left as it is.
fn original(dependency: &Dependency, set: &mut impl FnMut(&str, Value)) {
    let requirement = dependency.req.to_string();
    let is_open = requirement == "*";
    if let Some(path) = &dependency.path {
        set("path", path.as_str().into());
    }
    let source = dependency.source.as_ref().map(|source| source.repr.as_str());
    if let Some(git) = source.and_then(|source| source.strip_prefix("git+")) {
        let git = git.split_once('#').map_or(git, |(git, _)| git);
        let (url, query) = git.split_once('?').unwrap_or((git, ""));
        set("git", url.into());
        for pair in query.split('&') {
            if let Some((key @ ("branch" | "tag" | "rev"), value)) = pair.split_once('=') {
                set(key, value.into());
            }
        }
    }
    if is_registered(dependency) || !is_open {
        set("version", requirement.into());
    }
    if let Some(index) = &dependency.registry {
        set("registry-index", index.clone().into());
    }
}

/// What takes the crate's place wherever crates.io's would stand.
fn patch(subject: &Subject, name: &str, source: &Source) -> Option<Table> {
    let mut direct = subject.package.dependencies.iter().filter(|d| d.name == name);
    // A path or repository cannot be patched away; its line was written anew.
    if direct.any(|dependency| !is_registered(dependency)) {
        return None;
    }
    let pairs = match source {
        Source::Path { dir, .. } => vec![("path", dir.to_string_lossy().into_owned())],
        // Until its version is known it is a dependency like any other.
        Source::Git { url, rev, version: Some(_) } => {
            vec![("git", url.clone()), ("rev", rev.clone())]
        }
        _ => return None,
    };
    Some(pairs.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
}

/// Makes each `path` in a patch absolute.
fn absolute(value: &mut Value, base: &Path) {
    match value {
        Value::Table(table) => {
            for (key, value) in table.iter_mut() {
                match value {
                    Value::String(path) if key == "path" => {
                        *path = base.join(&*path).to_string_lossy().into_owned();
                    }
                    other => absolute(other, base),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| absolute(value, base)),
        _ => {}
    }
}

impl Wanted {
    /// What cargo is told to build.
    pub fn cargo(&self) -> Vec<&str> {
        match self {
            Wanted::Test(test) => vec!["test", "--no-run", "--test", test],
            Wanted::Bin(bin) => vec!["build", "--bin", bin],
        }
    }
}

#[cfg(test)]
mod tests;
