//! The stacks of every thread of a live process.
//!
//! The target is stopped for as long as it takes to copy registers and stack memory (`stop`), and
//! goes on while the copies are unwound (`unwind`) and given names (`symbolize`).

pub mod coredump;
mod error;
mod malloc;
pub(crate) mod maps;
pub(crate) mod modules;
mod near;
mod spelling;
mod stack;
mod stop;
mod symbolize;
mod tasks;
pub(crate) mod text;
mod unwind;
mod word;
mod words;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::observation::Wait;

pub use error::CaptureError;
#[cfg(feature = "cli")]
pub(crate) use maps::Maps;
use modules::{AddressSpace, Binaries};
#[cfg(feature = "cli")]
pub(crate) use spelling::short;
use stop::StoppedThread;
#[cfg(feature = "cli")]
pub(crate) use symbolize::{Name, Symbols, file_address};
use unwind::{Call, Walker};
pub use word::{AROUND, Mention, Outsider, Place, Pointee, Word};
use words::{Bounds, Finder};

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
    /// The addresses that threads wait on, each once, in the order of `threads`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
}

/// One thread and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// What it waited for when it was stopped, from its registers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// The base of its thread-local storage, which in glibc is its descriptor (`struct pthread`);
    /// 0 if unknown.
    #[serde(default)]
    pub tls: u64,
    /// Its id in its own pid namespace, as locks and joins write it; 0 where that is `tid`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inner_tid: i32,
    /// When it was started, in clock ticks since the system was; 0 if unknown.
    #[serde(default)]
    pub started: u64,
    /// A hash of its registers, of the innermost part of its stack, and, if it ran, of the memory that
    /// these lead to: a thread that is in the same state twice has come round. 0 if unknown.
    #[serde(default)]
    pub state: u64,
    /// How many places of that memory others could write to. Without any it is not known what a
    /// thread that has come round was looking at.
    #[serde(default, skip_serializing_if = "is_none_at_all")]
    pub near: u32,
    /// The system call from which it was just coming back when it was stopped, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
}

impl ThreadStack {
    /// Its id as its own process knows it.
    pub fn own_id(&self) -> i32 {
        if self.inner_tid == 0 { self.tid } else { self.inner_tid }
    }
}

impl Snapshot {
    /// Whether thread ids may have been used twice: the kernel hands them out in order, so that one
    /// that was started later than another with a higher id shows that it has begun again.
    pub fn ids_begun_again(&self) -> bool {
        let known = self.threads.iter().filter(|thread| thread.started != 0);
        let mut all: Vec<(i32, u64)> = known.map(|t| (t.own_id(), t.started)).collect();
        all.sort_unstable();
        !all.is_sorted_by_key(|(_, started)| *started)
    }
}

fn is_none_at_all(n: &u32) -> bool {
    *n == 0
}

fn is_zero(n: &i32) -> bool {
    *n == 0
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
    /// For a return address it is one less, so that it names the line of the call.
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

/// Captures stacks, and keeps what it has read of binaries for the captures to come.
///
/// ```no_run
/// # fn main() -> Result<(), standstill::capture::CaptureError> {
/// let snapshot = standstill::capture::Capturer::new().capture(4242)?;
/// println!("{snapshot}");
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Capturer {
    binaries: Binaries,
}

// A supervisor may keep it on whichever of its threads.
const _: fn(Capturer) -> Box<dyn Send> = |capturer| Box::new(capturer);

impl Capturer {
    /// A capturer that has not seen any binary yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops all threads of `pid`, copies registers and stacks, lets it go on, and then walks and
    /// names what was copied. A target that was stopped by job control stays so.
    ///
    /// Until this returns, no other thread of the caller may wait for a child with `waitpid` or
    /// `Child::wait`: Linux would report the stops of a traced child to it, and `std` would take
    /// one for an exit. Polling a pidfd is safe.
    pub fn capture(&mut self, pid: i32) -> Result<Snapshot, CaptureError> {
        if !cfg!(target_arch = "x86_64") {
            return Err(CaptureError::Unsupported { pid });
        }
        if pid <= 0 {
            return Err(CaptureError::Gone { pid });
        }
        let mut stopped = stop::stop_and_copy(pid)?;
        let mut notes = std::mem::take(&mut stopped.notes);
        let space = self.binaries.place(&stopped, &mut notes);

        // In a pid namespace of its own the process knows its threads by other numbers.
        let nested = tasks::inner_id(pid, stopped.witness).is_some_and(|id| id != stopped.witness);
        let mut walker = Walker::new(&space, &stopped.maps, stopped.witness);
        let mut words = std::mem::take(&mut stopped.words);
        let ambiguous =
            nested || (words.iter().any(|word| word.shared) && tasks::has_foreigners(pid));
        for word in words.iter_mut().filter(|word| word.shared) {
            word.ambiguous = ambiguous;
            word.outsiders = if nested { vec![] } else { words::outsiders(pid, word) };
        }
        let mut finder = Finder::new(words, stopped.witness, &space, &stopped.maps);
        let mut without_tables = BTreeSet::new();
        let mut bounds = Vec::with_capacity(stopped.threads.len());
        let mut threads = Vec::with_capacity(stopped.threads.len());
        for StoppedThread { tid, name, state } in stopped.threads {
            let mut thread = ThreadStack { tid, name, ..ThreadStack::default() };
            let state = match state {
                Ok(state) => state,
                Err(why) => {
                    threads.push(ThreadStack { truncated: Some(why), ..thread });
                    continue;
                }
            };
            let (calls, truncated) = walker.walk(&state);
            let mut outermost = Vec::with_capacity(calls.len());
            for call in &calls {
                self.name(&space, call, &mut thread.frames);
                outermost.push(thread.frames.len() - 1);
                let module = space.module(call.lookup).filter(|m| !m.has_tables);
                without_tables.extend(module.map(|m| m.name.clone()));
            }
            finder.scan(tid, &state, &calls, &outermost);
            finder.scan_code(tid, &calls, &outermost, &mut self.binaries);
            let outermost = calls.last().map_or(0, |call| call.sp);
            let stack = state.registers.sp..outermost;
            bounds.push(Bounds { tid, stack, tls: state.registers.tls });
            thread.truncated = truncated;
            thread.inner_tid = if nested { tasks::inner_id(pid, tid).unwrap_or(-1) } else { 0 };
            thread.started = tasks::started(pid, tid).unwrap_or(0);
            thread.wait = Some(state.registers.wait());
            thread.tls = state.registers.tls;
            thread.state = state.hash();
            thread.left = state.registers.left;
            thread.near = state.near.places;
            threads.push(thread);
        }
        let words = finder.finish(&bounds, &mut self.binaries);
        threads.sort_by_key(|thread| (thread.tid != pid, thread.tid));
        notes.extend(without_tables.into_iter().map(|module| {
            format!("{module} has no unwind tables; frames outside of it follow frame pointers.")
        }));
        let stopped_us = u64::try_from(stopped.duration.as_micros()).unwrap_or(u64::MAX);
        Ok(Snapshot { threads, stopped_us, notes, words })
    }

    /// Adds the frames of one call: the function, and before it what was inlined into it.
    fn name(&mut self, space: &AddressSpace, call: &Call, frames: &mut Vec<Frame>) {
        let bare = Frame {
            pc: call.pc,
            function: None,
            file: None,
            line: None,
            module: None,
            module_address: None,
            inlined: false,
            trust: call.trust,
        };
        let Some(module) = space.module(call.lookup) else {
            frames.push(bare);
            return;
        };
        let address = call.lookup.wrapping_sub(module.bias);
        let bare =
            Frame { module: Some(module.name.clone()), module_address: Some(address), ..bare };
        if call.is_signal {
            // As gdb puts it; libc has at best a name for it that nobody would look for.
            frames.push(Frame { function: Some("<signal handler called>".into()), ..bare });
            return;
        }
        let names = self.binaries.get_mut(module.binary).map(|b| b.symbols.names(address));
        match names.as_deref() {
            None | Some([]) => frames.push(bare),
            Some(names) => frames.extend(names.iter().enumerate().map(|(nth, name)| Frame {
                function: name.function.clone(),
                file: name.file.clone(),
                line: name.line,
                inlined: nth + 1 < names.len(),
                ..bare.clone()
            })),
        }
    }
}
