//! What several threads of a trial say on the board at once: one speaks, whole, and for itself.

use loom::sync::Arc;
use loom::thread;
use standstill_models::Model;

use board::{Outcome, Statement};

/// The product's own file, over loom, with room for two bytes.
#[path = "."]
mod board {
    #[allow(dead_code, unreachable_pub, reason = "its other half is the harness's")]
    #[path = "../../harness/src/board/statement.rs"]
    mod statement;

    use loom::sync::atomic::{AtomicU8, AtomicU32};

    pub(crate) use statement::Statement;
    use statement::Words;

    const MAX_MESSAGE: usize = 2;

    /// Some of the real outcomes, with their codes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
    #[repr(u32)]
    pub(crate) enum Outcome {
        Pending = 0,
        Passed = 1,
        Panicked = 2,
        WrongResult = 3,
    }

    impl Outcome {
        fn from_code(code: u32) -> Outcome {
            [Outcome::Pending, Outcome::Passed, Outcome::Panicked, Outcome::WrongResult]
                [code as usize]
        }
    }

    pub(crate) fn blank() -> Statement {
        let zero = || AtomicU32::new(0);
        let bytes = || std::array::from_fn(|_| AtomicU8::new(0));
        let words = || Words { state: zero(), len: zero(), bytes: bytes() };
        Statement { outcome: zero(), claim: zero(), verdict: words(), panic: words() }
    }
}

type Speaker = fn(&Statement);

/// Lets all speak at once, looks on meanwhile, and gives outcome and words of the end to `check`.
fn all_speak<const N: usize>(property: &str, speakers: [Speaker; N], check: fn(Outcome, &str)) {
    Model::bounded("statement", 3).holds(property, move || {
        let statement = Arc::new(board::blank());
        let threads = speakers.map(|speak| {
            let statement = Arc::clone(&statement);
            thread::spawn(move || speak(&statement))
        });
        match statement.outcome() {
            Outcome::Pending | Outcome::Passed => {}
            bad => check(bad, &statement.message()),
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        check(statement.outcome(), &statement.message());
    });
}

#[test]
fn of_two_bad_outcomes_one_stands_with_its_own_words() {
    all_speak(
        "of two bad outcomes one stands, with its own words",
        [|s| s.conclude(Outcome::Panicked, "pp"), |s| s.conclude(Outcome::WrongResult, "w")],
        |outcome, words| {
            assert!(matches!(
                (outcome, words),
                (Outcome::Panicked, "pp") | (Outcome::WrongResult, "w")
            ));
        },
    );
}

#[test]
fn a_panic_that_was_caught_is_not_the_words_to_a_wrong_result() {
    all_speak(
        "a panic that was caught is not the words to a wrong result",
        [|s| s.say(b"pp"), |s| s.conclude(Outcome::WrongResult, "w")],
        |outcome, words| assert_eq!((outcome, words), (Outcome::WrongResult, "w")),
    );
}

#[test]
fn passing_never_covers_a_bad_outcome() {
    all_speak(
        "passing never covers a bad outcome",
        [|s| s.conclude(Outcome::Passed, ""), |s| s.conclude(Outcome::WrongResult, "w")],
        |outcome, words| assert_eq!((outcome, words), (Outcome::WrongResult, "w")),
    );
}

#[test]
fn of_two_panics_one_speaks_whole() {
    all_speak(
        "of two panics one speaks whole",
        [
            |s| {
                s.say(b"aa");
                s.conclude(Outcome::Panicked, "");
            },
            |s| s.say(b"b"),
        ],
        |outcome, words| {
            assert_eq!(outcome, Outcome::Panicked);
            // Empty while the other is still writing: never torn.
            assert!(matches!(words, "aa" | "b" | ""), "{words}");
        },
    );
}
