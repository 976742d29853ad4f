//! The words of judgement: what a trial can be found guilty of, how sure we are, and whether that
//! was expected. A newcomer reads this file first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What kind of misbehaviour a finding names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Threads wait for one another (or for locks, channels, joins) and none can ever be woken.
    Deadlock,
    /// One thread waits for something that only itself could release.
    SelfDeadlock,
    /// Everyone waits for an event, nobody is left to signal it.
    LostWakeup,
    /// Threads run, and none makes the progress that the scenario promises.
    Livelock,
    /// Some actors progress while another keeps trying and makes none.
    Starvation,
    /// The deadline passed and nothing explains why.
    Hang,
    /// The deadline passed while the work was still progressing.
    Slow,
    /// Two threads touched one location without order, at least one writing.
    DataRace,
    /// The process died of a signal.
    Crash,
    /// An actor panicked.
    Panic,
    /// The scenario's oracle or check refused the result.
    WrongResult,
    /// Threads started during the trial outlived it.
    ThreadLeak,
}

/// Every kind, in the order in which reports list them.
pub const KINDS: [Kind; 12] = [
    Kind::Deadlock,
    Kind::SelfDeadlock,
    Kind::LostWakeup,
    Kind::Livelock,
    Kind::Starvation,
    Kind::Hang,
    Kind::Slow,
    Kind::DataRace,
    Kind::Crash,
    Kind::Panic,
    Kind::WrongResult,
    Kind::ThreadLeak,
];

impl Kind {
    /// The name used on command lines, in JSON and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Deadlock => "deadlock",
            Kind::SelfDeadlock => "self-deadlock",
            Kind::LostWakeup => "lost-wakeup",
            Kind::Livelock => "livelock",
            Kind::Starvation => "starvation",
            Kind::Hang => "hang",
            Kind::Slow => "slow",
            Kind::DataRace => "data-race",
            Kind::Crash => "crash",
            Kind::Panic => "panic",
            Kind::WrongResult => "wrong-result",
            Kind::ThreadLeak => "thread-leak",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        KINDS.into_iter().find(|k| k.name() == s).ok_or_else(|| format!("no kind is named `{s}`"))
    }
}

/// How much a finding's kind can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// A deadline passed; what was seen fits the kind and does not exclude another.
    Suspected,
    /// Concluded from stacks or a memory scan, by a rule that could in principle be fooled.
    Inferred,
    /// Seen directly, or no other explanation remains.
    Proven,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Confidence::Suspected => "suspected",
            Confidence::Inferred => "inferred",
            Confidence::Proven => "proven",
        })
    }
}

/// One judgement about one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// How sure we are of the kind.
    pub confidence: Confidence,
    /// One sentence for a reader in a hurry.
    pub summary: String,
    /// The facts that the judgement rests on, one a line, in order of weight.
    pub evidence: Vec<String>,
    /// Equal for two occurrences of the same misbehaviour; derived from the kind and from the
    /// frames in which the threads stand, never from addresses.
    pub fingerprint: String,
}

/// What a trial amounts to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// The trial ran to its end and nothing was found.
    Clean,
    /// At least one finding, the weightiest first.
    Found {
        /// Never empty.
        findings: Vec<Finding>,
    },
    /// The trial proves neither health nor sickness.
    Inconclusive {
        /// The reason, as a clause that fits behind "inconclusive: ".
        why: String,
    },
}

impl Verdict {
    /// `clean`, `found` or `inconclusive`.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Clean => "clean",
            Verdict::Found { .. } => "found",
            Verdict::Inconclusive { .. } => "inconclusive",
        }
    }

    /// The findings; empty unless the verdict is `Found`.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Verdict::Found { findings } => findings,
            _ => &[],
        }
    }

    /// The first, weightiest finding.
    pub fn first(&self) -> Option<&Finding> {
        self.findings().first()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Clean => f.write_str("clean"),
            Verdict::Inconclusive { why } => write!(f, "inconclusive: {why}"),
            Verdict::Found { findings } => {
                for (i, finding) in findings.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{} ({})", finding.kind, finding.confidence)?;
                }
                Ok(())
            }
        }
    }
}

/// What the author of a scenario expects its trials to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "expect")]
pub enum Expectation {
    /// No finding, ever.
    Clean,
    /// This kind, in every trial: a positive control. One clean trial is a missed conviction.
    Finds {
        /// The kind that must be found.
        kind: Kind,
    },
    /// This kind may appear, now and then: a bug that is known and not yet mended.
    Known {
        /// Where it is tracked: an address or an issue number.
        issue: String,
        /// The kind that may be found.
        kind: Kind,
        /// Other shapes of the same bug: memory that is written twice at a time shows as a wrong
        /// result here and as a crash there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<Kind>,
    },
}

impl Expectation {
    /// Whether a finding of this kind is what the author expects.
    fn allows(&self, found: Kind) -> bool {
        match self {
            Expectation::Clean => false,
            Expectation::Finds { kind } => found == *kind,
            Expectation::Known { kind, also, .. } => found == *kind || also.contains(&found),
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expectation::Clean => f.write_str("clean"),
            Expectation::Finds { kind } => write!(f, "finds {kind} in every trial"),
            Expectation::Known { issue, kind, also } => {
                write!(f, "may find {kind}")?;
                for kind in also {
                    write!(f, " or {kind}")?;
                }
                write!(f, " (known: {issue})")
            }
        }
    }
}

/// Verdict against expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// What was expected happened.
    AsExpected,
    /// Something was found that was not expected.
    Unexpected,
    /// A kind that had to be found was not.
    Missed,
    /// The verdict says nothing either way.
    Inconclusive,
}

impl Grade {
    /// Grades one trial. The weightiest finding decides: a control that is to deadlock may well
    /// panic in another thread on its way.
    pub fn of(expectation: &Expectation, verdict: &Verdict) -> Grade {
        match (expectation, verdict) {
            (_, Verdict::Inconclusive { .. }) => Grade::Inconclusive,
            (Expectation::Finds { .. }, Verdict::Clean) => Grade::Missed,
            (_, Verdict::Clean) => Grade::AsExpected,
            (_, Verdict::Found { findings }) => match findings.first() {
                Some(first) if expectation.allows(first.kind) => Grade::AsExpected,
                _ => Grade::Unexpected,
            },
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Grade::AsExpected => "as expected",
            Grade::Unexpected => "UNEXPECTED",
            Grade::Missed => "MISSED",
            Grade::Inconclusive => "inconclusive",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind) -> Verdict {
        let finding = Finding {
            kind,
            confidence: Confidence::Proven,
            summary: String::new(),
            evidence: vec![],
            fingerprint: String::new(),
        };
        Verdict::Found { findings: vec![finding] }
    }

    #[test]
    fn a_missed_control_is_not_as_expected() {
        let finds = Expectation::Finds { kind: Kind::Deadlock };
        assert_eq!(Grade::of(&finds, &Verdict::Clean), Grade::Missed);
        assert_eq!(Grade::of(&finds, &found(Kind::Crash)), Grade::Unexpected);
        assert_eq!(Grade::of(&finds, &found(Kind::Deadlock)), Grade::AsExpected);
    }

    #[test]
    fn a_known_bug_may_stay_away() {
        let known = Expectation::Known { issue: "#1".into(), kind: Kind::Deadlock, also: vec![] };
        assert_eq!(Grade::of(&known, &Verdict::Clean), Grade::AsExpected);
        assert_eq!(Grade::of(&known, &found(Kind::Deadlock)), Grade::AsExpected);
        assert_eq!(Grade::of(&known, &found(Kind::WrongResult)), Grade::Unexpected);
    }

    #[test]
    fn a_known_bug_may_have_several_shapes() {
        let also = vec![Kind::WrongResult];
        let known = Expectation::Known { issue: "#1".into(), kind: Kind::Crash, also };
        assert_eq!(Grade::of(&known, &found(Kind::WrongResult)), Grade::AsExpected);
        assert_eq!(Grade::of(&known, &found(Kind::Panic)), Grade::Unexpected);
        assert_eq!(known.to_string(), "may find crash or wrong-result (known: #1)");
    }

    #[test]
    fn an_expectation_of_one_kind_is_read_and_written_as_before() {
        let text = r##"{"expect":"known","issue":"#1","kind":"crash"}"##;
        let known: Expectation = serde_json::from_str(text).unwrap();
        assert_eq!(
            known,
            Expectation::Known { issue: "#1".into(), kind: Kind::Crash, also: vec![] }
        );
        assert_eq!(serde_json::to_string(&known).unwrap(), text);
    }

    #[test]
    fn an_inconclusive_trial_never_passes() {
        let why = Verdict::Inconclusive { why: "it left early".into() };
        assert_eq!(Grade::of(&Expectation::Clean, &why), Grade::Inconclusive);
    }

    #[test]
    fn every_kind_reads_back_from_its_name() {
        for kind in KINDS {
            assert_eq!(kind.name().parse::<Kind>(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
