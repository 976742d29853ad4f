//! A worker's processes, and the loop that watches one trial in them.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};

use super::output::Stream;
use super::packet::{Received, receive};
use super::watch::{Watch, actors_of};
use super::watchdog::{Deadlines, PERIOD};
use super::{PACKET, children_of};
use crate::board::{ActorState, Board, Outcome};
use crate::capture::Capturer;
use crate::observation::{Isolation, Observation};
use crate::os::{cpu, process};
use crate::protocol::{
    BOARD_FD, Ending, FromKeeper, FromZygote, Launch, ORDER_VAR, Order, ROLE_VAR, Role, ToKeeper,
    ZYGOTE_FD,
};
use crate::trial::Trial;

/// How long a killed process may take to die. One that waits for a disk or a debugger may take for
/// ever, and is left to its keeper's sweep.
const DYING: Duration = Duration::from_secs(5);

/// A scenario binary, and the program that can be its keeper.
#[derive(Clone, Debug)]
pub struct Target {
    /// The binary whose `main` is the kit's.
    pub exe: PathBuf,
    /// A program that runs [`keeper::main`](super::keeper::main) when it is given that role: this
    /// one, as a rule.
    pub keeper: PathBuf,
}

/// Why a cell cannot go on. Never the trial's fault: what a trial does is an observation.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The keeper, a socket or shared memory could not be had.
    #[error("failed to set up a worker's processes: {0}")]
    SetUp(#[source] io::Error),
    /// The keeper is gone: something outside killed it.
    #[error("a worker's keeper process ended (was it killed?)")]
    KeeperGone,
    /// The kernel refused to start the trial's process.
    #[error("{0}")]
    NotStarted(String),
}

/// One thing to be run and watched.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its name.
    pub trial: &'a Trial,
    /// What the process is told.
    pub order: &'a Order,
    /// When to stop waiting.
    pub deadlines: Deadlines,
    /// Whether the scenario promises steps.
    pub counts_steps: bool,
}

/// A keeper, maybe a zygote, and the ends of what connects them to this process.
///
/// Dropping it ends them: the keeper sees its socket close.
pub struct Cell {
    keeper: Child,
    control: OwnedFd,
    zygote: Option<OwnedFd>,
    zygote_pid: Option<i32>,
    board: Board,
    stdout: Stream,
    stderr: Stream,
    target: Target,
    packet: Vec<u8>,
    /// Whether something went wrong between its processes, or a trial was called off half-way.
    spent: bool,
    watching: Duration,
}

impl Cell {
    /// Starts a keeper.
    pub fn start(target: &Target) -> Result<Cell, CellError> {
        if let Some(why) = super::foreign_proc() {
            return Err(CellError::SetUp(io::Error::other(why)));
        }
        Cell::try_start(target).map_err(CellError::SetUp)
    }

    fn try_start(target: &Target) -> io::Result<Cell> {
        let pair =
            || socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let (control, keepers_end) = pair()?;
        let (zygote, zygotes_end) = pair()?;
        let board = Board::create("standstill-board")?;
        let board_fd = process::lift(board.fd().ok_or_else(|| io::Error::other("no board"))?)?;
        let zygote_fd = process::lift(zygotes_end.as_fd())?;
        let (stdout, out) = Stream::new()?;
        let (stderr, err) = Stream::new()?;

        let mut command = Command::new(&target.keeper);
        // A group of its own: a Ctrl-C at the terminal is for the harness, which then decides.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.env(ROLE_VAR, Role::Keeper.name()).stdin(keepers_end).stdout(out).stderr(err);
        process::pass_fd(&mut command, board_fd.as_raw_fd(), BOARD_FD);
        process::pass_fd(&mut command, zygote_fd.as_raw_fd(), ZYGOTE_FD);
        let keeper = command.spawn()?;
        let (target, packet) = (target.clone(), vec![0; PACKET]);
        let zygote = Some(zygote);
        Ok(Cell {
            keeper,
            control,
            zygote,
            zygote_pid: None,
            board,
            stdout,
            stderr,
            target,
            packet,
            spent: false,
            watching: Duration::ZERO,
        })
    }

    /// The keeper's process id.
    pub fn keeper_pid(&self) -> i32 {
        self.keeper.id() as i32
    }

    /// CPU time that this process took to run and watch the last trial, without what capturing stacks
    /// took. Right if no other thread of this process works meanwhile.
    pub fn watching(&self) -> Duration {
        self.watching
    }

    /// Prepares a zygote with `order`'s settings. `Ok(Err(why))`: it cannot be forked safely, or did
    /// not come up within `patience`; trials then need fresh processes in another cell.
    pub fn start_zygote(
        &mut self,
        order: &Order,
        patience: Duration,
    ) -> Result<Result<(), String>, CellError> {
        self.zygote_pid = Some(self.launch(order, Role::Zygote)?);
        let (Some(zygote), deadline) = (&self.zygote, Instant::now() + patience) else {
            return Ok(Err("this worker has had its zygote".to_owned()));
        };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Err(format!("it was not prepared within {patience:?}")));
            }
            let mut polled = [PollFd::new(zygote, PollFlags::IN)];
            let pause = timespec(left.min(PERIOD));
            if matches!(poll(&mut polled, Some(&pause)), Ok(n) if n > 0) {
                return Ok(match receive::<FromZygote>(zygote, &mut self.packet) {
                    Received::Message(FromZygote::Ready) => Ok(()),
                    Received::Message(FromZygote::Refused { why }) => Err(why),
                    Received::Message(_) => Err("it answered out of turn".to_owned()),
                    Received::HungUp => Err("it ended while it prepared".to_owned()),
                });
            }
            // A scenario that prints while it prepares must not block on a full pipe.
            self.stdout.drain();
            self.stderr.drain();
        }
    }

    /// Whether a zygote stands ready.
    pub fn has_zygote(&self) -> bool {
        self.zygote_pid.is_some() && self.zygote.is_some()
    }

    /// Runs and watches one trial. With a ready zygote it is forked from it, else started fresh.
    ///
    /// When `stop` becomes true the trial is killed and `Ok(None)` is returned: it was not observed.
    pub fn run(
        &mut self,
        request: &Request<'_>,
        capturer: &mut Capturer,
        stop: &AtomicBool,
    ) -> Result<Option<Observation>, CellError> {
        self.stdout.take();
        self.stderr.take();
        self.board.reset();
        let (begun, cpu) = (Instant::now(), cpu::own_cpu());
        let isolation = if self.has_zygote() { Isolation::Zygote } else { Isolation::Fresh };
        let pid = match isolation {
            Isolation::Zygote => self.fork_trial(request.order)?,
            Isolation::Fresh => Some(self.launch(request.order, Role::Trial)?),
        };
        let mut watch = Watch::new(begun, request.deadlines, pid);
        let ending = loop {
            if stop.load(Relaxed) {
                watch.kill();
                self.spent = true;
                return Ok(None);
            }
            let next_look = watch.next_look();
            match self.wait(next_look) {
                Ok(Some(Event::Ended(ending))) => break ending,
                Ok(Some(Event::Lost(why))) => {
                    watch.notes.push(why);
                    break None;
                }
                Ok(None) => {}
                // A trial may well kill its parent, or be killed together with it.
                Err(_) => {
                    watch.notes.push("its keeper process died during the trial".to_owned());
                    self.spent = true;
                    break None;
                }
            }
            if watch.killed_at.is_some_and(|at| at.elapsed() > DYING) {
                watch.notes.push(format!("it did not die within {DYING:?} of SIGKILL"));
                self.spent = true;
                break None;
            }
            if next_look <= Instant::now() {
                watch.look(&self.board, capturer);
            }
        };
        let wall_us = begun.elapsed().as_micros() as u64;
        let left_behind = if self.spent { 0 } else { self.sweep().unwrap_or(0) };
        self.spent |= ending.is_none();
        self.watching = cpu::own_cpu().saturating_sub(cpu + watch.capturing);
        Ok(Some(self.observe(request, isolation, watch, ending, wall_us, left_behind)))
    }

    fn observe(
        &mut self,
        request: &Request<'_>,
        isolation: Isolation,
        watch: Watch,
        ending: Option<Ending>,
        wall_us: u64,
        left_behind: u32,
    ) -> Observation {
        let board = &self.board;
        let actors = actors_of(board);
        let all_finished = actors.iter().all(|a| a.state == ActorState::Finished);
        let (opened, closed) = (board.opened_ns.load(Relaxed), board.closed_ns.load(Relaxed));
        // One that ended as it should is repeated by its seed; a run of many trials need not keep it.
        let passed = board.outcome() == Outcome::Passed
            && watch.killed_at.is_none()
            && watch.leaked == 0
            && ending.is_some_and(|ending| ending.status == 0);
        let program = (!passed).then(|| board.program.read()).flatten();
        Observation {
            trial: request.trial.clone(),
            isolation,
            counts_steps: request.counts_steps,
            timeout_ms: request.deadlines.acting.as_millis() as u64,
            phase: board.phase(),
            outcome: board.outcome(),
            message: board.message(),
            ending,
            killed: watch.killed_at.is_some(),
            wall_us,
            acted_us: if opened == 0 { 0 } else { closed.saturating_sub(opened) / 1000 },
            actors: if all_finished { vec![] } else { actors },
            panics: board.panics.load(Relaxed),
            standstill: watch.standstill,
            crash: watch.crash,
            leaked_threads: watch.leaked,
            stacks: watch.stacks,
            left_behind,
            program,
            stdout: self.stdout.take(),
            stderr: self.stderr.take(),
            notes: watch.notes,
        }
    }

    /// Starts a process through the keeper.
    fn launch(&mut self, order: &Order, role: Role) -> Result<i32, CellError> {
        let json =
            serde_json::to_string(order).map_err(|e| CellError::NotStarted(e.to_string()))?;
        let mut env = BTreeMap::new();
        env.insert(ROLE_VAR.to_owned(), role.name().to_owned());
        env.insert(ORDER_VAR.to_owned(), json);
        if role == Role::Zygote && std::env::var_os("GLIBC_TUNABLES").is_none() {
            // Models on huge pages: a fork copies one table entry for 2 MiB instead of 512.
            env.insert("GLIBC_TUNABLES".to_owned(), "glibc.malloc.hugetlb=1".to_owned());
        }
        let zygote = role == Role::Zygote;
        let launch = Launch { exe: self.target.exe.clone(), args: vec![], env, zygote };
        self.tell(&ToKeeper::Spawn(launch))?;
        match self.answer()? {
            FromKeeper::Started { pid } => Ok(pid),
            FromKeeper::Failed { why } => Err(CellError::NotStarted(why)),
            FromKeeper::Ended(_) | FromKeeper::Swept { .. } => Err(CellError::KeeperGone),
        }
    }

    /// Has the zygote fork; `None` when it died instead.
    fn fork_trial(&mut self, order: &Order) -> Result<Option<i32>, CellError> {
        let Some(zygote) = &self.zygote else { return Ok(None) };
        let json = serde_json::to_vec(order).map_err(|e| CellError::NotStarted(e.to_string()))?;
        if rustix::net::send(zygote, &json, SendFlags::NOSIGNAL).is_err() {
            return Ok(None);
        }
        match receive::<FromZygote>(zygote, &mut self.packet) {
            Received::Message(FromZygote::Started { pid }) => Ok(Some(pid)),
            Received::Message(FromZygote::Refused { why }) => Err(CellError::NotStarted(why)),
            _ => Ok(None),
        }
    }

    /// Waits until `until` for the trial's end, reading its output meanwhile.
    fn wait(&mut self, until: Instant) -> Result<Option<Event>, CellError> {
        self.stdout.drain();
        self.stderr.drain();
        let zygote = self.zygote.as_ref().filter(|_| self.zygote_pid.is_some());
        let mut polled = vec![
            PollFd::new(self.stdout.pipe(), PollFlags::IN),
            PollFd::new(self.stderr.pipe(), PollFlags::IN),
            PollFd::new(&self.control, PollFlags::IN),
        ];
        polled.extend(zygote.map(|z| PollFd::new(z, PollFlags::IN)));
        let pause = timespec(until.saturating_duration_since(Instant::now()));
        if poll(&mut polled, Some(&pause)).is_err() {
            return Ok(None);
        }
        let (control, forked) = (
            !polled[2].revents().is_empty(),
            polled.get(3).is_some_and(|p| !p.revents().is_empty()),
        );
        if forked && let Some(zygote) = zygote {
            return Ok(Some(match receive::<FromZygote>(zygote, &mut self.packet) {
                Received::Message(FromZygote::Ended(ending)) => Event::Ended(Some(ending)),
                _ => Event::Lost("the zygote died during the trial".to_owned()),
            }));
        }
        if control && let FromKeeper::Ended(ending) = self.answer()? {
            return Ok(Some(Event::Ended(Some(ending))));
        }
        Ok(None)
    }

    /// Kills what the trial left behind; how many processes that were. A zygote that is gone is
    /// noticed, too.
    fn sweep(&mut self) -> Result<u32, CellError> {
        let keeper = self.keeper_pid();
        let mut children = children_of(keeper, keeper);
        let mut left_behind = 0;
        if children.iter().any(|pid| Some(*pid) != self.zygote_pid) {
            // Until the answer has come the keeper cannot be trusted with another trial.
            self.spent = true;
            self.tell(&ToKeeper::Sweep)?;
            left_behind = loop {
                if let FromKeeper::Swept { killed } = self.answer()? {
                    break killed;
                }
            };
            self.spent = false;
            children = children_of(keeper, keeper);
        }
        self.spent |= self.zygote_pid.is_some_and(|zygote| !children.contains(&zygote));
        Ok(left_behind)
    }

    /// Whether its processes are of no more use: the worker needs a new cell.
    pub fn is_spent(&self) -> bool {
        self.spent
    }

    fn tell(&self, message: &ToKeeper) -> Result<(), CellError> {
        let json = serde_json::to_vec(message).map_err(|e| CellError::NotStarted(e.to_string()))?;
        match rustix::net::send(&self.control, &json, SendFlags::NOSIGNAL) {
            Ok(_) => Ok(()),
            Err(rustix::io::Errno::MSGSIZE) => Err(CellError::NotStarted(
                "the settings of the scenario are too long to pass on".to_owned(),
            )),
            Err(_) => Err(CellError::KeeperGone),
        }
    }

    fn answer(&mut self) -> Result<FromKeeper, CellError> {
        match receive(&self.control, &mut self.packet) {
            Received::Message(message) => Ok(message),
            Received::HungUp => Err(CellError::KeeperGone),
        }
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        // Hang up, so that the keeper kills everything and goes; then see it gone.
        let (closed, _) = match std::io::pipe() {
            Ok((r, w)) => (OwnedFd::from(r), OwnedFd::from(w)),
            Err(_) => return,
        };
        drop(std::mem::replace(&mut self.control, closed));
        let _ = self.keeper.wait();
    }
}

enum Event {
    Ended(Option<Ending>),
    Lost(String),
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs() as i64, tv_nsec: i64::from(duration.subsec_nanos()) }
}
