//! Fourteen classic concurrency bugs: `classics NAME` runs one, `classics NAME fixed` its correct
//! twin, `classics` prints the names.
//!
//! Each fails by an assertion or by never ending, and only under some schedules: threads that run
//! one after the other, in the order of their creation and as far as they can, succeed. What is
//! wrong is one line in each, which the twin does right.

mod locks;
mod memory;
mod waiting;

use std::process::ExitCode;

/// A name, and what runs it: `true` for the correct twin.
type Classic = (&'static str, fn(bool));

const ALL: [Classic; 14] = [
    ("lost-update", memory::lost_update),
    ("plain-race", memory::plain_race),
    ("abba", locks::abba),
    ("abba-far", locks::abba_far),
    ("dining", locks::dining),
    ("lost-wakeup", waiting::lost_wakeup),
    ("aba", memory::aba),
    ("check-then-act", memory::check_then_act),
    ("double-checked", memory::double_checked),
    ("semaphore", waiting::semaphore),
    ("rw-upgrade", locks::rw_upgrade),
    ("barrier-reuse", waiting::barrier_reuse),
    ("lock-ring", locks::ring),
    ("no-predicate", waiting::no_predicate),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        ALL.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let fixed = match arguments.next().as_deref() {
        None => false,
        Some("fixed") => true,
        Some(other) => {
            eprintln!("`{other}` is not `fixed`");
            return ExitCode::from(2);
        }
    };
    let Some((_, run)) = ALL.iter().find(|(known, _)| *known == name) else {
        eprintln!("no classic is named `{name}`; without a name they are listed");
        return ExitCode::from(2);
    };
    run(fixed);
    println!("{name}: done");
    ExitCode::SUCCESS
}

/// Runs two bodies in threads of their own; a panic of one is a panic here.
fn both(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(one);
        scope.spawn(other);
    });
}
