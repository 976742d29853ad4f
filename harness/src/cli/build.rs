//! `standstill build`: cargo, with scheduling points in what it builds.

use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::anyhow;
use cargo_metadata::{Artifact, CrateType, Message, MetadataCommand, TargetKind};
use clap::{Args, ValueEnum};

use super::{Exit, Failure, complain, print};
use crate::levels::carried::carried;
use crate::levels::{Kit, Level, configured};

const HELP: &str = "\
The programs are kept apart, in target/standstill-l2 or -l3, and run as before: a program finds its
points idle unless it runs under standstill's control. C and C++ code is instrumented too where the
build finds its compilers through the crates cc or cmake. Left as they are: the precompiled parts of
std, and C code that is needed by a build script itself, which then does not link.

Exit codes:
  0    built; the programs are named on standard output
  2    what was asked for does not exist or makes no sense
  4    something that standstill needs failed, or a program was built without points
  any other code is the build's own";

/// `standstill build`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct BuildArgs {
    /// 2: every atomic operation is a scheduling point; 3: accesses to plain memory as well
    #[arg(long, value_enum)]
    level: LevelArg,
    /// What cargo is to do: `build`, `rustc`, `test` or `bench` (which are built and not run), with
    /// flags as usual
    #[arg(last = true, required = true, value_name = "CARGO ARGS")]
    cargo: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LevelArg {
    /// Atomic operations
    #[value(name = "2")]
    Atomics,
    /// All accesses to memory
    #[value(name = "3")]
    Memory,
}

pub(super) fn main(args: &BuildArgs) -> Result<Exit, Failure> {
    let level = match args.level {
        LevelArg::Atomics => Level::Atomics,
        LevelArg::Memory => Level::Memory,
    };
    let words = words(&args.cargo)?;
    let host = host()?;
    if let Some(target) = flag(&args.cargo, "--target").filter(|target| *target != host) {
        let why = "only programs for this machine can be controlled";
        return Err(Failure::usage(anyhow!("cannot build for {target}: {why}, which is {host}")));
    }
    let kit = kit(level, &host, &args.cargo)?;
    if !kit.has_compilers() {
        complain("note: no C compiler here instruments; C and C++ code is built without points");
    }
    let here = std::env::current_dir().map_err(Failure::failed)?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let variables = kit
        .variables(|name| std::env::var(name).ok(), &configured(&here, &host, home.as_deref()))
        .map_err(|why| Failure::usage(anyhow!("failed to {why}")))?;
    let mut command = Command::new(cargo());
    command.args(words).envs(variables).stdin(Stdio::null());
    keep_lines(&mut command, &args.cargo);
    let built = run(command)?;
    if built.is_empty() {
        complain(
            "nothing was linked: what was built are libraries, which have points once they are",
        );
    }
    built.iter().try_for_each(|program| look(program, level))?;
    Ok(Exit::AsExpected)
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn not_run(error: &std::io::Error) -> Failure {
    Failure::failed(anyhow!(crate::catalog::no_cargo(error)))
}

/// Cargo's command line: the user's, with a report for us, and without running what was built.
fn words(asked: &[String]) -> Result<Vec<&str>, Failure> {
    let mut words: Vec<&str> = asked.iter().map(String::as_str).collect();
    let at = words.iter().position(|word| !word.starts_with(['+', '-'])).unwrap_or(0);
    let runs = match words[at] {
        "build" | "b" | "rustc" => false,
        "test" | "t" | "bench" => true,
        other => {
            let how = "name `build`, `rustc`, `test` or `bench`";
            return Err(Failure::usage(anyhow!("cargo {other} is not known to build: {how}")));
        }
    };
    if runs && !words.contains(&"--no-run") {
        words.insert(at + 1, "--no-run");
    }
    words.insert(at + 1, "--message-format=json-render-diagnostics");
    Ok(words)
}

/// The value of a flag of cargo's.
fn flag<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let ours = || words.iter().take_while(|word| *word != "--");
    let joined = ours().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    joined.or_else(|| {
        let at = ours().position(|word| word == name)?;
        Some(words.get(at + 1)?.as_str())
    })
}

/// The machine that rustc builds for.
fn host() -> Result<String, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let name = rustc.to_string_lossy().into_owned();
    let failed =
        |why: String| Failure::failed(anyhow!("failed to ask `{name}` for its host: {why}"));
    let output = Command::new(&rustc).arg("-vV").stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    match host {
        Some(host) => Ok(host.to_owned()),
        None => Err(failed(format!("it ended with {} and named none", output.status))),
    }
}

/// The points and wrappers, in the target directory of the workspace.
fn kit(level: Level, host: &str, words: &[String]) -> Result<Kit, Failure> {
    let target = match flag(words, "--target-dir") {
        Some(_) => {
            let why = "instrumented programs are kept in a directory of their own";
            return Err(Failure::usage(anyhow!("--target-dir is not for `build`: {why}")));
        }
        None => {
            let mut metadata = MetadataCommand::new();
            metadata.cargo_path(cargo()).no_deps();
            if let Some(path) = flag(words, "--manifest-path") {
                metadata.manifest_path(path);
            }
            let metadata = metadata.exec().map_err(|error| match error {
                cargo_metadata::Error::Io(error) => not_run(&error),
                error => {
                    let error = error.to_string();
                    let why = error.trim().lines().last().unwrap_or("");
                    let why = why.trim_start_matches("error: ");
                    Failure::usage(anyhow!("failed to read the workspace with cargo: {why}"))
                }
            })?;
            metadata.target_directory.into_std_path_buf()
        }
    };
    Kit::write(level, host, &target).map_err(|why| Failure::failed(anyhow!("failed to {why}")))
}

/// Stacks without lines are worth half: debug information is kept, whatever the profile says, unless
/// the user has said something else for this build.
fn keep_lines(command: &mut Command, words: &[String]) {
    let release = words.iter().any(|word| word == "--release" || word == "-r");
    let profile = flag(words, "--profile").unwrap_or(if release { "release" } else { "dev" });
    let upper = profile.to_uppercase().replace('-', "_");
    for (key, value) in [("STRIP", "none"), ("DEBUG", "limited")] {
        let name = format!("CARGO_PROFILE_{upper}_{key}");
        if std::env::var_os(&name).is_none() {
            command.env(name, value);
        }
    }
}

/// Runs cargo. Returns what it linked.
fn run(mut command: Command) -> Result<Vec<PathBuf>, Failure> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| not_run(&error))?;
    let mut built = vec![];
    if let Some(stdout) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(stdout)) {
            if let Ok(Message::CompilerArtifact(artifact)) = message {
                built.extend(linked(&artifact));
            }
        }
    }
    let status = child.wait().map_err(|error| not_run(&error))?;
    if status.success() {
        return Ok(built);
    }
    let error = anyhow!("the build failed: cargo ended with {status}; what it says is above");
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) => Err(Failure { exit: Exit::Program(code), error }),
        None => Err(Failure::failed(error)),
    }
}

/// The programs and shared libraries of an artifact that run in the target, not in the build.
fn linked(artifact: &Artifact) -> Vec<PathBuf> {
    let kinds = &artifact.target.kind;
    if kinds.contains(&TargetKind::ProcMacro) || kinds.contains(&TargetKind::CustomBuild) {
        return vec![];
    }
    if let Some(program) = &artifact.executable {
        return vec![program.clone().into_std_path_buf()];
    }
    let shared = [CrateType::CDyLib, CrateType::DyLib];
    if !artifact.target.crate_types.iter().any(|kind| shared.contains(kind)) {
        return vec![];
    }
    let files = artifact.filenames.iter().filter(|file| file.extension() == Some("so"));
    files.map(|file| file.clone().into_std_path_buf()).collect()
}

/// Says what a program carries, and refuses one that carries nothing.
fn look(program: &PathBuf, level: Level) -> Result<(), Failure> {
    let shown = program.display();
    let file = std::fs::read(program)
        .map_err(|error| Failure::failed(anyhow!("failed to read {shown}: {error}")))?;
    let calls = match carried(&file) {
        Some(carried) if carried.level == level => carried.calls,
        _ => 0,
    };
    // A program without a single atomic can be right, one without any access to memory cannot.
    if calls == 0 && level == Level::Memory {
        let why = "this rustc does not instrument as level 3 needs it (1.95 does)";
        return Err(Failure::failed(anyhow!("{shown} was built without one point: {why}")));
    }
    let s = if calls == 1 { "" } else { "s" };
    print(&format!("{shown}: level {}, {calls} call{s} of points\n", level.number()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &str) -> Vec<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn cargo_reports_to_us_and_runs_nothing() {
        let format = "--message-format=json-render-diagnostics";
        for (given, made) in [
            ("build --release", format!("build {format} --release")),
            ("+1.95 b", format!("+1.95 b {format}")),
            ("test -p x", format!("test {format} --no-run -p x")),
            ("bench --no-run", format!("bench {format} --no-run")),
            ("rustc -- -g", format!("rustc {format} -- -g")),
        ] {
            assert_eq!(words(&asked(given)).unwrap().join(" "), made);
        }
        assert_eq!(words(&asked("run")).unwrap_err().exit, Exit::Usage);
        assert_eq!(words(&asked("--version")).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn values_of_cargos_flags_are_found_on_its_own_side_of_the_dashes() {
        let given = asked("build --target a --profile=b -- --manifest-path c");
        assert_eq!(flag(&given, "--target"), Some("a"));
        assert_eq!(flag(&given, "--profile"), Some("b"));
        assert_eq!(flag(&given, "--manifest-path"), None);
    }
}
