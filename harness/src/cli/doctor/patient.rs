//! The program that the self-test convicts: this very executable, told by a hidden command to take
//! two locks from two threads.

use std::sync::Mutex;

use clap::{Args, ValueEnum};

use super::super::Exit;

/// The hidden command's name.
pub(in crate::cli) const PATIENT: &str = "self-test-patient";

/// Two threads take two locks.
#[derive(Args, Debug)]
pub(in crate::cli) struct Patient {
    /// Whose locks
    #[arg(value_enum)]
    locks: Locks,
    /// In which order the second thread takes them
    #[arg(value_enum)]
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Locks {
    /// pthread_mutex_lock: a call
    Pthread,
    /// std's Mutex: an atomic instruction
    Std,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    Opposite,
    Same,
}

impl Patient {
    /// Takes them. Natively this hardly ever deadlocks: the threads last for microseconds.
    pub(in crate::cli) fn run(&self) -> Exit {
        let opposite = self.order == Order::Opposite;
        match self.locks {
            Locks::Std => {
                let locks = [Mutex::new(0), Mutex::new(0)];
                both(opposite, |first, second| {
                    let one = locks[first].lock();
                    let two = locks[second].lock();
                    drop((one, two));
                });
            }
            Locks::Pthread => {
                let locks = [crate::os::pthread::Mutex::new(), crate::os::pthread::Mutex::new()];
                both(opposite, |first, second| {
                    locks[first].with(|| locks[second].with(|| ()));
                });
            }
        }
        Exit::AsExpected
    }
}

fn both(opposite: bool, take: impl Fn(usize, usize) + Sync) {
    std::thread::scope(|scope| {
        scope.spawn(|| take(0, 1));
        scope.spawn(|| if opposite { take(1, 0) } else { take(0, 1) });
    });
}
