//! Lost wake-up: a notification comes before its waiter waits, and is not remembered.
//!
//! A condition variable has no memory; what has happened must be kept in a predicate, which is looked
//! at under the lock before every wait. The control keeps nothing: a barrier lets the waiter begin
//! only after the notification, so nobody is left to notify again. The look-alike has the same order
//! of events and a predicate. The natural version has a predicate but looks at it before it takes the
//! lock, which leaves a window of a few instructions.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Barrier, Condvar, Mutex};

use standstill_kit::{Kind, Scenario};

use crate::pairs::Pairs;

const CLAIM: &str = "Calls to notify_one are not buffered in any way.";
const SOURCE: &str = "https://doc.rust-lang.org/std/sync/struct.Condvar.html#method.notify_one";

/// Something that happens once.
#[derive(Default)]
struct Happening {
    seen_early: AtomicBool,
    happened: Mutex<bool>,
    changed: Condvar,
}

impl Happening {
    fn wait(&self) {
        let happened = self.happened.lock().unwrap();
        drop(self.changed.wait_while(happened, |happened| !*happened).unwrap());
    }

    fn happen(&self) {
        *self.happened.lock().unwrap() = true;
        self.changed.notify_one();
    }

    /// Wrong: what is looked at without the lock may change before the wait.
    fn wait_unlocked_look(&self) {
        if !self.seen_early.load(SeqCst) {
            let happened = self.happened.lock().unwrap();
            drop(self.changed.wait(happened).unwrap());
        }
    }

    /// Wrong: changes without the lock what waiters look at.
    fn happen_unlocked(&self) {
        self.seen_early.store(true, SeqCst);
        self.changed.notify_one();
    }
}

/// The notification comes first, always.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("lost_wakeup")
        .about("one actor notifies a condvar before the other waits for it; needs 2 actors")
        .contract(CLAIM, SOURCE)
        .finds(Kind::LostWakeup)
        .trials(5)
        .setup(|_, info| Pairs::new(info, || (Mutex::new(()), Condvar::new(), Barrier::new(2))))
        .actor(|pairs, me| {
            let Some(((lock, changed, notified), side)) = pairs.of(me) else { return };
            if side == 0 {
                changed.notify_one();
                notified.wait();
            } else {
                notified.wait();
                drop(changed.wait(lock.lock().unwrap()).unwrap());
            }
        })
        .build()
}

/// The predicate is looked at without the lock; both go on in step, so that every round is a chance.
pub(crate) fn natural() -> Scenario {
    Scenario::new("lost_wakeup_natural")
        .about("a waiter looks at its predicate before it takes the lock")
        .contract(CLAIM, SOURCE)
        .may_find(Kind::LostWakeup, "the natural version of controls/lost_wakeup")
        .setup(|_, info| {
            Pairs::new(info, || {
                let round = |_| (Happening::default(), Happening::default());
                (0..20).map(round).collect::<Vec<_>>()
            })
        })
        .actor(|pairs, me| {
            let Some((rounds, side)) = pairs.of(me) else { return };
            for (racy, answer) in rounds {
                if side == 0 {
                    racy.happen_unlocked();
                    answer.wait();
                } else {
                    racy.wait_unlocked_look();
                    answer.happen();
                }
            }
        })
        .build()
}

/// The notification comes first as well, and is remembered.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("lost_wakeup_look_alike")
        .about("one actor notifies before the other waits, and the predicate remembers it")
        .setup(|_, info| Pairs::new(info, || (Happening::default(), Barrier::new(2))))
        .actor(|pairs, me| {
            let Some(((happening, notified), side)) = pairs.of(me) else { return };
            if side == 0 {
                happening.happen();
                notified.wait();
            } else {
                notified.wait();
                happening.wait();
            }
        })
        .build()
}
