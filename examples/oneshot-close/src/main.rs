//! A oneshot channel whose receiver is closed while the sender sends: the value must be dropped once, by
//! whoever has it in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::{hint, thread};

use tokio::sync::oneshot;

fn main() {
    for round in 0..100 {
        let value = Arc::new([0; 64]);
        let alive = Arc::downgrade(&value);
        let (sender, mut receiver) = oneshot::channel();
        let here = Arc::new(AtomicU32::new(0));
        receiver.close();
        let sending = {
            let here = here.clone();
            thread::spawn(move || {
                meet(&here);
                drop(sender.send(value));
            })
        };
        meet(&here);
        // A little later in each round, so that some round has the two in the middle of each other.
        for _ in 0..round {
            hint::black_box(round);
        }
        drop(receiver.try_recv());
        sending.join().expect("the sender found its own value gone");
        drop(receiver);
        assert_eq!(alive.strong_count(), 0, "the value was dropped a wrong number of times");
    }
}

/// Both go on at once; waking one that sleeps would take too long.
fn meet(here: &AtomicU32) {
    here.fetch_add(1, SeqCst);
    while here.load(SeqCst) < 2 {}
}
