//! From a program to a copy of its package that builds alone.

use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, Target};
use toml::{Table, Value};

use super::tree::Tree;
use super::words::words;
use super::{CARGO_BUILD, Form, ReproError, Reproducer, begin, copy, finish, manifest};

/// A program that was built by cargo.
#[derive(Debug, Clone)]
pub struct FromProgram<'a> {
    /// The executable.
    pub exe: &'a Path,
    /// Its arguments.
    pub arguments: &'a [String],
    /// Its manifest; none to look for it above the executable.
    pub manifest: Option<&'a Path>,
    /// What it shows.
    pub shows: &'a str,
}

/// The most lines of a library and a program that are made one file.
const SMALL: usize = 400;

/// Writes a reproducer of a program to `dir`, which must be new or empty.
pub fn from_program(wanted: &FromProgram<'_>, dir: &Path) -> Result<Reproducer, ReproError> {
    let manifest = match wanted.manifest {
        Some(manifest) => manifest.to_owned(),
        None => above(wanted.exe)?,
    };
    let metadata = manifest::metadata(&manifest)?;
    let name = wanted.exe.file_name().unwrap_or_default().to_string_lossy();
    let bins = |package: &&Package| package.targets.iter().any(|bin| is_named(bin, &name));
    let package = metadata.workspace_packages().into_iter().find(bins).ok_or_else(|| {
        let why = format!("{} has no program of that name", manifest.display());
        ReproError::NoPackage(wanted.exe.to_owned(), why)
    })?;
    let dir = begin(dir)?;
    let mut packages = vec![];
    let pins = copied(&metadata, package, &dir, &mut packages)?;
    let mut table = manifest::copied(&metadata, package, &pins, Some(&name))?;
    one_program(&mut table, package, &name);
    merge(&mut table, package, &name, &dir)?;
    locals(&metadata, packages, &dir)?;
    write(&table, &pins, &format!("\n[workspace]\n{}", manifest::profile(&metadata)), &dir)?;
    copy::environment(metadata.workspace_root.as_std_path(), &dir)?;
    manifest::lock(&metadata, &dir)?;
    let mut run = vec![format!("target/release/{name}")];
    run.extend(wanted.arguments.iter().cloned());
    let (build, shows) = (CARGO_BUILD.to_owned(), wanted.shows.to_owned());
    let made =
        Reproducer { dir, shows, build, run, form: Form::Plain, redacted: Default::default() };
    finish(made, metadata.workspace_root.as_std_path())
}

/// The manifest of the workspace that has the executable in its target directory.
fn above(exe: &Path) -> Result<PathBuf, ReproError> {
    let failed = |why: &str| ReproError::NoPackage(exe.to_owned(), why.to_owned());
    let exe = exe.canonicalize().map_err(|error| failed(&error.to_string()))?;
    let manifests = exe.ancestors().map(|dir| dir.join("Cargo.toml")).filter(|path| path.is_file());
    for manifest in manifests {
        let metadata = MetadataCommand::new().manifest_path(&manifest).no_deps().exec();
        let target =
            metadata.ok().and_then(|metadata| metadata.target_directory.canonicalize().ok());
        if target.is_some_and(|target| exe.starts_with(target)) {
            return Ok(manifest);
        }
    }
    // Cargo was told to build elsewhere, and may have left word of what it built from.
    if let Some(manifest) = crate::package::manifest_of(&exe) {
        return Ok(manifest);
    }
    Err(failed(
        "no workspace above it builds to where it lies; name its manifest with --manifest-path",
    ))
}

fn is_named(target: &Target, name: &str) -> bool {
    target.is_bin() && target.name == name
}

/// Copies a package's sources; returns its dependencies, and adds those that must be copied, too.
fn copied<'m>(
    metadata: &'m Metadata,
    package: &Package,
    dir: &Path,
    packages: &mut Vec<&'m Package>,
) -> Result<Vec<manifest::Pin>, ReproError> {
    let at = package.manifest_path.parent().map_or(Path::new("."), |at| at.as_std_path());
    copy::package(at, dir)?;
    let wanted = |_: &str, kind: DependencyKind| kind != DependencyKind::Development;
    manifest::pins(metadata, package, &wanted, packages)
}

/// Copies packages of the workspace, and those that they need in turn, each below its name.
pub(super) fn locals<'m>(
    metadata: &'m Metadata,
    mut packages: Vec<&'m Package>,
    dir: &Path,
) -> Result<(), ReproError> {
    let mut nth = 0;
    while let Some(package) = packages.get(nth).copied() {
        let to = dir.join(package.name.as_str());
        let pins = copied(metadata, package, &to, &mut packages)?;
        // Beside each other they lie one directory up.
        let table = manifest::copied(metadata, package, &pins, None)?;
        let pins: Vec<_> = pins.into_iter().map(manifest::Pin::seen_from_below).collect();
        write(&table, &pins, "", &to)?;
        nth += 1;
    }
    Ok(())
}

fn write(table: &Table, pins: &[manifest::Pin], more: &str, dir: &Path) -> Result<(), ReproError> {
    // Tables are sorted by name; a reader looks for the package first.
    let (head, rest): (Table, Table) =
        table.clone().into_iter().partition(|(name, _)| name == "package");
    let [head, rest] = [head, rest].map(|table| toml::to_string(&table).unwrap_or_default());
    let rest = if rest.is_empty() { rest } else { format!("\n{rest}") };
    copy::write(&dir.join("Cargo.toml"), format!("{head}{rest}{}{more}", manifest::tables(pins)))
}

/// Leaves one program to build, wherever its source lies.
fn one_program(table: &mut Table, package: &Package, name: &str) {
    let Some(bin) = package.targets.iter().find(|target| is_named(target, name)) else { return };
    let at = package.manifest_path.parent().map(|dir| dir.as_std_path());
    let path = at.and_then(|at| bin.src_path.as_std_path().strip_prefix(at).ok());
    let mut line = Table::new();
    line.insert("name".to_owned(), name.into());
    line.extend(path.map(|path| ("path".to_owned(), path.to_string_lossy().into_owned().into())));
    table.insert("bin".to_owned(), Value::Array(vec![Value::Table(line)]));
    if let Some(package) = table.get_mut("package").and_then(Value::as_table_mut) {
        package.insert("autobins".to_owned(), false.into());
    }
}

/// Makes a small library a module of the program, where no path has to read otherwise for that.
fn merge(table: &mut Table, package: &Package, name: &str, dir: &Path) -> Result<(), ReproError> {
    let at = package.manifest_path.parent().map_or(Path::new("."), |at| at.as_std_path());
    let lib = package.targets.iter().find(|target| target.is_lib());
    let bin = package.targets.iter().find(|target| is_named(target, name));
    let (Some(lib), Some(bin)) = (lib, bin) else { return Ok(()) };
    let (library, program) =
        (Tree::read(lib.src_path.as_std_path())?, Tree::read(bin.src_path.as_std_path())?);
    let ([inner], [outer]) = (&library.sources[..], &program.sources[..]) else { return Ok(()) };
    const IN_THE_WAY: [&str; 6] =
        ["crate", "macro_rules", "no_std", "no_main", "feature", "macro_export"];
    let [of_library, of_program] =
        [&inner.text, &outer.text].map(|text| text.parse().map(words).unwrap_or_default());
    let is_plain = !IN_THE_WAY.iter().any(|word| of_library.all.contains(*word))
        && of_library.long.is_empty()
        && of_program.included.is_empty()
        && of_library.included.is_empty()
        && program.modules.len() == 1
        && inner.text.lines().count() + outer.text.lines().count() <= SMALL;
    let is_within = |path: &Path| path.strip_prefix(at).ok().map(|path| dir.join(path));
    let (true, Some(library), Some(program)) =
        (is_plain, is_within(lib.src_path.as_std_path()), is_within(bin.src_path.as_std_path()))
    else {
        return Ok(());
    };
    let body: String = inner
        .text
        .lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") })
        .collect();
    let module = lib.name.replace('-', "_");
    let text = format!("{}\n#[allow(dead_code)]\nmod {module} {{\n{body}}}\n", outer.text);
    copy::write(&program, text)?;
    std::fs::remove_file(&library).map_err(|error| ReproError::Write(library, error))?;
    table.remove("lib");
    Ok(())
}
