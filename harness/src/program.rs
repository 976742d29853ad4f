//! Programs that a scenario generates for its actors: what they are told apart by, and what is left
//! of one that is made smaller.
//!
//! A generated program is determined by a seed and the scenario's generator: each actor's calls are
//! drawn from the seed and the actor's number alone, so that leaving out an actor, or a call, changes
//! none of the others. [`Wanted`] is the text by which a person, or `standstill shrink`, asks for
//! one; [`Program`] is what a trial says that it ran.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::board::ActorState;
use crate::observation::ActorSeen;
use crate::protocol::Card;

/// The setting that asks for one program in the place of one a trial.
pub const PROGRAM: &str = "program";

/// The calls of a trial, by actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// What it was generated from.
    pub seed: u64,
    /// One an actor of the trial, in their order.
    pub actors: Vec<Part>,
}

/// What one actor of a trial does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number in the program as it was generated.
    pub actor: u32,
    /// In the order in which it makes them.
    pub calls: Vec<Call>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its number in what was generated for its actor.
    pub number: u32,
    /// How `Debug` writes it.
    pub text: String,
}

/// The longest text of a call that is told where a program does not fit as it is.
const SHORT: usize = 24;

impl Program {
    /// Itself as JSON of at most `room` bytes: with the texts of its calls cut where it must be, and
    /// without them where that is not enough. `None` if even then it does not fit.
    pub fn to_json(&self, room: usize) -> Option<String> {
        [usize::MAX, SHORT, 0].into_iter().find_map(|longest| {
            let mut program = self.clone();
            for call in program.actors.iter_mut().flat_map(|part| &mut part.calls) {
                if call.text.chars().count() > longest {
                    call.text = call.text.chars().take(longest).collect::<String>() + "..";
                }
            }
            serde_json::to_string(&program).ok().filter(|json| json.len() <= room)
        })
    }

    /// All calls of all actors.
    pub fn calls(&self) -> usize {
        self.actors.iter().map(|part| part.calls.len()).sum()
    }

    /// What asks for this very program.
    pub fn wanted(&self) -> Wanted {
        let numbers = |part: &Part| part.calls.iter().map(|call| call.number).collect();
        let kept = self.actors.iter().map(|part| (part.actor, numbers(part))).collect();
        Wanted { seed: self.seed, kept: Some(kept) }
    }

    /// One line an actor, and in which call it was, where `seen` says that it was in one: the kit
    /// counts a step after each call, and nothing else counts any.
    pub fn lines(&self, seen: &[ActorSeen]) -> Vec<String> {
        let line = |(index, part): (usize, &Part)| {
            let texts: Vec<String> =
                part.calls.iter().map(|call| format!("{}: {}", call.number, call.text)).collect();
            let at = seen
                .get(index)
                .filter(|seen| matches!(seen.state, ActorState::Running | ActorState::Panicked));
            let at = at.and_then(|seen| part.calls.get(usize::try_from(seen.steps).ok()?));
            let at = at.map(|call| format!("  <- in call {}", call.number)).unwrap_or_default();
            let was = match part.actor as usize {
                actor if actor == index => String::new(),
                actor => format!(" (as generated: {actor})"),
            };
            format!("actor {index}{was}: {}{at}", texts.join("; "))
        };
        self.actors.iter().enumerate().map(line).collect()
    }
}

/// Which program is wanted: `s1f` is all that is generated from that seed, and `s1f:0.2+3.0.1` what is
/// left of it with call 2 of actor 0, and calls 0 and 1 of actor 3, in a trial of two actors.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// What it is generated from.
    pub seed: u64,
    /// The actors that are left, each with the numbers of its calls; all if there is none.
    pub kept: Option<Parts>,
}

/// Actors as they were numbered, with the numbers of their calls; both ascend.
pub type Parts = Vec<(u32, Vec<u32>)>;

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{:x}", self.seed)?;
        for (index, (actor, calls)) in self.kept.iter().flatten().enumerate() {
            write!(f, "{}{actor}", if index == 0 { ':' } else { '+' })?;
            calls.iter().try_for_each(|call| write!(f, ".{call}"))?;
        }
        Ok(())
    }
}

/// The actors that a trial of a scenario takes for the program that is asked for; none if its card or
/// the program leaves that open. An `Err` is the user's to mend.
pub fn actors(card: &Card, settings: &BTreeMap<String, String>) -> Result<Option<u32>, String> {
    let Some(text) = settings.get(PROGRAM).filter(|_| card.generates) else { return Ok(None) };
    let wanted = text.parse::<Wanted>().map_err(|error| error.to_string())?;
    Ok(wanted.kept.map(|parts| parts.len() as u32))
}

/// Why a program of so many actors cannot be run with as many threads as somebody asks for, if so.
pub fn other_threads(actors: u32, asked: u64) -> Option<String> {
    (u64::from(actors) != asked).then(|| {
        format!(
            "the setting {PROGRAM} names the actors of its program, which takes -t {actors} and not \
             -t {asked}; leave -t out"
        )
    })
}

/// Why a text names no program.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the setting {PROGRAM}={text} names no program ({why}); write one like s1f, or like s1f:0.2+3.0.1 \
     for call 2 of actor 0 and calls 0 and 1 of actor 3"
)]
pub struct WantedError {
    text: String,
    why: &'static str,
}

impl FromStr for Wanted {
    type Err = WantedError;

    fn from_str(text: &str) -> Result<Wanted, WantedError> {
        let fault = |why| WantedError { text: text.to_owned(), why };
        let (seed, kept) = match text.split_once(':') {
            Some((seed, kept)) => (seed, Some(kept)),
            None => (text, None),
        };
        let is_too_large = |error: &ParseIntError| *error.kind() == IntErrorKind::PosOverflow;
        let seed = match seed.strip_prefix('s').map(|hex| u64::from_str_radix(hex, 16)) {
            Some(Ok(seed)) => seed,
            Some(Err(error)) if is_too_large(&error) => {
                return Err(fault("its seed is too large: 16 hexadecimal digits are the most"));
            }
            Some(Err(_)) | None => return Err(fault("it begins with no seed")),
        };
        let Some(kept) = kept else { return Ok(Wanted { seed, kept: None }) };
        let mut parts = Parts::new();
        for part in kept.split('+') {
            let numbers: Result<Vec<u32>, _> = part.split('.').map(str::parse).collect();
            let numbers = numbers.map_err(|error| match is_too_large(&error) {
                true => fault("a number is too large: 4294967295 is the most"),
                false => fault("actors and calls are numbers"),
            })?;
            let (actor, calls) =
                numbers.split_first().ok_or_else(|| fault("an actor is missing"))?;
            if calls.is_empty() {
                return Err(fault("an actor has no call"));
            }
            if !calls.is_sorted_by(|a, b| a < b) || parts.last().is_some_and(|p| p.0 >= *actor) {
                return Err(fault("numbers do not ascend"));
            }
            parts.push((*actor, calls.to_vec()));
        }
        Ok(Wanted { seed, kept: Some(parts) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        let call = |number, text: &str| Call { number, text: text.to_owned() };
        let actors = vec![
            Part { actor: 0, calls: vec![call(2, "Create")] },
            Part { actor: 3, calls: vec![call(0, "Full { ms: 300 }"), call(1, "Drop")] },
        ];
        Program { seed: 0x1f, actors }
    }

    #[test]
    fn what_asks_for_a_program_reads_back() {
        let wanted = program().wanted();
        assert_eq!(wanted.to_string(), "s1f:0.2+3.0.1");
        assert_eq!(wanted.to_string().parse(), Ok(wanted));
        assert_eq!("sff".parse(), Ok(Wanted { seed: 255, kept: None }));
    }

    #[test]
    fn nonsense_is_refused_with_what_is_wrong() {
        for (text, why) in [
            ("nonsense", "seed"),
            ("", "seed"),
            ("s1f:", "numbers"),
            ("s1f:0", "no call"),
            ("s1f:0.x", "numbers"),
            ("s1f:0.1.1", "ascend"),
            ("s1f:3.0+0.1", "ascend"),
            ("s1f:0.-1", "numbers"),
            ("s1f:0.9999999999", "a number is too large"),
            ("s1f:4294967296.0", "a number is too large"),
            ("sffffffffffffffffffff:0.1", "its seed is too large"),
        ] {
            let error = text.parse::<Wanted>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("s1f:0.2+3.0.1"), "{error}");
        }
    }

    #[test]
    fn an_actor_is_said_to_be_in_the_call_after_the_last_that_it_counted() {
        let seen = |state, steps| ActorSeen { tid: 1, state, steps };
        let lines = program().lines(&[seen(ActorState::Finished, 1), seen(ActorState::Running, 1)]);
        assert_eq!(lines[0], "actor 0: 2: Create");
        assert_eq!(
            lines[1],
            "actor 1 (as generated: 3): 0: Full { ms: 300 }; 1: Drop  <- in call 1"
        );
    }

    #[test]
    fn where_there_is_no_room_calls_lose_their_words_but_not_their_numbers() {
        let mut program = program();
        let whole = program.to_json(10_000).unwrap();
        assert_eq!(serde_json::from_str::<Program>(&whole).unwrap(), program);
        program.actors[0].calls[0].text = "x".repeat(10_000);
        let cut: Program = serde_json::from_str(&program.to_json(500).unwrap()).unwrap();
        assert_eq!(cut.wanted(), program.wanted());
        assert_eq!(cut.actors[0].calls[0].text.len(), SHORT + 2);
        assert_eq!(cut.actors[1].calls[1].text, "Drop");
        assert_eq!(program.to_json(10), None);
    }
}
