//! Judges a scene: what `watch` and `inspect` saw of a process that nobody prepared.

use super::fingerprint;
use crate::scene::Scene;
use crate::verdict::{Confidence, Finding, Kind, Verdict};

/// What the scene amounts to.
pub fn judge(scene: &Scene) -> Verdict {
    if scene.standstill.is_some() {
        let finding = Finding {
            kind: Kind::Hang,
            confidence: Confidence::Suspected,
            summary: "it stood still".to_owned(),
            evidence: vec![],
            fingerprint: fingerprint(Kind::Hang, vec![]),
        };
        return Verdict::Found { findings: vec![finding] };
    }
    Verdict::Clean
}
