//! `standstill explore` looks for what a scenario shows in smaller runs of it, and tells of those that
//! were seen to fail alike.

use serde_json::{Value, json};

use crate::run::{Ran, controls, run};

fn explore(scenario: &str, threads: &str) -> Ran {
    let binary = controls().to_str().unwrap();
    run(&[
        &["explore", scenario, "--binary", binary, "--threads", threads, "--confirm", "off"][..],
        &["--budget", "120s", "--minimise", "20s", "--message-format", "json"],
    ]
    .concat())
}

/// What was tried with so many threads.
fn with(smaller: &Value, threads: u32) -> impl Iterator<Item = &Value> {
    let tried = smaller["tried"].as_array().unwrap().iter();
    tried.filter(move |tried| tried["size"]["threads"] == threads)
}

#[test]
fn what_takes_two_is_told_of_two() {
    let verdict = explore("abba_natural", "8").exits(1).verdict();
    let minimal = &verdict["findings"][0]["minimal"];
    let smaller = &minimal["smaller"];
    assert_eq!(smaller["was"], json!({ "threads": 8, "iterations": 20 }), "{verdict}");
    assert_eq!(smaller["now"], json!({ "threads": 2, "iterations": 1 }), "{verdict}");
    assert!(with(smaller, 2).all(|tried| tried["failed"] == true), "{smaller}");
    assert!(with(smaller, 1).all(|tried| tried["failed"] == false), "{smaller}");
    // The token is that of the smaller run, and so is the table: main and two actors.
    let token = verdict["token"].as_str().unwrap();
    assert_eq!(minimal["table"]["ends"].as_array().unwrap().len(), 3, "{minimal}");
    let again = run(&["replay", token, "--times", "10"]).exits(0);
    assert!(again.stdout.contains("repeated exactly 10 times"), "{}", again.stdout);
    run(&["replay", token, "--table"]).exits(0);
    let larger = run(&["replay", smaller["token"].as_str().unwrap()]).exits(0);
    assert!(larger.stdout.contains("deadlock (proven)"), "{}", larger.stdout);
}

#[test]
fn what_takes_three_is_not_told_of_two() {
    let verdict = explore("ring_of_three_natural", "3").exits(1).verdict();
    let smaller = &verdict["findings"][0]["minimal"]["smaller"];
    assert_eq!(smaller["now"]["threads"], 3, "{verdict}");
    let two = with(smaller, 2).next().unwrap();
    assert!(two["failed"] == false && two["trials"].as_u64() > Some(0), "{smaller}");
}
