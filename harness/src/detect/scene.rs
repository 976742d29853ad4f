//! Judges a scene: what `watch` and `inspect` saw of a process that nobody prepared.

use std::collections::BTreeSet;

use super::crash::EARNED;
use super::motion::Motion;
use super::{chains, fingerprint, partial, spin, standstill};
use crate::graph::{Node, WaitGraph};
use crate::observation::{Standstill, ThreadSeen, Wait};
use crate::os::process::signal_name;
use crate::scene::{Look, Scene};
use crate::verdict::{Confidence, Finding, Kind, Verdict};

/// Judges one aspect of a scene.
type Detector = fn(&Scene) -> Option<Finding>;

/// All detectors, the weightiest first. The first that finds something speaks for all: each later one
/// claims less of the same threads.
const DETECTORS: &[Detector] =
    &[crashed, panicked, stands_still, stuck_in_a_cycle, passed_its_deadline];

/// What the scene amounts to.
pub fn judge(scene: &Scene) -> Verdict {
    match DETECTORS.iter().find_map(|detect| detect(scene)) {
        Some(finding) => Verdict::Found { findings: vec![finding] },
        None => match inconclusive(scene) {
            Some(why) => Verdict::Inconclusive { why },
            None => Verdict::Clean,
        },
    }
}

/// The wait-for graph of the last look.
pub fn graph(scene: &Scene) -> WaitGraph {
    scene.looks.last().map(|look| WaitGraph::of(&look.stacks)).unwrap_or_default()
}

/// Whether somebody waits for a lock, or threads wait for one another: nobody does that on purpose.
/// Whoever waits for an event that cannot come may well do so until it is killed.
pub fn quarrels(scene: &Scene) -> bool {
    let graph = graph(scene);
    let ring = graph.cycles.iter().any(|cycle| cycle.sure() > Confidence::Suspected);
    let untimed = |node: &Node| node.wants.is_some_and(|want| !want.timed);
    let locked = |node: &Node| !node.idle && untimed(node) && node.what.is_lock();
    ring || graph.threads.iter().any(locked)
}

fn crashed(scene: &Scene) -> Option<Finding> {
    let status = scene.status.filter(|status| libc::WIFSIGNALED(*status))?;
    let signal = signal_name(libc::WTERMSIG(status));
    EARNED.contains(&libc::WTERMSIG(status)).then(|| Finding {
        kind: Kind::Crash,
        confidence: Confidence::Proven,
        summary: format!("the process died of {signal}"),
        evidence: vec![],
        fingerprint: fingerprint(Kind::Crash, vec![signal]),
    })
}

fn panicked(scene: &Scene) -> Option<Finding> {
    /// What a Rust program ends with when its main thread panics.
    const PANICKED: i32 = 101;

    let code = scene.status.filter(|status| libc::WIFEXITED(*status)).map(|s| libc::WEXITSTATUS(s));
    (scene.is_rust && code == Some(PANICKED)).then(|| Finding {
        kind: Kind::Panic,
        confidence: Confidence::Inferred,
        summary: "the process ended with code 101, as Rust programs do when they panic".to_owned(),
        evidence: vec![],
        fingerprint: fingerprint(Kind::Panic, vec![]),
    })
}

/// Every thread blocked for ever: by the watchdog's proof, or by two looks that show the same.
fn stands_still(scene: &Scene) -> Option<Finding> {
    let last = scene.looks.last();
    let nothing = Default::default();
    let stacks = last.map_or(&nothing, |look| &look.stacks);
    if let Some(Standstill::Complete { after_us, threads }) = &scene.standstill {
        let when = format!("{} ms after it was started", after_us / 1000);
        return Some(standstill::judge(threads, stacks, &when, false));
    }
    let [.., previous, last] = &scene.looks[..] else { return None };
    if scene.stopped {
        return None;
    }
    let forever = |thread: &ThreadSeen| thread.wait.is_futex_forever();
    let complete = !last.before.is_empty()
        && previous.after == last.before
        && last.before.iter().all(forever)
        && scene.wakers.is_empty();
    let when = format!("{} ms after the first look", last.at_us / 1000);
    complete.then(|| standstill::judge(&last.before, stacks, &when, false))
}

/// A closed chain of threads that did not move from the first look to the last, whatever others do.
fn stuck_in_a_cycle(scene: &Scene) -> Option<Finding> {
    if scene.stopped {
        return None;
    }
    let (first, last) = (scene.looks.first()?, scene.looks.last()?);
    let (looks, ms) = (scene.looks.len(), (last.at_us - first.at_us) / 1000);
    let opening = format!("in {looks} looks over {ms} ms the threads of the cycle did not run");
    partial::judge(&graph(scene), &unmoved(scene)?, opening)
}

/// The threads that did not move from the first look to the last, and wait for the same in both.
fn unmoved(scene: &Scene) -> Option<BTreeSet<i32>> {
    let (first, last) = (scene.looks.first()?, scene.looks.last()?);
    let (then, now) = (WaitGraph::of(&first.stacks), WaitGraph::of(&last.stacks));
    let same = |tid: &i32| match (then.wanted_by(*tid), now.wanted_by(*tid)) {
        (Some(then), Some(now)) => then.address == now.address,
        _ => false,
    };
    Some(still(&scene.looks)?.into_iter().filter(same).collect())
}

/// The threads that waited without a time limit, for the same and without running, from the first
/// look to the last.
fn still(looks: &[Look]) -> Option<BTreeSet<i32>> {
    let windows = looks.windows(2).map(|pair| {
        let now =
            |then: &&ThreadSeen| then.wait.is_futex_forever() && pair[1].before.contains(then);
        pair[0].after.iter().filter(now).map(|thread| thread.tid).collect::<BTreeSet<_>>()
    });
    windows.reduce(|all, window| all.intersection(&window).copied().collect())
}

/// The deadline, with what moved and what did not.
fn passed_its_deadline(scene: &Scene) -> Option<Finding> {
    let Some(Standstill::Deadline { window, .. }) = &scene.standstill else { return None };
    let motion = Motion::of(&scene.looks);
    let graph = graph(scene);
    let (kind, confidence, summary) = spin::judge(&motion, scene).unwrap_or_else(|| {
        let used = window.cpu_ms.saturating_add(window.waited_ms).saturating_mul(100);
        if motion.wall == 0 && used >= 20 * window.ms {
            let summary = "busy when the deadline passed; nothing more could be seen".to_owned();
            return (Kind::Hang, Confidence::Suspected, summary);
        }
        let doing = if window.threads.is_empty() {
            "no thread could be seen"
        } else if window.threads.iter().all(|t| t.wait.is_futex_forever()) {
            "every thread waits on a futex"
        } else if window.threads.iter().any(|t| t.wait == Wait::Running) {
            "some thread runs, but little"
        } else {
            "it waits for something outside its own threads, or for time to pass"
        };
        let summary = format!("idle when the deadline passed: {doing}");
        (Kind::Hang, Confidence::Suspected, summary)
    });
    let mut evidence = vec![format!("the deadline of {} ms passed", scene.timeout_ms)];
    evidence.extend(motion.tell());
    evidence.extend(graph.cycles.iter().map(|cycle| chains::tell(&graph, cycle)));
    evidence.extend(chains::threads(&graph));
    evidence.extend(
        scene.wakers.iter().map(|waker| format!("a deadlock cannot be proven here: {waker}")),
    );
    if kind == Kind::Livelock {
        let said = |writer| format!("somebody else may end what is spun on: {writer}");
        evidence.extend(scene.writers.iter().map(said));
    }
    let places = graph.threads.iter().map(chains::place).collect();
    Some(Finding { kind, confidence, summary, evidence, fingerprint: fingerprint(kind, places) })
}

/// Why nothing was found, and nothing can be said to be well either.
fn inconclusive(scene: &Scene) -> Option<String> {
    if let Some(status) = scene.status {
        if libc::WIFSIGNALED(status) {
            let signal = signal_name(libc::WTERMSIG(status));
            return Some(format!("something ended it with {signal}"));
        }
        let code = libc::WEXITSTATUS(status);
        return (code != 0).then(|| format!("it ended by itself, with code {code}"));
    }
    if scene.looks.is_empty() {
        let why = scene.notes.first().map_or("it could not be looked at", |note| note.as_str());
        return Some(why.to_owned());
    }
    if scene.stopped {
        let why =
            "it is stopped (SIGSTOP, Ctrl-Z), so that nothing in it can move; SIGCONT continues it";
        return Some(why.to_owned());
    }
    if scene.looks.len() == 1 {
        let why = "there was one look, and it takes two to see whether anything moves";
        return Some(why.to_owned());
    }
    let graph = graph(scene);
    let unmoved = unmoved(scene)?;
    partial::lasting(&graph, &unmoved).next().map(|cycle| match cycle.tids.len() {
        1 => "a thread may wait for what it has itself; its stack alone cannot tell".to_owned(),
        n => format!("{n} threads may wait for one another; their stacks alone cannot tell"),
    })
}
