//! What was found of each process, in the order of its weight, for people and for programs.

use std::cmp::Reverse;
use std::fs::File;

use object::{Object, ObjectSection, ReadCache};
use serde_json::{Value, json};

use crate::detect::scene::graph;
use crate::graph::Cycle;
use crate::observation::{Standstill, ThreadSeen, Wait};
use crate::os::process::signal_name;
use crate::report::scene as report;
use crate::scene::Scene;
use crate::supervise::partial::Seen;
use crate::supervise::tree::children;
use crate::verdict::{Confidence, Kind, Verdict};

/// One process and its verdict.
pub(super) struct Case {
    pub(super) scene: Scene,
    pub(super) verdict: Verdict,
    /// Whether it does nothing but wait for a process that it has started.
    waits_for_a_child: bool,
    /// Whether it had children when it was looked at.
    has_children: bool,
}

impl Case {
    /// To be made while the process still lives, if it does.
    pub(super) fn new(scene: Scene, verdict: Verdict) -> Case {
        let waits_for_a_child = match &scene.standstill {
            Some(Standstill::Deadline { window, .. }) => waits_for_a_child(&window.threads),
            _ => false,
        };
        let has_children = !children(scene.pid).is_empty();
        Case { scene, verdict, waits_for_a_child, has_children }
    }

    /// What people read of it. A shell that waits for what it has started is not to blame.
    pub(super) fn text(&self) -> String {
        if self.waits_for_a_child {
            let command = report::command(&self.scene);
            return format!(
                "standstill: process {} ({command}) waits for its child\n",
                self.scene.pid
            );
        }
        report::text(&self.scene, &self.verdict)
    }

    fn json(&self) -> Value {
        report::json(&self.scene, &self.verdict)
    }
}

/// The process that is most to blame first: one that found the surest and worst, and of equals the
/// one that waits for no other.
pub(super) fn in_order_of_weight(mut cases: Vec<Case>) -> Vec<Case> {
    cases.sort_by_key(|case| {
        let first = case.verdict.first();
        (
            case.waits_for_a_child,
            Reverse(first.map(|finding| finding.confidence)),
            first.map(|finding| finding.kind),
            case.has_children,
        )
    });
    cases
}

/// All that a watch has to say at its end.
pub(super) struct Closing {
    /// Never empty; the first is the culprit, or the program if there is none.
    cases: Vec<Case>,
    status: Option<i32>,
}

impl Closing {
    /// `status` is the program's; none if it was killed.
    pub(super) fn new(cases: Vec<Case>, status: Option<i32>) -> Closing {
        Closing { cases, status }
    }

    /// Whether there is anything that somebody might want to read again.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.cases.iter().any(|case| case.verdict != Verdict::Clean)
    }

    /// One object a process that was told of, and the verdict last.
    pub(super) fn json_lines(&self) -> String {
        let told = self.cases.iter().filter(|case| case.verdict != Verdict::Clean);
        let lines = told.map(Case::json).chain([self.verdict()]);
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// The culprit's words, and how the program ended.
    pub(super) fn verdict(&self) -> Value {
        let mut line = self.cases.first().map_or(Value::Null, Case::json);
        line["event"] = "verdict".into();
        line["status"] = match self.status {
            None => json!({ "signal": libc::SIGKILL, "name": "SIGKILL", "killed": true }),
            Some(status) if libc::WIFSIGNALED(status) => {
                let signal = libc::WTERMSIG(status);
                json!({ "signal": signal, "name": signal_name(signal) })
            }
            Some(status) => json!({ "code": libc::WEXITSTATUS(status) }),
        };
        line
    }

    /// The processes and what was found of them.
    pub(super) fn cases(&self) -> Vec<(&Scene, &Verdict)> {
        self.cases.iter().map(|case| (&case.scene, &case.verdict)).collect()
    }
}

/// What a look at a suspect comes to. Only deadlocks count: a process that is neither proven to stand
/// still nor past its deadline may have other reasons for all else.
pub(super) fn seen(scene: &Scene, verdict: &Verdict) -> Seen {
    let is_deadlock = |kind| matches!(kind, Kind::Deadlock | Kind::SelfDeadlock);
    let deadlock = verdict.findings().iter().find(|finding| is_deadlock(finding.kind));
    match deadlock.map(|finding| (finding.confidence, finding)) {
        Some((Confidence::Proven, _)) => Seen::Proven,
        Some((Confidence::Inferred, finding)) => {
            let graph = graph(scene);
            let sure = |cycle: &&Cycle| cycle.sure() > Confidence::Suspected;
            match graph.cycles.iter().find(sure) {
                Some(cycle) => Seen::Inferred(format!("{} {:?}", finding.fingerprint, cycle.tids)),
                None => Seen::Nothing,
            }
        }
        Some((Confidence::Suspected, _)) | None => Seen::Nothing,
    }
}

/// Whether a process does nothing but wait for a child of its own.
fn waits_for_a_child(threads: &[ThreadSeen]) -> bool {
    let waits = [libc::SYS_wait4, libc::SYS_waitid];
    let in_wait = |t: &ThreadSeen| matches!(t.wait, Wait::Syscall { nr } if waits.contains(&nr));
    !threads.is_empty() && threads.iter().all(in_wait)
}

/// Whether an executable was made by rustc, which notes that down in it.
pub(super) fn is_rust(program: &str) -> bool {
    let Ok(file) = File::open(program) else { return false };
    let cache = ReadCache::new(file);
    let Ok(object) = object::File::parse(&cache) else { return false };
    let comment = object.section_by_name(".comment");
    let comment = comment.and_then(|section| section.data().ok()).unwrap_or_default();
    comment.windows(5).any(|word| word == b"rustc")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Phase;
    use crate::observation::Window;
    use crate::verdict::Finding;

    fn case(pid: i32, kind: Kind, confidence: Confidence, nr: i64) -> Case {
        let thread = ThreadSeen { tid: pid, wait: Wait::Syscall { nr }, schedstat: [1; 3] };
        let window = Window {
            ms: 1,
            cpu_ms: 0,
            waited_ms: 0,
            step_us: None,
            actors: vec![],
            still: vec![],
            threads: vec![thread],
            wakers: vec![],
        };
        let standstill = Some(Standstill::Deadline { phase: Phase::Running, window });
        let (summary, fingerprint) = (String::new(), String::new());
        let finding = Finding { kind, confidence, summary, evidence: vec![], fingerprint };
        let scene = Scene { pid, standstill, ..Scene::default() };
        Case::new(scene, Verdict::Found { findings: vec![finding] })
    }

    #[test]
    fn the_surest_and_worst_is_told_first_and_who_waits_for_it_last() {
        use Confidence::{Inferred, Suspected};
        // No process has such a number.
        let pid = |n| i32::MAX - n;
        let cases = vec![
            case(pid(1), Kind::Hang, Suspected, libc::SYS_wait4),
            case(pid(2), Kind::Hang, Suspected, libc::SYS_read),
            case(pid(3), Kind::Livelock, Suspected, libc::SYS_read),
            case(pid(4), Kind::LostWakeup, Inferred, libc::SYS_read),
        ];
        let order: Vec<i32> =
            in_order_of_weight(cases).iter().map(|c| pid(0) - c.scene.pid).collect();
        assert_eq!(order, [4, 3, 2, 1]);
    }

    #[test]
    fn a_shell_that_waits_is_told_in_one_line() {
        let text = case(i32::MAX - 1, Kind::Hang, Confidence::Suspected, libc::SYS_wait4).text();
        assert!(text.ends_with("waits for its child\n") && text.lines().count() == 1, "{text}");
    }

    #[test]
    fn rust_programs_are_known_by_their_compilers_note() {
        let me = std::env::current_exe().unwrap();
        assert!(is_rust(me.to_str().unwrap()));
        assert!(!is_rust("/bin/sh") && !is_rust("/nowhere") && !is_rust("Cargo.toml"));
    }
}
