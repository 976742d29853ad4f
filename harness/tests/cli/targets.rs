//! Programs that hang, or seem to: made once, started, and looked at.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::run::{Ran, run};

/// The program that hangs as it is told, in Rust.
pub(crate) fn hangs() -> &'static str {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    rust_program(&BUILT, "hangs", "0")
}

/// The same as its users would have it.
pub(crate) fn hangs_optimized() -> &'static str {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    rust_program(&BUILT, "hangs-optimized", "3")
}

fn rust_program(built: &'static OnceLock<PathBuf>, name: &str, level: &str) -> &'static str {
    let path = built.get_or_init(|| {
        make("hangs.rs", name, |source, to| {
            let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            let mut command = Command::new(rustc);
            command.args(["--edition", "2021", "-g", "-C", &format!("opt-level={level}"), "-o"]);
            assert!(command.arg(to).arg(source).status().expect("start rustc").success());
            true
        })
        .expect("rustc compiles it")
    });
    path.to_str().unwrap()
}

/// The one over the locks of the C library; none, and a word on it, where nobody compiles C.
pub(crate) fn hangs_in_c() -> Option<&'static str> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    c_program(&BUILT, "hangs.c", "hangs-c", &[])
}

/// The same, linked so that nothing is loaded when it starts.
pub(crate) fn hangs_in_static_c() -> Option<&'static str> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    c_program(&BUILT, "hangs.c", "hangs-static-c", &["-static-pie"])
}

/// Correct programs that the controlled lane does not wholly model.
pub(crate) fn edges() -> Option<&'static str> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    c_program(&BUILT, "edges.c", "edges", &[])
}

fn c_program(
    built: &'static OnceLock<Option<PathBuf>>,
    source: &str,
    name: &str,
    flags: &[&str],
) -> Option<&'static str> {
    let built = built.get_or_init(|| {
        make(source, name, |source, to| {
            let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
            command.args(["-g", "-O1", "-pthread"]).args(flags).arg("-o").arg(to).arg(source);
            command.status().is_ok_and(|status| status.success())
        })
    });
    if built.is_none() {
        skipped(&format!("{name} cannot be made by a C compiler here"));
    }
    built.as_deref().map(|path| path.to_str().unwrap())
}

/// The program without any symbols; none where there is no `strip`.
pub(crate) fn stripped(program: &str) -> Option<String> {
    let (from, to) = (Path::new(program), format!("{program}-stripped-{}", std::process::id()));
    let strip = Command::new("strip").arg("-s").arg("-o").arg(&to).arg(from).status();
    if !strip.is_ok_and(|status| status.success()) {
        skipped("there is no strip");
        return None;
    }
    Some(to)
}

/// Compiles a fixture if what was compiled is older.
fn make(source: &str, name: &str, compile: impl Fn(&Path, &Path) -> bool) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(source);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Test processes that compile it at the same time do not write to one file.
    let (path, mine) = (dir.join(name), dir.join(format!("{name}-{}", std::process::id())));
    let time = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    if time(&path) < time(&source) {
        if !compile(&source, &mine) {
            return None;
        }
        std::fs::rename(&mine, &path).unwrap();
    }
    Some(path)
}

/// Says why a test tests nothing here.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// `standstill watch FLAGS -- COMMAND`.
pub(crate) fn watch(flags: &[&str], command: &[&str]) -> Ran {
    run(&[&["watch"], flags, &["--"], command].concat())
}

/// The same, told in JSON: what came of it and its last line.
pub(crate) fn verdict_of(timeout: &str, command: &[&str]) -> (Ran, serde_json::Value) {
    let ran = watch(&["--timeout", timeout, "--message-format", "json"], command);
    let verdict = ran.verdict();
    (ran, verdict)
}

/// `deadlock (proven)`, and all that speaks for it.
pub(crate) fn told(verdict: &serde_json::Value) -> (String, String) {
    let finding = &verdict["findings"][0];
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let evidence = finding["evidence"].as_array().into_iter().flatten().map(text);
    let evidence: Vec<String> = [text(&finding["summary"])].into_iter().chain(evidence).collect();
    (format!("{} ({})", text(&finding["kind"]), text(&finding["confidence"])), evidence.join("\n"))
}

/// A program that runs until the test ends.
pub(crate) struct Target {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Target {
    pub(crate) fn start(command: &[&str]) -> Target {
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Target { child, stdin, stdout }
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// `standstill inspect FLAGS PID`.
    pub(crate) fn inspect(&self, flags: &[&str]) -> Ran {
        run(&[&["inspect"], flags, &[&self.pid()]].concat())
    }

    /// Waits until its process or thread `n` shows this, or gives up with what it shows.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Target) -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !is_so(self) {
            assert!(Instant::now() < end, "{what} has not come about; state {}", self.state());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it has so many threads, and none of them has moved for a while.
    pub(crate) fn settles(&self, threads: usize) {
        let counts = || -> Vec<String> {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap().flatten();
            let read = |name: PathBuf| std::fs::read_to_string(name).unwrap_or_default();
            tasks.map(|task| read(task.path().join("schedstat"))).collect()
        };
        self.until("rest", |_| {
            let before = counts();
            std::thread::sleep(Duration::from_millis(200));
            before.len() == threads && before == counts()
        });
    }

    /// The letter of its state.
    pub(crate) fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Its next line.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Sends a line and reads the answer.
    pub(crate) fn asked(&mut self, line: &str) -> String {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
        self.line()
    }

    /// Ends its input: what it still says, and its exit code.
    pub(crate) fn ends(mut self) -> (String, Option<i32>) {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
