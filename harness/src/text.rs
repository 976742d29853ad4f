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
    if let Some(program) = &observation.program {
        let _ = writeln!(out, "  generated program {}:", program.wanted());
        for line in program.lines(&observation.actors) {
            let _ = writeln!(out, "    {}", printable(&line));
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

/// Text that cannot steer a terminal: control and bidirectional characters are replaced.
pub fn printable(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Each line moved to the right.
pub(crate) fn indented(text: &str, by: usize) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let _ = writeln!(out, "{:by$}{line}", "");
    }
    out
}

/// The last lines of what was printed, long ones cut.
pub fn shortened(output: &Output, lines: usize) -> String {
    let text = printable(&output.to_string());
    let all: Vec<String> = text.lines().map(|line| line.chars().take(300).collect()).collect();
    let left_out = all.len().saturating_sub(lines);
    let shown = all[left_out..].join("\n");
    if left_out == 0 { shown } else { format!("[{left_out} lines before these]\n{shown}") }
}

/// Serializes a path of which nobody knows that it is text. A record that cannot be written loses all
/// that it holds, and one that names a file badly loses a character of its name.
#[cfg(feature = "cli")]
pub(crate) fn lossy<S: serde::Serializer>(
    path: &std::path::Path,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "cli")]
    fn a_name_that_is_no_text_does_not_lose_the_record_that_holds_it() {
        use std::os::unix::ffi::OsStrExt;

        #[derive(serde::Serialize)]
        struct Held {
            #[serde(serialize_with = "lossy")]
            exe: std::path::PathBuf,
        }
        let exe = std::ffi::OsStr::from_bytes(b"/tmp/h\xffx").into();
        let text = serde_json::to_string(&Held { exe }).unwrap();
        assert_eq!(text, "{\"exe\":\"/tmp/h\u{fffd}x\"}");
    }

    #[test]
    fn what_a_target_prints_cannot_steer_a_terminal() {
        assert_eq!(printable("a\x1b[2J\0b\u{202e}c\td\n"), "a\u{fffd}[2J\u{fffd}b\u{fffd}c\td\n");
        let head = "x".repeat(1000) + "\nlast";
        let shown = shortened(&Output { head, tail: String::new(), bytes: 1005 }, 20);
        assert!(shown.len() < 400 && shown.ends_with("\nlast"));
    }
}
