//! The model: which threads there are, what each is about to do or waits for, and whose turn it is.
//!
//! Invariants. At most one controlled thread is between two scheduling points: the holder of the
//! token. Only the holder changes the model, under [`guard`], except for two moments that take the
//! guard as well: a thread that comes back from an outside wait, and a parked thread that does a
//! seizure for the supervisor. A thread that is neither the holder nor parked runs in code that was
//! not modelled, and makes no scheduling decision.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering::*};

use super::sys::{self, PollFd};
use super::token;
use crate::abi::{self, Blocked, Decision, EVENT_BLOCKED, Event, MAX_THREADS, Op, Shared};
use crate::strategy::{Candidate, Rng, Strategy, View};

/// Points in a row without a change of state after which a thread is taken to spin.
const SPINS: u32 = 48;
/// Virtual time begins here (nanoseconds of CLOCK_MONOTONIC), far from 0: programs subtract from it.
pub(super) const EPOCH_NS: u64 = 1_000_000_000_000;
/// A fair choice stands for less than 2 to this many steps.
const LONGEST_SLICE: u64 = 11;
/// Words with a known last taker.
const OWNERS: usize = 8192;

/// Whether and how this process runs a trial. A forked child of the target does not.
pub(super) static MODE: AtomicU32 = AtomicU32::new(OFF);
/// No trial: every call goes through.
pub(super) const OFF: u32 = 0;
/// One thread at a time.
pub(super) const CONTROL: u32 = 1;
/// The kernel schedules; threads sleep at the places that the script names.
pub(super) const NOISE: u32 = 2;
pub(super) static SHARED: AtomicPtr<Shared> = AtomicPtr::new(core::ptr::null_mut());
/// The socket to the supervisor.
pub(super) static SOCKET: AtomicU32 = AtomicU32::new(u32::MAX);

/// Controlled threads that are not finished.
pub(super) static LIVE: AtomicU32 = AtomicU32::new(0);

std::thread_local! {
    /// The thread's number plus one; 0 for a thread that is not controlled. Const-initialised and
    /// without a destructor: a plain thread-local word.
    static SELF: core::cell::Cell<u32> = const { core::cell::Cell::new(0) };
    /// How often the thread has come to the runtime: the same in a controlled and in a noisy trial as
    /// long as the thread takes the same way.
    static ENTRIES: core::cell::Cell<u32> = const { core::cell::Cell::new(0) };
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    #[default]
    Free,
    /// Could run, or runs.
    Ready,
    Waiting,
    /// In a call that is not modelled, without the token.
    Outside,
    Finished,
}

/// What ends a wait.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Until {
    /// A wake-up on the object.
    #[default]
    Woken,
    /// A descriptor becomes ready: the entries lie in the waiting thread's frame.
    Ready(*mut PollFd, usize),
    /// The word at this address no longer has bit 0 without bit 1 (a `pthread_once_t` in progress).
    OnceOver(usize),
    /// Time alone.
    Time,
}

#[derive(Clone, Copy)]
pub(super) struct Thread {
    pub(super) state: State,
    pub(super) tid: u32,
    pub(super) handle: usize,
    /// The next operation, or the one it waits in.
    pub(super) op: u32,
    pub(super) object: usize,
    pub(super) pc: usize,
    pub(super) writes: bool,
    pub(super) until: Until,
    /// Virtual time at which the wait ends, 0 for never.
    pub(super) deadline: u64,
    pub(super) timed_out: bool,
    /// The bits of a bitset futex wait.
    pub(super) bits: u32,
    /// Order of arrival: who waited first is woken first.
    pub(super) ticket: u64,
    pub(super) steps: u64,
    /// Points in a row that changed nothing.
    pub(super) fruitless: u32,
    pub(super) body: usize,
    pub(super) argument: usize,
    /// A word that the thread did not get, and where it first asked for it.
    pub(super) asked: (usize, usize),
}

impl Thread {
    const EMPTY: Thread = Thread {
        state: State::Free,
        tid: 0,
        handle: 0,
        op: 0,
        object: 0,
        pc: 0,
        writes: false,
        until: Until::Woken,
        deadline: 0,
        timed_out: false,
        bits: 0,
        ticket: 0,
        steps: 0,
        fruitless: 0,
        body: 0,
        argument: 0,
        asked: (0, 0),
    };
}

#[derive(Clone, Copy)]
struct Owner {
    object: usize,
    /// Number plus one; 0: nobody.
    thread: u32,
    pc: usize,
}

impl Owner {
    const EMPTY: Owner = Owner { object: 0, thread: 0, pc: 0 };
}

pub(super) struct Model {
    pub(super) threads: [Thread; MAX_THREADS],
    pub(super) count: u32,
    /// Bit sets over the threads, sixteen words.
    ready: [u64; MAX_THREADS / 64],
    lazy: [u64; MAX_THREADS / 64],
    /// `changes` when the lazy were last pardoned.
    pardon: u64,
    pub(super) holder: u32,
    pub(super) now: u64,
    /// When the trial began.
    began: u64,
    pub(super) steps: u64,
    tickets: u64,
    pub(super) changes: u64,
    hash: u64,
    /// Threads that wait for descriptors, for once words, outside.
    polling: u32,
    once: u32,
    pub(super) outside: u32,
    /// Threads that wait for time, and a lower bound of the first deadline.
    timed: u32,
    first: u64,
    /// Child processes may be alive: virtual time does not run ahead of the real one.
    pub(super) children: bool,
    strategy: Strategy,
    /// What the program gets for random bytes.
    pub(super) entropy: Rng,
    owners: [Owner; OWNERS],
    fair: bool,
    /// Chooses then.
    lot: Rng,
    /// Steps that the running thread has left then.
    quantum: u64,
    /// The thread that is to decide asks the outside, without the guard.
    asking: bool,
    /// A thread that finished and has yet to die: the next holder waits for that.
    dying: u32,
    candidates: [Candidate; MAX_THREADS],
}

struct Cell(UnsafeCell<Model>);
// SAFETY: the model is touched under `GUARD` only.
unsafe impl Sync for Cell {}

static MODEL: Cell = Cell(UnsafeCell::new(Model::EMPTY));
static GUARD: AtomicU32 = AtomicU32::new(0);

fn guard() {
    token::lock(&GUARD);
}

fn unguard() {
    token::unlock(&GUARD);
}

/// Runs `f` on the model, under the guard.
pub(super) fn with<R>(f: impl FnOnce(&mut Model) -> R) -> R {
    guard();
    // SAFETY: the guard is held; `f` gets the only reference there is and cannot keep it.
    let result = f(unsafe { &mut *MODEL.0.get() });
    unguard();
    result
}

pub(super) fn shared() -> &'static Shared {
    // SAFETY: `start` mapped it before it set MODE, and never unmaps it; everything that the two
    // sides write at the same time is atomic.
    unsafe { &*SHARED.load(Relaxed) }
}

/// The calling thread has not come to the runtime yet.
pub(super) fn forget_entries() {
    ENTRIES.with(|entries| entries.set(0));
}

pub(super) fn set_self(number: Option<u32>) {
    SELF.with(|cell| cell.set(number.map_or(0, |n| n + 1)));
}

/// How often the calling thread has come to the runtime.
pub(super) fn entries() -> u32 {
    ENTRIES.with(core::cell::Cell::get)
}

/// The calling thread's number, if it has the token. A thread that lost it by a seizure takes it
/// back first: from here on it is controlled again.
pub(super) fn me() -> Option<u32> {
    let mode = MODE.load(Relaxed);
    if mode == OFF {
        return None;
    }
    let me = SELF.with(core::cell::Cell::get).checked_sub(1)?;
    ENTRIES.with(|entries| entries.set(entries.get() + 1));
    if mode == NOISE {
        noise(me);
        return None;
    }
    if shared().outcome.holder.load(Relaxed) == me + 1 {
        return Some(me);
    }
    let seized = with(|m| m.threads[me as usize].state == State::Outside);
    if seized {
        back(me);
        return Some(me);
    }
    // A signal handler on a parked thread: it runs without control.
    None
}

/// Sleeps if the script names this moment (the thread, and its entry for a step), as many times as it
/// does.
fn noise(me: u32) {
    let shared = shared();
    let now = Decision { step: entries(), thread: me };
    let script = &shared.script[..(shared.order.script as usize).min(abi::MAX_DECISIONS)];
    let times = script.iter().filter(|moment| **moment == now).count() as u64;
    if times > 0 {
        shared.outcome.switches.fetch_add(1, Relaxed);
        sys::sleep(shared.order.length.saturating_mul(times));
    }
}

impl Model {
    const EMPTY: Model = Model {
        threads: [Thread::EMPTY; MAX_THREADS],
        count: 0,
        ready: [0; MAX_THREADS / 64],
        lazy: [0; MAX_THREADS / 64],
        pardon: 0,
        holder: 0,
        now: EPOCH_NS,
        began: EPOCH_NS,
        steps: 0,
        tickets: 0,
        changes: 0,
        hash: 0xcbf2_9ce4_8422_2325,
        polling: 0,
        once: 0,
        outside: 0,
        timed: 0,
        first: 0,
        children: false,
        strategy: Strategy::IDLE,
        entropy: Rng::new(0),
        owners: [Owner::EMPTY; OWNERS],
        fair: false,
        lot: Rng::new(0),
        quantum: 0,
        asking: false,
        dying: 0,
        candidates: [const { Candidate { thread: 0, object: 0, pc: 0, writes: false } };
            MAX_THREADS],
    };

    /// Counts a thread in or out of those that wait for something special, as it is in `state`.
    fn count_as(&mut self, at: usize, state: State, by: fn(u32, u32) -> u32) {
        let Thread { until, deadline, .. } = self.threads[at];
        let waits = state == State::Waiting;
        let one = |count: &mut u32, is_one: bool| *count = by(*count, u32::from(is_one));
        one(&mut self.polling, waits && matches!(until, Until::Ready(..)));
        one(&mut self.once, waits && matches!(until, Until::OnceOver(_)));
        one(&mut self.timed, waits && deadline != 0);
        one(&mut self.outside, state == State::Outside);
    }

    fn set(&mut self, thread: u32, state: State) {
        let at = thread as usize;
        self.count_as(at, self.threads[at].state, u32::wrapping_sub);
        self.count_as(at, state, u32::wrapping_add);
        if state == State::Waiting && self.threads[at].deadline != 0 {
            self.first = self.first.min(self.threads[at].deadline);
        }
        self.threads[at].state = state;
        let bit = 1u64 << (at % 64);
        if state == State::Ready {
            self.ready[at / 64] |= bit;
        } else {
            self.ready[at / 64] &= !bit;
        }
    }

    /// Begins a trial: the calling thread is the main thread and has the token. What an earlier one
    /// left is forgotten, except for the time: the program's clocks do not run backwards.
    pub(super) fn begin(&mut self, tid: u32, handle: usize) {
        self.strategy.begin(&shared().order);
        self.entropy = Rng::new(shared().order.seed.rotate_left(32));
        self.threads[..self.count as usize].fill(Thread::EMPTY);
        self.owners.iter_mut().filter(|o| o.object != 0).for_each(|o| *o = Owner::EMPTY);
        (self.ready, self.lazy) = ([0; MAX_THREADS / 64], [0; MAX_THREADS / 64]);
        (self.pardon, self.changes, self.steps, self.tickets) = (0, 0, 0, 0);
        (self.polling, self.once, self.outside, self.timed, self.first) = (0, 0, 0, 0, 0);
        (self.fair, self.hash, self.began) = (false, Model::EMPTY.hash, self.now);
        (self.lot, self.quantum) = (Rng::new(shared().order.seed ^ 0x6661_6972), 0);
        self.count = 1;
        self.threads[0] = Thread { tid, handle, op: Op::Start as u32, ..Thread::EMPTY };
        LIVE.store(1, Relaxed);
        self.set(0, State::Ready);
        self.hold(0);
        shared().outcome.holder.store(1, Relaxed);
        shared().outcome.threads.store(1, Relaxed);
    }

    /// Whether the calling thread is the only one that is left, and no child process is.
    pub(super) fn is_alone(&self, me: u32) -> bool {
        let others = (0..self.count).filter(|&n| n != me);
        !self.children
            && others.into_iter().all(|n| self.threads[n as usize].state == State::Finished)
    }

    /// Whether all other threads that are left can run.
    pub(super) fn is_last(&self, me: u32) -> bool {
        let others = (0..self.count).filter(|&n| n != me);
        others
            .into_iter()
            .all(|n| matches!(self.threads[n as usize].state, State::Finished | State::Ready))
    }

    /// A new thread, which cannot run before it is [`Model::born`]: to create it takes memory, and whose
    /// allocator takes locks has points there. `None` if there are too many.
    pub(super) fn add(&mut self, body: usize, argument: usize) -> Option<u32> {
        let thread = self.count;
        if thread as usize >= MAX_THREADS {
            return None;
        }
        self.count += 1;
        self.threads[thread as usize] =
            Thread { body, argument, op: Op::Start as u32, writes: true, ..Thread::EMPTY };
        self.strategy.created(thread);
        LIVE.fetch_add(1, Relaxed);
        self.changed();
        shared().outcome.threads.store(self.count, Relaxed);
        Some(thread)
    }

    /// The thread has been created: it can run.
    pub(super) fn born(&mut self, thread: u32, handle: usize) {
        self.threads[thread as usize].handle = handle;
        self.set(thread, State::Ready);
    }

    /// The thread could not be created after all.
    pub(super) fn forget(&mut self, thread: u32) {
        self.set(thread, State::Finished);
        LIVE.fetch_sub(1, Relaxed);
    }

    /// A state change: whoever spun may find something new.
    pub(super) fn changed(&mut self) {
        self.changes += 1;
        shared().outcome.changes.store(self.changes, Relaxed);
    }

    /// A point of `thread` that changed something, or did not.
    pub(super) fn fruit(&mut self, thread: u32, changed: bool) {
        if changed {
            self.threads[thread as usize].fruitless = 0;
            self.changed();
        } else {
            self.fruitless(thread, 1);
        }
    }

    /// A point of `thread` that changed nothing, and does not look like spinning either.
    pub(super) fn moved_on(&mut self, thread: u32) {
        self.threads[thread as usize].fruitless = 0;
    }

    /// Counts points that changed nothing; after [`SPINS`] the thread lets all others go first.
    pub(super) fn fruitless(&mut self, thread: u32, weight: u32) {
        let t = &mut self.threads[thread as usize];
        t.fruitless += weight;
        if t.fruitless >= SPINS {
            t.fruitless = 0;
            self.lazy[thread as usize / 64] |= 1 << (thread % 64);
            self.strategy.demote(thread);
        }
    }

    /// The thread that runs from here on; [`token`] makes it known.
    fn hold(&mut self, thread: u32) {
        self.holder = thread;
        let tid = self.threads[thread as usize].tid;
        shared().outcome.holder_tid.store(tid, Relaxed);
    }

    /// Nobody does.
    fn unhold(&mut self) {
        shared().outcome.holder_tid.store(0, Relaxed);
    }

    /// Ends waits of an operation on an object: at most `count`, first come, first served. Returns
    /// how many.
    pub(super) fn wake(&mut self, ops: &[Op], object: usize, count: usize, bits: u32) -> usize {
        let mut woken = 0;
        while woken < count {
            let first = (0..self.count)
                .filter(|&n| {
                    let t = &self.threads[n as usize];
                    t.state == State::Waiting
                        && t.object == object
                        && t.bits & bits != 0
                        && ops.iter().any(|&op| op as u32 == t.op)
                })
                .min_by_key(|&n| self.threads[n as usize].ticket);
            let Some(first) = first else { break };
            self.ready_again(first, false);
            woken += 1;
        }
        if woken > 0 {
            self.changed();
        }
        woken
    }

    fn ready_again(&mut self, thread: u32, timed_out: bool) {
        self.set(thread, State::Ready);
        let t = &mut self.threads[thread as usize];
        t.deadline = 0;
        t.timed_out = timed_out;
        t.fruitless = 0;
    }

    /// The thread of this handle is to end: if it waits in a function that is a cancellation point, it
    /// goes on there.
    pub(super) fn interrupt(&mut self, handle: usize) {
        const POINTS: [Op; 5] = [Op::CondWait, Op::SemWait, Op::Join, Op::Sleep, Op::Io];
        let target = (0..self.count).rev().find(|&n| {
            let t = &self.threads[n as usize];
            t.handle == handle && t.state == State::Waiting
        });
        let op = target.map(|n| self.threads[n as usize].op);
        if let Some(n) = target.filter(|_| POINTS.iter().any(|&point| Some(point as u32) == op)) {
            self.ready_again(n, false);
        }
        self.changed();
    }

    /// How many threads wait in this operation on this object.
    pub(super) fn waiting(&self, op: Op, object: usize) -> usize {
        let threads = self.threads[..self.count as usize].iter();
        threads
            .filter(|t| t.state == State::Waiting && t.op == op as u32 && t.object == object)
            .count()
    }

    /// Whether a thread waits in this operation on this object.
    pub(super) fn waits(&self, op: Op, object: usize) -> bool {
        self.waiting(op, object) > 0
    }

    /// Moves waits from one object to another (futex requeue). Returns how many.
    pub(super) fn requeue(&mut self, op: Op, from: usize, to: usize, count: usize) -> usize {
        let mut moved = 0;
        for t in &mut self.threads[..self.count as usize] {
            if moved < count && t.state == State::Waiting && t.op == op as u32 && t.object == from {
                t.object = to;
                moved += 1;
            }
        }
        moved
    }

    /// Notes who took a lock and where; `thread` `None` notes that it was given back.
    pub(super) fn own(&mut self, object: usize, thread: Option<u32>, pc: usize) {
        let start = (object >> 2).wrapping_mul(0x9e37_79b9) % OWNERS;
        let mut place = start;
        for probe in 0..32 {
            let at = (start + probe) % OWNERS;
            if self.owners[at].object == object {
                place = at;
                break;
            }
            if self.owners[at].thread == 0 {
                place = at;
                if self.owners[at].object == 0 {
                    break;
                }
            }
        }
        // Another entry of the same object further along would be stale: the scan above stops at the
        // object's own entry before it looks at a free one behind it.
        if self.owners[place].object != object {
            for probe in 0..32 {
                let at = (start + probe) % OWNERS;
                if self.owners[at].object == object {
                    place = at;
                }
            }
        }
        self.owners[place] = Owner { object, thread: thread.map_or(0, |t| t + 1), pc };
    }

    pub(super) fn owner(&self, object: usize) -> Option<(u32, usize)> {
        let start = (object >> 2).wrapping_mul(0x9e37_79b9) % OWNERS;
        let entry = (0..32).map(|probe| self.owners[(start + probe) % OWNERS]);
        let owner = entry.into_iter().find(|o| o.object == object && o.thread != 0)?;
        Some((owner.thread - 1, owner.pc))
    }

    /// A read-modify-write left the word as it was. Where the thread goes on asking for it, this is the
    /// place that its program knows of.
    pub(super) fn failed(&mut self, thread: u32, object: usize, pc: usize) {
        self.mark(thread, abi::EVENT_FAILED);
        let asked = &mut self.threads[thread as usize].asked;
        if asked.0 != object {
            *asked = (object, pc);
        }
    }

    /// A read-modify-write took a word from 0; where it `locks`, that is a lock.
    pub(super) fn took(&mut self, thread: u32, object: usize, pc: usize, locks: bool) {
        self.mark(thread, abi::EVENT_TOOK);
        let asked = core::mem::take(&mut self.threads[thread as usize].asked);
        if locks {
            self.own(object, Some(thread), if asked.0 == object { asked.1 } else { pc });
        }
    }

    /// Stores an event if this trial is recorded.
    pub(super) fn record(&mut self, thread: u32, op: u32, flags: u32, object: usize, pc: usize) {
        let shared = shared();
        if shared.order.flags & abi::FLAG_RECORD == 0 {
            return;
        }
        let at = shared.outcome.events.fetch_add(1, Relaxed) as usize;
        if at < abi::MAX_EVENTS {
            let step = self.steps as u32;
            let (object, pc) = (object as u64, pc as u64);
            let event = Event { step, thread, op, flags, object, pc, entry: entries(), pad: 0 };
            // SAFETY: in bounds; only the holder writes, under the guard; the supervisor reads when
            // the process stands or has ended.
            unsafe { (&raw const shared.events[at]).cast_mut().write(event) };
        }
    }

    /// Adds what became of a thread's last step to its event, if this trial is recorded.
    fn mark(&mut self, thread: u32, flags: u32) {
        let shared = shared();
        if shared.order.flags & abi::FLAG_RECORD == 0 {
            return;
        }
        let last = (shared.outcome.events.load(Relaxed) as usize).checked_sub(1);
        if let Some(at) = last.filter(|at| *at < abi::MAX_EVENTS) {
            // SAFETY: as in `record`.
            let event = unsafe { &mut *(&raw const shared.events[at]).cast_mut() };
            if event.thread == thread {
                event.flags |= flags;
            }
        }
    }

    fn gather(&mut self) -> usize {
        if self.pardon != self.changes {
            self.pardon = self.changes;
            self.lazy = [0; MAX_THREADS / 64];
        }
        let words = (self.count as usize).div_ceil(64);
        for pass in 0..2 {
            let mut found = 0;
            for word in 0..words {
                // Fair choices leave nobody out.
                let lazy = if self.fair { 0 } else { self.lazy[word] };
                let mut bits = self.ready[word] & !lazy;
                while bits != 0 {
                    let number = (word * 64) as u32 + bits.trailing_zeros();
                    bits &= bits - 1;
                    let t = &self.threads[number as usize];
                    self.candidates[found] =
                        Candidate { thread: number, object: t.object, pc: t.pc, writes: t.writes };
                    found += 1;
                }
            }
            if found > 0 || pass == 1 {
                return found;
            }
            self.lazy = [0; MAX_THREADS / 64];
            // All of them spin: whoever did so last lets the others try first.
            let current = self.holder as usize;
            if self.ready[..words].iter().map(|word| word.count_ones()).sum::<u32>() > 1 {
                self.lazy[current / 64] |= self.ready[current / 64] & (1 << (current % 64));
            }
        }
        0
    }

    /// A fair choice: any of the candidates, for one step or for as many as a time slice may have. In one
    /// step at a time threads that make way for one another could do so for ever, in long slices alone
    /// those that need one another in turns; no scheduler of a kernel does either.
    fn draw(&mut self, count: usize) -> u32 {
        let current = self.holder;
        let (word, bit) = (current as usize / 64, 1u64 << (current % 64));
        let spins = self.lazy[word] & bit != 0;
        self.quantum = if spins { 0 } else { self.quantum.saturating_sub(1) };
        let goes_on = self.candidates[..count].iter().any(|c| c.thread == current);
        if self.quantum > 0 && goes_on {
            return current;
        }
        self.lazy[word] &= !bit;
        self.quantum = 1 << self.lot.below(LONGEST_SLICE);
        self.candidates[self.lot.below(count as u64) as usize].thread
    }

    /// Chooses among the candidates, and accounts for the choice.
    fn choose(&mut self, count: usize) -> u32 {
        let shared = shared();
        let outcome = &shared.outcome;
        let fair = self.fair.then(|| self.draw(count));
        let view =
            View { step: self.steps, current: self.holder, candidates: &self.candidates[..count] };
        let default = view.default_choice();
        let chosen = fair.unwrap_or_else(|| {
            let script = &shared.script[..(shared.order.script as usize).min(abi::MAX_DECISIONS)];
            let choice = self.strategy.choose(&view, script);
            if choice.missed {
                outcome.missed.fetch_add(1, Relaxed);
            }
            choice.thread
        });
        // A fair choice follows from the seed.
        if chosen != default && fair.is_none() {
            if default == view.current {
                outcome.preemptions.fetch_add(1, Relaxed);
            }
            let at = outcome.decisions.fetch_add(1, Relaxed) as usize;
            if at < abi::MAX_DECISIONS {
                let decision = Decision { step: self.steps as u32, thread: chosen };
                // SAFETY: in bounds; as in `record`.
                unsafe { (&raw const shared.decisions[at]).cast_mut().write(decision) };
            }
        }
        if count as u32 > outcome.widest.load(Relaxed) {
            outcome.widest.store(count as u32, Relaxed);
        }
        self.steps += 1;
        self.now += shared.order.step_ns;
        self.expire(true);
        self.threads[chosen as usize].steps += 1;
        for value in [u64::from(chosen), u64::from(self.threads[chosen as usize].op)] {
            self.hash = (self.hash ^ value).wrapping_mul(0x0100_0000_01b3);
        }
        outcome.steps.store(self.steps, Relaxed);
        outcome.hash.store(self.hash, Relaxed);
        outcome.virtual_ns.store(self.now - self.began, Relaxed);
        chosen
    }

    /// Ends the waits for a `pthread_once_t` that is no longer in progress.
    fn once_over(&mut self) {
        for n in 0..self.count {
            if let (State::Waiting, Until::OnceOver(at)) =
                (self.threads[n as usize].state, self.threads[n as usize].until)
            {
                // SAFETY: the waiting thread keeps its once control alive.
                let word = unsafe { (*(at as *const AtomicU32)).load(Acquire) };
                if word & 3 != 1 {
                    self.ready_again(n, false);
                }
            }
        }
    }

    /// Asks the kernel which of the descriptors that threads wait for are ready.
    pub(super) fn poll(&mut self) -> bool {
        let mut ended = false;
        for n in 0..self.count {
            if let (State::Waiting, Until::Ready(fds, count)) =
                (self.threads[n as usize].state, self.threads[n as usize].until)
            {
                // SAFETY: the entries lie in the frame of the thread that waits here.
                if unsafe { sys::poll(fds, count, 0) } != 0 {
                    self.ready_again(n, false);
                    ended = true;
                }
            }
        }
        ended
    }

    /// The thread that waits for time and is due first.
    fn due(&self) -> Option<u32> {
        (0..self.count)
            .filter(|&n| {
                let t = &self.threads[n as usize];
                t.state == State::Waiting && t.deadline != 0
            })
            .min_by_key(|&n| (self.threads[n as usize].deadline, n))
    }

    fn all_finished(&self) -> bool {
        self.threads[..self.count as usize].iter().all(|t| t.state == State::Finished)
    }

    /// Ends the waits whose time has come. `early` says that others could run, or are outside.
    fn expire(&mut self, early: bool) {
        if self.timed == 0 || self.now < self.first {
            return;
        }
        while let Some(n) = self.due().filter(|&n| self.threads[n as usize].deadline <= self.now) {
            if early {
                shared().outcome.early.fetch_add(1, Relaxed);
            }
            self.ready_again(n, true);
        }
        self.first = self.due().map_or(u64::MAX, |n| self.threads[n as usize].deadline);
    }

    /// Describes the threads for the supervisor.
    fn describe(&mut self) {
        let shared = shared();
        let mut at = 0;
        for n in 0..self.count {
            let t = self.threads[n as usize];
            if matches!(t.state, State::Free | State::Finished) {
                continue;
            }
            if at == abi::MAX_BLOCKED {
                shared.outcome.blocked_more.fetch_add(1, Relaxed);
                continue;
            }
            let waits = t.state == State::Waiting;
            let owner = if t.op == Op::Join as u32 {
                Some((t.object as u32, 0))
            } else {
                self.owner(t.object).filter(|_| taken(t.op, t.object))
            };
            let entry = Blocked {
                thread: n,
                tid: t.tid,
                op: if waits { t.op } else { 0 },
                owner: owner.map_or(0, |(thread, _)| thread + 1),
                object: t.object as u64,
                pc: t.pc as u64,
                owner_pc: owner.map_or(0, |(_, pc)| pc as u64),
                steps: t.steps,
            };
            // SAFETY: in bounds; as in `record`.
            unsafe { (&raw const shared.blocked[at]).cast_mut().write(entry) };
            at += 1;
        }
        shared.outcome.blocked.store(at as u32, Relaxed);
    }
}

/// Whether a word that says who has it still says that somebody does. Objects of pthread are known
/// exactly and need no look.
fn taken(op: u32, object: usize) -> bool {
    op != Op::FutexWait as u32 || sys::peek(object, 4).is_none_or(|word| word != 0)
}

/// The trial is over without having ended: says so and waits for the supervisor to look and to kill.
/// The guard is held and stays held.
fn stand(m: &mut Model, how: u32) -> ! {
    m.describe();
    shared().outcome.stand.store(how, Release);
    let socket = SOCKET.load(Relaxed) as i32;
    sys::say(
        socket,
        abi::Message { what: abi::SAYS_STANDS, pid: sys::getpid(), value: i64::from(how) },
    );
    let never = AtomicU32::new(0);
    loop {
        sys::futex_wait(&never, 0);
    }
}

/// Parks until this thread may run. A parked thread does what the supervisor wants done meanwhile.
fn park(me: u32) {
    let shared = shared();
    token::park(&shared.go[me as usize], || {
        let stuck = shared.outcome.seize.swap(0, AcqRel);
        match stuck {
            0 => {}
            abi::NOBODY => attend(),
            _ => seize(stuck - 1),
        }
    });
    await_death();
}

/// Waits until the thread that finished last is gone.
pub(super) fn await_death() {
    let dying = with(|m| core::mem::take(&mut m.dying));
    // Until it is gone for the kernel too, it frees memory and stacks beside us, and what the next
    // allocation finds would depend on how far it got. The bound is for a kernel that keeps it.
    let mut patience = 10_000;
    while dying != 0 && patience > 0 && sys::alive(dying) {
        sys::os_yield();
        patience -= 1;
    }
}

/// Takes the token from a thread that the kernel has put to sleep in something that is not modelled.
fn seize(stuck: u32) {
    guard();
    // SAFETY: the guard is held until `unguard`.
    let m = unsafe { &mut *MODEL.0.get() };
    if shared().outcome.holder.load(Relaxed) != stuck + 1 || m.asking {
        return unguard();
    }
    shared().outcome.seized.fetch_add(1, Relaxed);
    m.set(stuck, State::Outside);
    m.threads[stuck as usize].op = Op::Outside as u32;
    m.unhold();
    decide_for_others(m);
}

/// Waits for time and descriptors in the place of a thread that is outside and makes its call.
fn attend() {
    guard();
    // SAFETY: the guard is held until `unguard`.
    let m = unsafe { &mut *MODEL.0.get() };
    if shared().outcome.holder.load(Relaxed) != 0 || m.asking {
        return unguard();
    }
    shared().outcome.unattended.store(0, Relaxed);
    decide_for_others(m);
}

/// A decision by a parked thread. The guard is held; it is given up.
fn decide_for_others(m: &mut Model) {
    // Meanwhile the token is neither free nor anybody's, should one of those outside come back.
    shared().outcome.holder.store(u32::MAX, Relaxed);
    let chosen = next(m);
    if let Some(thread) = chosen {
        m.hold(thread);
    }
    hand_over(None, chosen);
}

/// The decision is made: the guard is given up, the chosen thread goes.
fn hand_over(me: Option<u32>, chosen: Option<u32>) {
    let [me, chosen] = [me, chosen].map(|thread| thread.map(|n| n as usize));
    token::hand_over(&GUARD, &shared().outcome.holder, &shared().go, me, chosen);
}

/// Decides whose turn it is; `None` when only a thread that is outside can tell, or none is left.
/// The guard is held, and is given up for moments in which the outside is waited for.
fn next(m: &mut Model) -> Option<u32> {
    let order = &shared().order;
    loop {
        if m.once > 0 {
            m.once_over();
        }
        let count = m.gather();
        if m.steps >= order.fair_after && !m.fair {
            m.fair = true;
            shared().outcome.fair_changes.store(m.changes, Relaxed);
        }
        if m.steps >= order.max_steps {
            stand(m, abi::STANDS_ENDLESS);
        }
        if count > 0 {
            return Some(m.choose(count));
        }
        if m.polling > 0 && m.poll() {
            continue;
        }
        if m.due().is_some() {
            leap(m);
        } else if m.polling > 0 {
            wait_outside(m, 20);
        } else if m.outside > 0 || m.all_finished() {
            return None;
        } else {
            stand(m, abi::STANDS_DEADLOCK);
        }
    }
}

/// Nobody can run but somebody waits for time: virtual time leaps to the first deadline. What may
/// come from outside needs real time and gets some before; all of it while a child process lives.
fn leap(m: &mut Model) {
    let Some(first) = m.due() else { return };
    let deadline = m.threads[first as usize].deadline;
    let rest = deadline.saturating_sub(m.now);
    let real = m.children || m.outside > 0;
    let grace = match real {
        true => rest.div_ceil(1_000_000).min(20),
        false => u64::from(m.polling > 0 && rest > 1_000_000),
    };
    if grace > 0 && wait_outside(m, grace as i32) {
        return;
    }
    m.now = if real { m.now + grace * 1_000_000 } else { m.now.max(deadline) };
    // Who is outside may be about to come back with what is waited for.
    m.expire(m.outside > 0);
}

/// The scheduling decision. The guard is held; it is given up. `me` has declared in the model what it
/// does next, or that it waits, or that it is gone.
fn switch(m: &mut Model, me: u32) {
    let chosen = next(m);
    let state = m.threads[me as usize].state;
    if state == State::Finished && me != 0 {
        m.dying = m.threads[me as usize].tid;
    }
    match chosen {
        Some(thread) => m.hold(thread),
        None => m.unhold(),
    }
    if chosen.is_some_and(|thread| thread != me) {
        shared().outcome.switches.fetch_add(1, Relaxed);
    }
    hand_over(Some(me), chosen);
    if chosen == Some(me) {
        return;
    }
    if !matches!(state, State::Finished | State::Outside) {
        park(me);
    }
}

/// Waits at most so long, in real time, for one of the descriptors that threads wait for, or for a
/// thread to come back. The guard is given up meanwhile. True if a thread can run now.
fn wait_outside(m: &mut Model, millis: i32) -> bool {
    const MOST: usize = 64;
    let mut fds = [PollFd::default(); MOST];
    let mut used = 0;
    for n in 0..m.count {
        if let (State::Waiting, Until::Ready(at, count)) =
            (m.threads[n as usize].state, m.threads[n as usize].until)
        {
            for i in 0..count {
                if used < MOST {
                    // SAFETY: the entries lie in the frame of the thread that waits here.
                    fds[used] = unsafe { *at.add(i) };
                    used += 1;
                }
            }
        }
    }
    let slice = if m.outside > 0 { millis.min(1) } else { millis };
    // Who sleeps here is not stuck: the supervisor must not have another thread decide beside it.
    let tid = shared().outcome.holder_tid.swap(0, Relaxed);
    m.asking = true;
    unguard();
    // SAFETY: the array is this frame's own.
    unsafe { sys::poll(fds.as_mut_ptr(), used, slice) };
    guard();
    m.asking = false;
    shared().outcome.holder_tid.store(tid, Relaxed);
    m.ready.iter().any(|word| *word != 0) || m.poll()
}

/// A scheduling point of the calling thread, which has the token, before an operation. When it
/// returns the thread has the token and does the operation.
pub(super) fn point(me: u32, op: Op, object: usize, pc: usize) {
    pass(me, op, object, pc);
    if shared().order.flags & abi::FLAG_RECORD != 0 {
        with(|m| m.record(me, op as u32, 0, object, pc));
    }
}

/// One that is recorded by whoever calls this.
pub(super) fn pass(me: u32, op: Op, object: usize, pc: usize) {
    guard();
    // SAFETY: the guard is held; `switch` gives it up.
    let m = unsafe { &mut *MODEL.0.get() };
    let t = &mut m.threads[me as usize];
    (t.op, t.object, t.pc, t.writes) = (op as u32, object, pc, op.writes());
    switch(m, me);
}

/// A wait.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    pub(super) op: Op,
    pub(super) object: usize,
    pub(super) pc: usize,
    pub(super) until: Until,
    /// Virtual time, 0 for never.
    pub(super) deadline: u64,
    pub(super) bits: u32,
}

/// The calling thread waits. True if its time ran out.
pub(super) fn wait(me: u32, wait: Wait) -> bool {
    guard();
    // SAFETY: the guard is held; `switch` gives it up.
    let m = unsafe { &mut *MODEL.0.get() };
    m.tickets += 1;
    let ticket = m.tickets;
    let t = &mut m.threads[me as usize];
    (t.op, t.object, t.pc, t.writes) = (wait.op as u32, wait.object, wait.pc, true);
    (t.until, t.deadline, t.bits, t.ticket) = (wait.until, wait.deadline, wait.bits, ticket);
    t.timed_out = false;
    t.fruitless = 0;
    m.record(me, wait.op as u32, EVENT_BLOCKED, wait.object, wait.pc);
    m.set(me, State::Waiting);
    switch(m, me);
    with(|m| {
        let timed_out = core::mem::take(&mut m.threads[me as usize].timed_out);
        let flags = abi::EVENT_RESUMED | if timed_out { abi::EVENT_TIMED_OUT } else { 0 };
        m.record(me, wait.op as u32, flags, wait.object, wait.pc);
        timed_out
    })
}

/// The calling thread leaves the model for a call that may block and is not modelled.
pub(super) fn leave(me: u32, op: Op, pc: usize) {
    guard();
    // SAFETY: the guard is held; `switch` gives it up.
    let m = unsafe { &mut *MODEL.0.get() };
    let t = &mut m.threads[me as usize];
    (t.op, t.object, t.pc) = (op as u32, 0, pc);
    shared().outcome.unmodelled.fetch_add(1, Relaxed);
    m.set(me, State::Outside);
    if m.once > 0 {
        m.once_over();
    }
    let nobody_can = m.ready.iter().all(|word| *word == 0);
    if nobody_can && (m.timed > 0 || m.polling > 0) {
        // To wait for those here would be to make the call after all of that has come to pass.
        shared().outcome.unattended.store(1, Relaxed);
        m.unhold();
        return hand_over(Some(me), None);
    }
    switch(m, me);
}

/// The calling thread comes back, and has the token when this returns.
pub(super) fn back(me: u32) {
    guard();
    // SAFETY: the guard is held until `unguard` below.
    let m = unsafe { &mut *MODEL.0.get() };
    m.set(me, State::Ready);
    m.changed();
    shared().outcome.unattended.store(0, Relaxed);
    let holder = &shared().outcome.holder;
    if holder.load(Relaxed) == 0 {
        m.hold(me);
    }
    if !token::come_back(&GUARD, holder, me as usize) {
        park(me);
    }
}

/// The calling thread is done for good.
pub(super) fn finish(me: u32) {
    guard();
    // SAFETY: the guard is held; `switch` gives it up.
    let m = unsafe { &mut *MODEL.0.get() };
    let t = &mut m.threads[me as usize];
    (t.op, t.object, t.pc) = (Op::Exit as u32, me as usize, 0);
    m.record(me, Op::Exit as u32, 0, me as usize, 0);
    m.set(me, State::Finished);
    LIVE.fetch_sub(1, Relaxed);
    m.wake(&[Op::Join], me as usize, usize::MAX, !0);
    m.changed();
    set_self(None);
    switch(m, me);
}

/// A new thread begins: waits for its first turn.
pub(super) fn arrive(me: u32) {
    with(|m| m.threads[me as usize].tid = sys::gettid());
    set_self(Some(me));
    park(me);
    with(|m| {
        let tid = m.threads[me as usize].tid;
        shared().outcome.holder_tid.store(tid, Relaxed);
        m.record(me, Op::Start as u32, 0, me as usize, 0);
    });
}

/// Virtual time, nanoseconds. Reading it takes time too: a thread that waits for a moment by asking
/// again and again gets there, the sooner the longer it has been asking.
pub(super) fn read_clock(me: u32) -> u64 {
    with(|m| {
        let asked = &mut m.threads[me as usize].fruitless;
        *asked += 1;
        m.now += 1_000 << (*asked / 8).min(10);
        m.expire(false);
        m.now
    })
}
