//! The one call that a scenario binary's `main` makes.

use std::process::ExitCode;
use std::time::Instant;

use standstill::board::{Board, Page};
use standstill::os::shared::Shared;
use standstill::protocol::{BOARD_FD, Listing, ORDER_VAR, Order, PROTOCOL, Role};

use crate::scenario::Scenario;
use crate::{hooks, run, testing, zygote};

/// Runs a scenario binary: under `cargo test` and `cargo nextest run` each scenario with each of its
/// thread counts is a test; under `standstill` the binary does as the harness asks.
///
/// The scenarios come as functions, one line each: that is the registry.
pub fn main(registry: impl IntoIterator<Item = impl FnOnce() -> Scenario>) -> ExitCode {
    let role = match Role::of_this_process() {
        Ok(role) => role,
        Err(why) => return fail(&why),
    };
    if role == Some(Role::Keeper) {
        return standstill::supervise::keeper::main();
    }
    let scenarios: Vec<Scenario> = registry.into_iter().map(|make| make()).collect();
    if let Some(why) = fault(&scenarios) {
        return fail(&why);
    }
    match role {
        None => testing::main(scenarios),
        Some(Role::List) => list(&scenarios),
        Some(Role::Trial) => alone(&scenarios),
        Some(Role::Zygote) => with_order(&scenarios, zygote::main),
        Some(Role::Keeper) => unreachable!("handled above, before any scenario was made"),
    }
}

/// What is wrong with the registry, if anything.
fn fault(scenarios: &[Scenario]) -> Option<String> {
    let mut names = std::collections::BTreeSet::new();
    scenarios.iter().find_map(|scenario| {
        let name = scenario.card.name.as_str();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            Some(format!("scenario `{name}`: a name is made of a-z, 0-9 and _"))
        } else if !names.insert(name) {
            Some(format!("scenario `{name}`: the name is taken twice"))
        } else if scenario.card.threads.is_empty() || scenario.card.threads.contains(&0) {
            Some(format!("scenario `{name}`: it needs at least one thread count, each at least 1"))
        } else {
            None
        }
    })
}

#[allow(clippy::print_stdout, reason = "the listing is the answer that was asked for")]
fn list(scenarios: &[Scenario]) -> ExitCode {
    let cards = scenarios.iter().map(|s| s.card.clone()).collect();
    match serde_json::to_string(&Listing { protocol: PROTOCOL, cards }) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&format!("failed to list the scenarios: {error}")),
    }
}

/// A trial in a process of its own, which nobody prepared.
fn alone(scenarios: &[Scenario]) -> ExitCode {
    with_order(scenarios, |scenario, order, board| {
        hooks::watch_panics(board);
        hooks::watch_crashes();
        let begun = Instant::now();
        match run::prepare(scenario, order, board) {
            Some((prepared, preparation)) => {
                let us = begun.elapsed().as_micros() as u64;
                run::carry_out(scenario, order, board, prepared, preparation, us)
            }
            None => ExitCode::FAILURE,
        }
    })
}

/// Finds the board and the order that the harness left for this process.
fn with_order(
    scenarios: &[Scenario],
    act: impl FnOnce(&Scenario, &Order, &'static Board) -> ExitCode,
) -> ExitCode {
    let order = std::env::var(ORDER_VAR)
        .map_err(|e| e.to_string())
        .and_then(|json| serde_json::from_str::<Order>(&json).map_err(|e| e.to_string()));
    let order = match order {
        Ok(order) => order,
        Err(why) => return fail(&format!("{ORDER_VAR} holds no order: {why}")),
    };
    if order.protocol != PROTOCOL {
        let (theirs, ours) = (order.protocol, PROTOCOL);
        return fail(&format!("the harness speaks protocol {theirs}, this binary {ours}; rebuild"));
    }
    let Some(scenario) = scenarios.iter().find(|s| s.card.name == order.scenario) else {
        return fail(&format!("no scenario is named `{}`", order.scenario));
    };
    // The board lives as long as the process: hooks and signal handlers point at it.
    let board: &'static Board = match Shared::<Page>::inherit(BOARD_FD) {
        Ok(board) => Box::leak(Box::new(board)),
        Err(error) => return fail(&format!("failed to map the board: {error}")),
    };
    // The scenario is not to see what made it run, nor to pass it on to its own children.
    // SAFETY: the process has one thread.
    unsafe {
        std::env::remove_var(standstill::protocol::ROLE_VAR);
        std::env::remove_var(ORDER_VAR);
    }
    line_buffer_c_output();
    act(scenario, &order, board)
}

/// C's stdout is a pipe here and would be lost in full buffers when the process is killed.
fn line_buffer_c_output() {
    unsafe extern "C" {
        static stdout: *mut libc::FILE;
    }
    // SAFETY: nothing was printed yet, which is when setvbuf may be called; the null buffer lets
    // libc allocate its own.
    unsafe { libc::setvbuf(stdout, std::ptr::null_mut(), libc::_IOLBF, 0) };
}

#[allow(clippy::print_stderr, reason = "there is nobody else to tell")]
pub(crate) fn fail(why: &str) -> ExitCode {
    eprintln!("standstill-kit: {why}");
    ExitCode::from(2)
}
