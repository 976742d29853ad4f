//! `Cargo.toml` and `Cargo.lock` of a reproducer: exactly the versions that were seen to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use toml::{Table, Value};

use super::ReproError;

/// Reads a workspace with all that it depends on; without the network where that will do.
pub(super) fn metadata(manifest: &Path) -> Result<Metadata, ReproError> {
    let read = |offline: &[String]| {
        MetadataCommand::new().manifest_path(manifest).other_options(offline.to_vec()).exec()
    };
    read(&["--offline".to_owned()]).or_else(|_| read(&[])).map_err(|error| {
        let text = match error {
            cargo_metadata::Error::CargoMetadata { stderr } => stderr,
            other => other.to_string(),
        };
        let text = text.trim().trim_start_matches("error: ").replace('\n', " ");
        ReproError::Metadata(manifest.to_owned(), text)
    })
}

/// One line of a table of dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pin {
    /// The name that the manifest gives it.
    key: String,
    /// What stands behind the `=`.
    value: String,
    /// `dependencies`, or a table for builds or for one target.
    table: String,
}

impl Pin {
    /// The same, seen from a package that lies below the reproducer.
    pub(super) fn seen_from_below(mut self) -> Pin {
        let ours = format!("path = \"{LOCAL}");
        self.value = self.value.replace(&ours, "path = \"../");
        self
    }
}

/// The dependencies of a package that are wanted, by the names of their crates, each at the version
/// that its lock file has. Packages of the workspace go below `local` ones.
pub(super) fn pins<'m>(
    metadata: &'m Metadata,
    package: &Package,
    wanted: &dyn Fn(&str, DependencyKind) -> bool,
    locals: &mut Vec<&'m Package>,
) -> Result<Vec<Pin>, ReproError> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let Some(node) = nodes.into_iter().find(|node| node.id == package.id) else {
        return Ok(vec![]);
    };
    let mut pins = vec![];
    for dependency in &package.dependencies {
        let resolved = node.deps.iter().find_map(|dep| {
            let found = &metadata[&dep.pkg];
            let is_it = found.name.as_str() == dependency.name
                && (dependency.req.matches(&found.version) || dependency.path.is_some())
                && dep.dep_kinds.iter().any(|kind| kind.kind == dependency.kind)
                && dependency.rename.as_ref().is_none_or(|name| name.replace('-', "_") == dep.name);
            is_it.then_some((&dep.name, found))
        });
        let Some((crate_name, found)) = resolved else { continue };
        if !wanted(crate_name, dependency.kind) {
            continue;
        }
        if found.name.starts_with("standstill") && found.source.is_none() {
            let name = found.name.to_string();
            return Err(ReproError::NeedsHarness(name));
        }
        let mut parts = vec![];
        let version = format!("\"={}\"", found.version);
        match found.source.as_ref().map(|source| source.repr.as_str()) {
            None => {
                if !locals.iter().any(|local| local.id == found.id) {
                    locals.push(found);
                }
                parts.push(format!("path = {:?}", format!("{LOCAL}{}", found.name)));
            }
            Some(source) if source.starts_with("git+") => {
                let (url, commit) = source["git+".len()..].split_once('#').unwrap_or((source, ""));
                let url = url.split('?').next().unwrap_or_default();
                parts.push(format!("git = {url:?}, rev = {commit:?}"));
            }
            Some(_) => parts.push(format!("version = {version}")),
        }
        parts.extend(dependency.registry.iter().map(|index| format!("registry-index = {index:?}")));
        if dependency.rename.is_some() {
            parts.push(format!("package = {:?}", dependency.name));
        }
        if !dependency.uses_default_features {
            parts.push("default-features = false".to_owned());
        }
        if !dependency.features.is_empty() {
            parts.push(format!("features = {:?}", dependency.features));
        }
        let value = match &parts[..] {
            [one] if one.starts_with("version") => version,
            _ => format!("{{ {} }}", parts.join(", ")),
        };
        let table = match dependency.kind {
            DependencyKind::Build => "build-dependencies",
            _ => "dependencies",
        };
        let table = match &dependency.target {
            Some(target) => format!("target.'{target}'.{table}"),
            None => table.to_owned(),
        };
        let key = dependency.rename.clone().unwrap_or_else(|| dependency.name.clone());
        let pin = Pin { key, value, table };
        // What is a dependency of tests, too, is one of the program.
        if !pins.contains(&pin) {
            pins.push(pin);
        }
    }
    Ok(pins)
}

/// What a path to a copied package begins with, seen from the reproducer.
const LOCAL: &str = "./";

/// The names by which a manifest's features may speak of these dependencies.
fn keys(pins: &[Pin]) -> BTreeSet<&str> {
    pins.iter().map(|pin| pin.key.as_str()).collect()
}

/// The features that a package is built with, as the default ones of its copy: those of dependencies
/// are what they turn on, those of its own what `cfg` asks for.
pub(super) fn features(metadata: &Metadata, package: &Package, pins: &[Pin]) -> Option<String> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let node = nodes.into_iter().find(|node| node.id == package.id)?;
    let keys = keys(pins);
    let mut table = BTreeMap::new();
    let mut default = vec![];
    for name in &node.features {
        let turned_on = package.features.get(name.as_str()).into_iter().flatten();
        let of_others = turned_on.filter(|feature| match feature.split_once('/') {
            Some((of, _)) => keys.contains(of.trim_end_matches('?')),
            None => false,
        });
        let of_others: Vec<String> = of_others.cloned().collect();
        match name.as_str() {
            "default" => default.extend(of_others),
            name if keys.contains(name) => {}
            name => {
                table.insert(name.to_owned(), of_others);
                default.push(name.to_owned());
            }
        }
    }
    if default.is_empty() {
        return None;
    }
    let lines = table.iter().map(|(name, list)| format!("{name} = {list:?}\n"));
    Some(format!("\n[features]\ndefault = {default:?}\n{}", lines.collect::<String>()))
}

/// Tables of dependencies.
pub(super) fn tables(pins: &[Pin]) -> String {
    let mut tables: BTreeMap<&str, Vec<&Pin>> = BTreeMap::new();
    for pin in pins {
        tables.entry(&pin.table).or_default().push(pin);
    }
    let table = |(name, pins): (&str, Vec<&Pin>)| {
        let lines = pins.iter().map(|pin| format!("{} = {}\n", pin.key, pin.value));
        format!("\n[{name}]\n{}", lines.collect::<String>())
    };
    tables.into_iter().map(table).collect()
}

/// The workspace's settings of release builds, which decide what the compiler makes of a race.
pub(super) fn profile(metadata: &Metadata) -> String {
    let root = metadata.workspace_root.join("Cargo.toml");
    let text = std::fs::read_to_string(root).unwrap_or_default();
    let manifest: Table = toml::from_str(&text).unwrap_or_default();
    let release = manifest.get("profile").and_then(|profile| profile.get("release"));
    let mut release = release.and_then(Value::as_table).cloned().unwrap_or_default();
    // For whoever looks at a trial that hangs.
    release.entry("debug").or_insert(Value::Integer(1));
    let mut profile = Table::new();
    profile.insert("release".to_owned(), Value::Table(release));
    let mut tables = Table::new();
    tables.insert("profile".to_owned(), Value::Table(profile));
    format!("\n{}", toml::to_string(&tables).unwrap_or_default())
}

/// The manifest of a package's copy: itself, without its workspace, and these dependencies.
pub(super) fn copied(
    metadata: &Metadata,
    package: &Package,
    pins: &[Pin],
    bin: Option<&str>,
) -> Result<Table, ReproError> {
    let failed = |why: String| ReproError::Source(package.manifest_path.clone().into(), why);
    let text =
        std::fs::read_to_string(&package.manifest_path).map_err(|e| failed(e.to_string()))?;
    let theirs: Table = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let mut about = Table::new();
    about.insert("name".to_owned(), package.name.to_string().into());
    about.insert("version".to_owned(), package.version.to_string().into());
    about.insert("edition".to_owned(), package.edition.as_str().into());
    about.insert("publish".to_owned(), false.into());
    for key in ["build", "links", "autobins"] {
        let value = theirs.get("package").and_then(|package| package.get(key));
        about.extend(value.map(|value| (key.to_owned(), value.clone())));
    }
    let mut table = Table::new();
    table.insert("package".to_owned(), Value::Table(about));
    table.extend(theirs.get("lib").map(|lib| ("lib".to_owned(), lib.clone())));
    if let Some(bins) = theirs.get("bin").and_then(Value::as_array) {
        let is_it = |one: &&Value| bin.is_none_or(|bin| one.get("name") == Some(&bin.into()));
        let bins: Vec<Value> = bins.iter().filter(is_it).cloned().collect();
        table.insert("bin".to_owned(), Value::Array(bins));
    }
    // Kept as they are where all that they speak of is; else the ones in use become the default.
    let keys = keys(pins);
    let is_kept = |feature: &String| {
        let of = feature.split('/').next().unwrap_or_default();
        let of = of.trim_start_matches("dep:").trim_end_matches('?');
        keys.contains(of) || package.features.contains_key(of)
    };
    if package.features.values().flatten().all(is_kept) {
        table.extend(theirs.get("features").map(|list| ("features".to_owned(), list.clone())));
    } else if let Some(text) = features(metadata, package, pins) {
        table.extend(toml::from_str::<Table>(&text).unwrap_or_default());
    }
    Ok(table)
}

#[derive(serde::Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(serde::Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// Writes a lock file next to a reproducer's manifest: the workspace's own, from which cargo takes
/// out what is not needed. No version may be another one afterwards.
pub(super) fn lock(metadata: &Metadata, dir: &Path) -> Result<(), ReproError> {
    let failed = |why: String| ReproError::Lock(dir.to_owned(), why);
    let from = metadata.workspace_root.join("Cargo.lock");
    let before = std::fs::read_to_string(&from).map_err(|error| {
        failed(format!("there is no {from} to take the versions from: {error}"))
    })?;
    let to = dir.join("Cargo.lock");
    std::fs::write(&to, &before).map_err(|error| failed(error.to_string()))?;
    let prune = |offline: &[&str]| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| PathBuf::from("cargo").into());
        let output = Command::new(cargo)
            .args(["update", "--workspace", "--quiet"])
            .args(offline)
            .current_dir(dir)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(format!("cargo did not start: {error}")))?;
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
        if output.status.success() { Ok(()) } else { Err(failed(said)) }
    };
    prune(&["--offline"]).or_else(|_| prune(&[]))?;
    let after = std::fs::read_to_string(&to).map_err(|error| failed(error.to_string()))?;
    let read = |text: &str| {
        toml::from_str::<Lock>(text).map(|lock| lock.package).map_err(|e| failed(e.to_string()))
    };
    let known: BTreeSet<Locked> = read(&before)?.into_iter().collect();
    let strange =
        read(&after)?.into_iter().find(|one| one.source.is_some() && !known.contains(one));
    match strange {
        None => Ok(()),
        Some(one) => Err(failed(format!(
            "cargo would take {} {}, which is not what was seen to fail",
            one.name, one.version
        ))),
    }
}
