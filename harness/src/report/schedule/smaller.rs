//! Which smaller runs of a scenario failed alike, in words.

use std::fmt::Write;

use super::replay;
use crate::explore::smaller::{Smaller, Tried, counted};

/// What was made less, what was not seen to fail, and where that ended.
pub(super) fn smaller(told: &Smaller) -> String {
    let Smaller { was, now, tried, cut_short, token } = told;
    let mut out = String::new();
    let less = |was: u32, now: u32, what| format!("from {} to {now}", counted(was, what));
    let threads = (now.threads < was.threads).then(|| less(was.threads, now.threads, "thread"));
    let iterations = was.iterations.zip(now.iterations).filter(|(was, now)| now < was);
    let iterations = iterations.map(|(was, now)| less(was, now, "iteration"));
    let lessened: Vec<String> = [threads, iterations].into_iter().flatten().collect();
    let trials: u64 = tried.iter().map(|tried| tried.trials).sum();
    let _ = match lessened.is_empty() {
        true => writeln!(out, "  not made smaller: it has {was}"),
        false => writeln!(
            out,
            "  minimised {}: {trials} trials of smaller runs; what is told here is of the smallest",
            lessened.join(", ")
        ),
    };
    for Tried { size, trials, always, .. } in tried.iter().filter(|tried| !tried.failed) {
        let _ = match always {
            true => writeln!(
                out,
                "    {size} failed in each of {}, which is no matter of schedules",
                counted(*trials, "trial")
            ),
            false => writeln!(out, "    no failure with {size} in {}", counted(*trials, "trial")),
        };
    }
    if *cut_short {
        out += "    there was no time to try others\n";
    }
    if was.iterations.is_none() {
        out += "    the scenario has no number of iterations; its steps were left alone\n";
    }
    if let Some(token) = token {
        let _ = writeln!(out, "    as it was found, with {was}: {}", replay(token));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::smaller::Size;

    fn tried(threads: u32, iterations: Option<u32>, failed: bool) -> Tried {
        Tried { size: Size { threads, iterations }, trials: 300, failed, always: false }
    }

    #[test]
    fn what_was_seen_is_said_and_no_more() {
        let size = |threads, n| Size { threads, iterations: Some(n) };
        let told = Smaller {
            was: size(8, 12),
            now: size(2, 1),
            tried: vec![
                tried(2, Some(12), true),
                tried(2, Some(1), true),
                tried(1, Some(1), false),
            ],
            cut_short: false,
            token: Some("t".to_owned()),
        };
        let text = smaller(&told);
        assert!(text.contains("minimised from 8 threads to 2, from 12 iterations to 1: 900 "));
        assert!(text.contains("no failure with 1 thread and 1 iteration in 300 trials\n"));
        assert!(text.contains("with 8 threads and 12 iterations: standstill replay t\n"));
        assert!(!text.contains("no time") && !text.contains("each of"), "{text}");
    }

    #[test]
    fn what_stayed_as_it_was_says_why() {
        let was = Size { threads: 3, iterations: None };
        let always = Tried { always: true, ..tried(2, None, false) };
        let told = Smaller { was, now: was, tried: vec![always], cut_short: true, token: None };
        let text = smaller(&told);
        assert!(text.contains("not made smaller: it has 3 threads\n"), "{text}");
        assert!(text.contains("2 threads failed in each of 300 trials"), "{text}");
        assert!(text.contains("no time") && text.contains("no number of iterations"), "{text}");
    }
}
