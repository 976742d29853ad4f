//! Judgement over one controlled trial: a pure function of how it ended and of what is usual.
//!
//! The model is exact about who can run, so a standstill needs no deadline. Everything else here is
//! caution: the runtime itself changes a program (one CPU, virtual time, poisoned memory), so what a
//! trial shows counts only once some other trial under the same runtime has ended as it should, or
//! the program fails without it, too.

mod endless;
mod exit;
mod output;
pub(crate) mod standstill;

use super::ended::{Ended, How, Stand};
use super::output::{Difference, Printed};
use crate::board::Outcome;
use crate::observation::Output;
use crate::verdict::{Confidence, Finding, Kind};

/// What a trial amounts to.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It ended as it should.
    Clean,
    /// It shows a bug.
    Found(Finding),
    /// It would show a bug, if it were known that control alone does not cause it: no trial has ended
    /// as it should so far.
    Held(Finding),
    /// It seems never to end. Whoever can is to run it again with many more steps.
    Endless(Finding),
    /// It says nothing either way, and why.
    Inconclusive(String),
}

/// What is known of how the program ends.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// Without control, with the same environment otherwise; none if it did not end in its time.
    pub native: Option<Native>,
    /// Whether it was run without control at all.
    pub tried: bool,
    /// How the trial ended that followed the default rule throughout.
    pub default_rule: Option<How>,
    /// Controlled trials that ended as they should.
    pub good: u64,
    /// Whether one of them, or the native run, exited with code 0.
    pub zero: bool,
    /// Most steps of those.
    pub longest: u64,
}

/// One run without control.
#[derive(Debug, Clone)]
pub struct Native {
    /// How it ended.
    pub how: How,
    /// What it said.
    pub stdout: Output,
    /// See `stdout`.
    pub stderr: Output,
    /// All that it printed on its standard output, where that is compared.
    pub printed: Option<Printed>,
    /// Whether it is a scenario that said of itself that it failed, whatever its exit code.
    pub failed: bool,
}

impl Baseline {
    /// After a native run; `None` if it did not end in its time.
    pub fn new(native: Option<Native>) -> Baseline {
        let zero =
            native.as_ref().is_some_and(|native| native.how == How::Exited(0) && !native.failed);
        Baseline { native, tried: true, zero, ..Baseline::default() }
    }

    /// Takes a trial into account, before it and others are judged.
    pub fn add(&mut self, ended: &Ended, is_default_rule: bool) {
        if is_default_rule && self.default_rule.is_none() {
            self.default_rule = Some(ended.how);
        }
        if let How::Exited(code) = ended.how
            && self.is_good(ended)
        {
            self.good += 1;
            self.zero |= code == 0;
            self.longest = self.longest.max(ended.numbers.needed());
        }
    }

    /// The exit code of success: 0, unless the program has never shown it and ends with another one
    /// without control.
    pub fn expected(&self) -> i32 {
        match &self.native {
            Some(Native { how: How::Exited(code), failed: false, .. }) if !self.zero => *code,
            _ => 0,
        }
    }

    fn is_usual(&self, code: i32) -> bool {
        code == 0 || (!self.zero && code == self.expected() && !self.native_panicked())
    }

    fn native_panicked(&self) -> bool {
        let native = self.native.as_ref();
        native.is_some_and(|n| {
            n.how == How::Exited(exit::PANICKED) && exit::panic_of(&n.stderr, &n.stdout).is_some()
        })
    }

    /// Whether a trial ended as it should.
    pub fn is_good(&self, ended: &Ended) -> bool {
        let is_said = matches!(&ended.said, None | Some((Outcome::Passed, _)));
        let is_usual = matches!(ended.how, How::Exited(code) if self.is_usual(code));
        is_said && is_usual && self.difference(ended).is_none()
    }

    /// What a trial that ended as it should printed otherwise than the run without control, where that
    /// is compared and the two ended alike.
    pub fn difference(&self, ended: &Ended) -> Option<Difference> {
        let native = self.native.as_ref().filter(|native| native.how == ended.how)?;
        match ended.how {
            How::Exited(code) if self.is_usual(code) => {
                Difference::between(native.printed.as_ref()?, ended.printed.as_ref()?)
            }
            _ => None,
        }
    }

    /// Whether a failure under control says something about the program.
    fn trusts_control(&self) -> bool {
        self.good > 0 || (self.tried && !self.native_is_well())
    }

    fn native_is_well(&self) -> bool {
        self.native.as_ref().is_some_and(|native| match native.how {
            How::Exited(code) => !native.failed && self.is_usual(code),
            _ => false,
        })
    }

    /// What is to be added to a finding of a trial that ended so.
    fn remarks(&self, how: How) -> Vec<String> {
        let mut remarks = vec![];
        match &self.native {
            Some(native) if native.how == how => remarks
                .push("it fails natively too: the run without control ended alike".to_owned()),
            Some(native) if native.failed => {
                remarks.push("it fails natively too: the run without control failed".to_owned())
            }
            Some(native) => remarks.push(format!("the one run without control {}", native.how)),
            None if self.tried => remarks.push(
                "the run without control did not end in the time that it was given".to_owned(),
            ),
            None => {}
        }
        if self.default_rule == Some(how) {
            remarks.push("so did the schedule without any preemption".to_owned());
        }
        remarks
    }
}

/// What one trial amounts to.
pub fn judge(ended: &Ended, baseline: &Baseline) -> Judgement {
    let suspicion = match ended.how {
        How::Exited(0) if ended.said.is_some() => exit::said(ended),
        How::Exited(code) => exit::exited(ended, code, baseline),
        How::Killed(signal) => exit::killed(ended, signal),
        How::Stood(Stand::Deadlock) => standstill::judge(ended),
        How::Stood(Stand::Endless) => endless::judge(ended, baseline),
        How::Silent => standstill::from_outside(ended),
        How::Cut => Judgement::Inconclusive("it was cut short".to_owned()),
    };
    let mut remarks = baseline.remarks(ended.how);
    let suspicion = match (suspicion, baseline.difference(ended)) {
        (Judgement::Clean, Some(difference)) => {
            remarks = vec!["all runs without control printed the same".to_owned()];
            Judgement::Found(output::differs(&difference))
        }
        (suspicion, _) => suspicion,
    };
    match suspicion {
        // Correct programs may take it for granted that a second is long.
        Judgement::Found(finding)
            if ended.numbers.early > 0
                && matches!(finding.kind, Kind::Panic | Kind::WrongResult | Kind::Crash) =>
        {
            Judgement::Inconclusive(
                "it failed after a timed wait or a sleep had run out while other threads could run, \
                 as on a very slow machine"
                    .to_owned(),
            )
        }
        Judgement::Found(mut finding) => {
            finding.evidence.extend(remarks);
            let doubts = ended.numbers.doubts();
            if !doubts.is_empty() {
                finding.confidence = finding.confidence.min(Confidence::Inferred);
                finding.evidence.push(format!("control was not complete: {}", doubts.join(", ")));
            }
            let is_ring = standstill::is_ring(ended);
            match baseline.trusts_control() || is_ring {
                true => Judgement::Found(finding),
                false => Judgement::Held(finding),
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
