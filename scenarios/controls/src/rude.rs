//! Targets that are rude to their harness: they leave early, shout, multiply, shut doors.
//!
//! What they do is no misbehaviour that a kind names. The harness is to come through it unharmed,
//! leave no process behind, and never call it clean when it could not see the end. Each says in
//! `about` what must come of it.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;

use standstill_kit::{Builder, NoActor, Scenario};

use crate::ffi;

/// The registry of the rude, apart from the other: most cannot pass as tests.
pub const RUDE: &[fn() -> Scenario] = &[
    exit,
    exit_code,
    kill_parent,
    kill_keeper,
    no_threads,
    flood,
    fork,
    close_fds,
    prepare_threads,
    prepare_fails,
    prepare_hangs,
    nondeterministic,
];

fn rude(name: &str, about: &str) -> Builder<(), (), NoActor> {
    Scenario::new(name).about(about).threads([2]).trials(3)
}

fn exit() -> Scenario {
    rude("rude_exit", "an actor ends the process with code 0: inconclusive")
        .actor(|(), _| std::process::exit(0))
        .build()
}

fn exit_code() -> Scenario {
    rude("rude_exit_code", "an actor ends the process with code 3: inconclusive")
        .actor(|(), _| std::process::exit(3))
        .build()
}

fn kill_parent() -> Scenario {
    rude("rude_kill_parent", "an actor kills the process that forked it: inconclusive")
        .actor(|(), _| {
            ffi::kill_parent();
            std::thread::sleep(std::time::Duration::from_secs(1));
        })
        .build()
}

fn kill_keeper() -> Scenario {
    rude("rude_kill_keeper", "an actor in a fresh process kills its keeper: it cannot be run")
        .fresh_process()
        .actor(|(), _| {
            ffi::kill_parent();
            std::thread::sleep(std::time::Duration::from_secs(1));
        })
        .build()
}

fn no_threads() -> Scenario {
    rude("rude_no_threads", "its setup leaves no memory for the actors' stacks: inconclusive")
        .setup(|_, _| ffi::forbid_more_memory())
        .actor(|(), _| ())
        .build()
}

fn flood() -> Scenario {
    const LINE: [u8; 64] = *b"This line is one of sixteen million and says nothing new at all\n";
    rude("rude_flood", "the actors print a gigabyte: clean, and no more than its ends are kept")
        .actor(|(), me| {
            let block = LINE.repeat(1024);
            let mut out = std::io::stdout().lock();
            (0..(1 << 30) / block.len() / me.count()).for_each(|_| out.write_all(&block).unwrap());
        })
        .build()
}

fn fork() -> Scenario {
    rude("rude_fork", "each actor leaves a child and a daemon behind: clean, and both are killed")
        .actor(|(), _| {
            ffi::leave_child_behind();
            ffi::leave_daemon_behind();
        })
        .build()
}

fn close_fds() -> Scenario {
    rude("rude_close_fds", "an actor closes every descriptor of the process: clean")
        .actor(|(), me| {
            if me.index() == 0 {
                ffi::close_descriptors();
            }
        })
        .build()
}

fn prepare_threads() -> Scenario {
    rude("rude_prepare_threads", "preparing leaves a thread: clean, in processes of their own")
        .prepare(|_| {
            std::thread::spawn(|| {
                loop {
                    std::thread::park();
                }
            });
            Ok(())
        })
        .actor(|(), _| ())
        .build()
}

fn prepare_fails() -> Scenario {
    rude("rude_prepare_fails", "preparing fails: the campaign ends with its sentence")
        .prepare(|_| Err::<(), _>("there is no file `nowhere.bin`".to_owned()))
        .actor(|(), _| ())
        .build()
}

fn prepare_hangs() -> Scenario {
    rude("rude_prepare_hangs", "preparing locks a lock twice: found, with its stacks")
        .prepare(|_| {
            let lock = std::sync::Mutex::new(());
            let (_first, _second) = (lock.lock(), lock.lock());
            Ok(())
        })
        .actor(|(), _| ())
        .build()
}

fn nondeterministic() -> Scenario {
    rude("rude_nondeterministic", "an oracle over random results: inconclusive, not deterministic")
        .results_equal_sequential()
        .actor(|(), _| RandomState::new().hash_one(0))
        .build()
}
