//! `standstill matrix` over a crate of which there are four versions in directories: no registry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::run::{Ran, standstill};

/// Takes both locks, always in the same order.
const ORDERED: &str = "\
use std::sync::Mutex;
pub fn both(locks: &[Mutex<u32>; 2], _backwards: bool) -> u32 {
    let (a, b) = (locks[0].lock().unwrap(), locks[1].lock().unwrap());
    *a + *b
}
";
/// Takes them as asked.
const CROSSED: &str = "\
use std::sync::Mutex;
pub fn both(locks: &[Mutex<u32>; 2], backwards: bool) -> u32 {
    let first = locks[usize::from(backwards)].lock().unwrap();
    let second = locks[usize::from(!backwards)].lock().unwrap();
    *first + *second
}
";
const BROKEN: &str = "pub fn other() {}\n";

/// Often enough that most schedules of a crossed version fail: rates are cheap then.
const PROGRAM: &str = "\
use std::sync::Mutex;
static LOCKS: [Mutex<u32>; 2] = [Mutex::new(1), Mutex::new(2)];
fn main() {
    let other = std::thread::spawn(|| (0..30).map(|_| locks::both(&LOCKS, true)).sum::<u32>());
    let sum: u32 = (0..30).map(|_| locks::both(&LOCKS, false)).sum();
    assert_eq!(sum + other.join().unwrap(), 180);
}
";

/// A program, and versions 0.1.0, 0.2.0, ... of the crate that it uses.
struct Project(tempfile::TempDir);

impl Project {
    fn new(versions: &[&str]) -> Project {
        let project = Project(tempfile::tempdir().unwrap());
        for (nth, source) in versions.iter().enumerate() {
            let nth = nth + 1;
            let manifest = format!(
                "[package]\nname = \"locks\"\nversion = \"0.{nth}.0\"\nedition = \"2021\"\n[workspace]\n"
            );
            project.write(&format!("v{nth}/Cargo.toml"), &manifest);
            project.write(&format!("v{nth}/src/lib.rs"), source);
        }
        project.write(
            "case/Cargo.toml",
            "[package]\nname = \"case\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
             [dependencies]\nlocks = { path = \"../v1\" }\n[workspace]\n",
        );
        project.write("case/src/main.rs", PROGRAM);
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// `standstill matrix` on the program, over these versions.
    fn matrix(&self, versions: &[usize], more: &[&str]) -> Ran {
        let base = ["matrix", "--manifest-path", "case/Cargo.toml", "--crate", "locks"];
        let mut command = standstill(&base);
        for nth in versions {
            command.args(["--path", &format!("v{nth}")]);
        }
        command.args(["--profile", "dev", "--timeout", "2s"]).args(more);
        command.current_dir(self.0.path()).env("CARGO_NET_OFFLINE", "true");
        // What the outer cargo says of itself is not for the inner one.
        for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(name);
        }
        command.output().unwrap().into()
    }

    /// Each stored run, and when it was written.
    fn runs(&self) -> BTreeMap<PathBuf, SystemTime> {
        let mut runs = BTreeMap::new();
        let mut todo = vec![self.0.path().join("case/target/standstill")];
        while let Some(dir) = todo.pop() {
            for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
                let name = path.file_name().unwrap();
                if name == "run.jsonl" {
                    let written = path.metadata().unwrap().modified().unwrap();
                    runs.insert(path, written);
                } else if path.is_dir() && !path.is_symlink() && name != "target" {
                    todo.push(path);
                }
            }
        }
        runs
    }
}

fn cells(answer: &Value) -> &Vec<Value> {
    answer["rows"][0]["cells"].as_array().unwrap()
}

#[test]
#[ntest::timeout(180_000)]
fn every_version_is_built_and_tried_alike_and_only_once() {
    let project = Project::new(&[ORDERED, CROSSED, BROKEN]);
    let json = ["-n", "40", "--message-format", "json"];
    let answer = project.matrix(&[1, 2, 3], &json).exits(1).verdict();
    let [good, bad, broken] = &cells(&answer)[..] else { panic!("{answer}") };
    assert_eq!(good["rate"], serde_json::json!({ "k": 0, "n": 40 }), "{answer}");
    assert!(bad["rate"]["k"].as_u64() > Some(0) && bad["shown"][0]["kind"] == "deadlock");
    assert_eq!(broken["state"], "not-built");
    let why = broken["why"].as_str().unwrap();
    assert!(why.contains("both") && why.starts_with("error[E0"), "{why}");
    let file = Path::new(answer["matrix"].as_str().unwrap());
    let kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!((&kept["schema"], &kept["rows"]), (&Value::from(1), &answer["rows"]));

    // Nothing is run again, whatever form the answer has; one that was cut off is.
    let runs = project.runs();
    assert_eq!(runs.len(), 2);
    let text = project.matrix(&[1, 2, 3], &["-n", "40", "--markdown"]).exits(1).stdout;
    assert!(text.contains("| case | controlled | 0 of 40 (at most"), "{text}");
    assert!(text.contains("does not build"), "{text}");
    assert_eq!(project.runs(), runs);
    let torn = runs.keys().next().unwrap();
    let header = std::fs::read_to_string(torn).unwrap().lines().next().unwrap().to_owned() + "\n";
    std::fs::write(torn, header).unwrap();
    let again = project.matrix(&[1, 2, 3], &json).exits(1).verdict();
    assert_eq!(cells(&again).len(), 3);
    assert_eq!(project.runs().len(), 3, "the torn one is left, and another made");
    // Another version of the sources is another program.
    project.write("v2/src/lib.rs", ORDERED);
    let mended = project.matrix(&[1, 2], &json).exits(0).verdict();
    assert_eq!(cells(&mended)[1]["rate"]["k"], 0, "{mended}");
    // What this command was not about is still in the table.
    let kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let states: Vec<&Value> = cells(&kept).iter().map(|cell| &cell["state"]).collect();
    assert_eq!(states, ["tried", "tried", "not-built"], "{kept}");
}

#[test]
#[ntest::timeout(180_000)]
fn a_bisection_names_the_first_version_that_fails_and_the_risk() {
    let project = Project::new(&[ORDERED, ORDERED, CROSSED, CROSSED]);
    let all = [1, 2, 3, 4];
    let ran = project.matrix(&all, &["--bisect", "0.1.0..0.4.0", "--confidence", "80%"]).exits(0);
    let sentence = "first version with the deadlock: locks ";
    let line = ran.stdout.lines().find(|line| line.starts_with(sentence));
    let line = line.unwrap_or_else(|| panic!("{}", ran.stdout));
    assert!(line[sentence.len()..].contains("/v3 ("), "{line}");
    assert!(line.contains("at most 20.00 % over the 4 steps that can err (5.00 % each)"), "{line}");
    // The same question asked from the other end, surer: batches are there already.
    let json = ["--bisect", "0.4.0..0.1.0", "--confidence", "90%", "--message-format", "json"];
    let answer = project.matrix(&all, &json).exits(0).verdict();
    let bisected = &answer["bisection"];
    assert_eq!(bisected["end"], "found", "{bisected}");
    assert!(bisected["bad"].as_str().unwrap().ends_with("v3"), "{bisected}");
    let needed = bisected["needed"].as_u64().unwrap();
    for step in bisected["tested"].as_array().unwrap() {
        let (k, n) = (step["k"].as_u64().unwrap(), step["n"].as_u64().unwrap());
        match step["side"].as_str().unwrap() {
            "good" => assert!(k == 0 && n >= needed, "{step}"),
            "bad" => assert!(k > 0, "{step}"),
            other => panic!("{other}: {step}"),
        }
    }
}

#[test]
#[ntest::timeout(180_000)]
fn what_cannot_be_decided_is_said_and_no_version_is_named() {
    let project = Project::new(&[ORDERED, BROKEN, CROSSED]);
    let ran = project.matrix(&[1, 2, 3], &["--bisect", "0.1.0..0.3.0"]).exits(3);
    assert!(ran.stdout.contains("lies between"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("first version with the deadlock: "), "{}", ran.stdout);
    let ran = project.matrix(&[1, 2], &["--bisect", "0.1.0..0.2.0"]).exits(4);
    assert!(ran.stdout.contains("does not build"), "{}", ran.stdout);
    let same = Project::new(&[ORDERED, ORDERED]);
    let few = ["--bisect", "0.1.0..0.2.0", "--max-trials", "20"];
    let ran = same.matrix(&[1, 2], &few).exits(3);
    assert!(ran.stdout.contains("neither end failed"), "{}", ran.stdout);
}

#[test]
#[ntest::timeout(60_000)]
fn a_wrong_question_gets_a_sentence() {
    let project = Project::new(&[ORDERED]);
    let ran = |versions: &[usize], more: &[&str]| project.matrix(versions, more).exits(2);
    ran(&[], &[]).complains_of(&["which versions of locks?", "--bisect"]);
    ran(&[], &["--versions", "1"]).complains_of(&["written in full"]);
    ran(&[7], &[]).complains_of(&["failed to find the crate locks in", "v7"]);
    ran(&[1], &["--bin", "none"]).complains_of(&["no program of that name", "case"]);
    ran(&[1], &["--lane", "native"]).complains_of(&["controlled lane only"]);
    ran(&[1], &["--bisect", "0.1.0..0.1.0"]).complains_of(&["the same version"]);
    let mut nobody = standstill(&["matrix", "--manifest-path", "nowhere/Cargo.toml"]);
    let ran: Ran = nobody.args(["--versions", "1.0.0"]).output().unwrap().into();
    ran.exits(2).complains_of(&["failed to read", "nowhere/Cargo.toml"]);
}
