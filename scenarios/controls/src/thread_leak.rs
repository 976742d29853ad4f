//! Thread leak: a thread that was started in the trial is still there when all is dropped.
//!
//! The control's actors start a thread each that parks for ever, and let go of it. In the natural
//! version a worker is told to stop, and may miss it. The look-alikes' threads end some milliseconds
//! after their actors, or are kept on purpose by a scenario that says so.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use standstill_kit::{Kind, Scenario};

const CLAIM: &str = "The join handle will implicitly detach the child thread upon being dropped. In \
                     this case, the child thread may outlive the parent.";
const SOURCE: &str = "https://doc.rust-lang.org/std/thread/fn.spawn.html";

fn park_for_ever() {
    loop {
        std::thread::park();
    }
}

/// Every actor leaves a thread behind.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("thread_leak")
        .about("each actor starts a thread that parks for ever, and lets go of it")
        .contract(CLAIM, SOURCE)
        .finds(Kind::ThreadLeak)
        .trials(5)
        .actor(|(), _| drop(std::thread::spawn(park_for_ever)))
        .build()
}

/// A worker looks whether it is to stop, then waits; the word may come in between.
pub(crate) fn natural() -> Scenario {
    Scenario::new("thread_leak_natural")
        .about("each actor starts a worker and tells it to stop when it may not listen yet")
        .contract(CLAIM, SOURCE)
        .may_find(Kind::ThreadLeak, "the natural version of controls/thread_leak")
        .actor(|(), _| {
            let told = Arc::new((AtomicBool::new(false), Mutex::new(()), Condvar::new()));
            let worker = Arc::clone(&told);
            std::thread::spawn(move || {
                let (stop, lock, changed) = &*worker;
                while !stop.load(SeqCst) {
                    drop(changed.wait(lock.lock().unwrap()));
                }
            });
            // What the actor does meanwhile.
            std::thread::sleep(Duration::from_micros(50));
            let (stop, _, changed) = &*told;
            stop.store(true, SeqCst);
            changed.notify_one();
        })
        .build()
}

/// The threads outlive their actors by little.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("thread_leak_look_alike")
        .about("each actor lets go of a thread that ends some milliseconds later")
        .contract(CLAIM, SOURCE)
        .actor(|(), _| {
            drop(std::thread::spawn(|| std::thread::sleep(Duration::from_millis(10))));
        })
        .build()
}

/// The threads are kept, and the scenario says so.
pub(crate) fn kept_look_alike() -> Scenario {
    Scenario::new("thread_leak_kept_look_alike")
        .about("each actor starts a thread of a pool that is kept on purpose")
        .keeps_threads()
        .actor(|(), _| drop(std::thread::spawn(park_for_ever)))
        .build()
}
