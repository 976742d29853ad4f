//! A hang without a lock: the actors sleep, and nothing wakes them.
//!
//! Sleep ends by the clock, so no standstill can be proven: the deadline passes, the process is idle,
//! and more is not known. The look-alikes sleep too, or wait for something from outside, and come
//! back long before their deadline.

use std::io::{Read, Write};
use std::time::Duration;

use standstill_kit::{Kind, Scenario};

const CLAIM: &str = "Puts the current thread to sleep for at least the specified amount of time.";
const SOURCE: &str = "https://doc.rust-lang.org/std/thread/fn.sleep.html";

/// They sleep for ever.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("sleeps_forever")
        .about("all actors sleep and never come back")
        .contract(CLAIM, SOURCE)
        .finds(Kind::Hang)
        .trials(5)
        .timeout(Duration::from_millis(300))
        .actor(|(), _| {
            loop {
                std::thread::sleep(Duration::from_secs(3600));
            }
        })
        .build()
}

/// They read from a pipe that nobody writes to.
pub(crate) fn reads_forever() -> Scenario {
    Scenario::new("reads_forever")
        .about("all actors read from a pipe of their own that stays empty and open")
        .finds(Kind::Hang)
        .trials(5)
        .timeout(Duration::from_millis(300))
        .actor(|(), _| {
            let (mut empty, _open) = std::io::pipe().unwrap();
            empty.read_exact(&mut [0]).unwrap();
        })
        .build()
}

/// They sleep for long, and come back.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("sleeps_forever_look_alike")
        .about("all actors sleep for a while")
        .contract(CLAIM, SOURCE)
        .timeout(Duration::from_secs(10))
        .actor(|(), _| std::thread::sleep(Duration::from_millis(40)))
        .build()
}

/// They read from a pipe that a sleeper writes to.
pub(crate) fn reads_look_alike() -> Scenario {
    Scenario::new("reads_forever_look_alike")
        .about("all actors read from a pipe of their own to which a helper writes late")
        .timeout(Duration::from_secs(10))
        .actor(|(), _| {
            let (mut reader, mut writer) = std::io::pipe().unwrap();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    writer.write_all(&[7]).unwrap();
                });
                let mut byte = [0];
                reader.read_exact(&mut byte).unwrap();
                byte[0]
            })
        })
        .build()
}
