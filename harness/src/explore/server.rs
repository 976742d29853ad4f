//! The process that trials are forked from, and the conversation with its runtime.
//!
//! A server is started once; its runtime stops it before `main` and forks a child for each trial. A
//! program that has threads before `main` cannot be forked so (they would be missing in the child):
//! it is started anew for each trial, and the runtime runs `main` in place. One thread owns a server:
//! its processes die with that thread.

mod batch;
mod process;

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use standstill_scheduler::abi::{self, Decision, Message, Order};

use super::ended::{Ended, How, Numbers};
use super::level::Level;
use super::monitor::{Liveness, TICK, Wish, holder};
use super::patches::{Patches, Points, search};
use super::preload::{self, PreloadError};
use super::sink::Sinks;
use super::target::Target;
use super::within::within;
use crate::board::{Board, Outcome};
use crate::os::control::{Memory, kill_group, signal_thread};
use crate::os::process::lift;

use batch::Batch;
use process::{Process, Said};

/// How long a target may take to load its libraries, or to have its sites patched.
const LOADING: Duration = Duration::from_secs(10);
/// How long a scenario may take to prepare itself besides.
const PREPARING: Duration = Duration::from_secs(120);
/// Why a trial cannot be run. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The runtime has no file.
    #[error(transparent)]
    Preload(#[from] PreloadError),
    /// The system failed.
    #[error("{0}: {1}")]
    System(&'static str, #[source] io::Error),
    /// The target runs, and does not let itself be controlled.
    #[error("control {0}: {1}")]
    Uncontrolled(String, String),
    /// A scenario could not be prepared: the user's to mend, a missing file as a rule.
    #[error("prepare {scenario}: {why}")]
    NotPrepared {
        /// `crate/scenario`.
        scenario: String,
        /// The scenario's own sentence.
        why: String,
    },
    /// There is nothing to compare a trial's output with.
    #[error("compare its output with that of its runs without control: {0}")]
    NoReference(String),
    /// The server was lost in the middle of a trial.
    #[error("follow a trial: {0}")]
    Lost(String),
}

/// What bounds a trial besides its order.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// When there is no more time for it.
    pub until: Instant,
    /// Set when it is not wanted any more.
    pub stop: &'a AtomicBool,
}

impl Limits<'_> {
    fn are_passed(&self) -> bool {
        self.stop.load(Relaxed) || Instant::now() >= self.until
    }
}

/// Looks at a trial that stands still, before it is killed.
pub type Look<'a> = &'a mut dyn FnMut(&mut Ended);

/// A worker's own server.
pub struct Server {
    target: Target,
    runtime: PathBuf,
    cpu: usize,
    memory: Memory,
    patches: Patches,
    sinks: Sinks,
    /// A scenario's.
    board: Option<Board>,
    process: Option<Process>,
    batch: Batch,
    until: Instant,
    /// Traps every access, to profile which memory is shared.
    profiles: bool,
    /// What control had to do without, each a sentence.
    pub notes: Vec<String>,
}

impl Server {
    /// Starts one on `cpu`, which must be ready at `until`.
    pub fn start(target: &Target, cpu: usize, until: Instant) -> Result<Server, ServerError> {
        Server::begin(target, cpu, until, false)
    }

    /// One whose trials note who touches which memory, if they are ordered to.
    pub fn profiling(target: &Target, cpu: usize, until: Instant) -> Result<Server, ServerError> {
        Server::begin(target, cpu, until, true)
    }

    fn begin(
        target: &Target,
        cpu: usize,
        until: Instant,
        profiles: bool,
    ) -> Result<Server, ServerError> {
        let system = |what| move |error| ServerError::System(what, error);
        let mut server = Server {
            target: target.clone(),
            runtime: preload::lay_down()?,
            cpu,
            memory: Memory::create().map_err(system("share memory with the target"))?,
            patches: Patches::new().map_err(system("share memory with the target"))?,
            sinks: Sinks::new().map_err(system("share memory with the target"))?,
            board: target
                .has_board()
                .then(|| Board::create("standstill-board"))
                .transpose()
                .map_err(system("share memory with the target"))?,
            process: None,
            batch: Batch::default(),
            notes: vec![],
            until,
            profiles,
        };
        server.launch()?;
        Ok(server)
    }

    /// Whether trials are forked rather than started anew.
    pub fn forks(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.forks)
    }

    /// The process that trials are forked from, or that the next runs in; started if there is none.
    pub fn pid(&mut self) -> Option<i32> {
        if self.process.is_none() {
            self.launch().ok()?;
        }
        self.process.as_ref().map(|process| process.child.id() as i32)
    }

    /// Runs one trial. `look` is called if it stands still, before it is killed.
    pub fn trial(
        &mut self,
        order: &Order,
        script: &[Decision],
        limits: Limits<'_>,
        look: Look<'_>,
    ) -> Result<Ended, ServerError> {
        if self.process.is_none() {
            self.launch()?;
        }
        let shares = order.flags & abi::FLAG_BATCH != 0;
        self.batch.want(shares);
        if !shares {
            self.end_batch(limits.until);
        }
        self.memory.prepare(order, script);
        self.board.iter().for_each(|board| board.reset());
        self.sinks.clear().map_err(|error| ServerError::System("empty the output", error))?;
        let ended = self.run(order, limits, look);
        // A process that ran a trial itself is spent, and one that was lost is of no use.
        if ended.is_err() || !self.forks() {
            self.process = None;
        }
        ended
    }

    fn run(
        &mut self,
        order: &Order,
        limits: Limits<'_>,
        look: Look<'_>,
    ) -> Result<Ended, ServerError> {
        let lost = |why: &str| ServerError::Lost(why.to_owned());
        let process = self.process.as_mut().ok_or_else(|| lost("it has no process"))?;
        let bid = match process.forks {
            true if self.batch.pid.is_none() => abi::BIDS_FORK,
            _ => abi::BIDS_RUN,
        };
        process.say(bid, 0).map_err(|error| ServerError::System("start a trial", error))?;
        let itself = || process.child.id() as i32;
        let mut pid =
            self.batch.begins().unwrap_or_else(|| if process.forks { 0 } else { itself() });
        let begun = Instant::now();
        let mut liveness = Liveness::new(self.target.timeout);
        loop {
            let how = match process.wait(TICK) {
                Said::Message(Message { what: abi::SAYS_STARTED, pid: started, .. }) => {
                    pid = started;
                    continue;
                }
                Said::Message(Message { what: abi::SAYS_ENDED, value, .. }) => {
                    self.batch.ended();
                    return Ok(self.ended(How::of_status(value as i32), pid, order));
                }
                Said::Message(Message { what: abi::SAYS_AGAIN, value, .. }) => {
                    let ended = self.ended(How::Exited(value as i32), pid, order);
                    self.batch.goes_on(pid);
                    if self.batch.trials >= self.target.batch {
                        self.end_batch(limits.until);
                    }
                    return Ok(ended);
                }
                Said::Message(Message { what: abi::SAYS_STANDS, pid: stands, value }) => {
                    pid = stands;
                    How::of_stand(value as u32)
                        .ok_or_else(|| lost(&format!("it stands in an unknown way ({value})")))?
                }
                Said::Message(Message { what: abi::SAYS_LACKS, value, .. }) => {
                    return Err(lost(&lacks(value)));
                }
                Said::Message(_) => continue,
                Said::Gone if process.forks => {
                    let how = process.bury();
                    return Err(lost(&format!("the process that it was forked from {how}")));
                }
                Said::Gone => {
                    let how = process.bury();
                    return Ok(self.ended(how, pid, order));
                }
                Said::Nothing if limits.are_passed() => {
                    kill_group(pid);
                    if !process.await_end(limits.until) {
                        self.process = None;
                    }
                    return Ok(self.ended(How::Cut, pid, order));
                }
                Said::Nothing if pid == 0 && begun.elapsed() > LOADING => {
                    return Err(lost("it was not started in 10 s"));
                }
                Said::Nothing => {
                    self.sinks.relieve();
                    let outcome = self.memory.outcome();
                    if outcome.unattended.load(Relaxed) != 0 {
                        outcome.seize.store(abi::NOBODY, Relaxed);
                        self.memory.wake(outcome.threads.load(Relaxed));
                    }
                    let tid = outcome.holder_tid.load(Relaxed);
                    let steps = outcome.steps.load(Relaxed);
                    match liveness.tick(begun.elapsed(), steps, || holder(pid, tid)) {
                        Wish::Wait => continue,
                        Wish::Seize => {
                            // Both words are a thread's number plus one.
                            outcome.seize.store(outcome.holder.load(Relaxed), Relaxed);
                            self.memory.wake(outcome.threads.load(Relaxed));
                            continue;
                        }
                        Wish::Prod => {
                            signal_thread(pid, tid as i32, libc::SIGPROF);
                            continue;
                        }
                        Wish::GiveUp => How::Silent,
                    }
                }
            };
            let mut ended = self.ended(how, pid, order);
            look(&mut ended);
            // Not reaped yet: its parent is the server, which waits for it, or this very process.
            kill_group(pid);
            let process = self.process.as_mut().ok_or_else(|| lost("it has no process"))?;
            if !process.await_end(limits.until) {
                self.process = None;
            }
            return Ok(ended);
        }
    }

    /// Ends a process that could run another trial.
    fn end_batch(&mut self, until: Instant) {
        let (Some(process), Some(pid)) = (self.process.as_mut(), self.batch.pid.take()) else {
            return;
        };
        let told = process.say(abi::BIDS_END, 0).is_ok();
        if !told || !process.await_end(until) {
            kill_group(pid);
            self.process = None;
        }
    }

    /// Why trials do not share processes although they were to, once that is known.
    pub fn unshared(&self) -> Option<&'static str> {
        (self.target.batch > 1).then(|| self.batch.unshared(self.forks())).flatten()
    }

    /// The plain accesses that the last trial saw to touch memory which threads share.
    pub fn shared_accesses(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        self.memory.shared_sites().into_iter().filter_map(|site| self.patches.access(site as usize))
    }

    /// What stands in the shared memory and the sinks.
    fn ended(&self, how: How, pid: i32, order: &Order) -> Ended {
        let numbers = Numbers::of(self.memory.outcome(), order);
        Ended {
            how,
            pid,
            numbers,
            blocked: self.memory.blocked(numbers.blocked),
            places: Default::default(),
            decisions: self.memory.decisions(numbers.decisions),
            events: self.memory.events(numbers.events),
            stdout: self.sinks.stdout.output(),
            stderr: self.sinks.stderr.output(),
            printed: self.target.same_output.then(|| self.sinks.stdout.printed()).flatten(),
            said: self.board.as_ref().map(|board| (board.outcome(), board.message())),
            scene: None,
        }
    }

    /// Starts the process, waits for its greeting and has it patched.
    fn launch(&mut self) -> Result<(), ServerError> {
        let system = |what| move |error: io::Error| ServerError::System(what, error);
        let _ = self.sinks.clear();
        let kind = SocketType::SEQPACKET;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
            .map_err(|error| ServerError::System("make a socket", error.into()))?;
        // High numbers, out of the way of what the program opens, and closes by mistake.
        let high = |fd| lift(fd).map_err(system("pass descriptors on"));
        let (theirs, shared, sites) =
            (high(theirs.as_fd())?, high(self.memory.fd())?, high(self.patches.fd())?);
        let passed = [theirs.as_fd(), shared.as_fd(), sites.as_fd()];
        let board = self.board.as_ref().and_then(Board::fd).map(high).transpose()?;
        let child = self
            .target
            .controlled(
                &self.sinks,
                self.cpu,
                &self.runtime,
                passed,
                board.as_ref().map(AsFd::as_fd),
            )
            .and_then(|mut command| command.spawn())
            .map_err(system("start the target"))?;
        drop((theirs, shared, sites, board));
        let mut process = Process::new(child, ours).map_err(system("follow the target"))?;
        let threads = self.greeting(&mut process)?;
        process.forks = !self.target.exec && threads <= 1;
        let pid = process.child.id() as i32;
        if self.notes.is_empty() {
            if threads > 1 && !self.target.exec {
                self.notes.push(format!(
                    "it has {threads} threads before main begins, so each trial is a new process"
                ));
            }
            self.notes.extend(randomized(pid));
        }
        // Without sites, too: that is when the runtime takes over the signals that are its own.
        let points = match (self.target.level, &self.target.chosen) {
            _ if self.profiles => Some(Points::Profiled),
            (Level::Calls, _) => None,
            (Level::Accesses, Some(chosen)) => Some(Points::Chosen(Arc::clone(chosen))),
            _ => Some(Points::Atomics),
        };
        let sites = match points {
            None => 0,
            Some(points) => {
                let found = within(self.until, move || search(pid, &points));
                let late = "it could not be searched for scheduling points in time; try --level 0";
                let found = found.ok_or_else(|| self.uncontrolled(late))?;
                let placed = found.and_then(|found| self.patches.place(found, &mut self.notes));
                placed.map_err(system("read the target"))?
            }
        };
        process.say(abi::BIDS_PATCH, sites as i64).map_err(system("patch the target"))?;
        match process.wait(self.loading()) {
            Said::Message(Message { what: abi::SAYS_READY, .. }) => {}
            Said::Message(Message { what: abi::SAYS_LACKS, value, .. }) => {
                return Err(self.uncontrolled(&lacks(value)));
            }
            Said::Gone => {
                let how = process.bury();
                return Err(self.uncontrolled(&format!("it {how} while it was patched")));
            }
            _ => return Err(self.uncontrolled("it was not patched in time; try --level 0")),
        }
        self.process = Some(process);
        Ok(())
    }

    /// Waits for the runtime's first words: the number of threads.
    fn greeting(&self, process: &mut Process) -> Result<i64, ServerError> {
        match process.wait(self.loading()) {
            Said::Message(Message { what: abi::SAYS_HELLO, value, .. }) => Ok(value),
            Said::Message(Message { what: abi::SAYS_LACKS, value, .. }) => {
                Err(self.uncontrolled(&lacks(value)))
            }
            Said::Message(Message { what, .. }) => {
                Err(self.uncontrolled(&format!("its runtime speaks another language ({what})")))
            }
            Said::Gone => {
                let how = process.bury();
                if let Some(why) = self.not_prepared() {
                    return Err(ServerError::NotPrepared { scenario: self.target.shown(), why });
                }
                let said = self.sinks.stderr.output().to_string();
                let said = said.lines().find(|line| !line.trim().is_empty());
                let said =
                    said.map_or(String::new(), |line| format!(" (it said: {})", line.trim()));
                Err(self.uncontrolled(&format!(
                    "it {how} before the preloaded runtime could greet{said}; `standstill watch` runs \
                     it without control"
                )))
            }
            Said::Nothing => Err(self.uncontrolled(
                "the preloaded runtime did not greet in time: the program may clear LD_PRELOAD or \
                 wait before main; `standstill watch` runs it without control",
            )),
        }
    }

    /// Why a scenario that has ended could not be prepared, in its own words, if that is why it ended:
    /// it greets only once it is.
    fn not_prepared(&self) -> Option<String> {
        let board = self.board.as_ref().filter(|board| board.outcome() == Outcome::NotPrepared)?;
        let (message, said) = (board.message(), self.sinks.stderr.output().to_string());
        let last = said.lines().rfind(|line| !line.trim().is_empty());
        let of_stderr = || last.map(|line| line.trim().to_owned()).unwrap_or_default();
        Some(if message.is_empty() { of_stderr() } else { message })
    }

    /// How long it may take to load.
    fn loading(&self) -> Duration {
        let most = if self.target.defers { PREPARING } else { LOADING };
        most.min(self.until.saturating_duration_since(Instant::now()))
    }

    fn uncontrolled(&self, why: &str) -> ServerError {
        ServerError::Uncontrolled(self.target.shown(), why.to_owned())
    }
}

/// What a runtime lacks, as a clause.
fn lacks(value: i64) -> String {
    match value & 0xffff_ffff {
        abi::LACKS_INTERPOSITION => {
            "the program does not call the preloaded functions (is it linked with -Bsymbolic or \
             -static-pie?)"
                .to_owned()
        }
        abi::LACKS_MEMORY => "the shared memory could not be mapped in it".to_owned(),
        abi::LACKS_FORK => {
            format!(
                "it could not be forked: {}",
                io::Error::from_raw_os_error((value >> 32) as i32)
            )
        }
        other => format!("its runtime lacks something unknown ({other})"),
    }
}

/// A sentence if the addresses of a process are random in spite of what was asked for.
fn randomized(pid: i32) -> Option<String> {
    let text = crate::os::proc_text(format!("/proc/{pid}/personality")).ok()?;
    let personality = u32::from_str_radix(text.trim(), 16).ok()?;
    (personality & libc::ADDR_NO_RANDOMIZE as u32 == 0).then(|| {
        "addresses stay random here (personality(2) was refused), so a schedule that depends on \
         them may not repeat"
            .to_owned()
    })
}

#[cfg(test)]
mod tests;
