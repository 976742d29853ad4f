//! Clones of `FullParams` share one `FnMut`.
//!
//! `FullParams` is `Clone`, and `Send` and `Sync` by hand (src/whisper_params.rs:41, :851 in 0.15.1,
//! :44, :882 in 0.16.0), but a callback is a raw pointer to a closure in it (:596, :600), which a clone
//! copies. So two `full` calls with two clones call one `FnMut` at a time, each as if it had it alone.

use std::hint::black_box;
use std::iter::repeat_n;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use standstill_kit::{Kind, Scenario};
use whisper_rs::FullParams;

use super::super::prepare;
use super::DEADLINE;
use crate::guard::{Guard, GuardedState, named};
use crate::{audio, bridge, parameters};

const CLAIM: &str = "#[derive(Clone)] pub struct FullParams [...] following implementations are safe \
                     [...] concurrent usage is prevented by &mut self on methods that modify the struct";
const SOURCE: &str = "whisper-rs, src/whisper_params.rs:41, :848 (0.15.1), :44, :879 (0.16.0)";

/// Transcriptions of each actor.
const ROUNDS: usize = 3;

/// Lines of the report that the callback makes of each call.
const LINES: usize = 500_000;

/// Reports that were not what the callback had just written.
type Spoilt = Arc<AtomicU64>;

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("defect_cloned_parameters_share_a_callback"))
        .about(
            "all actors transcribe, each in a state of its own and with a clone of one FullParams",
        )
        .contract(CLAIM, SOURCE)
        .reproducer(by_hand!("cloned_callback.rs"))
        .may_find(
            Kind::WrongResult,
            "clones of FullParams call one FnMut at a time: whisper-rs src/whisper_params.rs, \
             0.15.1:41, :851, 0.16.0:44, :882",
        )
        .may_also_find(Kind::Crash)
        .may_also_find(Kind::Panic)
        .threads([2, 8])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| {
            let spoilt = Spoilt::default();
            (model.guarded::<G>(), reporting(&spoilt), spoilt)
        })
        .actor(|(context, parameters, _), _| transcribe(context, || parameters.clone()))
        .check(|(_, _, spoilt), _| none(spoilt))
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    Scenario::new(&named::<G>("defect_cloned_parameters_share_a_callback_look_alike"))
        .about("all actors transcribe, each in a state of its own and with FullParams of its own")
        .contract(CLAIM, SOURCE)
        .control_of(
            &named::<G>("defect_cloned_parameters_share_a_callback"),
            "each actor sets a callback of its own",
        )
        .threads([2, 8])
        .trials(3)
        .prepare(prepare)
        .setup(|model, _| (model.guarded::<G>(), Spoilt::default()))
        .actor(|(context, spoilt), _| transcribe(context, || reporting(spoilt)))
        .check(|(_, spoilt), _| none(spoilt))
        .build()
}

/// Parameters with a callback that writes a report of its call, and then reads it.
fn reporting(spoilt: &Spoilt) -> FullParams<'static, 'static> {
    let spoilt = Arc::clone(spoilt);
    let (mut calls, mut report) = (0_u32, Vec::new());
    let mut parameters = parameters();
    // Little to compute, so that much of the time is the callback's.
    parameters.set_audio_ctx(32);
    parameters.set_max_tokens(1);
    parameters.set_progress_callback_safe(move |_| {
        calls += 1;
        report.clear();
        report.extend(repeat_n(calls, LINES));
        let report = black_box(&report);
        if report.len() != LINES || report.iter().any(|line| *line != calls) {
            spoilt.fetch_add(1, Relaxed);
        }
    });
    parameters
}

fn transcribe<G: Guard>(context: &G, parameters: impl Fn() -> FullParams<'static, 'static>) {
    let audio = audio::sweep(300);
    let mut state = context.create_state().expect("create a state");
    for _ in 0..ROUNDS {
        let parameters = parameters();
        state.exclusive(|state| bridge::full(state, parameters, &audio)).expect("transcribe");
    }
}

fn none(spoilt: &Spoilt) -> Result<(), String> {
    match spoilt.load(Relaxed) {
        0 => Ok(()),
        spoilt => Err(format!("{spoilt} reports changed while the callback that wrote them ran")),
    }
}
