//! Building a subject over one version: its package, its lock file, its program.
//!
//! ```text
//! <target>/standstill/matrix/<subject>/<version>/package    Cargo.toml, Cargo.lock, links to the files
//!                                                target     what cargo builds
//!                                                build.log  what cargo said last
//!                                                runs       what its trials have shown
//! ```

mod lock;

pub use lock::cargo_home;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use cargo_metadata::{Message, MetadataCommand};

use super::child::{self, Ended};
use super::manifest::manifest;
use super::source::{Source, plain, short_hash};
use super::subject::{Subject, Wanted};
use crate::environment::sha256;
use crate::lockfile;

/// What of the original's directory is not shown in the new one.
const OWN: [&str; 4] = ["Cargo.toml", "Cargo.lock", "target", ".git"];
/// Notes from what the lock file was made.
const STAMP: &str = "made-from";

/// Why a version cannot be tried, if it is not its own fault.
#[derive(Debug, thiserror::Error)]
pub enum WorkshopError {
    /// The file system refused.
    #[error("failed to {doing} {}: {source}", path.display())]
    Io {
        /// `write`, `create`, `run`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A directory is no version of the crate.
    #[error("failed to find the crate {name} in {}: {why}", dir.display())]
    NotTheCrate {
        /// The crate.
        name: String,
        /// The directory.
        dir: PathBuf,
        /// What cargo says.
        why: String,
    },
    /// Somebody wants the end.
    #[error("interrupted")]
    Interrupted,
}

/// What came of building a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Built {
    /// A program.
    Program(Program),
    /// None, for this reason.
    Not {
        /// The last line of cargo or of the compiler that says something.
        why: String,
    },
}

/// A program over one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The binary.
    pub exe: PathBuf,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// All versions of the crate that it is made of. More than one if others need another.
    pub versions: Vec<String>,
}

/// Where versions of one subject are built.
#[derive(Debug)]
pub struct Workshop<'a> {
    /// The package.
    pub subject: &'a Subject,
    /// The crate under test.
    pub name: &'a str,
    /// cargo's profile.
    pub profile: &'a str,
    /// Set when somebody wants the end.
    pub stop: &'a AtomicBool,
}

impl Workshop<'_> {
    /// Where everything of this subject is kept.
    pub fn dir(&self) -> PathBuf {
        let Subject { package, wanted, .. } = self.subject;
        let name = match wanted {
            Wanted::Bin(bin) if *bin != *package.name => format!("{}-{bin}", package.name),
            _ => package.name.to_string(),
        };
        // Two packages of one name in one target directory: their manifests tell them apart.
        let hash = short_hash(&format!("{}{}", package.manifest_path, self.name));
        let name = format!("{}-{}-{hash}", plain(&name), plain(self.name));
        self.subject.target_dir.join("standstill/matrix").join(name)
    }

    /// Where everything of one version is kept.
    pub fn dir_of(&self, source: &Source) -> PathBuf {
        self.dir().join(source.slug())
    }

    /// Its manifest.
    pub fn manifest_of(&self, source: &Source) -> PathBuf {
        self.dir_of(source).join("package/Cargo.toml")
    }

    /// The directory `dir`, or one below it, as a version of the crate.
    pub fn path(&self, dir: &Path) -> Result<Source, WorkshopError> {
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let not = |why: String| WorkshopError::NotTheCrate {
            name: self.name.to_owned(),
            dir: dir.clone(),
            why,
        };
        let mut command = MetadataCommand::new();
        let metadata = command.no_deps().manifest_path(dir.join("Cargo.toml")).exec();
        let metadata = metadata.map_err(|error| match error {
            cargo_metadata::Error::CargoMetadata { stderr } => {
                not(stderr.trim().trim_start_matches("error: ").replace('\n', " "))
            }
            other => not(other.to_string()),
        })?;
        let package = metadata.packages.iter().find(|package| *package.name == self.name);
        let package = package.ok_or_else(|| not("its workspace has no such package".to_owned()))?;
        let manifest = package.manifest_path.as_std_path();
        let dir = manifest.parent().unwrap_or(manifest).to_owned();
        Ok(Source::Path { dir, version: package.version.clone() })
    }

    /// Writes the package, resolves it, and has cargo build it. What has not changed since the last
    /// time is left as it is, by us and by cargo.
    pub fn build(&self, source: &mut Source) -> Result<Built, WorkshopError> {
        if let Source::Git { version: None, .. } = source {
            if let Err(why) = self.resolve(source)? {
                return Ok(Built::Not { why });
            }
            let versions = self.versions(source);
            let fetched = versions.last().and_then(|version| version.parse().ok());
            if let Source::Git { version, .. } = source {
                *version = fetched;
            }
        }
        if let Err(why) = self.resolve(source)? {
            return Ok(Built::Not { why });
        }
        let versions = self.versions(source);
        let expected = source.version().map(ToString::to_string);
        if let Some(expected) = expected.filter(|expected| !versions.contains(expected)) {
            let why = match versions.len() {
                0 => format!("{} is no part of it", self.name),
                _ => format!("cargo chose {} and not {expected}", versions.join(", ")),
            };
            return Ok(Built::Not { why });
        }
        let mut command = self.cargo(&self.subject.wanted.cargo(), source);
        command.args(["--profile", self.profile]);
        command.args(["--message-format", "json-render-diagnostics"]);
        let ended = self.run(command)?;
        let log = self.dir_of(source).join("build.log");
        std::fs::write(&log, &ended.stderr).map_err(io_error("write", &log))?;
        if !ended.status.success() {
            return Ok(Built::Not { why: child::reason(&ended) });
        }
        let Some(exe) = self.linked(&ended) else {
            return Ok(Built::Not { why: "cargo built it and named no program".to_owned() });
        };
        let sha256 = sha256(&exe).map_err(io_error("read", &exe))?;
        Ok(Built::Program(Program { exe, sha256, versions }))
    }

    /// Cargo at the package over one version, in a target directory of its own.
    fn cargo(&self, words: &[&str], source: &Source) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(words).arg("--manifest-path").arg(self.manifest_of(source));
        command.envs(self.variables(source));
        command
    }

    /// What cargo is to find in its environment, here and below `standstill stress`: equal variables
    /// make equal builds.
    pub fn variables(&self, source: &Source) -> Vec<(String, std::ffi::OsString)> {
        let target = self.dir_of(source).join("target");
        let mut variables = vec![("CARGO_TARGET_DIR".to_owned(), target.into_os_string())];
        let upper = self.profile.to_uppercase().replace('-', "_");
        for (key, value) in [("STRIP", "none"), ("DEBUG", "limited")] {
            let name = format!("CARGO_PROFILE_{upper}_{key}");
            if std::env::var_os(&name).is_none() {
                variables.push((name, value.into()));
            }
        }
        variables
    }

    fn run(&self, command: Command) -> Result<Ended, WorkshopError> {
        let program = PathBuf::from(command.get_program());
        let ended = child::run(command, self.stop).map_err(io_error("run", &program))?;
        if self.stop.load(SeqCst) { Err(WorkshopError::Interrupted) } else { Ok(ended) }
    }

    fn linked(&self, ended: &Ended) -> Option<PathBuf> {
        let (Wanted::Test(name) | Wanted::Bin(name)) = &self.subject.wanted;
        let is_test = matches!(self.subject.wanted, Wanted::Test(_));
        let artifacts = Message::parse_stream(ended.stdout.as_bytes()).filter_map(|message| {
            if let Ok(Message::CompilerArtifact(artifact)) = message {
                Some(artifact)
            } else {
                None
            }
        });
        let is_it = |target: &cargo_metadata::Target| {
            target.name == *name && target.is_test() == is_test && target.is_bin() != is_test
        };
        let mut fitting = artifacts.filter(|artifact| is_it(&artifact.target));
        let exe = fitting.find_map(|artifact| artifact.executable)?;
        Some(exe.into_std_path_buf())
    }

    /// The versions of the crate in the lock file, below the package.
    fn versions(&self, source: &Source) -> Vec<String> {
        let crates = lockfile::crates(&self.manifest_of(source), &self.subject.package.name);
        let fitting = crates.into_iter().filter(|known| known.name == self.name);
        fitting.map(|known| known.version).collect()
    }

    /// Writes package and lock file; the inner error is cargo's, and why there is no program.
    fn resolve(&self, source: &Source) -> Result<Result<(), String>, WorkshopError> {
        let manifest = manifest(self.subject, self.name, source).to_string();
        let dir = self.dir_of(source).join("package");
        let lock = self.subject.lock.as_deref().unwrap_or_default();
        let stamp = short_hash(&format!("{manifest}\0{lock}"));
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_default();
        let is_made = read(STAMP) == stamp && dir.join("Cargo.lock").exists();
        std::fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
        self.link(&dir)?;
        if is_made && read("Cargo.toml") == manifest {
            return Ok(Ok(()));
        }
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            std::fs::write(&path, text).map_err(io_error("write", &path))
        };
        write("Cargo.toml", &manifest)?;
        if self.subject.lock.is_some() {
            write("Cargo.lock", lock)?;
        }
        let resolved = self.lock(source)?;
        if resolved.is_ok() {
            write(STAMP, &stamp)?;
        }
        Ok(resolved)
    }

    /// Shows the files of the original in the new directory: build scripts, and programs that ask for
    /// `CARGO_MANIFEST_DIR`, look for them there.
    fn link(&self, dir: &Path) -> Result<(), WorkshopError> {
        let original = self.subject.dir();
        let entries = std::fs::read_dir(original).map_err(io_error("read", original))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.push(self.subject.root_dir.join(crate::config::FILE));
        for file in files {
            let Some(name) = file.file_name() else { continue };
            let link = dir.join(name);
            let is_own = OWN.iter().any(|own| *own == name) || file == self.subject.target_dir;
            if is_own || !file.exists() || link.symlink_metadata().is_ok() {
                continue;
            }
            std::os::unix::fs::symlink(&file, &link).map_err(io_error("create", &link))?;
        }
        Ok(())
    }
}

fn io_error<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> WorkshopError + 'a {
    move |source| WorkshopError::Io { doing, path: path.to_owned(), source }
}
