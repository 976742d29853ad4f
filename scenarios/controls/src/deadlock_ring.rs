//! A ring that takes three: three forks lie on a round table however many sit at it.
//!
//! Shape: seat n takes fork n, then fork n + 1, counted round. Two seats have an end of the table that
//! nobody sits at, so their forks are taken in one order and no cycle can close; three close it. So
//! the control is also one of minimisation, which must not tell of two actors. In the look-alike the
//! last seat takes the lower fork first, like everybody else.

use std::sync::{Barrier, Mutex};

use standstill_kit::{Kind, Scenario, TrialInfo};

const SEATS: usize = 3;

type Table = [Mutex<u32>; SEATS];

fn table() -> Table {
    Default::default()
}

/// The forks of a seat, in the order in which it takes them.
fn forks(seat: usize) -> [usize; 2] {
    [seat % SEATS, (seat + 1) % SEATS]
}

/// All hold their first fork before any asks for its second. Only whole tables are seated.
pub(crate) fn ordered() -> Scenario {
    let tables = |info: TrialInfo| -> Vec<(Table, Barrier)> {
        (0..info.threads / SEATS).map(|_| (table(), Barrier::new(SEATS))).collect()
    };
    Scenario::new("ring_of_three")
        .about("three actors hold one std mutex each, then ask for the next one's; needs 3 actors")
        .finds(Kind::Deadlock)
        .threads([3])
        .trials(5)
        .setup(move |_, info| tables(info))
        .actor(|tables, me| {
            let Some((table, all_hold)) = tables.get(me.index() / SEATS) else { return };
            let [first, second] = forks(me.index());
            let _first = table[first].lock().unwrap();
            all_hold.wait();
            let _second = table[second].lock().unwrap();
        })
        .build()
}

/// The same at one table and without the hand-shake: who comes late shares a seat.
pub(crate) fn natural() -> Scenario {
    Scenario::new("ring_of_three_natural")
        .about(
            "actors take two of three std mutexes, each its own and the next; fails with 3 or more",
        )
        .may_find(Kind::Deadlock, "the natural version of controls/ring_of_three")
        .threads([3, 8])
        .iterations(4)
        .setup(|_, _| table())
        .actor(|table, me| {
            let [first, second] = forks(me.index());
            for _ in 0..me.iterations() {
                let mut first = table[first].lock().unwrap();
                let mut second = table[second].lock().unwrap();
                *first += 1;
                *second += 1;
            }
        })
        .build()
}

/// The lower fork first: no cycle is possible.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("ring_of_three_look_alike")
        .about("actors take two of three std mutexes, the lower one first")
        .threads([3, 8])
        .setup(|_, _| table())
        .actor(|table, me| {
            let mut forks = forks(me.index());
            forks.sort_unstable();
            for _ in 0..20 {
                let mut first = table[forks[0]].lock().unwrap();
                let mut second = table[forks[1]].lock().unwrap();
                *first += 1;
                *second += 1;
            }
        })
        .check(|table, results: &[()]| {
            let sum: u32 = table.iter().map(|fork| *fork.lock().unwrap()).sum();
            let want = 40 * results.len() as u32;
            if sum == want { Ok(()) } else { Err(format!("counted {sum} of {want}")) }
        })
        .build()
}
