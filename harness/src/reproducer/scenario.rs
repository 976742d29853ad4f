//! From a scenario to a cargo project with one `main.rs`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, Package, TargetKind};
use proc_macro2::TokenStream;

use super::emit::{Emitted, emit};
use super::slice::{Slice, slice};
use super::source::{FromSource, from_source};
use super::tree::{Tree, What};
use super::words::{KIT, words};
use super::{
    CARGO_BUILD, Form, ReproError, Reproducer, begin, copy, finish, manifest, own, program,
};
use crate::protocol::Card;

/// The editions of Rust, by 2026.
const EDITIONS: [&str; 4] = ["2015", "2018", "2021", "2024"];

/// A scenario to cut out.
#[derive(Debug, Clone)]
pub struct FromScenario<'a> {
    /// `crate/scenario`, for the reader.
    pub name: &'a str,
    /// The manifest of its crate.
    pub manifest: &'a Path,
    /// The test target that lists it.
    pub test: &'a str,
    /// What it says of itself.
    pub card: &'a Card,
    /// Actors of a trial.
    pub threads: u32,
    /// How often each repeats what it does; none for the scenario's own number.
    pub iterations: Option<u32>,
    /// Trials, at most.
    pub trials: u32,
    /// Seconds after which no trial is begun.
    pub seconds: u64,
    /// What it shows; none for what the scenario is about.
    pub shows: Option<&'a str>,
}

/// Writes a reproducer of a scenario to `dir`, which must be new or empty.
pub fn from_scenario(wanted: &FromScenario<'_>, dir: &Path) -> Result<Reproducer, ReproError> {
    let metadata = manifest::metadata(wanted.manifest)?;
    let here = wanted.manifest.canonicalize();
    let here = here.map_err(|e| ReproError::Source(wanted.manifest.to_owned(), e.to_string()))?;
    let package = metadata.packages.iter().find(|package| package.manifest_path == here);
    let package = package.ok_or_else(|| {
        ReproError::Metadata(here.clone(), "it names no package of its own".to_owned())
    })?;
    let shows = match wanted.shows {
        Some(shows) => shows.to_owned(),
        None => format!("{}: {}.", wanted.name, wanted.card.about),
    };
    let cut = match &wanted.card.reproducer {
        Some(path) if !path.ends_with(".rs") => {
            let source = here.with_file_name("").join(path);
            return from_source(&FromSource { source: &source, build: None, shows: &shows }, dir);
        }
        Some(path) => by_hand(&here.with_file_name("").join(path))?,
        None => cut(wanted, &metadata, package)?,
    };
    let dir = begin(dir)?;
    copy::write(&dir.join("src/main.rs"), &cut.text)?;
    for (from, name) in &cut.files {
        copy::file(from, &dir.join("files").join(name))?;
    }
    project(&metadata, package, &cut, &dir)?;
    let number = |name: &str, n: u64| [format!("--{name}"), n.to_string()];
    let mut run = vec!["target/release/repro".to_owned()];
    if cut.form == Form::Driver {
        run.extend(number("threads", wanted.threads.into()));
        run.extend(number("trials", wanted.trials.into()));
        run.extend(number("seconds", wanted.seconds));
    }
    let (build, form, redacted) = (CARGO_BUILD.to_owned(), cut.form, Default::default());
    let made = Reproducer { dir, shows, build, run, form, redacted };
    finish(made, metadata.workspace_root.as_std_path())
}

/// A `main.rs`, and what it needs.
struct Cut {
    text: String,
    files: Vec<(PathBuf, String)>,
    /// Names that may be those of other crates.
    outside: BTreeSet<String>,
    /// Whether the crate's build script may matter to it.
    wants_script: bool,
    form: Form,
    /// The edition of Rust, where it is not that of the scenario's crate.
    edition: Option<String>,
}

/// A `main.rs` that the author wrote.
fn by_hand(path: &Path) -> Result<Cut, ReproError> {
    let failed = |why: String| ReproError::Source(path.to_owned(), why);
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let stream: TokenStream =
        text.parse().map_err(|_| failed("it is no Rust that can be read".to_owned()))?;
    let first = text.lines().next().unwrap_or_default();
    let edition = first.strip_prefix("// edition:").map(|edition| edition.trim().to_owned());
    if edition.as_ref().is_some_and(|edition| !EDITIONS.contains(&edition.as_str())) {
        return Err(failed("its first line names no edition of Rust that is known".to_owned()));
    }
    let words = words(stream);
    let outside = words.paths.iter().filter_map(|path| path.first().cloned()).collect();
    Ok(Cut { text, files: vec![], outside, wants_script: false, form: Form::Plain, edition })
}

/// Cuts the scenario out of the target of its package in which its function stands.
fn cut(
    wanted: &FromScenario<'_>,
    metadata: &Metadata,
    package: &Package,
) -> Result<Cut, ReproError> {
    let uncuttable = |why: &str| ReproError::Uncuttable(wanted.name.to_owned(), why.to_owned());
    let is_source = |target: &&cargo_metadata::Target| {
        target.kind.iter().any(|kind| matches!(kind, TargetKind::Lib | TargetKind::RLib))
            || target.name == wanted.test && target.is_test()
    };
    let mut takes_arguments = false;
    // Where it was built: a helper may have begun it.
    for place in wanted.card.places.iter().rev() {
        let file = metadata.workspace_root.as_std_path().join(&place.file);
        let Ok(file) = file.canonicalize() else { continue };
        for target in package.targets.iter().filter(is_source) {
            let tree = Tree::read(target.src_path.as_std_path())?;
            let Some(function) = tree.function_at(&file, place.line) else { continue };
            if let What::Function { takes_arguments: true, .. } = tree.items[function].what {
                takes_arguments = true;
                continue;
            }
            let slice = slice(&tree, function);
            return Ok(written(wanted, package, &tree, &slice, function));
        }
    }
    Err(uncuttable(match wanted.card.places[..] {
        [] => "its binary does not say where it stands (it was built with an older standstill-kit)",
        _ if takes_arguments => "the function that builds it takes arguments or is generic",
        _ => "the function that builds it was not found among the sources of its crate",
    }))
}

/// Writes a slice down, with `main` before and the driver behind it.
fn written(
    wanted: &FromScenario<'_>,
    package: &Package,
    tree: &Tree,
    slice: &Slice,
    function: usize,
) -> Cut {
    let kept = || slice.items.iter().map(|nth| &tree.items[*nth]);
    let mentioned: BTreeSet<String> = kept().flat_map(|item| item.words.all.clone()).collect();
    // A name that no item of the slice has.
    let is_free =
        |name: &&str| !tree.items.iter().any(|item| item.names.iter().any(|n| n == *name));
    let module =
        ["driver", "repro_driver"].into_iter().find(is_free).unwrap_or("standstill_driver");
    let driver = own::driver(&mentioned);
    let Emitted { text, function, files, attributes } =
        emit(tree, slice, function, &format!("crate::{module}"));
    let attributes: String = attributes.iter().map(|text| format!("{text}\n")).collect();
    let (name, version) = (&package.name, &package.version);
    let FromScenario { threads, trials, seconds, .. } = wanted;
    let iterations = wanted.iterations;
    let driver: String = driver
        .lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") })
        .collect();
    let text = format!(
        "// The scenario {} of {name} {version}, cut out with all that it uses.\n\
         #![allow(dead_code, unused_imports)]\n{attributes}\n\
         fn main() -> std::process::ExitCode {{\n    \
             let usual = {module}::Options {{\n        \
                 trials: {trials},\n        threads: {threads},\n        seconds: {seconds},\n        \
                 iterations: {iterations:?},\n        hold: false,\n    }};\n    \
             {module}::main({function}(), usual)\n}}\n\n{text}\nmod {module} {{\n{driver}}}\n",
        wanted.name,
    );
    let has = |name: &str| mentioned.contains(name);
    let calls = |name: &str| kept().any(|item| item.words.macros.contains(name));
    let wants_script = ["extern", "cfg", "cfg_attr"].into_iter().any(has)
        || ["env", "option_env", "include"].into_iter().any(calls);
    Cut {
        text,
        files,
        outside: slice.outside.clone(),
        wants_script,
        form: Form::Driver,
        edition: None,
    }
}

/// The project around a `main.rs`: manifest, lock file, build script, packages of the workspace.
fn project(
    metadata: &Metadata,
    package: &Package,
    cut: &Cut,
    dir: &Path,
) -> Result<(), ReproError> {
    let at = package.manifest_path.parent().map_or(Path::new("."), |dir| dir.as_std_path());
    let script = package.targets.iter().find(|target| target.is_custom_build());
    let script = script.filter(|_| cut.wants_script);
    let mut scripts_words = BTreeSet::new();
    if let Some(script) = script {
        let path = script.src_path.as_std_path();
        let failed = |why: String| ReproError::Source(path.to_owned(), why);
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let stream =
            text.parse().map_err(|_| failed("it is no Rust that can be read".to_owned()))?;
        scripts_words = words(stream).all;
        copy::write(&dir.join("build.rs"), &text)?;
        copy::named_by(&text, at, dir)?;
    }
    let wanted = |name: &str, kind: DependencyKind| match kind {
        DependencyKind::Build => scripts_words.contains(name),
        _ => name != KIT && cut.outside.contains(name),
    };
    let mut locals = vec![];
    let mut pins = manifest::pins(metadata, package, &wanted, &mut locals)?;
    pins.dedup();
    // Tests of a crate may use the crate itself: then that is what is under test.
    let own = package.targets.iter().find(|target| target.is_lib());
    let own = own.filter(|lib| cut.outside.contains(&lib.name.replace('-', "_")));
    let mut tables = manifest::tables(&pins);
    if own.is_some() {
        let line = format!("{} = {{ path = \"./{0}\" }}\n", package.name);
        let head = "\n[dependencies]\n";
        match tables.contains(head) {
            true => tables = tables.replacen(head, &format!("{head}{line}"), 1),
            false => tables = format!("{head}{line}{tables}"),
        }
        locals.push(metadata.packages.iter().find(|p| p.id == package.id).unwrap_or(package));
    }
    program::locals(metadata, locals, dir)?;
    let features = manifest::features(metadata, package, &pins).unwrap_or_default();
    let text = format!(
        "[package]\nname = \"repro\"\nversion = \"0.0.0\"\nedition = \"{}\"\npublish = false\n\n\
         [workspace]\n{features}{tables}{}",
        cut.edition.as_deref().unwrap_or(package.edition.as_str()),
        manifest::profile(metadata)
    );
    copy::write(&dir.join("Cargo.toml"), text)?;
    // Only what builds something looks at it.
    if !tables.is_empty() {
        copy::environment(metadata.workspace_root.as_std_path(), dir)?;
    }
    manifest::lock(metadata, dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_by_hand_names_its_edition_in_its_first_line_or_has_the_crates() {
        let dir = tempfile::tempdir().unwrap();
        let edition = |text: &str| {
            let path = dir.path().join("main.rs");
            std::fs::write(&path, text).unwrap();
            by_hand(&path).map(|cut| cut.edition)
        };
        assert_eq!(edition("// edition: 2021\nfn main() {}\n").unwrap().as_deref(), Some("2021"));
        assert_eq!(edition("// Shows it.\n// edition: 2021\nfn main() {}\n").unwrap(), None);
        let why = edition("// edition: 1999\nfn main() {}\n").unwrap_err().to_string();
        assert!(why.contains("no edition of Rust"), "{why}");
    }
}
