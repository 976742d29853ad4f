//! The start gate of `standstill-kit`: nobody passes early, and all pass.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use standstill_models::Model;

use gate::Gate;

mod kernel;

/// The product's own file, over loom and a futex that is a model.
#[path = "."]
mod gate {
    #[path = "../../harness/kit/src/gate/protocol.rs"]
    mod protocol;

    use loom::sync::atomic::AtomicU32;
    use loom::thread::yield_now as pause;

    use crate::kernel::{wait as futex_wait, wake_all as futex_wake_all};

    pub(crate) use protocol::Gate;

    const PAUSES: u32 = 1;
}

/// Starts `actors` that pass the gate, each of which may then read what the main thread has written
/// before it opened. Loom fails the model if a read could come first, and if anybody waits for ever.
fn actors_at(gate: &Arc<Gate>, written: &Arc<UnsafeCell<u32>>, actors: usize) -> Vec<Passed> {
    let start = |_| {
        let (gate, written) = (Arc::clone(gate), Arc::clone(written));
        thread::spawn(move || {
            let passed = gate.pass();
            // SAFETY: written before the gate was opened or cancelled, and never after: what the
            // model is to show, and what loom's cell checks.
            (passed, written.with(|value| unsafe { *value }))
        })
    };
    (0..actors).map(start).collect()
}

type Passed = thread::JoinHandle<(bool, u32)>;

/// The full space of three threads takes minutes; what two preemptions cannot break is seldom broken
/// by more.
const GATE: Model = Model::bounded("start gate", 2);

#[test]
fn nobody_passes_before_it_opens_and_all_do_after() {
    GATE.holds("nobody passes before it opens, and all do after", || {
        let (gate, written) = (Arc::new(Gate::new(2, 2)), Arc::new(UnsafeCell::new(0)));
        let actors = actors_at(&gate, &written, 2);
        gate.gather();
        // SAFETY: all actors are at the gate, which is shut.
        written.with_mut(|value| unsafe { *value = 7 });
        gate.open();
        for actor in actors {
            assert_eq!(actor.join().unwrap(), (true, 7));
        }
    });
}

#[test]
fn whoever_comes_late_passes_too() {
    GATE.holds("whoever comes late passes too", || {
        let (gate, written) = (Arc::new(Gate::new(2, 2)), Arc::new(UnsafeCell::new(7)));
        let actors = actors_at(&gate, &written, 2);
        gate.open();
        for actor in actors {
            assert_eq!(actor.join().unwrap(), (true, 7));
        }
    });
}

#[test]
fn a_cancelled_gate_sends_everybody_home() {
    GATE.holds("cancelled, it sends everybody home", || {
        let (gate, written) = (Arc::new(Gate::new(3, 2)), Arc::new(UnsafeCell::new(7)));
        let actors = actors_at(&gate, &written, 2);
        gate.cancel();
        for actor in actors {
            assert_eq!(actor.join().unwrap(), (false, 7));
        }
    });
}

#[test]
fn what_actors_did_before_the_gate_is_seen_when_they_have_gathered() {
    GATE.holds("what actors did before it is seen once they have gathered", || {
        let gate = Arc::new(Gate::new(2, 2));
        let steps: Arc<[_; 2]> = Arc::new(std::array::from_fn(|_| gate_step(0)));
        let actors: Vec<_> = (0..2)
            .map(|index| {
                let (gate, steps) = (Arc::clone(&gate), Arc::clone(&steps));
                thread::spawn(move || {
                    steps[index].store(1, Relaxed);
                    gate.pass()
                })
            })
            .collect();
        gate.gather();
        assert_eq!(steps.each_ref().map(|step| step.load(Relaxed)), [1, 1]);
        gate.open();
        actors.into_iter().for_each(|actor| assert!(actor.join().unwrap()));
    });
}

fn gate_step(value: u32) -> loom::sync::atomic::AtomicU32 {
    loom::sync::atomic::AtomicU32::new(value)
}
