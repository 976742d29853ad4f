//! The stacks of every thread of a live process.
//!
//! The target is stopped for as long as it takes to copy registers and stack memory (`stop`), and
//! goes on while the copies are unwound (`unwind`) and given names (`symbolize`).

use serde::{Deserialize, Serialize};

/// All threads of a process at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// One entry a thread, the main thread first, then by thread id.
    pub threads: Vec<ThreadStack>,
    /// How long the target was stopped, in microseconds.
    pub stopped_us: u64,
    /// What could not be seen, each a sentence: a thread that ended meanwhile, a module without
    /// unwind tables.
    pub notes: Vec<String>,
}

/// One thread and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThreadStack {
    /// Kernel thread id.
    pub tid: i32,
    /// Thread name (`/proc/PID/task/TID/comm`; the kernel cuts it to 15 bytes).
    pub name: String,
    /// Innermost frame first. Inlined calls stand as frames of their own, innermost first.
    pub frames: Vec<Frame>,
    /// Whether the walk ended before the outermost frame, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Address in the target: the program counter of the innermost frame, the return address of
    /// the others.
    pub pc: u64,
    /// Demangled function, if a symbol covers the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Source file as the compiler recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in `file`, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The object that the address lies in, by file name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Address relative to the object's link-time base: stable from run to run, fits `addr2line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_address: Option<u64>,
    /// True for a call that the compiler inlined into the next frame.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inlined: bool,
    /// How this frame was reached.
    pub trust: Trust,
}

/// How a frame was reached: what its truth rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// The thread's own registers.
    Registers,
    /// Unwind tables, or a frame pointer where the tables say nothing.
    Unwound,
}

/// stub
pub struct Capturer;
impl Capturer {
    /// stub
    pub fn new() -> Self {
        Capturer
    }
    /// stub
    pub fn capture(&mut self, _pid: i32) -> Result<Snapshot, String> {
        Err("stub".into())
    }
}
impl std::fmt::Display for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stub")
    }
}
