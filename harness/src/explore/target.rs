//! A command whose schedules can be controlled, and how its processes begin.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use object::elf::{EM_X86_64, ET_DYN, ET_EXEC, FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadCache};

use super::level::Level;
use super::profile::Chosen;
use super::sink::Sinks;
use super::smaller::Size;
use crate::os::control;
use crate::os::process::pass_fd;
use crate::protocol::{BOARD_FD, ROLE_VAR};

/// There is one arena, so that which thread gets which address does not depend on chance
/// (`mallopt(3)`, `M_ARENA_MAX`).
const TUNABLES: &str = "glibc.malloc.arena_max=1";

/// Why a command cannot be controlled. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// There is no such file.
    #[error("run `{0}`: {1}")]
    NotFound(String, String),
    /// It is no program for this user.
    #[error("run `{0}`: {1}")]
    NotExecutable(String, String),
    /// It runs, and nothing can be preloaded into it.
    #[error("control {0}: {1}")]
    Uncontrollable(String, String),
}

/// A command, and how its trials are made.
#[derive(Debug, Clone)]
pub struct Target {
    /// The executable, absolute.
    pub exe: PathBuf,
    /// All words of the command, the name as it was typed first.
    pub words: Vec<OsString>,
    /// What it is called, where that is not its command.
    pub name: Option<String>,
    /// Variables besides the inherited ones.
    pub env: Vec<(String, String)>,
    /// The directory to run in; none for this process's own.
    pub cwd: Option<PathBuf>,
    /// Where scheduling points are.
    pub level: Level,
    /// The accesses that are scheduling points at [`Level::Accesses`].
    pub chosen: Option<Arc<Chosen>>,
    /// Trials that a process may run, one after the other.
    pub batch: u32,
    /// A new process for each trial, rather than a fork of one that waits before `main`.
    pub exec: bool,
    /// The program itself says when it is ready to be forked: a scenario, once it is prepared.
    pub defers: bool,
    /// What it prints is compared with what it prints without control.
    pub same_output: bool,
    /// How long a trial may be without a step.
    pub timeout: Duration,
    /// How large a run of a scenario is; none for other programs, whose size is their own.
    pub size: Option<Size>,
}

impl Target {
    /// The command that `words` name, if it can be controlled.
    pub fn resolve(words: &[OsString]) -> Result<Target, TargetError> {
        let name = words.first().cloned().unwrap_or_default();
        let exe = find(&name)?;
        if let Some(why) = obstacle(&exe) {
            return Err(TargetError::Uncontrollable(name.to_string_lossy().into_owned(), why));
        }
        Ok(Target {
            exe,
            words: words.to_vec(),
            name: None,
            env: vec![],
            cwd: None,
            level: Level::Atomics,
            chosen: None,
            batch: 1,
            exec: false,
            defers: false,
            same_output: false,
            timeout: Duration::from_secs(10),
            size: None,
        })
    }

    /// Whether it is a trial of a scenario, which tells of its outcome on a board.
    pub fn has_board(&self) -> bool {
        self.env.iter().any(|(name, _)| name == ROLE_VAR)
    }

    /// The command's process: with no input, its output into `sinks`, bound to
    /// `cpu`. It dies with the thread that starts it.
    pub fn command(
        &self,
        sinks: &Sinks,
        cpu: usize,
        kept: &[BorrowedFd<'_>],
        board: Option<BorrowedFd<'_>>,
    ) -> std::io::Result<Command> {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(&self.exe);
        if let Some((name, arguments)) = self.words.split_first() {
            command.arg0(name).args(arguments);
        }
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        command
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            // A panic in a trial is told by its message; the way to it is told by the schedule.
            .env("RUST_BACKTRACE", "0")
            .env("GLIBC_TUNABLES", joined(std::env::var_os("GLIBC_TUNABLES"), TUNABLES))
            .stdin(Stdio::null())
            .stdout(sinks.stdout.fd().try_clone_to_owned()?)
            .stderr(sinks.stderr.fd().try_clone_to_owned()?);
        control::enclose(&mut command, cpu, kept);
        if let Some(board) = board {
            pass_fd(&mut command, board.as_raw_fd(), BOARD_FD);
        }
        Ok(command)
    }

    /// The same with the runtime preloaded, which finds its descriptors by number.
    pub fn controlled(
        &self,
        sinks: &Sinks,
        cpu: usize,
        runtime: &Path,
        [socket, shared, sites]: [BorrowedFd<'_>; 3],
        board: Option<BorrowedFd<'_>>,
    ) -> std::io::Result<Command> {
        use standstill_scheduler::abi::{DEFER_ENV, SHARED_ENV, SITES_ENV, SOCKET_ENV};
        let mut command = self.command(sinks, cpu, &[socket, shared, sites], board)?;
        if self.defers {
            command.env(DEFER_ENV, "1");
        }
        let preload = match std::env::var_os("LD_PRELOAD").filter(|value| !value.is_empty()) {
            None => runtime.as_os_str().to_owned(),
            Some(theirs) => [runtime.as_os_str(), OsStr::new(":"), &theirs].into_iter().collect(),
        };
        command.env("LD_PRELOAD", preload);
        // Three digits each: what the environment's length moves on the stack is the same each time.
        for (name, fd) in [(SOCKET_ENV, socket), (SHARED_ENV, shared), (SITES_ENV, sites)] {
            command.env(name, format!("{:03}", fd.as_fd().as_raw_fd()));
        }
        Ok(command)
    }

    /// The command as a shell would read it.
    pub fn shown(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let words: Vec<String> =
            self.words.iter().map(|word| quoted(&word.to_string_lossy())).collect();
        words.join(" ")
    }
}

/// Tunables of the user, with ours behind them.
fn joined(theirs: Option<OsString>, ours: &str) -> OsString {
    match theirs.filter(|value| !value.is_empty()) {
        None => ours.into(),
        Some(theirs) => {
            [theirs.as_os_str(), OsStr::new(":"), OsStr::new(ours)].into_iter().collect()
        }
    }
}

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-,=:@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Looks for a program as a shell does.
fn find(name: &OsStr) -> Result<PathBuf, TargetError> {
    let shown = name.to_string_lossy().into_owned();
    let not_found = |why: &str| TargetError::NotFound(shown.clone(), why.to_owned());
    if name.is_empty() {
        return Err(not_found("its name is empty"));
    }
    let candidate = if shown.contains('/') {
        Some(PathBuf::from(name)).filter(|path| path.exists())
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let candidates = std::env::split_paths(&path).map(|dir| dir.join(name));
        let may_run = |path: &PathBuf| {
            path.metadata().is_ok_and(|about| about.is_file() && about.mode() & 0o111 != 0)
        };
        candidates.into_iter().find(may_run)
    };
    let Some(path) = candidate else {
        return Err(match shown {
            _ if shown.contains('/') => not_found("there is no such file"),
            _ if Path::new(name).exists() => {
                not_found(&format!("it is not in PATH; is ./{shown} meant?"))
            }
            _ if shown.contains(' ') => not_found(
                "it is not in PATH; a program and its arguments are words of their own, not one in \
                 quotes",
            ),
            _ => not_found("it is not in PATH"),
        });
    };
    let refused = |why: &str| TargetError::NotExecutable(shown.clone(), why.to_owned());
    match path.metadata() {
        Ok(about) if about.is_dir() => Err(refused("it is a directory")),
        Ok(about) if about.permissions().mode() & 0o111 == 0 => {
            Err(refused("it may not be executed by this user (chmod +x would allow it)"))
        }
        Err(error) => Err(refused(&error.to_string())),
        Ok(_) => Ok(std::path::absolute(&path).unwrap_or(path)),
    }
}

/// Why nothing can be preloaded into an executable, as far as its file tells.
fn obstacle(exe: &Path) -> Option<String> {
    let cannot = |why: &str| Some(why.to_owned());
    let file = match File::open(exe) {
        Ok(file) => file,
        Err(error) => return Some(format!("its file cannot be read: {error}")),
    };
    let mode = file.metadata().map_or(0, |about| about.mode());
    if mode & 0o6000 != 0 && !rustix::process::geteuid().is_root() {
        return cannot("it changes its user (setuid), and the loader preloads nothing into such");
    }
    let data = ReadCache::new(file);
    let mut first = [0; 20];
    let start = object::ReadRef::read_bytes_at(&data, 0, 20).unwrap_or_default();
    first[..start.len()].copy_from_slice(start);
    if first.starts_with(b"#!") {
        // The kernel runs its interpreter, into which the runtime is preloaded.
        return None;
    }
    if !first.starts_with(b"\x7fELF") {
        return cannot("it is neither an ELF executable nor a script");
    }
    let machine = u16::from_le_bytes([first[18], first[19]]);
    if first[4] != object::elf::ELFCLASS64 || machine != EM_X86_64 {
        return cannot("it is made for another machine; the controlled lane is for x86-64");
    }
    let header = FileHeader64::<Endianness>::parse(&data).ok()?;
    let endian = header.endian().ok()?;
    if ![ET_EXEC, ET_DYN].contains(&header.e_type(endian)) {
        return cannot("it is no executable");
    }
    let segments = header.program_headers(endian, &data).ok()?;
    let interpreter = segments.iter().find(|segment| segment.p_type(endian) == PT_INTERP);
    let Some(interpreter) = interpreter else {
        return cannot(
            "it is linked statically, so nothing can be preloaded into it; link it against glibc \
             dynamically (in Rust: a -linux-gnu target without +crt-static)",
        );
    };
    let loader = interpreter.data(endian, &data).unwrap_or_default();
    let loader = String::from_utf8_lossy(loader);
    let loader = loader.trim_end_matches('\0');
    (!loader.contains("ld-linux-x86-64")).then(|| {
        format!("its loader is {loader}, and the controlled lane is for glibc (ld-linux-x86-64)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(words: &[&str]) -> String {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Target::resolve(&words).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_controlled_is_refused_in_one_sentence() {
        assert!(why(&["/nowhere/x"]).contains("no such file"));
        assert!(why(&["no such program"]).contains("words of their own"));
        assert!(why(&["/tmp"]).contains("directory"));
        assert!(why(&["./Cargo.toml"]).contains("chmod"));
        assert!(why(&[""]).contains("empty"));
    }

    #[test]
    fn an_ordinary_program_is_found_in_the_path() {
        let target = Target::resolve(&["true".into(), "a b".into()]).unwrap();
        assert!(target.exe.is_absolute());
        assert_eq!(target.shown(), "true 'a b'");
    }
}
