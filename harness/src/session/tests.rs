//! What a campaign works out before and beside its processes.

use super::*;
use crate::report::fixture::{header, unit};

fn digest(text: &str) -> Digest {
    Digest::of(text)
}

#[test]
fn units_of_one_scenario_that_stand_together_share_a_group() {
    let units = [
        unit("transfer", 2, 1),
        unit("transfer", 8, 1),
        unit("audit", 2, 1),
        unit("transfer", 2, 1),
    ];
    let groups = groups(&units);
    let list: Vec<_> =
        groups.iter().map(|g| (g.from, g.units.len(), g.first().scenario.as_str())).collect();
    assert_eq!(list, [(0, 2, "bank/transfer"), (2, 1, "bank/audit"), (3, 1, "bank/transfer")]);
    assert!(super::groups(&[]).is_empty());
}

#[test]
fn an_oracle_needs_one_answer_every_time() {
    assert_eq!(unlike(&[]), None);
    assert_eq!(unlike(&[digest("4"), digest("4"), digest("4")]), None);
    let why = unlike(&[digest("4"), digest("4"), digest("5")]).unwrap();
    assert!(why.contains("not deterministic") && why.ends_with("4, then 5"), "{why}");
}

#[test]
fn answers_that_differ_behind_what_is_kept_differ_all_the_same() {
    let long = |end: &str| digest(&("x".repeat(Digest::KEPT) + end));
    assert!(unlike(&[long("1"), long("2")]).is_some());
}

#[test]
fn the_actors_deadline_is_the_units_and_the_rest_has_longer() {
    let header = header(vec![unit("transfer", 2, 1)]);
    let (done, stop) = (BTreeSet::new(), AtomicBool::new(false));
    let target = |_: &str| -> Target { unreachable!("no process is started") };
    let session = Session { plan: &header.plan, target: &target, done: &done, stop: &stop };
    let unit = &header.plan.units[0];
    let trial = session.trial(unit, 5);
    let order = session.order(unit, Task::Trial, 5, None);
    assert_eq!(trial.to_string(), "bank/transfer:t2:s5:native");
    assert_eq!((order.scenario.as_str(), order.threads, order.seed), ("transfer", 2, 5));
    let deadlines = session.request(unit, &trial, &order).deadlines;
    assert_eq!(deadlines.acting, Duration::from_secs(4));
    assert_eq!(deadlines.other, OTHER_DEADLINE);
    let patient = Unit { timeout_ms: 600_000, ..unit.clone() };
    let deadlines = session.request(&patient, &trial, &order).deadlines;
    assert_eq!(deadlines.other, deadlines.acting);
}

/// A reporter that keeps the names of events, or fails.
struct Listener(Vec<String>, bool);

impl Reporter for Listener {
    fn report(&mut self, event: &Event<'_>) -> std::io::Result<()> {
        let event = serde_json::to_value(event)?;
        self.0.push(event["event"].as_str().unwrap_or_default().to_owned());
        if self.1 { Err(std::io::Error::other("the disk is full")) } else { Ok(()) }
    }
}

#[test]
#[ntest::timeout(60_000)]
fn a_campaign_that_is_stopped_before_it_begins_runs_nothing_and_says_so() {
    let header = header(vec![unit("transfer", 2, 1)]);
    let (done, stop) = (BTreeSet::new(), AtomicBool::new(true));
    let target = |_: &str| -> Target { unreachable!("no process is started") };
    let session = Session { plan: &header.plan, target: &target, done: &done, stop: &stop };
    let mut listener = Listener(vec![], false);
    let outcomes = session.run(&mut [&mut listener]).unwrap();
    assert!(outcomes.interrupted && outcomes.summaries.is_empty());
    assert_eq!(listener.0, ["began", "ended"]);
}

#[test]
#[ntest::timeout(60_000)]
fn what_cannot_be_kept_is_not_run() {
    let header = header(vec![unit("transfer", 2, 1)]);
    let (done, stop) = (BTreeSet::new(), AtomicBool::new(false));
    let target = |_: &str| -> Target { unreachable!("no process is started") };
    let session = Session { plan: &header.plan, target: &target, done: &done, stop: &stop };
    let mut full = Listener(vec![], true);
    let error = session.run(&mut [&mut full]).unwrap_err().to_string();
    assert_eq!(error, "failed to keep the results: the disk is full");
}

#[test]
#[ntest::timeout(60_000)]
fn a_scenario_without_its_program_fails_by_name() {
    let header = header(vec![unit("transfer", 2, 1)]);
    let (done, stop) = (BTreeSet::new(), AtomicBool::new(false));
    let target = |_: &str| Target { exe: "/nowhere/a".into(), keeper: "/nowhere/b".into() };
    let session = Session { plan: &header.plan, target: &target, done: &done, stop: &stop };
    let mut listener = Listener(vec![], false);
    let error = session.run(&mut [&mut listener]).unwrap_err();
    assert!(error.to_string().starts_with("failed to run bank/transfer: "), "{error}");
}
