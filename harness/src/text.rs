//! A trial told in plain text: what a failing test prints and a terminal shows.

use std::fmt::Write;

use crate::observation::{Observation, Output};
use crate::verdict::{Grade, Verdict};

/// Verdict, evidence, output and stacks of one trial, several lines.
pub fn story(observation: &Observation, verdict: &Verdict, grade: Grade) -> String {
    let mut out = match verdict {
        Verdict::Inconclusive { why } => format!("inconclusive: {why}\n"),
        _ => format!("{grade}: {verdict}\n"),
    };
    let _ = writeln!(out, "  trial {}", observation.trial);
    for finding in verdict.findings() {
        let _ = writeln!(out, "  {} ({}): {}", finding.kind, finding.confidence, finding.summary);
        for line in &finding.evidence {
            let _ = writeln!(out, "    - {line}");
        }
    }
    for note in &observation.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    if observation.left_behind > 0 {
        let n = observation.left_behind;
        let _ = writeln!(out, "  note: the trial left {n} processes behind, which were killed");
    }
    if let Some(stacks) = &observation.stacks {
        let _ = writeln!(out, "  stacks (target stopped for {} us):", stacks.stopped_us);
        out.push_str(&indented(&stacks.to_string(), 4));
    }
    for (name, output) in [("stdout", &observation.stdout), ("stderr", &observation.stderr)] {
        if !output.is_empty() {
            let _ = writeln!(out, "  {name} ({} bytes):", output.bytes);
            out.push_str(&indented(&shortened(output, 20), 4));
        }
    }
    out
}

fn indented(text: &str, by: usize) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let _ = writeln!(out, "{:by$}{line}", "");
    }
    out
}

/// The last lines of what was printed.
fn shortened(output: &Output, lines: usize) -> String {
    let text = output.to_string();
    let all: Vec<&str> = text.lines().collect();
    let left_out = all.len().saturating_sub(lines);
    let shown = all[left_out..].join("\n");
    if left_out == 0 { shown } else { format!("[{left_out} lines before these]\n{shown}") }
}
