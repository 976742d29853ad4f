//! Standard output as an oracle: a program that is to print the same whoever schedules it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::judge::Native;
use crate::protocol::{FNV, fnv};

/// Bytes around the first difference that are quoted, before it and from it on.
const BEFORE: usize = 40;
/// See [`BEFORE`].
const FROM: usize = 80;
/// Further runs without control where outputs are compared, at most.
const MORE: u32 = 4;
/// None but the first of those is begun later.
const CHEAP: Duration = Duration::from_millis(500);

/// All that a run printed, as far as comparing needs it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Printed {
    /// Bytes of all of it.
    pub bytes: u64,
    /// FNV-1a, 64 bits, of all of it.
    pub hash: u64,
    /// Its beginning, for quoting.
    #[serde(skip)]
    pub head: Vec<u8>,
}

impl Printed {
    /// Of these bytes, all of which are kept.
    #[cfg(test)]
    pub(super) fn of(bytes: &[u8]) -> Printed {
        Printed { bytes: bytes.len() as u64, hash: fnv(FNV, bytes), head: bytes.to_vec() }
    }

    /// Whether both are the same from beginning to end.
    pub fn is_like(&self, other: &Printed) -> bool {
        (self.bytes, self.hash) == (other.bytes, other.hash)
    }
}

/// The hash of bytes that come in pieces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hasher(pub(super) u64);

impl Hasher {
    pub(super) fn new() -> Hasher {
        Hasher(FNV)
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0 = fnv(self.0, bytes);
    }
}

/// Where two outputs part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The first line that is not the same, counted from one; none where it lies further back than
    /// the beginnings that are kept.
    pub line: Option<u64>,
    /// What that line is without control: quoted, escaped and cut; none where the output had ended.
    pub native: Option<String>,
    /// The same under control.
    pub controlled: Option<String>,
    /// Bytes without and under control.
    pub bytes: (u64, u64),
}

impl Difference {
    /// Between a run without control and one under it; none if they are the same.
    pub fn between(native: &Printed, controlled: &Printed) -> Option<Difference> {
        if native.is_like(controlled) {
            return None;
        }
        let bytes = (native.bytes, controlled.bytes);
        let (one, other) = (&native.head[..], &controlled.head[..]);
        let common = one.iter().zip(other).take_while(|(a, b)| a == b).count();
        // Where one head has ended and its output has not, what comes next is not known.
        let ends = |head: &[u8], bytes| common == head.len() && head.len() as u64 != bytes;
        if ends(one, bytes.0) || ends(other, bytes.1) || one == other {
            return Some(Difference { line: None, native: None, controlled: None, bytes });
        }
        let before = &one[..common];
        let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|b| **b == b'\n').count() as u64 + 1;
        let (native, controlled) = (quoted(one, start, common), quoted(other, start, common));
        Some(Difference { line: Some(line), native, controlled, bytes })
    }

    /// In one clause.
    pub fn summary(&self) -> String {
        match self.line {
            Some(line) => format!("line {line} of standard output is not as without control"),
            None => "standard output is not as without control".to_owned(),
        }
    }

    /// The two lines, each a clause.
    pub fn evidence(&self) -> Vec<String> {
        let end = || "nothing more".to_owned();
        let (native, controlled) = self.bytes;
        let mut evidence = match self.line {
            Some(line) => vec![
                format!("line {line} without control: {}", self.native.clone().unwrap_or_else(end)),
                format!(
                    "line {line} under control: {}",
                    self.controlled.clone().unwrap_or_else(end)
                ),
            ],
            None => vec!["the first difference lies too far back to be quoted".to_owned()],
        };
        evidence.push(format!("{native} bytes without control, {controlled} under control"));
        evidence
    }
}

/// The line that begins at `start`, its end included, around the byte at `at`.
fn quoted(text: &[u8], start: usize, at: usize) -> Option<String> {
    let rest = &text[start..];
    if rest.is_empty() {
        return None;
    }
    let end = rest.iter().position(|b| *b == b'\n').map_or(text.len(), |end| start + end + 1);
    let from = at.saturating_sub(BEFORE).max(start);
    let to = (at + FROM).min(end).max(from);
    let mut quoted = String::new();
    for chunk in text[from..to].utf8_chunks() {
        quoted.extend(chunk.valid().escape_debug());
        quoted.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    let (cut, rest) = (if from > start { "..." } else { "" }, if to < end { "..." } else { "" });
    Some(format!("{cut}\"{quoted}\"{rest}"))
}

/// Does something at least once more, and again as long as it takes next to no time.
pub fn repeated<T>(mut again: impl FnMut() -> T) -> impl Iterator<Item = T> {
    let begun = Instant::now();
    let is_wanted = move |nth: u32| nth == 0 || (nth < MORE && begun.elapsed() < CHEAP);
    (0..).take_while(move |nth| is_wanted(*nth)).map(move |_| again())
}

/// What others are compared with, or why there is nothing. Reads after "failed to".
pub fn reference(
    first: Option<&Native>,
    others: &mut dyn Iterator<Item = std::io::Result<Option<Native>>>,
) -> std::io::Result<Result<(), String>> {
    let late = || {
        "it was not over in its time; a larger --budget gives it more, and without --same-output \
         it is searched all the same"
            .to_owned()
    };
    let Some(first) = first else { return Ok(Err(late())) };
    for other in others {
        let Some(other) = other? else { return Ok(Err(late())) };
        if other.how != first.how {
            return Ok(Err(format!(
                "one {} and one {}; leave --same-output out to search for the cause",
                first.how, other.how
            )));
        }
        let (Some(one), Some(two)) = (&first.printed, &other.printed) else { continue };
        if let Some(Difference { line, native, controlled, .. }) = Difference::between(one, two) {
            let end = || "nothing more".to_owned();
            let (native, controlled) = (native.unwrap_or_else(end), controlled.unwrap_or_else(end));
            let quoted = match line {
                Some(line) => format!(" (line {line} was {native}, then {controlled})"),
                None => String::new(),
            };
            return Ok(Err(format!(
                "two of them printed different things{quoted}; have it print in a fixed order and no \
                 times, addresses or random numbers, or leave --same-output out"
            )));
        }
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests;
