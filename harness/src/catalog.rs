//! Which scenarios there are: found through cargo, built by cargo, listed by their own binary.
//!
//! A crate with scenarios says so in its manifest:
//!
//! ```toml
//! [package.metadata.standstill]
//! catalog = "controls"      # the name before the slash
//! test = "scenarios"        # its [[test]] target; this is the default
//! subject = "some-crate"    # whose versions `standstill matrix` tries, unless --crate says
//! ```
//!
//! A workspace may name crates outside of it (two versions of one library cannot share a lock file):
//! `[workspace.metadata.standstill] also = ["path/to/Cargo.toml"]`.

mod build;
mod select;

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};
use serde::Deserialize;

use crate::protocol::Card;
pub use build::list;
pub(crate) use select::fits;
use select::{matches, nearest};
pub use select::{only, select};

/// Why there is no catalog, or not the scenario that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Cargo could not describe the workspace.
    #[error("failed to read the workspace with cargo: {0}")]
    Metadata(String),
    /// There is no cargo to ask.
    #[error("{0}")]
    NoCargo(String),
    /// No crate has scenarios.
    #[error(
        "no crate here has scenarios: add `[package.metadata.standstill]` to the manifest of one that \
         does, or name a scenario binary with --binary"
    )]
    Empty,
    /// Nothing goes by that name.
    #[error("no scenario is named `{name}`{hint}")]
    Unknown {
        /// As asked for.
        name: String,
        /// What to type instead.
        hint: String,
    },
    /// A pattern means several where only one can be taken.
    #[error("name one scenario: `{pattern}` means {number} ({names})")]
    Several {
        /// As asked for.
        pattern: String,
        /// How many it means.
        number: usize,
        /// The first of them.
        names: String,
    },
    /// The scenario crate does not compile.
    #[error("failed to build the scenarios of {package}: {why}")]
    Build {
        /// The package.
        package: String,
        /// What happened; cargo has printed the rest.
        why: String,
    },
    /// The binary does not answer as a scenario binary does.
    #[error("failed to list the scenarios of {}: {why}", exe.display())]
    Listing {
        /// The binary.
        exe: PathBuf,
        /// What happened.
        why: String,
    },
}

impl CatalogError {
    /// Whether the user typed something wrong, rather than something having failed.
    pub fn is_usage(&self) -> bool {
        !matches!(self, CatalogError::Build { .. } | CatalogError::NoCargo(_))
    }
}

/// A crate with scenarios, not necessarily built.
#[derive(Clone, Debug)]
pub struct Book {
    /// The name before the slash.
    pub name: String,
    /// Its package.
    pub package: String,
    /// Its manifest.
    pub manifest: PathBuf,
    /// Its test target.
    pub test: String,
    /// The crate under test, if its manifest names one.
    pub subject: Option<String>,
    /// Whether its scenarios are found without the name before the slash.
    pub default: bool,
}

/// A scenario binary and what it offers.
#[derive(Clone, Debug)]
pub struct OpenBook {
    /// Where it came from; none for `--binary`.
    pub book: Option<Book>,
    /// The name before the slash.
    pub name: String,
    /// The binary.
    pub exe: PathBuf,
    /// Its scenarios.
    pub cards: Vec<Card>,
}

/// All crates with scenarios.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// In the order of cargo's metadata.
    pub books: Vec<Book>,
    /// Where cargo builds, and runs are kept.
    pub target_dir: PathBuf,
    /// Root of the workspace.
    pub root: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PackageTable {
    catalog: Option<String>,
    test: Option<String>,
    subject: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WorkspaceTable {
    also: Vec<PathBuf>,
}

impl Catalog {
    /// Reads the workspace that `manifest`, or else the current directory, is in.
    pub fn find(manifest: Option<&Path>) -> Result<Catalog, CatalogError> {
        let metadata = metadata(manifest)?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let mut books = books(&metadata)?;
        let table = table::<WorkspaceTable>(&metadata.workspace_metadata, "the workspace")?;
        for also in table.unwrap_or_default().also {
            let manifest = root.join(&also);
            // A crate that is not checked out is no reason to do without the others.
            if manifest.exists() {
                let others = self::books(&self::metadata(Some(&manifest))?)?;
                books.extend(others.into_iter().map(|book| Book { default: false, ..book }));
            }
        }
        if books.is_empty() {
            return Err(CatalogError::Empty);
        }
        let target_dir = metadata.target_directory.into_std_path_buf();
        Ok(Catalog { books, target_dir, root })
    }

    /// The books that a pattern can speak of: those before its slash, those that it names by a star at
    /// its end, or the default ones.
    pub fn books_for(&self, pattern: &str) -> Result<Vec<&Book>, CatalogError> {
        let name = pattern.split_once('/').map_or(pattern, |(book, _)| book);
        // A star alone, or before a scenario's name, does not ask for what takes long to build.
        let is_of_books = pattern.contains('/') || !name.starts_with('*');
        let fits = |book: &&Book| book.name == name || is_of_books && matches(name, &book.name);
        let named: Vec<&Book> = self.books.iter().filter(fits).collect();
        if !named.is_empty() {
            return Ok(named);
        }
        if pattern.contains('/') {
            let known = self.books.iter().map(|b| b.name.as_str());
            let hint = match nearest(name, known) {
                Some(near) => format!("; is `{near}{}` meant?", &pattern[name.len()..]),
                None => String::new(),
            };
            return Err(CatalogError::Unknown { name: pattern.to_owned(), hint });
        }
        Ok(self.books.iter().filter(|b| b.default).collect())
    }
}

fn metadata(manifest: Option<&Path>) -> Result<Metadata, CatalogError> {
    let mut command = MetadataCommand::new();
    command.no_deps();
    if let Some(manifest) = manifest {
        command.manifest_path(manifest);
    }
    command.exec().map_err(not_described)
}

fn not_described(error: cargo_metadata::Error) -> CatalogError {
    let text = match error {
        cargo_metadata::Error::Io(error) => return CatalogError::NoCargo(no_cargo(&error)),
        cargo_metadata::Error::CargoMetadata { stderr } => stderr,
        other => other.to_string(),
    };
    CatalogError::Metadata(text.trim().trim_start_matches("error: ").replace('\n', " "))
}

/// What to do where cargo does not start.
pub(crate) fn no_cargo(error: &std::io::Error) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    format!(
        "failed to start `{}` ({error}): it comes with Rust, which https://rustup.rs installs; where \
         it is installed, put its directory on PATH or name it in the variable CARGO",
        cargo.to_string_lossy()
    )
}

fn books(metadata: &Metadata) -> Result<Vec<Book>, CatalogError> {
    let defaults: Vec<_> = match metadata.workspace_default_members.is_available() {
        true => metadata.workspace_default_members.iter().cloned().collect(),
        false => metadata.workspace_members.clone(),
    };
    let mut books = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(table) = table::<PackageTable>(&package.metadata, package.name.as_str())? else {
            continue;
        };
        books.push(Book {
            name: table.catalog.unwrap_or_else(|| package.name.to_string()),
            package: package.name.to_string(),
            manifest: package.manifest_path.clone().into_std_path_buf(),
            test: table.test.unwrap_or_else(|| "scenarios".to_owned()),
            subject: table.subject,
            default: defaults.contains(&package.id),
        });
    }
    Ok(books)
}

fn table<T: serde::de::DeserializeOwned>(
    metadata: &serde_json::Value,
    whose: &str,
) -> Result<Option<T>, CatalogError> {
    let Some(value) = metadata.get("standstill") else { return Ok(None) };
    serde_json::from_value(value.clone())
        .map(Some)
        .map_err(|e| CatalogError::Metadata(format!("metadata.standstill of {whose}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_catalogs_too() {
        let book = |name: &str, default| Book {
            name: name.to_owned(),
            package: name.to_owned(),
            test: "scenarios".to_owned(),
            manifest: name.into(),
            default,
            subject: None,
        };
        let books = vec![book("mine", true), book("big", false), book("big-fixes", false)];
        let catalog = Catalog { root: "/".into(), target_dir: "/target".into(), books };
        let names = |pattern| {
            let books = catalog.books_for(pattern).unwrap();
            books.iter().map(|book| book.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names("big*"), ["big", "big-fixes"]);
        assert_eq!(names("big"), ["big"]);
        assert_eq!(names("big*/a*"), ["big", "big-fixes"]);
        assert_eq!(names("*/a"), ["mine", "big", "big-fixes"]);
        assert_eq!(names("*_look_alike"), ["mine"], "of what is built by default");
        assert_eq!(names("a*"), ["mine"], "a pattern of scenarios");
        assert!(catalog.books_for("small*/a").is_err());
    }

    #[test]
    fn a_cargo_that_is_not_there_is_no_mistake_of_the_users() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        let told = not_described(cargo_metadata::Error::Io(missing));
        assert!(!told.is_usage(), "{told}");
        assert!(told.to_string().contains("https://rustup.rs installs"), "{told}");
        let stderr = "error: no Cargo.toml\n".to_owned();
        let told = not_described(cargo_metadata::Error::CargoMetadata { stderr });
        assert!(told.is_usage() && told.to_string().ends_with("cargo: no Cargo.toml"), "{told}");
    }
}
