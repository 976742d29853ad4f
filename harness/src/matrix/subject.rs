//! The package whose program or scenarios are tried, as cargo understands it.

use std::path::{Path, PathBuf};

use cargo_metadata::{Dependency, DependencyKind, MetadataCommand, Package, Target};
use toml::Table;

/// Why a package cannot be tried over versions.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// Cargo does not understand it.
    #[error("failed to read {} with cargo: {why}", manifest.display())]
    Cargo {
        /// The manifest.
        manifest: PathBuf,
        /// What cargo says.
        why: String,
    },
    /// There is no cargo to ask.
    #[error("{0}")]
    NoCargo(String),
    /// A file cannot be read.
    #[error("failed to read {}: {why}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The manifest is that of a workspace.
    #[error("{} is no package: name the manifest of one", .0.display())]
    NoPackage(PathBuf),
    /// Not the program that was asked for.
    #[error("the package {package} has {what}: name one with --bin{known}")]
    Program {
        /// The package.
        package: String,
        /// None, or too many.
        what: &'static str,
        /// Those that there are.
        known: String,
    },
    /// The crate under test is none of its crates.
    #[error("{package} does not depend on {name}: name a crate that it is made of with --crate")]
    Stranger {
        /// The package.
        package: String,
        /// The crate.
        name: String,
    },
    /// Which crate is under test is not known.
    #[error("which crate is under test? name it with --crate: {package} depends on {known}")]
    Crate {
        /// The package.
        package: String,
        /// The candidates.
        known: String,
    },
}

/// What of the package is built and tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Its scenarios: a test target.
    Test(String),
    /// A program.
    Bin(String),
}

/// A package.
#[derive(Clone, Debug)]
pub struct Subject {
    /// As cargo resolved it: nothing is inherited any more.
    pub package: Package,
    /// Its manifest, as written.
    pub manifest: Table,
    /// That of its workspace; the same one if it is alone.
    pub root: Table,
    /// Where the workspace is.
    pub root_dir: PathBuf,
    /// Where cargo builds it.
    pub target_dir: PathBuf,
    /// Its lock file.
    pub lock: Option<String>,
    /// What is tried.
    pub wanted: Wanted,
}

impl Subject {
    /// The package whose test target holds scenarios.
    pub fn scenarios(manifest: &Path, test: &str) -> Result<Subject, SubjectError> {
        Subject::read(manifest, |_| Ok(Wanted::Test(test.to_owned())))
    }

    /// The package with the program `bin`, or its only one.
    pub fn program(manifest: &Path, bin: Option<&str>) -> Result<Subject, SubjectError> {
        Subject::read(manifest, |package| {
            let bins = || package.targets.iter().filter(|target| target.is_bin());
            let names: Vec<&str> = bins().map(|target| target.name.as_str()).collect();
            let default = package.default_run.as_deref();
            let wanted = match (bin.or(default), &names[..]) {
                (Some(bin), _) if names.contains(&bin) => bin,
                (None, [only]) => only,
                (asked, _) => {
                    let what = match (asked, names.len()) {
                        (_, 0) => "no program",
                        (Some(_), _) => "no program of that name",
                        (None, _) => "several programs",
                    };
                    let known = match names.len() {
                        0 => String::new(),
                        _ => format!(" ({})", names.join(", ")),
                    };
                    let package = package.name.to_string();
                    return Err(SubjectError::Program { package, what, known });
                }
            };
            Ok(Wanted::Bin(wanted.to_owned()))
        })
    }

    fn read(
        manifest: &Path,
        wanted: impl Fn(&Package) -> Result<Wanted, SubjectError>,
    ) -> Result<Subject, SubjectError> {
        let asked = std::path::absolute(manifest).unwrap_or_else(|_| manifest.to_owned());
        let asked = if asked.is_dir() { asked.join("Cargo.toml") } else { asked };
        let mut command = MetadataCommand::new();
        let metadata = command.no_deps().manifest_path(&asked).exec().map_err(|error| {
            let why = match error {
                cargo_metadata::Error::Io(error) => {
                    return SubjectError::NoCargo(crate::catalog::no_cargo(&error));
                }
                cargo_metadata::Error::CargoMetadata { stderr } => stderr,
                other => other.to_string(),
            };
            let why = why.trim().trim_start_matches("error: ").replace('\n', " ");
            SubjectError::Cargo { manifest: asked.clone(), why }
        })?;
        let here = asked.canonicalize().unwrap_or_else(|_| asked.clone());
        let is_it = |package: &&Package| {
            let path = package.manifest_path.as_std_path();
            path == asked || path.canonicalize().is_ok_and(|path| path == here)
        };
        let package = metadata.packages.iter().find(is_it);
        let package = package.ok_or_else(|| SubjectError::NoPackage(asked.clone()))?.clone();
        let root_dir = metadata.workspace_root.clone().into_std_path_buf();
        let manifest = table(package.manifest_path.as_std_path())?;
        Ok(Subject {
            wanted: wanted(&package)?,
            root: table(&root_dir.join("Cargo.toml"))?,
            lock: std::fs::read_to_string(root_dir.join("Cargo.lock")).ok(),
            target_dir: metadata.target_directory.clone().into_std_path_buf(),
            package,
            manifest,
            root_dir,
        })
    }

    /// Where the package is.
    pub fn dir(&self) -> &Path {
        let manifest = self.package.manifest_path.as_std_path();
        manifest.parent().unwrap_or(manifest)
    }

    /// The targets that are built: library, build script, programs, and the test if that is wanted.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.package.targets.iter().filter(|target| {
            let is_wanted = matches!(&self.wanted, Wanted::Test(test) if *test == target.name);
            let is_other = target.is_test() || target.is_bench() || target.is_example();
            if target.is_test() { is_wanted } else { !is_other }
        })
    }

    /// Whether it depends on a crate, as far as is known without asking cargo to resolve it.
    fn is_made_of(&self, name: &str) -> bool {
        let is_locked = |lock: &String| {
            lock.lines().any(|line| line.strip_prefix("name = ") == Some(&format!("\"{name}\"")))
        };
        self.package.dependencies.iter().any(|dependency| dependency.name == name)
            || self.lock.as_ref().is_none_or(is_locked)
    }

    /// The crate under test: as asked for, as the manifest says (`subject` in
    /// `[package.metadata.standstill]`), or the only direct dependency from a registry.
    pub fn crate_under_test(&self, asked: Option<&str>) -> Result<String, SubjectError> {
        let declared = || self.package.metadata.get("standstill")?.get("subject")?.as_str();
        if let Some(name) = asked.or_else(declared) {
            let package = self.package.name.to_string();
            return match self.is_made_of(name) {
                true => Ok(name.to_owned()),
                false => Err(SubjectError::Stranger { package, name: name.to_owned() }),
            };
        }
        let mut names: Vec<&str> = self
            .package
            .dependencies
            .iter()
            .filter(|dependency| is_registered(dependency) && !is_ours(dependency))
            .filter(|dependency| dependency.kind != DependencyKind::Build)
            .map(|dependency| dependency.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        match names[..] {
            [only] => Ok(only.to_owned()),
            _ => Err(SubjectError::Crate {
                package: self.package.name.to_string(),
                known: match names.len() {
                    0 => "nothing that is published".to_owned(),
                    _ => names.join(", "),
                },
            }),
        }
    }
}

/// Whether a dependency is one that a registry has, and not a path or a repository.
pub fn is_registered(dependency: &Dependency) -> bool {
    let source = dependency.source.as_ref().map(|source| source.repr.as_str());
    source.is_some_and(|source| !source.starts_with("git+")) && dependency.path.is_none()
}

fn is_ours(dependency: &Dependency) -> bool {
    ["standstill", "standstill-kit"].contains(&dependency.name.as_str())
}

fn table(path: &Path) -> Result<Table, SubjectError> {
    let failed = |why: String| SubjectError::Read { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    text.parse().map_err(|error: toml::de::Error| failed(error.message().to_owned()))
}
