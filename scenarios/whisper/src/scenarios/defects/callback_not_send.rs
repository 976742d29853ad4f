//! `FullParams` takes closures that are not `Send` to other threads.
//!
//! The setters ask of a closure no more than `'static` (src/whisper_params.rs:571 in 0.15.1, :575 in
//! 0.16.0), and `unsafe impl Send for FullParams` (:851, :882) then lets it move to another thread with
//! all that it holds: an `Rc<RefCell<_>>` of which another thread has a clone, with a borrow flag and a
//! count that are not atomic. With `Rc` alone the count goes wrong, which takes two cores and luck.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use standstill_kit::{Builder, Kind, Scenario};
use whisper_rs::FullParams;

use super::super::{Model, prepare};
use super::{DEADLINE, full};
use crate::guard::{Guard, named};
use crate::parameters;

const CLAIM: &str =
    "following implementations are safe [...] unsafe impl Send for FullParams<'_, '_> {}";
const SOURCE: &str = "whisper-rs, src/whisper_params.rs:851 (0.15.1), :882 (0.16.0)";

/// Lines that a callback writes.
const LINES: usize = 500_000;

/// Transcriptions of each actor.
const ROUNDS: usize = 3;

/// What a trial's actors share: parameters for each, and how often a callback found the `RefCell`
/// borrowed, which on one thread cannot be.
type Shared<G> = (G, Vec<FullParams<'static, 'static>>, Arc<AtomicU64>);

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_callback_is_not_send", |actors, met| {
        let report = Rc::new(RefCell::new(vec![]));
        let callback = || {
            let (report, met) = (Rc::clone(&report), Arc::clone(met));
            with_callback(move || match report.try_borrow_mut() {
                Ok(mut report) => write(&mut report),
                Err(_) => drop(met.fetch_add(1, Relaxed)),
            })
        };
        (0..actors).map(|_| callback()).collect()
    })
    .about(
        "each actor transcribes with a FullParams of its own, whose callback writes to a RefCell that \
         all of them have an Rc of",
    )
    .may_find(
        Kind::WrongResult,
        "FullParams is Send while the closures in it need not be: whisper-rs src/whisper_params.rs, \
         0.15.1:571, :851, 0.16.0:575, :882",
    )
    .may_also_find(Kind::Crash)
    .reproducer(by_hand!("callback_not_send.rs"))
    .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_callback_is_not_send_look_alike", |actors, _| {
        let report = Arc::new(Mutex::new(vec![]));
        let callback = || {
            let report = Arc::clone(&report);
            with_callback(move || write(&mut report.lock().expect("nobody panics")))
        };
        (0..actors).map(|_| callback()).collect()
    })
    .about(
        "each actor transcribes with a FullParams of its own, whose callback writes to a Mutex that all \
         of them have an Arc of",
    )
    .control_of(&named::<G>("defect_callback_is_not_send"), "an Arc of a Mutex, which is Send")
    .build()
}

fn pattern<G: Guard>(
    name: &str,
    of_each: fn(usize, &Arc<AtomicU64>) -> Vec<FullParams<'static, 'static>>,
) -> Builder<Model, Shared<G>, ()> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([2, 8])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(move |model, trial| {
            let met = Arc::new(AtomicU64::new(0));
            (model.guarded::<G>(), of_each(trial.threads, &met), met)
        })
        .actor(|(context, of_each, _), me| {
            for _ in 0..ROUNDS {
                // A clone, of which only this thread makes use.
                full(context, of_each[me.index()].clone()).expect("transcribe");
            }
        })
        .check(|(_, _, met), _| match met.load(Relaxed) {
            0 => Ok(()),
            met => {
                Err(format!("{met} callbacks met another thread in a RefCell, which is not Sync"))
            }
        })
}

fn with_callback(mut called: impl FnMut() + 'static) -> FullParams<'static, 'static> {
    let mut parameters = parameters();
    // Little to compute, so that much of the time is the callback's.
    parameters.set_audio_ctx(32);
    parameters.set_max_tokens(1);
    parameters.set_progress_callback_safe(move |_| called());
    parameters
}

fn write(report: &mut Vec<u64>) {
    report.clear();
    report.extend(0..LINES as u64);
    black_box(report);
}
