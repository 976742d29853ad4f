//! Wrong result: an update is lost, or another actor's scratch space is read.
//!
//! The control's actors all read a counter before the first writes it back: a barrier stands between.
//! The oracle's control has every actor write to one scratch place and read it when all have written,
//! so all but one read a foreign value; an actor that is alone reads its own. The look-alikes add
//! atomically and have scratch space of their own.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use standstill_kit::{Kind, Scenario};

fn all_counted(counter: &AtomicUsize, want: usize) -> Result<(), String> {
    match counter.load(SeqCst) {
        sum if sum == want => Ok(()),
        sum => Err(format!("counted {sum} of {want}")),
    }
}

/// All read before one writes.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("wrong_result")
        .about("all actors read a counter before the first writes it back; needs 2 actors")
        .finds(Kind::WrongResult)
        .trials(5)
        .setup(|_, info| (AtomicUsize::new(0), Barrier::new(info.threads)))
        .actor(|(counter, all_read), _| {
            let read = counter.load(SeqCst);
            all_read.wait();
            counter.store(read + 1, SeqCst);
        })
        .check(|(counter, _), results: &[()]| all_counted(counter, results.len()))
        .build()
}

/// All write one place before the first reads it.
pub(crate) fn oracle() -> Scenario {
    Scenario::new("wrong_result_oracle")
        .about(
            "all actors use one scratch place; one alone gets its own value back; needs 2 actors",
        )
        .finds(Kind::WrongResult)
        .trials(5)
        .results_equal_sequential()
        .setup(|_, info| (AtomicUsize::new(0), Barrier::new(info.threads)))
        .actor(|(scratch, all_wrote), me| {
            scratch.store(me.index(), SeqCst);
            all_wrote.wait();
            scratch.load(SeqCst).wrapping_sub(me.index())
        })
        .build()
}

/// A read and a write, with a window between them.
pub(crate) fn natural() -> Scenario {
    Scenario::new("wrong_result_natural")
        .about("actors read a counter and write it back")
        .may_find(Kind::WrongResult, "the natural version of controls/wrong_result")
        .setup(|_, _| AtomicUsize::new(0))
        .actor(|counter, _| (0..20).for_each(|_| counter.store(counter.load(SeqCst) + 1, SeqCst)))
        .check(|counter, results: &[()]| all_counted(counter, 20 * results.len()))
        .build()
}

/// One addition, not two accesses.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("wrong_result_look_alike")
        .about("actors add to a counter atomically")
        .setup(|_, _| AtomicUsize::new(0))
        .actor(|counter, _| {
            for _ in 0..20 {
                counter.fetch_add(1, SeqCst);
            }
        })
        .check(|counter, results: &[()]| all_counted(counter, 20 * results.len()))
        .build()
}

/// A place for each.
pub(crate) fn oracle_look_alike() -> Scenario {
    Scenario::new("wrong_result_oracle_look_alike")
        .about("each actor uses a scratch place of its own")
        .results_equal_sequential()
        .setup(|_, info| {
            let places: Vec<_> = (0..info.threads).map(|_| AtomicUsize::new(0)).collect();
            (places, Barrier::new(info.threads))
        })
        .actor(|(places, all_wrote), me| {
            places[me.index()].store(me.index(), SeqCst);
            all_wrote.wait();
            places[me.index()].load(SeqCst).wrapping_sub(me.index())
        })
        .build()
}
