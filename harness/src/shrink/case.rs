//! The trial of a run whose program is worth making smaller.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::catalog::fits;
use crate::plan::Unit;
use crate::program::{Parts, Program};
use crate::store::{Run, TrialRecord};
use crate::verdict::{Grade, Kind, Verdict};

/// A failure, and the program that showed it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The unit of the run's plan.
    pub unit: Unit,
    /// What was found.
    pub kind: Kind,
    /// Against what the scenario expects.
    pub grade: Grade,
    /// What its actors did.
    pub program: Program,
}

/// Why a run has nothing that could be made smaller.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCase {
    /// Nothing failed.
    #[error("it holds no failure of {0}; run standstill stress with more trials first")]
    NoFailure(String),
    /// It is no campaign of trials.
    #[error(
        "it is a search of schedules, and what explore finds it makes short by itself (--minimise); \
         shrink takes a run of standstill stress"
    )]
    Search,
    /// No program is known of what failed.
    #[error(
        "nothing that failed in it has a generated program, as scenarios have that are built with \
         `programs` of standstill-kit"
    )]
    NotGenerated,
}

impl Case {
    /// Of all failures the unexpected ones, of these the kind and scenario seen most often, and of its
    /// programs the smallest: with that most is done already. `scenario`, a pattern as for
    /// [`select`](crate::catalog::select), leaves all others out.
    pub fn of(run: &Run, scenario: Option<&str>) -> Result<Case, NoCase> {
        let unit = |trial: &TrialRecord| &run.header.plan.units[trial.unit];
        let wanted =
            |trial: &&TrialRecord| scenario.is_none_or(|name| fits(name, &unit(trial).scenario));
        let failed: Vec<(&TrialRecord, Kind)> = (run.trials.iter().filter(wanted))
            .filter_map(|trial| Some((trial, kind(&trial.verdict)?)))
            .collect();
        if run.trials.is_empty() && !run.searches.is_empty() {
            return Err(NoCase::Search);
        }
        if failed.is_empty() {
            let what = scenario.map_or_else(|| "any scenario".to_owned(), str::to_owned);
            return Err(NoCase::NoFailure(what));
        }
        let generated = failed.into_iter().filter_map(|(trial, kind)| {
            let program = trial.observation.program.as_ref()?;
            Some((trial, kind, program))
        });
        let generated: Vec<_> = generated.collect();
        let group = |trial: &TrialRecord, kind| {
            (trial.grade == Grade::Unexpected, unit(trial).scenario.clone(), kind)
        };
        let mut times: BTreeMap<_, u64> = BTreeMap::new();
        for (trial, kind, _) in &generated {
            *times.entry(group(trial, *kind)).or_default() += 1;
        }
        let first = |key: &(bool, String, Kind)| {
            generated.iter().position(|(trial, kind, _)| group(trial, *kind) == *key)
        };
        let most = times.iter().max_by_key(|(key, n)| (key.0, **n, Reverse(first(key))));
        let Some((most, _)) = most else { return Err(NoCase::NotGenerated) };
        let alike = generated.iter().filter(|(trial, kind, _)| group(trial, *kind) == *most);
        let smallest = alike.min_by_key(|(_, _, program)| (program.actors.len(), program.calls()));
        let (trial, kind, program) = smallest.expect("it was counted");
        let (unit, grade) = (unit(trial).clone(), trial.grade);
        Ok(Case { unit, kind: *kind, grade, program: (*program).clone() })
    }

    /// What is left of the program.
    pub(super) fn part(&self, kept: &Parts) -> Program {
        let mut program = self.program.clone();
        let calls = |actor: u32| kept.iter().find(|part| part.0 == actor).map(|part| &part.1);
        program.actors.retain(|part| calls(part.actor).is_some());
        for part in &mut program.actors {
            let kept = calls(part.actor);
            part.calls.retain(|call| kept.is_some_and(|kept| kept.contains(&call.number)));
        }
        program
    }
}

/// What a trial is said to have shown: its weightiest finding.
fn kind(verdict: &Verdict) -> Option<Kind> {
    verdict.findings().first().map(|finding| finding.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Call, Part};
    use crate::report::fixture::runs::searched;
    use crate::report::fixture::{clean, finding, header, run, unit};
    use crate::verdict::Confidence::Proven;

    fn program(seed: u64, calls: u32) -> Program {
        let calls = (0..calls).map(|number| Call { number, text: "Call".to_owned() }).collect();
        Program { seed, actors: vec![Part { actor: 0, calls }] }
    }

    #[test]
    fn the_smallest_program_is_taken_of_the_failure_that_was_seen_most() {
        let header = header(vec![unit("transfer", 2, 9), unit("audit", 8, 1)]);
        let failed = |index, kind, program: Option<Program>| {
            let mut trial = clean(&header, 0, index).with(&header, finding(kind, Proven, "x"));
            trial.observation.program = program;
            trial
        };
        let trials = vec![
            clean(&header, 0, 0),
            failed(1, Kind::Crash, Some(program(1, 1))),
            failed(2, Kind::Deadlock, Some(program(2, 9))),
            failed(3, Kind::Deadlock, Some(program(3, 4))),
            failed(4, Kind::Deadlock, Some(program(4, 5))),
        ];
        let run = run(&header, trials);
        let case = Case::of(&run, None).unwrap();
        assert_eq!((case.kind, case.program.seed), (Kind::Deadlock, 3));
        assert_eq!(case.part(&vec![(0, vec![1, 3])]).wanted().to_string(), "s3:0.1.3");
        for pattern in ["bank/transfer", "transfer", "bank", "bank/*", "*fer"] {
            assert_eq!(Case::of(&run, Some(pattern)).as_ref(), Ok(&case), "{pattern}");
        }
        for pattern in ["bank/audit", "bank/a*", "ban"] {
            let none = Case::of(&run, Some(pattern)).unwrap_err();
            assert_eq!(none, NoCase::NoFailure(pattern.to_owned()));
        }
    }

    #[test]
    fn what_was_not_generated_is_no_case() {
        let header = header(vec![unit("transfer", 2, 1)]);
        let trial = clean(&header, 0, 0).with(&header, finding(Kind::Deadlock, Proven, "x"));
        assert_eq!(Case::of(&searched(), None), Err(NoCase::Search));
        assert_eq!(Case::of(&run(&header, vec![trial]), None), Err(NoCase::NotGenerated));
    }
}
