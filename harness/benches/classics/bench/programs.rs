//! The classics, built three times: as they are, and with points of their own for levels 2 and 3.

use std::collections::BTreeMap;
use std::fmt;
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

/// The binary of each level.
pub(super) struct Builds(BTreeMap<Level, PathBuf>);

impl Builds {
    /// Those of `levels`, and the plain one.
    pub(super) fn new(mut levels: Vec<Level>) -> Result<Builds, String> {
        levels.push(Level::Plain);
        levels.sort_unstable();
        levels.dedup();
        let builds = levels.into_iter().map(|level| Ok((level, build(level)?)));
        Ok(Builds(builds.collect::<Result<_, String>>()?))
    }

    pub(super) fn binary(&self, level: Level) -> &Path {
        &self.0[&level]
    }
}

/// All classics, by the program's own word.
pub(super) fn names(builds: &Builds) -> Result<Vec<String>, String> {
    let output = Command::new(builds.binary(Level::Plain)).output();
    let output = output.map_err(|error| format!("run the classics: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
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
