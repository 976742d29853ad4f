//! Events as JSON lines on standard output, and a closing line with `verdict` and `kinds`.

use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use crate::event::{Event, Reporter, Summary, What};
use crate::sweep::Swept;
use crate::verdict::{Grade, Kind};

/// Writes every event as it comes.
#[derive(Debug)]
pub struct Json<W: Write> {
    out: W,
}

impl<W: Write> Json<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Json<W> {
        Json { out }
    }

    /// The closing line, over all trials of the run.
    pub fn close(&mut self, summaries: &[Summary], run: &Path) -> io::Result<()> {
        self.end(&verdict(summaries, run))
    }

    /// The closing line of a sweep: the same, and its answer.
    pub fn swept(&mut self, swept: &Swept, summaries: &[Summary], run: &Path) -> io::Result<()> {
        let mut line = verdict(summaries, run);
        line["sweep"] = serde_json::json!(swept);
        line["least"] = swept.least.into();
        self.end(&line)
    }

    fn end(&mut self, line: &Value) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}

/// What all trials of a run amount to.
fn verdict(summaries: &[Summary], run: &Path) -> Value {
    let mut kinds: Vec<Kind> = summaries.iter().flat_map(|s| &s.findings).map(|f| f.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let inconclusive = summaries.iter().any(|s| s.inconclusive > 0 || s.trials() == 0);
    let verdict = match (kinds.is_empty(), inconclusive) {
        (false, _) => "found",
        (true, true) => "inconclusive",
        (true, false) => "clean",
    };
    let grade = worst(summaries);
    serde_json::json!({
        "event": "verdict",
        "verdict": verdict,
        "kinds": kinds,
        "grade": grade,
        "run": run.to_string_lossy(),
        "units": summaries,
    })
}

/// The worst grade of a campaign.
pub fn worst(summaries: &[Summary]) -> Grade {
    let has = |grade| summaries.iter().any(|s| s.grade() == grade);
    [Grade::Unexpected, Grade::Missed, Grade::Inconclusive]
        .into_iter()
        .find(|grade| has(*grade))
        .unwrap_or(Grade::AsExpected)
}

impl<W: Write> Reporter for Json<W> {
    fn report(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let What::Ended { .. } = event.what {
            return Ok(());
        }
        serde_json::to_writer(&mut self.out, event)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}
