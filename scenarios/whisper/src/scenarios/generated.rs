//! Generated programs: what whisper-rs offers to safe Rust, in any order, on states of one's own.
//!
//! Every call must return what it returns where its actor is alone. The control lets actors ask one
//! state for its language as well, which `lang_detect(&self)` and `WhisperState: Sync` allow, and which
//! changes the state under the others' feet.

mod calls;

use standstill_kit::proptest::prelude::*;
use standstill_kit::{Builder, Kind, NoActor, Programs, Scenario};

use self::calls::{Call, Local, make};
use super::{Model, SYNC, SYNC_SOURCE, prepare};
use crate::audio;
use crate::guard::{Guard, GuardedState, named};

/// What all actors of a trial share.
struct Shared<G: Guard> {
    model: &'static Model,
    guard: G,
    /// One state for all, that has heard something.
    state: G::State,
}

/// Each actor on states of its own.
pub(super) fn scenario<G: Guard>() -> Scenario {
    let scenario = Scenario::new(&named::<G>("generated_calls"))
        .about(
            "actors make generated calls on one context: create and drop states, transcribe with and \
             without callbacks, detect the language, tokenize, load and drop contexts beside",
        )
        .contract(SYNC, SYNC_SOURCE);
    programs::<G, _>(scenario, own)
        .play(|_, _| Local::new(), |shared: &Shared<G>, local, call| make(shared, local, call))
        .equal_alone()
        .build()
}

/// The same, and one call that is made on a state of all actors.
pub(super) fn shared_state<G: Guard>() -> Scenario {
    let scenario = Scenario::new(&named::<G>("generated_calls_on_a_shared_state"))
        .about(
            "actors make the calls of generated_calls, and ask one state that they share for its \
             language",
        )
        .contract(
            "unsafe impl Sync for WhisperState {}, and lang_detect(&self, ..) is safe to call",
            "whisper-rs, src/whisper_state.rs (0.15.1), src/whisper_state/mod.rs (0.16.0)",
        )
        .may_find(Kind::Crash, "lang_detect(&self) computes in the state that it is given");
    let calls = || prop_oneof![2 => own(), 1 => Just(Call::DetectOnTheSharedOne)];
    programs::<G, _>(scenario, calls)
        .play(|_, _| Local::new(), |shared: &Shared<G>, local, call| make(shared, local, call))
        .build()
}

fn programs<G: Guard, C: Strategy<Value = Call> + 'static>(
    scenario: Builder<(), (), NoActor>,
    calls: fn() -> C,
) -> Programs<Model, Shared<G>, Call> {
    scenario
        .threads([2, 4])
        .counts_steps()
        .prepare(prepare)
        .setup(|model, _| {
            let guard: G = model.guarded();
            let mut state = guard.create_state().expect("create a state");
            let audio = audio::sweep(300);
            state.exclusive(|state| state.pcm_to_mel(&audio, 1)).expect("hear something");
            Shared { model, guard, state }
        })
        .programs(calls, 1..=5)
}

/// Calls on an actor's own states, the cheap ones more often.
fn own() -> impl Strategy<Value = Call> {
    // Below 100 ms whisper.cpp says that it is too short, and transcribes nothing.
    let ms = || prop_oneof![Just(20), Just(120), Just(200)];
    prop_oneof![
        4 => Just(Call::Create),
        3 => Just(Call::Drop),
        2 => ms().prop_map(|ms| Call::Full { ms }),
        1 => ms().prop_map(|ms| Call::FullWithProgress { ms }),
        1 => ms().prop_map(|ms| Call::FullWithSegments { ms }),
        2 => ms().prop_map(|ms| Call::Detect { ms }),
        3 => "[a-z ]{1,12}".prop_map(Call::Tokenize),
        1 => ms().prop_map(|ms| Call::AnotherContext { ms }),
    ]
}
