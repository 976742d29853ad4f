//! A core file of a live process, for gdb and whatever else opens one.
//!
//! The kernel writes such a file of a process that it kills, and `gcore` one of a process that gdb
//! is attached to. This one is written while all threads are stopped, from what ptrace and `/proc`
//! tell; then the process goes on. What goes in is what the kernel puts in by default: registers,
//! the memory that no file holds, and which files are mapped where.

mod error;
mod layout;
mod memory;
mod notes;
mod part;
mod regions;
mod segments;

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use error::CoreError;
use layout::Layout;
use memory::Memory;
use notes::Thread;
use part::Part;
use regions::{Contents, Region};
use segments::{Filled, Segment};

use super::CaptureError;
use super::stop::{self, Tracees};
use crate::os::{process, ptrace};

/// Bytes in a page of x86-64.
const PAGE: u64 = 4096;
/// How much is copied at a time.
const CHUNK: usize = 1 << 20;
/// When nothing at all was copied for so long, the caller gets an error rather than a hang.
const STALL: Duration = Duration::from_secs(60);
/// After so many pages that cannot be read, the rest of a segment is taken to be no better.
const UNREADABLE: u32 = 256;

/// A core file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreFile {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes that it takes up on the disk. It is sparse: its size is often far larger.
    pub bytes: u64,
    /// Threads whose registers are in it.
    pub threads: usize,
    /// How long the process was stopped.
    pub stopped: Duration,
    /// What is missing from it, each a sentence.
    pub notes: Vec<String>,
}

/// Writes a core file of the live process `pid` to `path`, which must not exist yet. The process
/// then goes on; one that was stopped by job control stays so.
///
/// All threads are stopped for as long as it takes to copy the memory, or no lock and no list in it
/// could be trusted. That is milliseconds for a small process and about a second per gigabyte that
/// is in use for a large one, more where the disk cannot keep up: [`CoreFile::stopped`] tells. What
/// is merely reserved takes next to no time, and is not brought into being by being looked at.
///
/// Until it is whole, the file is called `PATH.part`. One that could not be finished is removed; only
/// a caller that is killed leaves it behind, and the process goes on even then.
///
/// What holds for waiting during a [`capture`](super::Capturer::capture) holds here too.
///
/// ```no_run
/// # fn main() -> Result<(), standstill::capture::coredump::CoreError> {
/// let core = standstill::capture::coredump::write_core(4242, "4242.core".as_ref())?;
/// println!("{} ({} threads)", core.path.display(), core.threads);
/// # Ok(())
/// # }
/// ```
pub fn write_core(pid: i32, path: &Path) -> Result<CoreFile, CoreError> {
    write_core_of_culprit(pid, pid, path)
}

/// Like [`write_core`], and a debugger that opens the file begins with thread `culprit`.
pub fn write_core_of_culprit(pid: i32, culprit: i32, path: &Path) -> Result<CoreFile, CoreError> {
    if !cfg!(target_arch = "x86_64") {
        return Err(CaptureError::Unsupported { pid }.into());
    }
    if pid <= 0 {
        return Err(CaptureError::Gone { pid }.into());
    }
    let part = Part::create(pid, path)?;
    let pace = Arc::new(Pace::default());
    let work = {
        let pace = Arc::clone(&pace);
        move |tracees: &Tracees| {
            let dump = Dump::of(pid, culprit, tracees, part, &pace);
            // Once it is killed there is nothing to read any more, and who knows where that began.
            let is_gone = tracees.threads().all(|(tid, _)| !stands_still(tid));
            match dump {
                Ok(_) | Err(CoreError::Capture(_)) if is_gone => {
                    Err(CaptureError::Gone { pid }.into())
                }
                dump => dump,
            }
        }
    };
    let (mut last, mut since) = (0, Instant::now());
    let is_stuck = || {
        let steps = pace.steps.load(Ordering::Relaxed);
        if steps != last {
            (last, since) = (steps, Instant::now());
        }
        let is_stuck = since.elapsed() >= STALL;
        pace.is_given_up.fetch_or(is_stuck, Ordering::Relaxed);
        is_stuck
    };
    let (dump, stopped, mut notes) = stop::while_stopped(pid, is_stuck, work)?;
    let dump = dump?;
    notes.extend(dump.notes);
    let bytes = dump.part.finish()?;
    Ok(CoreFile { path: path.to_owned(), bytes, threads: dump.threads, stopped, notes })
}

/// How the copying gets on, for the thread that waits for it.
#[derive(Default)]
struct Pace {
    steps: AtomicU64,
    /// Nobody waits any longer.
    is_given_up: AtomicBool,
}

impl Pace {
    fn step(&self) -> io::Result<()> {
        self.steps.fetch_add(1, Ordering::Relaxed);
        match self.is_given_up.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }
}

/// A core file whose memory has been copied.
struct Dump {
    part: Part,
    threads: usize,
    notes: Vec<String>,
}

impl Dump {
    /// Copies everything into `part`, on the thread that has stopped all threads of `pid`.
    fn of(
        pid: i32,
        culprit: i32,
        tracees: &Tracees,
        part: Part,
        pace: &Pace,
    ) -> Result<Self, CoreError> {
        // The harness does so from the start, a program that uses the library may not.
        process::refuse_large_files_by_error();
        let mut notes = Vec::new();
        let mut threads = registers(pid, tracees, &mut notes)?;
        threads.sort_by_key(|thread| (thread.tid != culprit, thread.tid != pid, thread.tid));
        let Some(first) = threads.first() else { return Err(CaptureError::Gone { pid }.into()) };
        if culprit != pid && first.tid != culprit {
            notes.push(format!("Thread {culprit} is not in it; it does not come first."));
        }
        let task = format!("/proc/{pid}/task/{}", first.tid);

        let failed = |e| CaptureError::new(pid, "read the memory of", e);
        let smaps = fs::read(format!("{task}/smaps"));
        let maps = smaps.or_else(|_| fs::read(format!("{task}/maps"))).map_err(failed)?;
        let mut regions = Region::parse_all(&maps);
        regions.retain(|region| !region.is_kernels());
        if regions.is_empty() {
            return Err(CaptureError::Gone { pid }.into());
        }
        let memory = Memory::open(first.tid, &task).map_err(failed)?;
        let mut segments = Vec::new();
        for region in &regions {
            pace.step().map_err(failed)?;
            segments.extend(segments::of_region(region, &memory).map_err(failed)?);
        }
        let swapped: u64 = regions
            .iter()
            .filter(|region| region.contents() == Contents::Shared)
            .map(|region| region.swapped)
            .sum();
        if swapped > 0 {
            notes.push(format!("{swapped} KiB of shared memory are in swap and not in it."));
        }

        let encoded = notes::encode(pid, &threads, &regions);
        let layout = Layout::new(&encoded, &segments);
        let copy = Copy { pid, witness: first.tid, memory: &memory, part: &part, pace };
        let mut unreadable = 0;
        for (segment, &offset) in segments.iter().zip(&layout.offsets) {
            unreadable += copy.segment(segment, offset)?;
        }
        if unreadable > 0 {
            notes.push(format!("{unreadable} bytes could not be read and are zeroes in it."));
        }
        part.set_size(layout.end)?;
        part.write(&layout.head, 0)?;
        Ok(Dump { part, threads: threads.len(), notes })
    }
}

/// The registers of every thread that stands still.
fn registers(
    pid: i32,
    tracees: &Tracees,
    notes: &mut Vec<String>,
) -> Result<Vec<Thread>, CoreError> {
    let mut threads = Vec::new();
    for (tid, stands_still) in tracees.threads() {
        if !stands_still {
            notes.push(format!("Thread {tid} did not stop in time and is not in it."));
            continue;
        }
        let Ok(general) = ptrace::register_set(tid, libc::NT_PRSTATUS) else {
            notes.push(format!("Thread {tid} was killed while the process was stopped."));
            continue;
        };
        if general.len() != notes::GENERAL {
            return Err(CoreError::Narrow { pid });
        }
        threads.push(Thread {
            tid,
            general,
            floating: ptrace::register_set(tid, libc::NT_PRFPREG).ok(),
            extended: ptrace::register_set(tid, notes::NT_X86_XSTATE).ok(),
        });
    }
    Ok(threads)
}

/// Whether thread `tid` is still where it was stopped. Nothing but death takes it from there.
fn stands_still(tid: i32) -> bool {
    matches!(ptrace::stop(tid), Ok(Some(_)))
}

/// From the memory of a process into a file.
struct Copy<'a> {
    pid: i32,
    /// A thread that stands still for as long as there is memory to read.
    witness: i32,
    memory: &'a Memory,
    part: &'a Part,
    pace: &'a Pace,
}

impl Copy<'_> {
    /// Copies what exists of `segment` to `offset` of the file: how many bytes could not be read.
    fn segment(&self, segment: &Segment, offset: u64) -> Result<u64, CoreError> {
        let failed = |e| CaptureError::new(self.pid, "read the memory of", e);
        let range = segment.range.clone();
        let at = |run: &Range<u64>| offset + (run.start - range.start);
        let (mut unreadable, mut budget) = (0, UNREADABLE);
        match segment.filled {
            Filled::Not => {}
            Filled::Fully => unreadable += self.run(range.clone(), at(&range), &mut budget)?,
            Filled::Sparsely => {
                for run in self.memory.runs(range.clone(), false) {
                    let run = run.map_err(failed)?;
                    unreadable += self.run(run.clone(), at(&run), &mut budget)?;
                }
            }
        }
        Ok(unreadable)
    }

    /// Copies pages that exist, leaving out those that cannot be read, as far as `budget` lasts.
    fn run(&self, run: Range<u64>, offset: u64, budget: &mut u32) -> Result<u64, CoreError> {
        let mut buffer = vec![0; CHUNK.min((run.end - run.start) as usize)];
        let mut unreadable = 0;
        let mut address = run.start;
        while address < run.end {
            let failed = |e| CaptureError::new(self.pid, "copy the memory of", e);
            self.pace.step().map_err(failed)?;
            let wanted = buffer.len().min((run.end - address) as usize);
            let read = self.memory.read(address, &mut buffer[..wanted]);
            let offset = offset + (address - run.start);
            self.part.write_sparsely(&buffer[..read], offset)?;
            address += read as u64;
            if read > 0 {
                continue;
            }
            if !stands_still(self.witness) {
                return Err(CaptureError::Gone { pid: self.pid }.into());
            }
            let next = (address + 1).next_multiple_of(PAGE).min(run.end);
            let next = if *budget == 0 { run.end } else { next };
            *budget = budget.saturating_sub(1);
            unreadable += next - address;
            address = next;
        }
        Ok(unreadable)
    }
}
