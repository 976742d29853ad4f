//! One trial, inside its process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::{Duration, Instant};

use standstill::board::{ActorState, Board, MAX_ACTORS, Outcome, Phase};
use standstill::os::process::{exit_now, thread_count};
use standstill::protocol::{Digest, Order, Probe, Task};

use crate::Actor;
use crate::gate::{self, Gate};
use crate::hooks;
use crate::scenario::{Preparation, Prepared, Scenario, Stage, TrialInfo};

/// How long threads that are ending anyway may take to be gone: a joined thread is still listed for
/// the moment until the kernel has buried it, a detached one may have a few destructors to run.
const LEAK_GRACE: Duration = Duration::from_millis(250);

/// Prepares the scenario, or says on the board why it could not.
pub(crate) fn prepare(
    scenario: &Scenario,
    order: &Order,
    board: &'static Board,
) -> Option<(Prepared, Preparation)> {
    board.set_phase(Phase::Preparing);
    let mut preparation =
        Preparation { settings: order.settings.clone(), ..Preparation::default() };
    if let Err(why) = order.iterations(&scenario.card) {
        board.conclude(Outcome::NotPrepared, &why);
        return None;
    }
    hooks::speak_for_trial();
    match catch_unwind(AssertUnwindSafe(|| scenario.script.prepare(&mut preparation))) {
        Ok(Ok(prepared)) => Some((prepared, preparation)),
        Ok(Err(why)) => {
            board.conclude(Outcome::NotPrepared, &why);
            None
        }
        Err(_) => {
            board.conclude(Outcome::NotPrepared, "");
            None
        }
    }
}

/// Carries out an order in this process and ends it.
///
/// It ends by `_exit`: static destructors and exit handlers of the library under test would run in
/// every forked copy, which no user's program does.
pub(crate) fn carry_out(
    scenario: &Scenario,
    order: &Order,
    board: &'static Board,
    prepared: Prepared,
    preparation: Preparation,
    prepare_us: u64,
) -> ! {
    if order.task == Task::Trial {
        crate::control::serve();
    }
    board.pid.store(std::process::id(), Release);
    if order.task == Task::Probe {
        probe(scenario, order, board, prepared, preparation, prepare_us);
        board.set_phase(Phase::Done);
        exit_now(0)
    }
    loop {
        trial(scenario, order, board, prepared);
        board.set_phase(Phase::Done);
        if !crate::control::again() {
            exit_now(0)
        }
        // The supervisor has wiped the board.
        board.pid.store(std::process::id(), Release);
    }
}

fn probe(
    scenario: &Scenario,
    order: &Order,
    board: &Board,
    prepared: Prepared,
    preparation: Preparation,
    prepare_us: u64,
) {
    let mut answer = Probe {
        prepare_us,
        threads: thread_count() as u32,
        inputs: preparation.inputs,
        notes: preparation.notes,
        digests: vec![],
    };
    if scenario.card.has_oracle {
        board.actors.store(1, Release);
        // Twice on one thread: only what is the same then can be compared with anything.
        for _ in 0..2 {
            let info = info(scenario, order, 1);
            board.set_phase(Phase::SettingUp);
            let stage = scenario.script.set_up(prepared, info);
            board.set_phase(Phase::Running);
            let actor = Actor::new(0, info, &board.cells[0]);
            match catch_unwind(AssertUnwindSafe(|| stage.act(&actor, true))) {
                Ok(text) => answer.digests.extend(text.map(|t| Digest::of(&t))),
                Err(_) => return board.conclude(Outcome::Panicked, ""),
            }
        }
    }
    match serde_json::to_string(&answer) {
        Ok(json) => board.conclude(Outcome::Probed, &json),
        Err(e) => board.conclude(Outcome::NotPrepared, &format!("failed to answer the probe: {e}")),
    }
}

/// What a trial of so many actors is told.
fn info(scenario: &Scenario, order: &Order, threads: usize) -> TrialInfo {
    // A bad number was refused when the scenario was prepared.
    let iterations = order.iterations(&scenario.card).ok().flatten().unwrap_or(1);
    TrialInfo { threads, iterations, seed: order.seed }
}

fn trial(scenario: &Scenario, order: &Order, board: &Board, prepared: Prepared) {
    let count = (order.threads as usize).clamp(1, MAX_ACTORS);
    board.actors.store(count as u32, Release);
    board.set_phase(Phase::SettingUp);
    let threads_before = thread_count();
    let info = info(scenario, order, count);
    let stage = catch_unwind(AssertUnwindSafe(|| scenario.script.set_up(prepared, info)));
    let Ok(mut stage) = stage else { return board.conclude(Outcome::Panicked, "") };

    match stage.program() {
        Ok(program) => program.into_iter().for_each(|program| board.program.write(program)),
        Err(why) => return board.conclude(Outcome::NotPrepared, &why),
    }
    if let Err(why) = act(&*stage, order, info, board) {
        return board.conclude(Outcome::NotPrepared, &why);
    }

    board.set_phase(Phase::Checking);
    if board.cast().iter().any(|cell| cell.state() == ActorState::Panicked) {
        board.conclude(Outcome::Panicked, "");
    }
    match catch_unwind(AssertUnwindSafe(|| stage.check())) {
        Ok(Ok(())) => {}
        Ok(Err((outcome, why))) => board.conclude(outcome, &why),
        Err(_) => board.conclude(Outcome::Panicked, ""),
    }
    // What panics while it is torn down panics in the user's hands, too.
    if catch_unwind(AssertUnwindSafe(|| drop(stage))).is_err() {
        board.conclude(Outcome::Panicked, "");
    }
    board.conclude(Outcome::Passed, "");
    if !scenario.card.keeps_threads {
        report_leaks(threads_before, board);
    }
}

/// Starts the actors, releases them together, and waits for the last.
fn act(stage: &dyn Stage, order: &Order, info: TrialInfo, board: &Board) -> Result<(), String> {
    let count = info.threads;
    let gate = Gate::new(count, gate::cores());
    std::thread::scope(|scope| {
        let mut actors = Vec::with_capacity(count);
        for index in 0..count {
            let (gate, name) = (&gate, format!("actor-{index}"));
            let body = move || be_actor(stage, order, index, info, board, gate);
            match std::thread::Builder::new().name(name).spawn_scoped(scope, body) {
                Ok(handle) => actors.push(handle),
                Err(error) => {
                    gate.cancel();
                    return Err(format!("failed to start actor {index} of {count}: {error}"));
                }
            }
        }
        gate.gather();
        board.opened_ns.store(monotonic_ns(), Release);
        board.set_phase(Phase::Running);
        gate.open();
        // Joined one by one rather than left to the scope: a join names its thread to whoever looks
        // at the process from outside.
        for actor in actors {
            let _ = actor.join();
        }
        board.closed_ns.store(monotonic_ns(), Release);
        Ok(())
    })
}

/// The life of one actor's thread.
fn be_actor(
    stage: &dyn Stage,
    order: &Order,
    index: usize,
    info: TrialInfo,
    board: &Board,
    gate: &Gate,
) {
    let cell = &board.cells[index];
    // SAFETY: gettid touches no memory.
    let tid = unsafe { libc::syscall(libc::SYS_gettid) };
    cell.tid.store(tid as u32, Release);
    hooks::speak_for_trial();
    let actor = Actor::new(index, info, cell);
    cell.set_state(ActorState::AtGate);
    if !gate.pass() {
        return;
    }
    cell.set_state(ActorState::Running);
    let wants_text = order.expected.is_some();
    let ran = catch_unwind(AssertUnwindSafe(|| stage.act(&actor, wants_text)));
    cell.set_state(if ran.is_ok() { ActorState::Finished } else { ActorState::Panicked });
    if let (Ok(Some(text)), Some(expected)) = (ran, &order.expected) {
        compare(index, &text, expected, board);
    }
}

fn compare(index: usize, text: &str, expected: &Digest, board: &Board) {
    let got = Digest::of(text);
    if got.hash != expected.hash {
        let message = format!(
            "actor {index} returned something else than one actor alone does\n  alone: {}\n  here:  {}",
            expected.text, got.text
        );
        board.conclude(Outcome::WrongResult, &message);
    }
}

/// Holds the process still for the harness to look at if threads outlived the trial.
fn report_leaks(threads_before: usize, board: &Board) {
    let deadline = Instant::now() + LEAK_GRACE;
    let mut pause = Duration::from_micros(50);
    loop {
        let extra = thread_count().saturating_sub(threads_before);
        if extra == 0 {
            return;
        }
        if Instant::now() >= deadline {
            board.detail.store(extra as u32, Relaxed);
            board.set_phase(Phase::Leaked);
            return hooks::wait_until_seen(board, Duration::from_secs(2));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place for one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
