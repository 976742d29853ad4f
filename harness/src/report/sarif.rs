//! `report.sarif`, version 2.1.0: findings beside the lines of code where threads stand, as code
//! hosts and editors show them.
//!
//! Only places in the sources of whoever reads it are told, which are the relative ones and those
//! below the workspace: any other path is one of the machine that built the binary. The short
//! schedule is a code flow with a thread flow for each thread, in the order of its steps.

mod places;
mod rules;

use serde_json::{Value, json};

use super::marks::plain;
use super::page::{FindingFacts, InterleavingFacts, Page};
use crate::store::Run;
use crate::text::printable;
use places::Spot;

/// Where the schema of the format stands.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The page's findings as SARIF, with places from the runs that it was made of.
pub fn render(page: &Page, runs: &[Run]) -> String {
    let results: Vec<Value> = page.findings.iter().map(|f| result(f, runs)).collect();
    let invocations: Vec<Value> = page
        .runs
        .iter()
        .map(
            |run| json!({ "executionSuccessful": run.complete, "commandLine": text(&run.command) }),
        )
        .collect();
    let sarif = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "standstill",
                "semanticVersion": page.standstill,
                "rules": rules::rules(page),
            } },
            "invocations": invocations,
            "originalUriBaseIds": { "SRCROOT": {
                "description": { "text": "The root of the sources: of the workspace, or of the library itself." },
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": { "headline": text(&page.headline), "outcome": page.outcome },
        }],
    });
    format!("{sarif:#}\n")
}

fn text(text: &str) -> String {
    printable(text)
}

fn result(f: &FindingFacts, runs: &[Run]) -> Value {
    let spots = places::of(f, runs);
    let evidence: String = f.evidence.iter().map(|line| format!("\n- {}", plain(line))).collect();
    let message = format!(
        "{} ({}) in {} with {}, seen {}: {}{evidence}",
        f.kind,
        f.confidence,
        f.scenario,
        f.threads,
        f.times,
        plain(&f.summary)
    );
    let mut result = json!({
        "ruleId": f.kind,
        "level": level(&f.confidence),
        "message": { "text": text(&message) },
        "partialFingerprints": { "standstill/v1": text(&f.fingerprint) },
        "properties": {
            "confidence": f.confidence,
            "lane": f.lane,
            "scenario": text(&f.scenario),
            "threads": f.threads,
            "token": text(&f.token),
        },
    });
    if let [first, others @ ..] = &spots[..] {
        result["locations"] = json!([location(first, None)]);
        let others = others.iter().enumerate().map(|(nth, spot)| location(spot, Some(nth + 1)));
        result["relatedLocations"] = others.collect();
    }
    if let Some(flow) = f.interleaving.as_ref().and_then(flow) {
        result["codeFlows"] = json!([flow]);
    }
    result
}

/// How loud it is told: as sure as it is.
fn level(confidence: &str) -> &'static str {
    match confidence {
        "proven" => "error",
        "inferred" => "warning",
        _ => "note",
    }
}

fn location(spot: &Spot, id: Option<usize>) -> Value {
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": spot.uri(), "uriBaseId": "SRCROOT" },
            "region": { "startLine": spot.line },
        },
    });
    if let Some(id) = id {
        location["id"] = json!(id);
    }
    if !spot.about.is_empty() {
        location["message"] = json!({ "text": text(&spot.about) });
    }
    location
}

/// The short schedule: a flow for each thread, whose steps say when they were.
fn flow(interleaving: &InterleavingFacts) -> Option<Value> {
    let flows: Vec<Value> = interleaving
        .threads
        .iter()
        .filter_map(|thread| {
            let steps = interleaving.steps.iter().enumerate();
            let own =
                steps.filter(|(_, s)| s.threads.first() == Some(thread) && s.row != "preempted");
            let locations: Vec<Value> = own
                .map(|(nth, step)| {
                    let at = match Spot::parse(&step.place, &step.text) {
                        Some(spot) => location(&spot, None),
                        None => json!({ "message": { "text": text(&step.text) } }),
                    };
                    json!({ "location": at, "executionOrder": nth + 1 })
                })
                .collect();
            // A flow has steps, or is none.
            (!locations.is_empty()).then(|| json!({ "id": text(thread), "locations": locations }))
        })
        .collect();
    let told = json!({ "text": text(&interleaving.short) });
    (!flows.is_empty()).then(|| json!({ "message": told, "threadFlows": flows }))
}

#[cfg(test)]
mod tests;
