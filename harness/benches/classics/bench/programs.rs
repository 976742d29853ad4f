//! The classics, built three times: as they are, and with points of their own for levels 2 and 3.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where scheduling points are, and so which build is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// As it is: 1 and 1+ in turns.
    Plain,
    Atomics,
    Memory,
}

impl Level {
    pub(super) fn of(text: &str) -> Option<Level> {
        match text {
            "1" => Some(Level::Plain),
            "2" => Some(Level::Atomics),
            "3" => Some(Level::Memory),
            _ => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Plain => "1",
            Level::Atomics => "2",
            Level::Memory => "3",
        })
    }
}

/// What is run.
pub(super) enum Builds {
    /// The binary of each level, which has all classics.
    Classics(BTreeMap<Level, PathBuf>),
    /// A directory of programs, each of which makes one trial when its argument is 1.
    Programs(PathBuf),
}

impl Builds {
    /// The classics for `levels`, and as they are.
    pub(super) fn classics(mut levels: Vec<Level>) -> Result<Builds, String> {
        levels.push(Level::Plain);
        levels.sort_unstable();
        levels.dedup();
        let builds = levels.into_iter().map(|level| Ok((level, build(level)?)));
        Ok(Builds::Classics(builds.collect::<Result<_, String>>()?))
    }

    /// Program and argument.
    pub(super) fn words(&self, level: Level, name: &str) -> [OsString; 2] {
        match self {
            Builds::Classics(builds) => [builds[&level].clone().into(), name.into()],
            Builds::Programs(dir) => [dir.join(name).into(), "1".into()],
        }
    }

    /// The command to run it as it is.
    pub(super) fn command(&self, name: &str) -> Command {
        let [program, argument] = self.words(Level::Plain, name);
        let mut command = Command::new(program);
        command.arg(argument).stdin(Stdio::null());
        command
    }

    /// All bugs: the classics by the program's own word, or the programs of the directory.
    pub(super) fn names(&self) -> Result<Vec<String>, String> {
        match self {
            Builds::Classics(builds) => {
                let output = Command::new(&builds[&Level::Plain]).output();
                let output = output.map_err(|error| format!("run the classics: {error}"))?;
                Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
            }
            Builds::Programs(dir) => {
                let fail = |error| format!("read {}: {error}", dir.display());
                let mut names = vec![];
                for entry in std::fs::read_dir(dir).map_err(fail)? {
                    let entry = entry.map_err(fail)?;
                    let data = entry.metadata().map_err(fail)?;
                    if data.is_file() && data.permissions().mode() & 0o111 != 0 {
                        names.extend(entry.file_name().into_string());
                    }
                }
                names.sort_unstable();
                Ok(names)
            }
        }
    }
}

fn build(level: Level) -> Result<PathBuf, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/classics");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("classics-bench");
    let mut command = match level {
        Level::Plain => Command::new(env!("CARGO")),
        _ => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_standstill"));
            command.args(["build", "--level", &level.to_string(), "--"]);
            command
        }
    };
    command
        .args(["build", "--quiet", "--release", "--manifest-path"])
        .arg(here.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("build the classics: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "build the classics at level {level}: it ended with {}",
            output.status
        ));
    }
    // `standstill build` says what it built; cargo puts it where it always does.
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let built = said.lines().find_map(|line| Some(line.split_once(": level ")?.0.into()));
    Ok(built.unwrap_or_else(|| target.join("release/classics")))
}
