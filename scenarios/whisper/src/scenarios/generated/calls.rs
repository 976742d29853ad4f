//! The calls of a generated program, and how an actor makes one.

use std::sync::{Arc, Mutex};

use whisper_rs::{FullParams, SegmentCallbackData, WhisperState};

use super::Shared;
use crate::guard::{Guard, GuardedState};
use crate::{audio, bridge, parameters, read};

/// What an actor can do.
#[derive(Clone, Debug)]
pub(super) enum Call {
    /// Creates a state, which the calls that follow are made on.
    Create,
    /// Drops it; those that follow are made on the one before.
    Drop,
    /// Transcribes so much audio.
    Full { ms: u32 },
    /// The same, and hears how far it is.
    FullWithProgress { ms: u32 },
    /// The same, and hears of each segment.
    FullWithSegments { ms: u32 },
    /// Asks for the language of so much audio.
    Detect { ms: u32 },
    /// Splits a text.
    Tokenize(String),
    /// Loads a context and creates a state on it, drops the context, and transcribes.
    AnotherContext { ms: u32 },
    /// Asks for the language of what the shared state has heard.
    DetectOnTheSharedOne,
}

/// An actor's own states, the latest last. A call that needs one creates it where there is none, so
/// that it means something in every part of a program.
pub(super) struct Local<S>(Vec<S>);

impl<S> Local<S> {
    pub(super) fn new() -> Self {
        Local(vec![])
    }
}

/// States of one actor at most: each takes some tens of megabytes.
const MOST: usize = 2;

/// Makes one call; what it returned, to the last bit.
pub(super) fn make<G: Guard>(
    shared: &Shared<G>,
    local: &mut Local<G::State>,
    call: &Call,
) -> String {
    let states = &mut local.0;
    let creates = !matches!(
        call,
        Call::Drop | Call::Tokenize(_) | Call::AnotherContext { .. } | Call::DetectOnTheSharedOne
    );
    let wants_another = matches!(call, Call::Create) && states.len() < MOST;
    if wants_another || (creates && states.is_empty()) {
        states.push(shared.guard.create_state().expect("create a state"));
    }
    let mut on_the_latest = |act: &dyn Fn(&mut WhisperState) -> String| match states.last_mut() {
        Some(state) => state.exclusive(|state| act(state)),
        None => "no state".to_owned(),
    };
    match call {
        Call::Create => format!("{} states", states.len()),
        Call::Drop => format!("dropped one: {}", states.pop().is_some()),
        Call::Full { ms } => on_the_latest(&|state| full(state, parameters(), *ms)),
        Call::FullWithProgress { ms } => on_the_latest(&|state| with_progress(state, *ms)),
        Call::FullWithSegments { ms } => on_the_latest(&|state| with_segments(state, *ms)),
        Call::Detect { ms } => on_the_latest(&|state| {
            let heard = state.pcm_to_mel(&audio::sweep(*ms), 1);
            format!("{:?} {:?}", heard, state.lang_detect(0, 1))
        }),
        // As many tokens as bytes at most: with less room tokenize itself is unsound.
        Call::Tokenize(text) => {
            format!("{:?}", shared.guard.context(|context| context.tokenize(text, 64)))
        }
        Call::AnotherContext { ms } => {
            let context = shared.model.load_again();
            let mut state = context.create_state().expect("create a state");
            drop(context);
            full(&mut state, parameters(), *ms)
        }
        Call::DetectOnTheSharedOne => {
            format!("{:?}", shared.state.shared(|state| state.lang_detect(0, 1)))
        }
    }
}

fn full(state: &mut WhisperState, parameters: FullParams<'_, '_>, ms: u32) -> String {
    let ended = bridge::full(state, parameters, &audio::sweep(ms));
    format!("{ended:?} {:?}", read(state))
}

fn with_progress(state: &mut WhisperState, ms: u32) -> String {
    let (mut parameters, heard) = (parameters(), Arc::new(Mutex::new(vec![])));
    let hears = heard.clone();
    let hear = move |percent: i32| hears.lock().expect("nobody panics").push(percent);
    parameters.set_progress_callback_safe(hear);
    let said = full(state, parameters, ms);
    format!("{said} {:?}", heard.lock().expect("nobody panics"))
}

fn with_segments(state: &mut WhisperState, ms: u32) -> String {
    let (mut parameters, heard) = (parameters(), Arc::new(Mutex::new(vec![])));
    let hears = heard.clone();
    let hear = move |segment: SegmentCallbackData| {
        hears.lock().expect("nobody panics").push((segment.segment, segment.text));
    };
    parameters.set_segment_callback_safe(hear);
    let said = full(state, parameters, ms);
    format!("{said} {:?}", heard.lock().expect("nobody panics"))
}
