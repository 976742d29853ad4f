//! Where a run takes place: what a maintainer needs to know to doubt or repeat it.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The machine and its tools. What cannot be read is `unknown`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Model name of the first CPU.
    pub cpu: String,
    /// CPUs that this process may use.
    pub cores: usize,
    /// Whether the CPU says that it is a guest's.
    pub virtualized: bool,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Kernel release.
    pub kernel: String,
    /// Distribution.
    pub system: String,
    /// C library and its version.
    pub libc: String,
    /// First line of `rustc -V`.
    pub rustc: String,
    /// First line of `cc --version`.
    pub cc: String,
    /// First line of `c++ --version`.
    pub cxx: String,
    /// Load average of the last minute when the run began.
    pub load: String,
}

impl Environment {
    /// Looks around.
    pub fn here() -> Environment {
        let cpuinfo = read("/proc/cpuinfo");
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|l| l.starts_with(name))?;
            Some(line.split_once([':', '='])?.1.trim().trim_matches('"').to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|kib| kib.trim_end_matches(" kB").parse::<u64>().ok());
        let unknown = || "unknown".to_owned();
        let flags = field(&cpuinfo, "flags").unwrap_or_default();
        Environment {
            cpu: field(&cpuinfo, "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, |n| n.get()),
            virtualized: flags.split(' ').any(|flag| flag == "hypervisor"),
            memory_mib: memory.unwrap_or(0) / 1024,
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            system: field(&read("/etc/os-release"), "PRETTY_NAME").unwrap_or_else(unknown),
            libc: libc_version(),
            rustc: first_line("rustc", "-V"),
            cc: first_line("cc", "--version"),
            cxx: first_line("c++", "--version"),
            load: read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned(),
        }
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn first_line(program: &str, flag: &str) -> String {
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("not found").to_owned()
}

fn libc_version() -> String {
    match crate::os::process::glibc_version() {
        Some(version) => format!("glibc {version}"),
        None => "unknown".to_owned(),
    }
}

/// SHA-256 of a file, in hexadecimal.
pub fn sha256(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hash, mut buffer) =
        (std::fs::File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&buffer[..n]);
    }
}
