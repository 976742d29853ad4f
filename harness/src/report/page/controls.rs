//! Scenarios beside their controls: what a difference should make, and whether it was shown to.

use super::ControlFacts;
use super::native::summaries;
use super::rate::RateFacts;
use crate::event::Summary;
use crate::plan::Unit;
use crate::stats::fisher;
use crate::store::Run;

/// Below this a difference counts as shown.
const SHOWN: f64 = 0.05;

/// A unit with its sums.
struct Known<'r> {
    unit: &'r Unit,
    summary: Summary,
}

/// Every unit in which something was found, beside the same with one thread, and beside the scenarios
/// that say they are its controls.
pub(super) fn rows(runs: &[Run]) -> Vec<ControlFacts> {
    let known: Vec<Known<'_>> = runs
        .iter()
        .flat_map(|run| {
            summaries(run)
                .into_iter()
                .map(move |summary| Known { unit: &run.header.plan.units[summary.unit], summary })
        })
        .filter(|known| known.summary.rate.n > 0)
        .collect();
    let mut rows = Vec::new();
    for failing in known.iter().filter(|known| known.summary.rate.k > 0) {
        for control in &known {
            if let Some(what) = difference(failing.unit, control.unit) {
                rows.push(row(failing, control, what));
            }
        }
    }
    rows
}

/// What is different in a control of a unit; none if it is no control of that.
fn difference(of: &Unit, control: &Unit) -> Option<String> {
    if control.scenario == of.scenario {
        return (control.threads == 1 && of.threads > 1).then(|| "one thread".to_owned());
    }
    let book = |unit: &Unit| unit.scenario.split_once('/').map(|(book, _)| book.to_owned());
    let said = control.card.control_of.as_ref()?;
    (said.of == of.card.name && book(of) == book(control) && control.threads == of.threads)
        .then(|| said.what.clone())
}

fn row(failing: &Known<'_>, control: &Known<'_>, what: String) -> ControlFacts {
    let (of, beside) = (failing.summary.rate, control.summary.rate);
    let p = fisher::two_sided(of.k, of.n, beside.k, beside.n);
    let p_text = if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") };
    let rate = |k: u64, n: u64| k as f64 / n as f64;
    let is_less = rate(beside.k, beside.n) < rate(of.k, of.n);
    let p_said = if p < 0.001 { format!("p {p_text}") } else { format!("p = {p_text}") };
    let than = match control.unit.scenario == failing.unit.scenario {
        true => format!("with {}", failing.unit.threads),
        false => "without".to_owned(),
    };
    let seen = format!("{} of {}, {}", beside.k, beside.n, RateFacts::of(beside).interval);
    let sentence = match (p < SHOWN, is_less) {
        (true, true) => format!("With {what} it fails less often than {than} ({p_said}): {seen}."),
        (true, false) => {
            format!("With {what} it fails more often than {than} ({p_said}): {seen}.")
        }
        (false, _) => format!(
            "That it fails less often with {what} than {than} was not shown with so many trials \
             ({p_said}): {seen}."
        ),
    };
    ControlFacts {
        scenario: failing.unit.scenario.clone(),
        threads: failing.unit.threads,
        rate: RateFacts::of(of),
        control: control.unit.scenario.clone(),
        what,
        control_threads: control.unit.threads,
        control_rate: RateFacts::of(beside),
        p,
        p_text,
        sentence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Control;
    use crate::report::fixture::{clean, finding, header, run, unit};
    use crate::verdict::{Confidence, Kind};

    /// Two threads that fail in `k` of ten, beside a control that does not in as many.
    fn beside(k: u64, control: Unit) -> Vec<ControlFacts> {
        let header = header(vec![unit("transfer", 2, 10), control]);
        let crash = || finding(Kind::Crash, Confidence::Proven, "bank::audit");
        let of_first = (0..10).map(|n| match n < k {
            true => clean(&header, 0, n).with(&header, crash()),
            false => clean(&header, 0, n),
        });
        let trials = of_first.chain((0..10).map(|n| clean(&header, 1, n))).collect();
        rows(&[run(&header, trials)])
    }

    fn with_mutex(threads: u32) -> Unit {
        let mut unit = unit("transfer_with_mutex", threads, 10);
        let what = "a mutex around both accounts".to_owned();
        unit.card.control_of = Some(Control { of: "transfer".to_owned(), what });
        unit
    }

    #[test]
    fn one_thread_and_what_says_so_are_controls() {
        let alone = beside(9, unit("transfer", 1, 10));
        assert_eq!((alone.len(), alone[0].what.as_str()), (1, "one thread"));
        let mended = beside(9, with_mutex(2));
        assert!(mended[0].sentence.contains("fails less often"), "{}", mended[0].sentence);
        assert_eq!(mended[0].control, "bank/transfer_with_mutex");
        assert!(beside(9, unit("audit", 2, 10)).is_empty(), "a stranger");
        assert!(beside(9, with_mutex(8)).is_empty(), "another number of threads");
        assert!(beside(0, with_mutex(2)).is_empty(), "nothing to be cured");
    }

    #[test]
    fn a_difference_that_was_not_shown_is_not_claimed() {
        let told = beside(2, with_mutex(2));
        assert!(
            told[0].p > 0.4 && told[0].sentence.contains("was not shown"),
            "{}",
            told[0].sentence
        );
    }
}
