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

use super::maps::Maps;
use super::near::{self, Near};
use super::stack::{self, Stack};
use super::tasks::{is_alive, kernel_state, task_ids, thread_name};
use super::word::Word;
use super::{CaptureError, words};
use crate::observation::Wait;
use crate::os::ptrace::{self, Registers, Stop};

/// How long threads get to stop. All do within microseconds, but one that the kernel holds in an
/// uninterruptible sleep.
const PATIENCE: Duration = Duration::from_secs(2);
/// After this long without a stop, a thread is seized again: an `execve` can have put another
/// thread in its place.
const SEIZE_AGAIN: Duration = Duration::from_millis(50);
/// How often a process that refuses to be traced is asked.
const ATTEMPTS: u64 = 10;
/// Of so many running threads the memory that they may look at is read: more would stand still for it
/// too long.
const NEAR: usize = 64;
/// The system calls of a capture return at once. When they do not, the caller gets an error rather
/// than a hang.
const STUCK: Duration = Duration::from_secs(10);

/// A process as it stood while it was stopped.
#[derive(Debug)]
pub(super) struct Stopped {
    /// A thread that was alive: its files in `/proc` can be read where those of the process cannot,
    /// for a main thread that has ended takes them with it.
    pub(super) witness: i32,
    pub(super) threads: Vec<StoppedThread>,
    /// What the threads wait on, read while they stood still.
    pub(super) words: Vec<Word>,
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
    /// What it may look at, if it runs.
    pub(super) near: Near,
}

impl ThreadState {
    /// How much of the innermost stack counts.
    const LIVE: u64 = 4096;

    /// Equal for a thread that has come back to where it was, down to its registers, its locals, and
    /// what memory near it was read.
    pub(super) fn hash(&self) -> u64 {
        let Registers { pc, sp, fp, general, .. } = self.registers;
        let stack = self.stack.words(sp, sp.saturating_add(Self::LIVE)).map(|(_, word)| word);
        let words = [pc, sp, fp, self.near.hash].into_iter().chain(general).chain(stack);
        // FNV-1a, word by word: nobody chooses the input to make it collide.
        words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x100_0000_01b3))
    }
}

/// Stops `pid`, copies what its stacks are made of and lets it go on.
pub(super) fn stop_and_copy(pid: i32) -> Result<Stopped, CaptureError> {
    let start = Instant::now();
    let is_stuck = || start.elapsed() >= STUCK;
    on_own_thread(pid, is_stuck, move || insist(pid, Tracees::stop_and_copy))?
}

/// Stops `pid`, does `work` on the thread that traces it, and lets it go on: what came of the work,
/// how long all threads had to stand still for it, and what there is to note.
///
/// However long the work takes, it is waited for until `is_stuck` says otherwise; the target is let
/// go when the work then comes to its end after all.
pub(super) fn while_stopped<T: Send + 'static>(
    pid: i32,
    is_stuck: impl FnMut() -> bool,
    work: impl FnOnce(&Tracees) -> T + Send + 'static,
) -> Result<(T, Duration, Vec<String>), CaptureError> {
    on_own_thread(pid, is_stuck, move || {
        let stop = |mut tracees: Tracees| {
            let start = Instant::now();
            tracees.stop_all(start)?;
            Ok((tracees, start))
        };
        let (mut tracees, start) = insist(pid, stop)?;
        let notes = std::mem::take(&mut tracees.notes);
        let result = work(&tracees);
        drop(tracees);
        Ok((result, start.elapsed(), notes))
    })?
}

/// Traces on a thread of its own, and looks after what may come in its way meanwhile.
fn on_own_thread<T: Send + 'static>(
    pid: i32,
    mut is_stuck: impl FnMut() -> bool,
    trace: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CaptureError> {
    let fail = |source| CaptureError::System { pid, action: "trace", source };
    let (tell, told) = mpsc::channel();
    let tracer = thread::Builder::new()
        .name("capture".into())
        .spawn(move || {
            // Fails only when it was stuck, and nobody listens any more.
            let _ = tell.send(trace());
        })
        .map_err(fail)?;
    loop {
        match told.recv_timeout(Duration::from_millis(100)) {
            Ok(result) => {
                // What it could not let go of is let go of at its end.
                let _ = tracer.join();
                return Ok(result);
            }
            Err(RecvTimeoutError::Timeout) if !is_stuck() => bury_the_dead(pid),
            Err(RecvTimeoutError::Timeout) => return Err(fail(io::ErrorKind::TimedOut.into())),
            Err(RecvTimeoutError::Disconnected) => match tracer.join() {
                Ok(()) => return Err(fail(io::ErrorKind::BrokenPipe.into())),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}

/// Makes an attempt, and again if there were threads but none that could be stopped. That passes:
/// while `execve` kills all threads but one and puts that one in the place of the first, and until
/// the end of the thread that made the capture before this one.
fn insist<T>(
    pid: i32,
    attempt: impl Fn(Tracees) -> Result<T, CaptureError>,
) -> Result<T, CaptureError> {
    for nth in 1..ATTEMPTS {
        match attempt(Tracees::new(pid)) {
            Err(CaptureError::Gone { .. } | CaptureError::Denied { .. })
                if task_ids(pid).is_ok_and(|tids| tids.iter().any(|&tid| is_alive(pid, tid))) =>
            {
                thread::sleep(Duration::from_millis(nth));
            }
            result => return result,
        }
    }
    attempt(Tracees::new(pid))
}

/// Makes a thread stop soon, or says why not; nothing is to be said of one that has ended.
fn seize_and_interrupt(pid: i32, tid: i32) -> Result<(), Option<io::Error>> {
    let Err(e) = ptrace::seize(tid) else {
        // Fails only for a thread that has just ended, which `await_stops` finds out.
        let _ = ptrace::interrupt(tid);
        return Ok(());
    };
    if !is_alive(pid, tid) {
        return Err(None);
    }
    // Works for a thread that is ours already, under the id that it had before an `execve`.
    ptrace::interrupt(tid).map_err(|_| Some(e))
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
pub(super) struct Tracees {
    pid: i32,
    /// Seized threads, with their stop once they stand still.
    threads: BTreeMap<i32, Option<Stop>>,
    notes: Vec<String>,
}

impl Tracees {
    fn new(pid: i32) -> Self {
        Tracees { pid, threads: BTreeMap::new(), notes: Vec::new() }
    }

    /// The seized threads by id, and whether each stands still; one that does not was too late.
    pub(super) fn threads(&self) -> impl Iterator<Item = (i32, bool)> {
        self.threads.iter().map(|(&tid, stop)| (tid, stop.is_some()))
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
        loop {
            let (found, refused) = self.seize_new()?;
            if found && start.elapsed() < PATIENCE {
                self.await_stops(start);
                continue;
            }
            if self.threads.is_empty() {
                return Err(match refused.into_iter().next() {
                    Some((_, e)) => CaptureError::new(self.pid, "trace", e),
                    None => CaptureError::Gone { pid: self.pid },
                });
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
            match seize_and_interrupt(self.pid, tid) {
                Ok(()) => {
                    found = true;
                    self.threads.insert(tid, None);
                }
                Err(Some(e)) => refused.push((tid, e)),
                Err(None) => {}
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
                    let _ = seize_and_interrupt(self.pid, tid);
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
        let mut copied = 0;
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
                    let stack = Stack::copy(tid, registers.sp, maps);
                    let near = match registers.wait() {
                        Wait::Running if copied < NEAR => {
                            copied += 1;
                            near::copy(tid, &registers, &stack, maps)
                        }
                        _ => Near::default(),
                    };
                    let state = Ok(ThreadState { registers, stack, near });
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
        let vdso = maps.iter().find(|m| m.path == "[vdso]").map(|m| m.range.clone());
        let vdso = vdso.map_or_else(Vec::new, |range| stack::copy(witness, range));
        let states = threads.iter().filter_map(|thread| thread.state.as_ref().ok());
        let words = words::copy(witness, states.map(|state| state.registers.wait()), &maps);
        let (duration, notes) = (Duration::ZERO, Vec::new());
        Ok(Stopped { witness, threads, words, maps, vdso, duration, notes })
    }
}

impl Drop for Tracees {
    fn drop(&mut self) {
        for (&tid, state) in &self.threads {
            // One that was late may have stopped by now; one that has not is let go by the kernel
            // when this thread ends.
            let stop = state.or_else(|| ptrace::stop(tid).ok().flatten());
            if let Some(stop) = stop {
                if stop == Stop::Interrupted {
                    // At worst it sees an EINTR, as under any debugger.
                    let _ = ptrace::repeat_ended_call(tid);
                }
                let _ = ptrace::detach(tid, stop);
            }
        }
    }
}

fn read_maps(pid: i32, tid: i32) -> Maps {
    Maps::parse(&fs::read(format!("/proc/{pid}/task/{tid}/maps")).unwrap_or_default())
}
