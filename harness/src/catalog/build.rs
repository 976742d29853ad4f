//! From a crate to its scenario binary, and from the binary to its cards.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cargo_metadata::Message;

use super::{Book, CatalogError, OpenBook};
use crate::protocol::{Card, Listing, PROTOCOL, ROLE_VAR, Role};

/// How long a scenario binary may take to list itself.
const LISTING: Duration = Duration::from_secs(20);

impl Book {
    /// Builds the scenario binary and lists it.
    pub fn open(&self, profile: &str, quiet: bool) -> Result<OpenBook, CatalogError> {
        let exe = self.build(profile, quiet)?;
        let cards = list(&exe)?;
        Ok(OpenBook { book: Some(self.clone()), name: self.name.clone(), exe, cards })
    }

    fn build(&self, profile: &str, quiet: bool) -> Result<PathBuf, CatalogError> {
        let failed = |why: String| CatalogError::Build { package: self.package.clone(), why };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["test", "--no-run", "--message-format", "json-render-diagnostics"]);
        command.args(["--profile", profile, "--package", &self.package, "--test", &self.test]);
        command.arg("--manifest-path").arg(&self.manifest);
        if quiet {
            command.arg("--quiet");
        }
        // Stacks without lines are worth half: keep them in, whatever the profile says.
        let upper = profile.to_uppercase().replace('-', "_");
        for (key, value) in [("STRIP", "none"), ("DEBUG", "limited")] {
            let name = format!("CARGO_PROFILE_{upper}_{key}");
            if std::env::var_os(&name).is_none() {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| failed(format!("cargo did not start: {e}")))?;
        let mut exe = None;
        if let Some(stdout) = child.stdout.take() {
            for message in Message::parse_stream(std::io::BufReader::new(stdout)) {
                if let Ok(Message::CompilerArtifact(artifact)) = message
                    && artifact.target.is_test()
                    && artifact.target.name == self.test
                {
                    exe = artifact.executable;
                }
            }
        }
        let status = child.wait().map_err(|e| failed(e.to_string()))?;
        match exe {
            _ if !status.success() => Err(failed(format!(
                "cargo ended with {status}; what it says is above{}",
                missing_tools()
            ))),
            Some(exe) => Ok(exe.into_std_path_buf()),
            None => Err(failed(format!("it has no test target named `{}`", self.test))),
        }
    }
}

/// Build tools that are not on this machine, as a hint behind a failed build.
fn missing_tools() -> String {
    let missing: Vec<&str> = ["cc", "c++", "cmake"]
        .into_iter()
        .filter(|tool| {
            let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
            found.is_err()
        })
        .collect();
    match missing[..] {
        [] => String::new(),
        _ => format!(" (not on this machine: {}; ci/setup installs them)", missing.join(", ")),
    }
}

/// Asks a scenario binary for its cards.
pub fn list(exe: &Path) -> Result<Vec<Card>, CatalogError> {
    let failed = |why: String| CatalogError::Listing { exe: exe.to_owned(), why };
    let mut child = Command::new(exe)
        .env(ROLE_VAR, Role::List.name())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(format!("it did not start: {e}")))?;
    // A binary that knows nothing of roles may do anything, also run for ever.
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            if let Some(mut pipe) = pipe {
                let _ = std::io::Read::read_to_string(&mut pipe, &mut text);
            }
            text
        })
    };
    let stdout = read(stdout.map(|p| Box::new(p) as _));
    let stderr = read(stderr.map(|p| Box::new(p) as _));
    let deadline = Instant::now() + LISTING;
    let status = loop {
        match child.try_wait().map_err(|e| failed(e.to_string()))? {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed("it did not answer; is it a scenario binary?".to_owned()));
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    if !status.success() {
        let last = stderr.lines().last().unwrap_or("it said nothing").to_owned();
        return Err(failed(format!("it ended with {status}: {last}")));
    }
    let listing: Listing = serde_json::from_str(stdout.trim())
        .map_err(|_| failed("its answer is no listing; is it a scenario binary?".to_owned()))?;
    if listing.protocol != PROTOCOL {
        let theirs = listing.protocol;
        return Err(failed(format!("it speaks protocol {theirs}, not {PROTOCOL}; rebuild it")));
    }
    Ok(listing.cards)
}
