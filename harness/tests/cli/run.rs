//! Running `standstill`, and what came of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// What a finished `standstill` left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Asserts the exit code, and that nothing looks like a crash of standstill itself.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Ran {
        let Ran { code: got, stdout, stderr } = &self;
        assert_eq!(*got, code, "exit code\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        assert!(!stderr.contains("panicked at harness"), "{stderr}");
        self
    }

    /// Asserts that the error is one sentence that holds all of `words`.
    #[track_caller]
    pub(crate) fn complains_of(self, words: &[&str]) -> Ran {
        let line = self.stderr.lines().find(|l| l.starts_with("error: "));
        let line = line.unwrap_or_else(|| panic!("no error line in\n{}", self.stderr));
        // clap explains a bad value on the lines that follow.
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in: {line}");
        }
        self
    }

    /// The last line of a JSON run.
    #[track_caller]
    pub(crate) fn verdict(&self) -> serde_json::Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {last}\n{}", self.stderr))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        use std::os::unix::process::ExitStatusExt;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(0));
        Ran { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// `standstill ARGS`, not yet started.
pub(crate) fn standstill(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standstill"));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command.env_remove("NO_COLOR").env("CI", "true");
    // Runs and schedules of tests are not to lie among the user's.
    command.env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command
}

/// Runs `standstill ARGS`.
pub(crate) fn run(args: &[&str]) -> Ran {
    standstill(args).output().expect("start standstill").into()
}

/// `standstill stress` on a scenario binary, kept in `dir`.
pub(crate) fn stress(binary: &Path, scenario: &str, dir: &Path, more: &[&str]) -> Ran {
    let (binary, dir) = (binary.to_str().unwrap(), dir.to_str().unwrap());
    let mut args = vec!["stress", scenario, "--binary", binary, "--run-dir", dir];
    args.extend(more);
    run(&args)
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The ordinary controls.
pub(crate) fn controls() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("scenarios"))
}

/// The targets that are rude to their harness.
pub(crate) fn rude() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("rude"))
}

fn build(test: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--no-run", "--package", "standstill-controls", "--test", test])
        .args(["--message-format", "json"])
        .current_dir(root())
        .output()
        .expect("start cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let messages = text.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let exe = messages
        .filter(|m| m["target"]["name"] == test && m["profile"]["test"] == true)
        .find_map(|m| Some(PathBuf::from(m["executable"].as_str()?)));
    exe.expect("cargo names the binary")
}

/// The records of a run.
pub(crate) fn records(dir: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(dir.join("run.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The trials of a run.
pub(crate) fn trials(dir: &Path) -> Vec<serde_json::Value> {
    records(dir).into_iter().filter(|r| r["record"] == "trial").collect()
}
