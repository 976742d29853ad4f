//! The claim: states that several threads create at once, without any lock of the caller's.
//!
//! The steps are in `whisper.rs` and `logger.rs`, each with its lines.
//!
//! Property: all calls end, and the one data race that there is (of `ggml_log_set`) does no harm.

use std::sync::Arc;

use loom::thread;
use standstill_models::Model;

use crate::logger::{DEFAULT, Locked, Logger, Newest, Plain, Target, Words};
use crate::whisper::Whisper;

const CREATE_STATE: Model = Model::bounded("concurrent create_state", 3);

/// whisper-rs's trampolines, each of which is installed with null for its data
/// (whisper_logging_hook.rs:13, ggml_logging_hook.rs:13).
const WHISPER_HOOK: Target = Target { callback: 1, user_data: 0 };
const GGML_HOOK: Target = Target { callback: 2, user_data: 0 };
/// A callback of the user's, by `set_log_callback`, which is unsafe (standalone.rs:85).
const OWN_HOOK: Target = Target { callback: 3, user_data: 3 };

type Step<L> = fn(&Whisper<L>);

/// All steps at once, each in a thread, and then `end`.
fn at_once<L: Logger, const N: usize>(
    steps: [Step<L>; N],
    end: Step<L>,
) -> impl Fn() + Sync + Send + 'static {
    move || {
        let whisper = Whisper::<L>::loaded();
        let threads = steps.map(|step| {
            let whisper = Arc::clone(&whisper);
            thread::spawn(move || step(&whisper))
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        end(&whisper);
    }
}

/// `install_logging_hooks` of whisper-rs: whisper's, then ggml's (lib.rs:75).
fn install_logging_hooks<L: Logger>(whisper: &Whisper<L>) {
    whisper.log_set(WHISPER_HOOK);
    whisper.ggml_log.set(GGML_HOOK);
}

/// The callback that a message goes to gets the data that it was installed with.
fn nothing_is_mixed_up<L: Logger>(whisper: &Whisper<L>) {
    let target = whisper.ggml_says_something();
    let known = [DEFAULT, WHISPER_HOOK, GGML_HOOK, OWN_HOOK];
    assert!(known.contains(&target), "mixed up: {target:?}");
}

/// Loom calls it what it is: two unordered writes of the same word. Both write what is there already.
#[test]
fn two_calls_race_in_ggml_log_set() {
    CREATE_STATE.finds(
        "whisper_backend_init_gpu calls ggml_log_set, which takes no lock",
        "Causality violation",
        at_once::<Plain, 2>([Whisper::create_state; 2], |_| ()),
    );
}

#[test]
fn two_calls_end_and_their_race_changes_nothing() {
    let check = |whisper: &Whisper<Words>| assert_eq!(whisper.ggml_says_something(), DEFAULT);
    let create_state = |whisper: &Whisper<Words>| {
        whisper.create_state();
        assert_eq!(whisper.ggml_says_something(), DEFAULT);
    };
    CREATE_STATE.holds(
        "two calls end, and ggml's messages go where they went before",
        at_once([create_state; 2], check),
    );
}

#[test]
fn three_calls_end() {
    Model::bounded("concurrent create_state", 2)
        .holds("three calls end", at_once::<Words, 3>([Whisper::create_state; 3], |_| ()));
}

#[test]
fn a_call_and_an_inference_end() {
    CREATE_STATE.holds(
        "a call and an inference on another state end",
        at_once::<Words, 2>([Whisper::create_state, Whisper::full], |_| ()),
    );
}

#[test]
fn hooks_that_are_installed_beside_are_never_mixed_up() {
    Model::bounded("concurrent create_state", 2).holds(
        "hooks installed beside it: no message goes to a callback with another's data",
        at_once(
            [
                |whisper: &Whisper<Words>| {
                    whisper.create_state();
                    nothing_is_mixed_up(whisper);
                },
                install_logging_hooks,
            ],
            nothing_is_mixed_up,
        ),
    );
}

/// It reads the old hook, the new one is installed, and it writes the old one again.
#[test]
fn hooks_that_are_installed_beside_may_be_lost() {
    CREATE_STATE.finds(
        "hooks installed beside it: ggml's messages may go to the old one afterwards",
        "ggml's hook is lost",
        at_once::<Newest, 2>([Whisper::create_state, install_logging_hooks], |whisper| {
            assert_ne!(whisper.ggml_says_something(), DEFAULT, "ggml's hook is lost");
        }),
    );
}

/// The race is harmless because all hooks of whisper-rs have the same data, null.
#[test]
fn a_twin_whose_hook_has_data_mixes_it_up() {
    CREATE_STATE.rejects(
        "a hook with data of its own is installed beside it",
        "mixed up",
        at_once(
            [
                |whisper: &Whisper<Newest>| {
                    whisper.create_state();
                    nothing_is_mixed_up(whisper);
                },
                |whisper| whisper.log_set(OWN_HOOK),
            ],
            nothing_is_mixed_up,
        ),
    );
}

/// With the lock that `ggml_log_set` lacks there is no race left: the model has no other.
#[test]
fn with_a_lock_in_ggml_log_set_nothing_races() {
    CREATE_STATE.holds(
        "two calls race in nothing else: none is left with a lock in ggml_log_set",
        at_once::<Locked, 2>([Whisper::create_state; 2], |_| ()),
    );
}
