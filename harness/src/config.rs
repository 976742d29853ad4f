//! Defaults of a workspace: `standstill.toml` at its root. A flag always wins.
//!
//! ```toml
//! trials = 500
//! timeout = "30s"
//! jobs = 1
//! threads = [2, 8, 64]
//! seed = 1
//! profile = "release"
//! ```

use std::path::Path;

use serde::Deserialize;

/// The file's name.
pub const FILE: &str = "standstill.toml";

/// What the file may say; all of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Trials for each scenario and thread count.
    pub trials: Option<u64>,
    /// Deadline of a trial's actors, such as `30s`.
    pub timeout: Option<String>,
    /// Trials at a time.
    pub jobs: Option<u64>,
    /// Thread counts.
    pub threads: Option<Vec<u64>>,
    /// Seed of the campaign.
    pub seed: Option<u64>,
    /// Cargo profile for scenarios.
    pub profile: Option<String>,
}

impl Config {
    /// Reads the file of a workspace; without one everything is left open.
    ///
    /// # Errors
    /// A sentence that names the file, and the line if it cannot be understood.
    pub fn read(root: &Path) -> Result<Config, String> {
        let path = root.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|e| format!("failed to read {}: {}", path.display(), one_line(&e))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(e) => Err(format!("failed to read {}: {e}", path.display())),
        }
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_say_little_and_must_not_say_nonsense() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Config::read(dir.path()), Ok(Config::default()));
        std::fs::write(dir.path().join(FILE), "trials = 7\n").unwrap();
        assert_eq!(Config::read(dir.path()).unwrap().trials, Some(7));
        std::fs::write(dir.path().join(FILE), "trails = 7\n").unwrap();
        let error = Config::read(dir.path()).unwrap_err();
        assert!(error.contains(FILE) && error.contains("trails"), "{error}");
    }
}
