//! Whether what a reproducer does is what it is to show.
//!
//! Without control nobody sees as much as with it: of a deadlock, a lost wake-up or a livelock a
//! reproducer's own watchdog sees that it does not end. And what a check refuses in one program is a
//! panic or an exit code in another. So failures count by family: those that do not end, and those that
//! end badly.

use crate::verdict::Kind;

/// How a failure looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// It does not end, or not in time.
    NoEnd,
    /// It ends, and not as it should.
    BadEnd,
    /// Threads are left when all else has ended.
    Leak,
}

impl Family {
    fn of(kind: Kind) -> Family {
        match kind {
            Kind::Deadlock
            | Kind::SelfDeadlock
            | Kind::LostWakeup
            | Kind::Livelock
            | Kind::Starvation
            | Kind::Hang
            | Kind::Slow => Family::NoEnd,
            Kind::DataRace | Kind::Crash | Kind::Panic | Kind::WrongResult => Family::BadEnd,
            Kind::ThreadLeak => Family::Leak,
        }
    }

    /// Of a failure as a reproducer tells it: a kind, or what a driver calls it.
    fn told(words: &str) -> Option<Family> {
        const ENDS: [&str; 4] = ["panicked", "had a wrong result", "ended with", "died of"];
        match words.parse::<Kind>() {
            Ok(kind) => Some(Family::of(kind)),
            Err(_) if words.starts_with("did not end") => Some(Family::NoEnd),
            Err(_) => ENDS.iter().any(|end| words.starts_with(end)).then_some(Family::BadEnd),
        }
    }
}

/// Whether a failure that a reproducer tells in these words shows a finding of this kind.
pub(super) fn shows(words: &str, kind: Kind) -> bool {
    Family::told(words) == Some(Family::of(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_for_what_looks_like_it_from_outside() {
        for (words, kind) in [
            ("deadlock", Kind::Deadlock),
            ("hang", Kind::Livelock),
            ("deadlock", Kind::LostWakeup),
            ("did not end within 10 s", Kind::SelfDeadlock),
            ("panicked", Kind::WrongResult),
            ("crash", Kind::Panic),
            ("ended with code 3", Kind::WrongResult),
            ("died of signal 6", Kind::Crash),
            ("thread-leak", Kind::ThreadLeak),
        ] {
            assert!(shows(words, kind), "{words} {kind}");
        }
        for (words, kind) in [
            ("crash", Kind::Deadlock),
            ("died of signal 11", Kind::Hang),
            ("did not end within 1 s", Kind::Panic),
            ("deadlock", Kind::Crash),
            ("thread-leak", Kind::Crash),
            ("something else", Kind::Deadlock),
        ] {
            assert!(!shows(words, kind), "{words} {kind}");
        }
    }
}
