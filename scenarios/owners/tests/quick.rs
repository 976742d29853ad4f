//! A few dozen hangs of the build that is being tested; `ci/owners` runs two thousand of four.

use std::path::PathBuf;

use standstill::inspect::Inspector;
use standstill_owners::compare::{ANSWERS, Answer};
use standstill_owners::run::{Orders, judge, look, run};
use standstill_owners::tally::{Counts, table};
use standstill_owners::truth::KINDS;

const HANG: &str = env!("CARGO_BIN_EXE_hang");

fn orders(hangs: u64, seed: u64, kinds: &[&str]) -> Orders {
    let bins = vec![("own".to_owned(), PathBuf::from(HANG))];
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    Orders { hangs, seed, bins, kinds }
}

#[test]
fn nothing_that_is_wrong_is_called_proven() {
    let results = run(&orders(2 * KINDS.len() as u64, 1000, &[]), |_| {});
    let text: Vec<_> = results.incidents.iter().filter(|i| i.grave).map(|i| &*i.text).collect();
    let table = table("kind", &results.by(|(_, kind)| kind.clone()));
    assert!(results.is_sound(), "{}\n{table}", text.join("\n"));
}

/// Where the lock says who has it, nothing less than a proof will do: else the test above could pass
/// because nothing is ever called proven.
#[test]
fn owners_that_a_lock_names_are_proven() {
    let kinds = [
        "pthread-normal",
        "pthread-normal-self",
        "pthread-recursive",
        "pthread-errorcheck",
        "pthread-adaptive",
        "pthread-robust",
        "live-pthread-normal",
    ];
    let results = run(&orders(2 * kinds.len() as u64, 2000, &kinds), |_| {});
    for ((_, kind), counts) in &results.counts {
        assert!(counts.of(Answer::ProvenRight) > 0, "{kind}: {counts:?}");
        for answer in &ANSWERS[1..] {
            assert_eq!(counts.of(*answer), 0, "{kind}, {answer:?}");
        }
        assert_eq!(counts.convicted, counts.closed, "{kind}: {counts:?}");
    }
}

/// The comparison itself can fail: with the owners of the truth turned about, every proof is wrong.
#[test]
fn a_wrong_owner_is_noticed() {
    let kind = "pthread-normal";
    let mut seen = look(&mut Inspector::new(), HANG.as_ref(), kind, 7).expect("a hang");
    let mut owners: Vec<_> = seen.truth.iter().map(|lock| lock.owners.clone()).collect();
    owners.rotate_left(1);
    for (lock, owners) in seen.truth.iter_mut().zip(owners) {
        lock.owners = owners;
    }
    let (mut counts, mut incidents) = (Counts::default(), vec![]);
    judge(&seen, kind, "turned about", &mut counts, &mut incidents);
    assert!(counts.of(Answer::ProvenWrong) > 0 && counts.false_cycles > 0, "{counts:?}");
    assert!(incidents.iter().any(|incident| incident.grave));
}
