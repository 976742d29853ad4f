//! Generated programs over a bank that locks its accounts in the order in which it is told them.
//!
//! Shape: a transfer holds the account that it takes from for a moment before it asks for the other.
//! Two actors with one transfer each suffice, in opposite directions; what else a program does is
//! there to be shrunk away. The look-alike takes the account with the smaller number first.

use std::sync::{Mutex, MutexGuard};
use std::thread::sleep;
use std::time::Duration;

use standstill_kit::proptest::prelude::*;
use standstill_kit::{Builder, Kind, NoActor, Programs, Scenario};

const ACCOUNTS: usize = 2;
const EACH: i64 = 100;

type Bank = [Mutex<i64>; ACCOUNTS];

/// What an actor can do with a bank.
#[derive(Clone, Debug)]
enum Call {
    Transfer { from: usize, to: usize },
    Deposit(usize),
    Withdraw(usize),
    Balance(usize),
}

/// Transfers in any direction: fails as soon as two meet.
pub(crate) fn natural() -> Scenario {
    let scenario = Scenario::new("generated_transfers")
        .about("generated calls on a bank that locks accounts in the order of each transfer")
        .may_find(Kind::Deadlock, "seeded: its locks have no order");
    bank(scenario)
        .play(
            |_, _| (),
            |bank, (), call| match call {
                Call::Transfer { from, to } => {
                    let mut from = locked(bank, *from);
                    sleep(Duration::from_micros(500));
                    transfer(&mut from, &mut locked(bank, *to));
                }
                other => simple(bank, other),
            },
        )
        .build()
}

/// The same programs, and one order for all locks.
pub(crate) fn look_alike() -> Scenario {
    let scenario = Scenario::new("generated_transfers_look_alike")
        .about("generated calls on a bank that locks accounts in one order")
        .control_of("generated_transfers", "one order for all");
    bank(scenario)
        .play(
            |_, _| (),
            |bank, (), call| match call {
                Call::Transfer { from, to } => {
                    let mut lower = locked(bank, *from.min(to));
                    sleep(Duration::from_micros(500));
                    let mut upper = locked(bank, *from.max(to));
                    let in_order = from < to;
                    if in_order {
                        transfer(&mut lower, &mut upper);
                    } else {
                        transfer(&mut upper, &mut lower);
                    }
                }
                other => simple(bank, other),
            },
        )
        .check(|bank, played| {
            let change = |call: &Call| match call {
                Call::Deposit(_) => 1,
                Call::Withdraw(_) => -1,
                Call::Transfer { .. } | Call::Balance(_) => 0,
            };
            let changes: i64 = played.iter().flat_map(|actor| actor.calls).map(change).sum();
            let sum: i64 = (0..ACCOUNTS).map(|account| *locked(bank, account)).sum();
            let want = ACCOUNTS as i64 * EACH + changes;
            if sum == want { Ok(()) } else { Err(format!("the bank has {sum} instead of {want}")) }
        })
        .build()
}

fn bank(scenario: Builder<(), (), NoActor>) -> Programs<(), Bank, Call> {
    let account = || 0..ACCOUNTS;
    let call = move || {
        prop_oneof![
            2 => account().prop_map(|from| Call::Transfer { from, to: 1 - from }),
            1 => account().prop_map(Call::Deposit),
            1 => account().prop_map(Call::Withdraw),
            1 => account().prop_map(Call::Balance),
        ]
    };
    scenario
        .counts_steps()
        .setup(|_, _| [const { Mutex::new(EACH) }; ACCOUNTS])
        .programs(call, 2..=6)
}

fn locked(bank: &Bank, account: usize) -> MutexGuard<'_, i64> {
    bank[account].lock().expect("nobody panics")
}

fn transfer(from: &mut i64, to: &mut i64) {
    *from -= 1;
    *to += 1;
}

fn simple(bank: &Bank, call: &Call) {
    match call {
        Call::Deposit(account) => *locked(bank, *account) += 1,
        Call::Withdraw(account) => *locked(bank, *account) -= 1,
        Call::Balance(account) => _ = *locked(bank, *account),
        Call::Transfer { .. } => unreachable!("handled by each bank in its own way"),
    }
}
