//! What the watchdog is measured on.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use standstill::supervise::watchdog::PERIOD;
use standstill_kit::{Kind, Scenario};

/// The registry.
pub(crate) const ALL: &[fn() -> Scenario] = &[ring, late_ring, sleeping, busy];

/// How long the trials last whose cost of watching is measured.
pub(crate) const WATCHED: Duration = Duration::from_secs(1);

/// `CLOCK_MONOTONIC` in nanoseconds: one clock for all processes of a machine.
pub(crate) fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Each actor holds a lock and wants the next one's.
struct Ring {
    locks: Vec<Mutex<()>>,
    all_hold: Barrier,
    blocked: AtomicUsize,
}

impl Ring {
    fn new(actors: usize) -> Ring {
        let locks = (0..actors).map(|_| Mutex::new(())).collect();
        Ring { locks, all_hold: Barrier::new(actors), blocked: AtomicUsize::new(0) }
    }

    /// Deadlocks. The last actor prints the time just before: printing counts as detection.
    #[allow(clippy::print_stdout, reason = "it is how the time gets out of the trial")]
    fn close(&self, actor: usize) {
        let _held = self.locks[actor].lock().unwrap();
        self.all_hold.wait();
        if self.blocked.fetch_add(1, Relaxed) + 1 == self.locks.len() {
            println!("{}", now_ns());
        }
        let _wanted = self.locks[(actor + 1) % self.locks.len()].lock().unwrap();
    }
}

fn ring() -> Scenario {
    Scenario::new("ring")
        .about("each actor holds a lock and asks for the next one's")
        .finds(Kind::Deadlock)
        .setup(|_, trial| Ring::new(trial.threads))
        .actor(|ring, me| {
            // Or it would form at the same point of every look's period.
            if me.index() == 0 {
                thread::sleep(Duration::from_nanos(me.random() % PERIOD.as_nanos() as u64));
            }
            ring.close(me.index());
        })
        .build()
}

fn late_ring() -> Scenario {
    Scenario::new("late_ring")
        .about("the actors sleep for a second, then deadlock")
        .finds(Kind::Deadlock)
        .setup(|_, trial| Ring::new(trial.threads))
        .actor(|ring, me| {
            thread::sleep(WATCHED);
            ring.close(me.index());
        })
        .build()
}

fn sleeping() -> Scenario {
    Scenario::new("sleeping")
        .about("the actors sleep for a second: idle, not deadlocked")
        .setup(|_, _| ())
        .actor(|(), _| thread::sleep(WATCHED))
        .build()
}

fn busy() -> Scenario {
    Scenario::new("busy")
        .about("the actors compute for a second")
        .setup(|_, _| ())
        .actor(|(), _| {
            let (begun, mut x) = (Instant::now(), 1_u64);
            while begun.elapsed() < WATCHED {
                x = std::hint::black_box(x.wrapping_mul(3));
            }
        })
        .build()
}
