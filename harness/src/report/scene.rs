//! A process that was seen to hang, told in plain text.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::detect;
use crate::graph::draw;
use crate::scene::Scene;
use crate::text::{indented, printable};
use crate::verdict::{Finding, Kind, Verdict};

/// Longest command that is told in full, in characters.
const COMMAND: usize = 120;

/// Verdict, graph, evidence and stacks of one process, several lines.
pub fn text(scene: &Scene, verdict: &Verdict) -> String {
    let mut out = brief(scene, verdict);
    if let Some(look) = scene.looks.last() {
        let _ = writeln!(
            out,
            "\n  stacks (the process was stopped for {} us):",
            look.stacks.stopped_us
        );
        out.push_str(&indented(&look.stacks.to_string(), 4));
    }
    out
}

/// The same without the stacks.
pub fn brief(scene: &Scene, verdict: &Verdict) -> String {
    let mut out = headline(scene, verdict);
    if !scene.looks.is_empty() {
        let graph = detect::scene::graph(scene);
        out.push('\n');
        out.push_str(&indented(&draw::draw(&graph), 2));
        out.push('\n');
    }
    for (nth, finding) in verdict.findings().iter().enumerate() {
        if nth > 0 {
            let _ =
                writeln!(out, "  {} ({}): {}", finding.kind, finding.confidence, finding.summary);
        }
        out.push_str("  evidence:\n");
        for line in &finding.evidence {
            let _ = writeln!(out, "    - {line}");
        }
    }
    for note in &scene.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    printable(&out)
}

/// Everything a program might want of it, in one object.
pub fn json(scene: &Scene, verdict: &Verdict) -> Value {
    let mut kinds: Vec<Kind> = verdict.findings().iter().map(|f| f.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let why = match verdict {
        Verdict::Inconclusive { why } => Some(why),
        _ => None,
    };
    let stopped: Vec<u64> = scene.looks.iter().map(|look| look.stacks.stopped_us).collect();
    json!({
        "event": "process",
        "verdict": verdict.name(),
        "kinds": kinds,
        "findings": verdict.findings(),
        "why": why,
        "pid": scene.pid,
        "program": scene.program,
        "command": scene.command,
        "graph": scene.looks.last().map(|_| detect::scene::graph(scene)),
        "stopped_us": stopped,
        "notes": scene.notes,
    })
}

/// The verdict and the process, one line.
pub fn headline(scene: &Scene, verdict: &Verdict) -> String {
    let what = match verdict {
        Verdict::Clean => "nothing found".to_owned(),
        Verdict::Inconclusive { why } => format!("inconclusive: {why}"),
        Verdict::Found { findings } => findings.first().map_or_else(String::new, first),
    };
    format!("standstill: {what}; process {} ({})\n", scene.pid, command(scene))
}

fn first(finding: &Finding) -> String {
    format!("{} ({}): {}", finding.kind, finding.confidence, finding.summary)
}

/// What the process runs, shortened.
pub fn command(scene: &Scene) -> String {
    let words =
        if scene.command.is_empty() { scene.program.clone() } else { scene.command.join(" ") };
    match words.char_indices().nth(COMMAND) {
        Some((cut, _)) => format!("{}...", &words[..cut]),
        None if words.is_empty() => "unknown".to_owned(),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Snapshot, ThreadStack};
    use crate::scene::Look;
    use crate::verdict::{Confidence, Kind};

    fn scene(command: &[&str]) -> Scene {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        Scene { pid: 7, program: "/bin/app".into(), command, ..Scene::default() }
    }

    fn found() -> Verdict {
        let finding = Finding {
            kind: Kind::Deadlock,
            confidence: Confidence::Proven,
            summary: "they wait for each other".into(),
            evidence: vec!["one waits".into(), "two waits".into()],
            fingerprint: String::new(),
        };
        Verdict::Found { findings: vec![finding] }
    }

    #[test]
    fn verdict_evidence_and_stacks_are_told_in_this_order() {
        let mut scene = scene(&["app", "--fast"]);
        let threads = vec![ThreadStack { tid: 7, name: "main".into(), ..ThreadStack::default() }];
        let stacks = Snapshot { threads, stopped_us: 90, ..Snapshot::default() };
        scene.looks.push(Look { stacks, ..Look::default() });
        let text = text(&scene, &found());
        let mut rest = &text[..];
        for part in [
            "standstill: deadlock (proven): they wait for each other; process 7 (app --fast)\n",
            "main (7)",
            "- one waits\n    - two waits\n",
            "stacks (the process was stopped for 90 us):\n    1 thread: main\n",
        ] {
            let at = rest.find(part).unwrap_or_else(|| panic!("{part} is not in {rest}"));
            rest = &rest[at + part.len()..];
        }
    }

    #[test]
    fn a_long_command_is_cut_and_a_missing_one_is_replaced() {
        assert_eq!(command(&scene(&[])), "/bin/app");
        assert_eq!(command(&Scene::default()), "unknown");
        assert_eq!(command(&scene(&[&"ä".repeat(500)])).chars().count(), COMMAND + 3);
    }
}
