//! A trial that ended as it should and printed something else than the run without control.

use crate::detect::fingerprint;
use crate::explore::output::Difference;
use crate::verdict::{Confidence, Finding, Kind};

/// All differences are one finding: threads that print in any order would be as many as orders.
pub(super) fn differs(difference: &Difference) -> Finding {
    Finding {
        kind: Kind::WrongResult,
        confidence: Confidence::Proven,
        summary: difference.summary(),
        evidence: difference.evidence(),
        fingerprint: fingerprint(Kind::WrongResult, vec!["standard output".to_owned()]),
    }
}
