//! The process that is looked at: C with debug information, as big as asked for, whose threads stand
//! some calls deep in functions all over it, each waiting for a mutex that the main thread holds.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::PATIENCE;

/// Files, and functions in each: some 200 MB of binary.
const FILES: usize = 48;
const FUNCTIONS: usize = 4500;
/// Members of each function's own type, beside those that it uses.
const MEMBERS: usize = 7;

/// A target that ends with the benchmark.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn pid(&self) -> i32 {
        self.0.id() as i32
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it and waits until all threads wait.
pub(super) fn start(binary: &Path, threads: usize) -> Result<Running, String> {
    let mut command = Command::new(binary);
    let child = command.arg(threads.to_string()).stdout(Stdio::null()).spawn();
    let running = Running(child.map_err(|e| format!("start {}: {e}", binary.display()))?);
    let begun = Instant::now();
    loop {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", running.pid()));
        let tasks: Vec<_> =
            tasks.map_err(|e| format!("read its threads: {e}"))?.flatten().collect();
        let waits = |path: PathBuf| {
            // pause(2) for the main thread, futex(2) for the others.
            let call = std::fs::read_to_string(path.join("syscall")).unwrap_or_default();
            call.starts_with("202 ") || call.starts_with("34 ")
        };
        if tasks.len() > threads && tasks.iter().all(|task| waits(task.path())) {
            return Ok(running);
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("see {threads} threads at rest within {PATIENCE:?}"));
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Compiles it, if that was not done before.
pub(super) fn build() -> Result<PathBuf, String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inspect-bench");
    let binary = dir.join("big");
    if binary.exists() {
        return Ok(binary);
    }
    std::fs::create_dir_all(&dir).map_err(|e| format!("create {}: {e}", dir.display()))?;
    let mut objects = vec![];
    for file in 0..FILES {
        objects.push(compile(&dir, &format!("part{file}"), &part(file))?);
    }
    objects.push(compile(&dir, "main", &main())?);
    let part = dir.join("big.part");
    let mut link = Command::new("cc");
    run(link.args(&objects).arg("-pthread").arg("-o").arg(&part))?;
    for object in &objects {
        let _ = std::fs::remove_file(object);
    }
    std::fs::rename(&part, &binary).map_err(|e| format!("rename {}: {e}", part.display()))?;
    Ok(binary)
}

fn compile(dir: &Path, name: &str, source: &str) -> Result<PathBuf, String> {
    let (c, o) = (dir.join(format!("{name}.c")), dir.join(format!("{name}.o")));
    std::fs::write(&c, source).map_err(|e| format!("write {}: {e}", c.display()))?;
    run(Command::new("cc").args(["-g", "-O0", "-c"]).arg(&c).arg("-o").arg(&o))?;
    let _ = std::fs::remove_file(&c);
    Ok(o)
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("compile the target: cc ended with {status}")),
        Err(e) => Err(format!("compile the target: cc: {e}; install a C compiler")),
    }
}

/// Functions that call one another, each with types and locals of its own.
fn part(file: usize) -> String {
    let mut text = String::from("void stand(void);\n");
    for f in 0..FUNCTIONS {
        // Names are cheap to compile, and fill debug information as those of real programs do.
        let member =
            |nth| format!("long member_{nth}_of_the_record_of_function_{f}_in_file_{file};");
        let members: String = (0..MEMBERS).map(member).collect();
        let _ = write!(
            text,
            "struct record_of_{file}_{f} {{ long count; double share; const char *name_{f}; \
             struct record_of_{file}_{f} *next; int flags[4]; {members} }};\n\
             long function_{file}_{f}(long depth, struct record_of_{file}_{f} *before) {{\n\
             struct record_of_{file}_{f} own = {{ depth, 0.5, \"{f}\", before, {{ 1, 2, 3, 4 }} }};\n\
             long sum_{f} = own.count; int index_{f} = own.flags[depth & 3];\n\
             if (depth == 0) {{ stand(); return sum_{f} + index_{f}; }}\n",
        );
        let _ = match f {
            0 => writeln!(text, "return function_{file}_0(depth - 1, &own) + sum_0; }}"),
            _ => writeln!(text, "return function_{file}_{}(depth - 1, 0) + sum_{f}; }}", f - 1),
        };
    }
    text
}

fn main() -> String {
    let mut text = String::from(
        "#include <pthread.h>\n#include <stdlib.h>\n#include <unistd.h>\n\
         static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;\n\
         void stand(void) { pthread_mutex_lock(&held); pthread_mutex_unlock(&held); }\n",
    );
    for file in 0..FILES {
        let _ = writeln!(text, "long function_{file}_{}(long, void *);", FUNCTIONS / 2);
    }
    text.push_str("static long (*const ways[])(long, void *) = {\n");
    for file in 0..FILES {
        let _ = writeln!(text, "function_{file}_{},", FUNCTIONS / 2);
    }
    text.push_str(
        "};\nstatic void *work(void *nth) { ways[(long)nth % (sizeof ways / sizeof *ways)]\
         (12 + (long)nth % 9, 0); return 0; }\n\
         int main(int argc, char **argv) { long n = atol(argv[argc - 1]); pthread_t t;\n\
         pthread_mutex_lock(&held);\n\
         for (long i = 0; i < n; i++) pthread_create(&t, 0, work, (void *)i);\n\
         for (;;) pause(); }\n",
    );
    text
}
