//! Where one column of the matrix gets the crate from.

use std::path::PathBuf;

use cargo_metadata::semver::Version;
use serde::{Deserialize, Serialize};

/// A version of the crate under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Source {
    /// As published.
    Registry {
        /// Which.
        version: Version,
    },
    /// A directory.
    Path {
        /// With its manifest.
        dir: PathBuf,
        /// As its manifest says.
        version: Version,
    },
    /// A commit.
    Git {
        /// The repository.
        url: String,
        /// A commit, tag or branch.
        rev: String,
        /// As its manifest says; none until cargo has fetched it.
        version: Option<Version>,
    },
}

impl Source {
    /// What a reader is told.
    pub fn title(&self) -> String {
        match self {
            Source::Registry { version } => version.to_string(),
            Source::Path { dir, .. } => dir.display().to_string(),
            Source::Git { url, rev, .. } => format!("{url}#{rev}"),
        }
    }

    /// The version, once it is known.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Source::Registry { version } | Source::Path { version, .. } => Some(version),
            Source::Git { version, .. } => version.as_ref(),
        }
    }

    /// A name for a directory; unlike for unlike sources.
    pub fn slug(&self) -> String {
        match self {
            Source::Registry { version } => plain(&version.to_string()),
            Source::Path { dir, .. } => {
                let name = dir.file_name().unwrap_or_default().to_string_lossy();
                format!("path-{}-{}", plain(&name), short_hash(&dir.to_string_lossy()))
            }
            Source::Git { url, rev, .. } => {
                let hash = short_hash(&format!("{url}#{rev}"));
                format!("git-{}-{hash}", plain(rev))
            }
        }
    }
}

/// Eight digits that tell texts apart.
pub fn short_hash(text: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(text.as_bytes());
    digest[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What every file system takes.
pub fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    text.chars().map(|c| if is_plain(c) { c } else { '-' }).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlike_sources_have_unlike_names() {
        let path = |dir: &str| Source::Path { dir: dir.into(), version: Version::new(1, 0, 0) };
        assert_ne!(path("/a/x").slug(), path("/b/x").slug());
        let git = |rev: &str| Source::Git { url: "u".into(), rev: rev.into(), version: None };
        assert_ne!(git("a/b").slug(), git("a-b").slug());
        assert!(!git("a/b").slug().contains('/'));
        let version = Version::parse("0.17.0-rc.10+x").unwrap();
        assert_eq!(Source::Registry { version }.slug(), "0.17.0-rc.10+x");
    }
}
