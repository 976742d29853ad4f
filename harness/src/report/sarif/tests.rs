//! The file as whoever shows it needs it.

use super::*;
use crate::report::fixture::hostile::hostile;
use crate::report::fixture::runs::{found, late, nothing_found, searched};
use crate::report::page::Extra;

fn sarif(runs: &[Run]) -> String {
    render(&Page::of(runs, Extra::default()), runs)
}

fn read(run: Run) -> Value {
    serde_json::from_str(&sarif(&[run])).expect("no JSON")
}

#[test]
fn findings_stand_at_lines_of_code() {
    insta::assert_snapshot!("found", sarif(&[found()]));
}

#[test]
fn a_short_schedule_is_a_flow_for_each_thread() {
    insta::assert_snapshot!("searched", sarif(&[searched()]));
}

#[test]
fn it_is_told_as_loudly_as_it_is_sure() {
    assert_eq!(read(found())["runs"][0]["results"][0]["level"], "error");
    assert_eq!(read(late())["runs"][0]["results"][0]["level"], "note");
    assert_eq!(read(hostile())["runs"][0]["results"][0]["level"], "warning");
}

#[test]
fn nothing_found_is_a_file_without_results() {
    let sarif = read(nothing_found());
    assert_eq!(sarif["runs"][0]["results"], json!([]));
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"], json!([]));
}

/// What the standard demands of what is written here (sections 3.13 to 3.58).
#[test]
fn what_is_required_is_there() {
    for run in [found(), late(), nothing_found(), searched(), hostile()] {
        let sarif = read(run);
        assert_eq!(sarif["version"], "2.1.0");
        let run = &sarif["runs"][0];
        assert!(run["tool"]["driver"]["name"].is_string());
        let rules = run["tool"]["driver"]["rules"].as_array().expect("no rules");
        assert!(
            run["invocations"].as_array().is_some_and(|all| {
                all.iter().all(|one| one["executionSuccessful"].is_boolean())
            })
        );
        for result in run["results"].as_array().expect("no results") {
            assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
            assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
            for location in places(result) {
                let uri = location["artifactLocation"]["uri"].as_str().expect("no uri");
                assert!(!uri.is_empty() && !uri.contains([':', ' ', '<', '\\']), "{uri}");
                assert!(
                    run["originalUriBaseIds"]
                        [location["artifactLocation"]["uriBaseId"].as_str().expect("no base")]
                    .is_object()
                );
                assert!(location["region"]["startLine"].as_u64() >= Some(1));
            }
            for flow in result["codeFlows"].as_array().into_iter().flatten() {
                let threads = flow["threadFlows"].as_array().expect("no threads");
                assert!(!threads.is_empty());
                assert!(
                    threads.iter().all(|t| {
                        t["locations"].as_array().is_some_and(|steps| !steps.is_empty())
                    })
                );
            }
        }
    }
}

/// Every physical location in it, at any depth.
fn places(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(map) => {
            let own = map.get("physicalLocation").into_iter();
            own.chain(map.values().flat_map(places)).collect()
        }
        Value::Array(all) => all.iter().flat_map(places).collect(),
        _ => vec![],
    }
}
