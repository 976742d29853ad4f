//! Makes a generated program smaller that has failed: to the least actors, then the least calls.
//!
//! Each smaller program is run in trials of its own, as `stress` would run it. Failures are seldom, so
//! one of them in up to so many trials is enough for a program to count as failing, and only what was
//! seen to fail is gone on with; what was not may still fail, which is said. How often the smallest one
//! fails is measured afterwards, in other trials than those that have chosen it.

mod bench;
mod case;
mod seek;

use serde::Serialize;

pub use bench::{Bench, Lead};
pub use case::{Case, NoCase};

use crate::program::{Parts, Program};
use crate::session::SessionError;
use crate::stats::Rate;
use crate::verdict::Kind;

/// How large a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Its actors.
    pub threads: usize,
    /// Calls of all of them.
    pub calls: usize,
}

impl Size {
    fn of(parts: &Parts) -> Size {
        Size { threads: parts.len(), calls: parts.iter().map(|(_, calls)| calls.len()).sum() }
    }
}

/// What became of a program.
#[derive(Clone, Debug, Serialize)]
pub struct Shrunk {
    /// `crate/scenario`.
    pub scenario: String,
    /// The failure that was looked for.
    pub kind: Kind,
    /// As it was found.
    pub was: Size,
    /// The smallest that was seen to fail.
    pub now: Size,
    /// That program, as `--set program=` takes it.
    pub program: String,
    /// Its calls.
    pub calls: Program,
    /// The same for the program as it was found.
    pub from: String,
    /// Programs that were tried.
    pub programs: u64,
    /// Trials that they took.
    pub trials: u64,
    /// Trials of a program until it counted as not failing.
    pub each: u64,
    /// Whether every program with one actor or one call less was tried.
    pub complete: bool,
    /// How often the smallest failed when that was measured.
    pub rate: Rate,
}

/// Looks for the smallest part of the case's program that fails alike; none if the program as it was
/// found does not fail again.
pub fn shrink(case: &Case, bench: &mut Bench<'_>) -> Result<Option<Shrunk>, SessionError> {
    let whole = case.program.wanted();
    let parts = whole.kept.clone().unwrap_or_default();
    if !bench.fails(&parts)? {
        return Ok(None);
    }
    let (smallest, complete) = seek::smallest(parts.clone(), bench)?;
    let program = case.part(&smallest);
    Ok(Some(Shrunk {
        scenario: case.unit.scenario.clone(),
        kind: case.kind,
        was: Size::of(&parts),
        now: Size::of(&smallest),
        program: program.wanted().to_string(),
        calls: program,
        from: whole.to_string(),
        programs: bench.programs,
        trials: bench.ran,
        each: bench.trials,
        complete,
        rate: Rate::default(),
    }))
}
