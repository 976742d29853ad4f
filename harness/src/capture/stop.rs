//! Stops every thread of a process, copies registers and stacks, lets it go on.
//!
//! Nothing may leave a thread of the target stopped. Two nets hold that: `Tracees` lets go of its
//! threads when it is dropped, and all of this runs on a thread of its own, at whose end the
//! kernel lets go of whatever is left, threads that could not be stopped included.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::CaptureError;
use super::maps::Maps;
use crate::os::ptrace::{self, Registers, Stop};

/// How much of a stack is copied. Deeper walks end early and say so.
pub(super) const STACK_LIMIT: u64 = 512 * 1024;
/// How long threads get to stop. All do within microseconds, but one that the kernel holds in an
/// uninterruptible sleep.
const PATIENCE: Duration = Duration::from_secs(2);
/// After this long without a stop, a thread is seized again: an `execve` can have put another
/// thread in its place.
const SEIZE_AGAIN: Duration = Duration::from_millis(50);
/// How often a process that refuses to be traced is asked.
const ATTEMPTS: u64 = 5;
/// The system calls of a capture return at once. When they do not, the caller gets an error rather
/// than a hang.
const STUCK: Duration = Duration::from_secs(10);
/// x86-64 lets a function use this much below its stack pointer.
const RED_ZONE: u64 = 128;

/// A process as it stood while it was stopped.
#[derive(Debug)]
pub(super) struct Stopped {
    /// A thread that was alive: its files in `/proc` can be read where those of the process cannot,
    /// for a main thread that has ended takes them with it.
    pub(super) witness: i32,
    pub(super) threads: Vec<StoppedThread>,
    pub(super) maps: Maps,
    /// The image of the vdso, which no file holds.
    pub(super) vdso: Vec<u8>,
    pub(super) duration: Duration,
    pub(super) notes: Vec<String>,
}

/// A thread as it stood.
#[derive(Debug)]
pub(super) struct StoppedThread {
    pub(super) tid: i32,
    pub(super) name: String,
    /// Or why there are none.
    pub(super) state: Result<ThreadState, String>,
}

/// What a stack walk needs of a thread.
#[derive(Debug)]
pub(super) struct ThreadState {
    pub(super) registers: Registers,
    pub(super) stack: Stack,
}

/// A copy of the innermost part of a stack.
#[derive(Debug, Default)]
pub(super) struct Stack {
    start: u64,
    bytes: Vec<u8>,
    /// The stack goes on beyond the copy.
    cut: bool,
}

impl Stack {
    /// The word at `address` of the target.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        let at = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Whether `address` lies where the copy had to end before the stack did.
    pub(super) fn is_beyond_copy(&self, address: u64) -> bool {
        self.cut && address.saturating_add(8) > self.start + self.bytes.len() as u64
    }
}

/// Stops `pid`, copies what its stacks are made of and lets it go on.
pub(super) fn stop_and_copy(pid: i32) -> Result<Stopped, CaptureError> {
    let fail = |source| CaptureError::System { pid, action: "trace", source };
    let (tell, told) = mpsc::channel();
    let start = Instant::now();
    let tracer = thread::Builder::new()
        .name("capture".into())
        .spawn(move || {
            // Fails only after `STUCK`, when nobody listens any more.
            let _ = tell.send(Tracees::new(pid).stop_and_copy());
        })
        .map_err(fail)?;
    loop {
        match told.recv_timeout(Duration::from_millis(100)) {
            Ok(result) => {
                // What it could not let go of is let go of at its end.
                let _ = tracer.join();
                return result;
            }
            Err(RecvTimeoutError::Timeout) if start.elapsed() < STUCK => bury_the_dead(pid),
            Err(RecvTimeoutError::Timeout) => return Err(fail(io::ErrorKind::TimedOut.into())),
            Err(RecvTimeoutError::Disconnected) => match tracer.join() {
                Ok(()) => return Err(fail(io::ErrorKind::BrokenPipe.into())),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}

/// Unties an old knot of Linux: `execve` waits, with a lock held, until the other threads of the
/// process are buried, while the tracer that should bury them waits in ptrace for that lock. A wait
/// by any thread of the tracer's process buries them just as well.
fn bury_the_dead(pid: i32) {
    for tid in task_ids(pid).unwrap_or_default() {
        // The main thread's death is the business of its parent.
        if tid != pid && kernel_state(pid, tid) == Some('Z') {
            ptrace::bury(tid);
        }
    }
}

/// The threads of one process, seized by the calling thread. Dropping it lets them go on.
struct Tracees {
    pid: i32,
    /// Seized threads, with their stop once they stand still.
    threads: BTreeMap<i32, Option<Stop>>,
    notes: Vec<String>,
}

impl Tracees {
    fn new(pid: i32) -> Self {
        Tracees { pid, threads: BTreeMap::new(), notes: Vec::new() }
    }

    fn stop_and_copy(mut self) -> Result<Stopped, CaptureError> {
        let start = Instant::now();
        self.stop_all(start)?;
        let mut copy = self.copy()?;
        copy.notes = std::mem::take(&mut self.notes);
        drop(self);
        copy.duration = start.elapsed();
        Ok(copy)
    }

    /// Stops thread after thread until none is left that could start another.
    fn stop_all(&mut self, start: Instant) -> Result<(), CaptureError> {
        let mut attempts = 0;
        loop {
            let (found, refused) = self.seize_new()?;
            if found && start.elapsed() < PATIENCE {
                self.await_stops(start);
                continue;
            }
            if let Some((_, e)) = refused.first()
                && self.threads.is_empty()
            {
                // May pass: a thread is refused while `execve` puts it in the place of another, and
                // until the end of the thread that made the capture before this one.
                attempts += 1;
                if attempts < ATTEMPTS {
                    thread::sleep(Duration::from_millis(attempts));
                    continue;
                }
                let source = io::Error::from(e.kind());
                let source = e.raw_os_error().map_or(source, io::Error::from_raw_os_error);
                return Err(CaptureError::new(self.pid, "trace", source));
            }
            if self.threads.is_empty() {
                return Err(CaptureError::Gone { pid: self.pid });
            }
            for (tid, e) in refused {
                let name = thread_name(self.pid, tid).unwrap_or_default();
                self.notes.push(format!("Thread {tid} ({name}) cannot be traced: {e}."));
            }
            return Ok(());
        }
    }

    /// Seizes and interrupts the threads not seen before: whether there were any, and which live
    /// ones could not be seized.
    fn seize_new(&mut self) -> Result<(bool, Vec<(i32, io::Error)>), CaptureError> {
        let fail = |e| CaptureError::new(self.pid, "list the threads of", e);
        let mut found = false;
        let mut refused = Vec::new();
        for tid in task_ids(self.pid).map_err(fail)? {
            if self.threads.contains_key(&tid) {
                continue;
            }
            match ptrace::seize(tid) {
                Ok(()) => {
                    found = true;
                    self.threads.insert(tid, None);
                    // Fails only for a thread that has just ended, which `await_stops` finds out.
                    let _ = ptrace::interrupt(tid);
                }
                Err(e) if is_alive(self.pid, tid) => refused.push((tid, e)),
                Err(_) => {}
            }
        }
        Ok((found, refused))
    }

    /// Waits until every seized thread stands still, has ended, or has used up the patience.
    fn await_stops(&mut self, start: Instant) {
        let begin = Instant::now();
        let mut seize_again = begin + SEIZE_AGAIN;
        let mut pause = Duration::ZERO;
        loop {
            let mut pending = Vec::new();
            for (&tid, state) in self.threads.iter_mut().filter(|(_, state)| state.is_none()) {
                match ptrace::stop(tid) {
                    Ok(Some(stop)) => *state = Some(stop),
                    _ => pending.push(tid),
                }
            }
            if pending.is_empty() || start.elapsed() >= PATIENCE {
                return;
            }
            // Most stop at once. Whoever takes longer is looked at more closely, less often.
            if begin.elapsed() < Duration::from_micros(200) {
                thread::yield_now();
                continue;
            }
            pending.retain(|&tid| !is_alive(self.pid, tid));
            for tid in pending {
                self.threads.remove(&tid);
                self.notes.push(format!("Thread {tid} ended while the process was being stopped."));
            }
            if Instant::now() >= seize_again {
                seize_again += SEIZE_AGAIN;
                for (&tid, _) in self.threads.iter().filter(|(_, state)| state.is_none()) {
                    if ptrace::seize(tid).is_ok() {
                        let _ = ptrace::interrupt(tid);
                    }
                }
            }
            pause = (pause + Duration::from_micros(50)).min(Duration::from_millis(1));
            thread::sleep(pause);
        }
    }

    /// Copies registers, stacks and the map of the stopped process.
    fn copy(&mut self) -> Result<Stopped, CaptureError> {
        let pid = self.pid;
        let mut threads = Vec::with_capacity(self.threads.len());
        let mut ended = Vec::new();
        let mut memory: Option<(i32, Maps)> = None;
        for (&tid, stop) in &self.threads {
            let name = || thread_name(pid, tid).unwrap_or_else(|| "?".into());
            if stop.is_none() {
                let state = kernel_state(pid, tid).unwrap_or('?');
                let why = format!("it did not stop within {PATIENCE:?} (kernel state {state})");
                threads.push(StoppedThread { tid, name: name(), state: Err(why) });
                continue;
            }
            match ptrace::registers(tid) {
                Ok(registers) => {
                    let (_, maps) = memory.get_or_insert_with(|| (tid, read_maps(pid, tid)));
                    let stack = copy_stack(tid, registers.sp, maps);
                    let state = Ok(ThreadState { registers, stack });
                    threads.push(StoppedThread { tid, name: name(), state });
                }
                // Only SIGKILL can have taken it from here.
                Err(_) => ended.push(tid),
            }
        }
        for tid in ended {
            self.threads.remove(&tid);
            self.notes.push(format!("Thread {tid} was killed while the process was stopped."));
        }
        if threads.is_empty() {
            return Err(CaptureError::Gone { pid });
        }
        if !self.threads.contains_key(&pid) {
            self.notes
                .push("The main thread cannot be seen, or has ended before the others.".into());
        }
        let (witness, maps) = memory.unwrap_or_else(|| (pid, Maps::default()));
        if maps.iter().next().is_none() {
            self.notes.push("The memory map could not be read; frames have no names.".into());
        }
        let vdso = copy_vdso(witness, &maps);
        Ok(Stopped { witness, threads, maps, vdso, duration: Duration::ZERO, notes: Vec::new() })
    }
}

impl Drop for Tracees {
    fn drop(&mut self) {
        for (&tid, state) in &self.threads {
            // One that was late may have stopped by now; one that has not is let go by the kernel
            // when this thread ends.
            let stop = state.or_else(|| ptrace::stop(tid).ok().flatten());
            if let Some(stop) = stop {
                let _ = ptrace::detach(tid, stop);
            }
        }
    }
}

/// The threads of a process, corpses included.
fn task_ids(pid: i32) -> io::Result<Vec<i32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"))?;
    // The listing breaks off with an error when the process ends meanwhile.
    Ok(entries.map_while(Result::ok).filter_map(|e| e.file_name().to_str()?.parse().ok()).collect())
}

fn read_maps(pid: i32, tid: i32) -> Maps {
    Maps::parse(&fs::read(format!("/proc/{pid}/task/{tid}/maps")).unwrap_or_default())
}

fn copy_stack(tid: i32, sp: u64, maps: &Maps) -> Stack {
    let Some(mapping) = maps.at(sp) else { return Stack::default() };
    let start = sp.saturating_sub(RED_ZONE).max(mapping.range.start);
    let length = (mapping.range.end - start).min(STACK_LIMIT);
    let cut = start + length < mapping.range.end;
    Stack { start, bytes: copy_memory(tid, start, length as usize), cut }
}

fn copy_vdso(tid: i32, maps: &Maps) -> Vec<u8> {
    let Some(vdso) = maps.iter().find(|m| m.path == "[vdso]") else { return Vec::new() };
    copy_memory(tid, vdso.range.start, (vdso.range.end - vdso.range.start) as usize)
}

fn copy_memory(tid: i32, start: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let copied = ptrace::read_memory(tid, start, &mut bytes).unwrap_or(0);
    bytes.truncate(copied);
    bytes
}

fn thread_name(pid: i32, tid: i32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/task/{tid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end_matches('\n').to_owned())
}

/// The letter that `ps` shows for the thread.
fn kernel_state(pid: i32, tid: i32) -> Option<char> {
    let stat = fs::read(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    // The name before it may hold anything, parentheses included.
    let after_name = stat.iter().rposition(|&b| b == b')')? + 2;
    stat.get(after_name).map(|&b| b.into())
}

/// Whether the thread exists and is more than a corpse waiting to be buried.
fn is_alive(pid: i32, tid: i32) -> bool {
    !matches!(kernel_state(pid, tid), None | Some('Z' | 'X'))
}
